"""Cursors: where a page of a list ended, as text for the client to send back."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson

from taskward.errors import ValidationFailedError
from taskward.field_types import MAX_INT64

Key = tuple[int | str, ...]

SHAPES: dict[str, tuple[type, ...]] = {"created": (int,), "updated": (int,), "title": (str, int)}
INVALID = "Invalid cursor. Start again without it."


def write_cursor(status: str, sort: str, descending: bool, key: Key) -> str:
    """Return a cursor for the rows beyond `key` in this query. It holds nothing but the query and the key."""
    return urlsafe_b64encode(orjson.dumps([status, sort, descending, *key])).rstrip(b"=").decode()


def read_cursor(cursor: str, status: str, sort: str, descending: bool) -> Key:
    """Return the key in `cursor`; raise ValidationFailedError when it is broken or of another query."""
    try:
        parts = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise ValidationFailedError([("cursor", INVALID)]) from None
    if not isinstance(parts, list) or not _is_key(key := tuple(parts[3:]), SHAPES[sort]):
        raise ValidationFailedError([("cursor", INVALID)])
    if write_cursor(status, sort, descending, key) != cursor:
        raise ValidationFailedError(
            [("cursor", "This cursor is for another status, sort or order. Start again without it.")]
        )
    return key


def _is_key(key: tuple[object, ...], shape: tuple[type, ...]) -> bool:
    """Tell whether the parts can be compared with the columns: their types, and what the types can hold."""
    if tuple(type(part) for part in key) != shape:
        return False
    return all("\0" not in part if isinstance(part, str) else 0 < part <= MAX_INT64 for part in key)  # type: ignore[operator]
