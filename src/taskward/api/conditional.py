"""Conditional requests (RFC 9110, 13): entity tags out, preconditions in."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from taskward.errors import ValidationFailedError
from taskward.field_types import DIGITS, MAX_INT64

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'  # RFC 9110, 8.8.3
ANY_GENERATION = re.compile(r"\.[1-9][0-9]*\Z", re.ASCII)
CACHED = 1024  # lists whose tags are made and read once: who waits for news asks the same again and again
MAX_CACHED_LENGTH = 200  # of what a client says it has
TAGS = re.compile(rf"[ \t]*{TAG}(?:[ \t]*,[ \t]*{TAG})*[ \t]*\Z")
ENTITY_TAGS = rf"^(?:\*|{TAG}(?:[ \t]*,[ \t]*{TAG})*)$"  # for the description, where nothing is around it

# `Vary`, because one address (`/tasks`) shows every user something else.
REVALIDATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def tag_of(revision: int, generation: int) -> str:
    """Return the entity tag of a thing: its revision, which no other state of it ever had, and how it is shown."""
    return f'"{revision}.{generation}"'


class ListTag:
    """The entity tags of one user's query: the owner's revision, how it is shown, whose and which query it is."""

    def __init__(self, whose: Sequence[str], query: bytes, generation: int) -> None:
        """Take whose the list is as well as the query: under `/tasks`, two users' lists have the same address."""
        self._suffix = _suffix(tuple(whose), query, generation)

    def at(self, revision: int) -> str:
        """Return the tag when the owner's counter stands at `revision`."""
        return f'"{revision}{self._suffix}"'

    def known_to(self, request: Request) -> Sequence[int]:
        """Return the revisions of this list that `If-None-Match` says the client has."""
        if (held := _value(request, "if-none-match")) is None:
            return ()
        read = _known if len(held) <= MAX_CACHED_LENGTH else _known.__wrapped__
        return read(held, self._suffix)


@lru_cache(CACHED)
def _suffix(whose: tuple[str, ...], query: bytes, generation: int) -> str:
    asked = orjson.dumps(whose) + query
    return f".{generation}-{hashlib.sha256(asked).hexdigest()[:16]}"


@lru_cache(CACHED)
def _known(held: str, suffix: str) -> Sequence[int]:
    tags = (tag.removeprefix("W/").strip('"') for tag in _tags(held, "if-none-match") or ())
    return _revisions(tag.removesuffix(suffix) for tag in tags if tag.endswith(suffix))


def expected_revisions(request: Request) -> list[int] | None:
    """Return the revisions `If-Match` allows, or None when it is absent or `*`.

    A tag of any generation allows its revision, and so does the revision alone: what was written since is the same
    question, however the response was shown. Compared strongly, so a weak tag allows nothing. Raises
    ValidationFailedError for what is no entity tag.
    """
    tags = _tags(_value(request, "if-match"), "if-match")
    if tags is None or tags == ["*"]:
        return None
    return _revisions(ANY_GENERATION.sub("", tag.strip('"')) for tag in tags)


def is_unchanged(request: Request, tag: str) -> bool:
    """Tell whether `If-None-Match` names `tag`. Compared weakly; raises ValidationFailedError."""
    tags = _tags(_value(request, "if-none-match"), "if-none-match") or []
    return tags == ["*"] or tag in (held.removeprefix("W/") for held in tags)


def not_modified(tag: str) -> Response:
    """Return the response that says: what you have is what there is."""
    return Response(status_code=304, headers={"ETag": tag, **REVALIDATE})


def _value(request: Request, name: str) -> str | None:
    """Return what a header says, in one or in several (RFC 9110, 5.3); None where it is not there."""
    values = request.headers.getlist(name)
    return ", ".join(values) if values else None


def _tags(value: str | None, name: str) -> list[str] | None:
    if value is None:
        return None
    if value.strip(" \t") == "*":
        return ["*"]
    if not TAGS.match(value):
        raise ValidationFailedError([(name, 'must be a list of entity tags, such as "7.2"')])
    return re.findall(TAG, value)


def _revisions(texts: Any) -> list[int]:
    numbers = (int(text) for text in texts if text == "0" or (len(text) <= 19 and DIGITS.match(text)))
    return [number for number in numbers if number <= MAX_INT64]
