"""What clients may give for the fields of a task, and the sentence that says what is wrong with anything else."""

import re
import zoneinfo
from datetime import date, time
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from typing_extensions import TypeAliasType

from taskward.field_types import (
    CONTROLS,
    INVISIBLE,
    PRINTABLE,
    WHITE_SPACE,
    WITH_A_VISIBLE_CHARACTER,
    WITHOUT_NUL,
    is_printable,
    is_visible,
    without_nul,
)

TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 1000
UID_LENGTH = 255
TAG_LENGTH = 50
MOST_TAGS = 20
# What says nothing without another field, and that other. The database looks too: a change may name one alone.
NEEDS = {"due_time": "due_date", "due_zone": "due_time"}
PRIORITIES = ("high", "medium", "low")

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
# For the published description: what a day, a zone and a tag look like, a tag with what is trimmed around it.
A_DAY = "^(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$"
ZONE = "^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}$"
_TRIMMED = rf"[\u001c-\u001f{WHITE_SPACE}]*"
A_TAG = rf"{_TRIMMED}[^,{CONTROLS}]*[^,{INVISIBLE}][^,{CONTROLS}]*{_TRIMMED}"

TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z", re.ASCII)


def _title(value: str) -> str:
    title = _of_length("A title", without_nul(value), TITLE_LENGTH)
    if not is_visible(title):
        raise ValueError("A title needs at least one visible character")
    return title


def _description(value: str) -> str:
    return _of_length("A description", without_nul(value), DESCRIPTION_LENGTH)


def uid(value: str) -> str:
    """Return the text if it can be a task's `uid`; raise ValueError."""
    if not value or not is_printable(value):
        raise ValueError(f"A uid has 1 to {UID_LENGTH} printable characters")
    return _of_length("A uid", value, UID_LENGTH)


def day(text: str) -> date:
    """Return the calendar day that `YYYY-MM-DD` names (RFC 3339, full-date); raise ValueError."""
    if not DAY.match(text):
        raise ValueError("must be a day written as YYYY-MM-DD, such as 2026-11-27")
    if text < "1900":
        raise ValueError("must be a day from 1900-01-01 to 9999-12-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no day in the calendar") from None


def _time(text: str) -> time:
    if not TIME.match(text):
        raise ValueError("must be a time written as HH:MM, from 00:00 to 23:59, such as 18:00")
    return time.fromisoformat(text)


@cache
def _zones() -> frozenset[str]:
    """The names of time zones: the system's, and those of the package `tzdata` where the system has none.

    Names are looked up here, and never opened: they are paths of files, for who reads them. What else lies in the
    folder, such as `localtime`, begins with a small letter.
    """
    return frozenset(name for name in zoneinfo.available_timezones() if name[0].isupper())


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("must be the IANA name of a time zone, such as Europe/Berlin")
    return name


def tag(value: str) -> str:
    """Return a tag without the white space around it; raise ValueError."""
    text = _of_length("A tag", value.strip(), TAG_LENGTH)
    if "," in text or not is_printable(text):
        raise ValueError("A tag has no comma and no control character in it")
    if not is_visible(text):
        raise ValueError("A tag needs at least one visible character")
    return text


def _few_tags(tags: object) -> object:
    """Count tags before each is looked at: a body has room for a hundred thousand."""
    if isinstance(tags, list) and len(tags) > MOST_TAGS:
        raise ValueError(f"A task can have up to {MOST_TAGS} tags; this one has {len(tags)}")
    return tags


def _tags(tags: list[str]) -> list[str]:
    if len({each.casefold() for each in tags}) < len(tags):
        raise ValueError("Two of these tags are the same but for their case")
    return tags


def _of_length(what: str, text: str, most: int) -> str:
    if len(text) > most:
        raise ValueError(f"{what} can have up to {most} characters; this one has {len(text)}")
    return text


def _schema(**schema: str | int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **schema})


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(_title),
    Field(
        description=f"1–{TITLE_LENGTH} characters after trimming surrounding white space, one of them visible.",
        examples=["Buy milk"],
        json_schema_extra={
            "minLength": 1,
            "maxLength": TITLE_LENGTH,
            "pattern": WITH_A_VISIBLE_CHARACTER,
        },
    ),
]
Description = Annotated[
    Annotated[str, AfterValidator(_description), _schema(maxLength=DESCRIPTION_LENGTH, pattern=WITHOUT_NUL)]
    | None,
    Field(description=f"Up to {DESCRIPTION_LENGTH} characters, or null.", examples=["Two litres"]),
]
Completed = Annotated[bool, Field(description="Whether the task is done.", examples=[False])]
Name = Annotated[str, AfterValidator(uid), _schema(minLength=1, maxLength=UID_LENGTH, pattern=PRINTABLE)]
Uid = Annotated[
    Name | None,
    Field(
        description=f"Your own name for the task, or null: 1–{UID_LENGTH} printable characters, given when it is"
        " created and never changed. Creating it again returns the task that is there.",
        examples=[None],  # `/docs` would send another, and the second time create nothing
    ),
]
DueDate = Annotated[
    Annotated[str, AfterValidator(day), _schema(format="date", pattern=A_DAY)] | None,
    Field(
        description="The calendar day it is due, 1900 to 9999, or null. Null clears time and zone as well.",
        examples=["2026-11-27"],
    ),
]
DueTime = Annotated[
    Annotated[str, AfterValidator(_time), _schema(pattern="^(?:[01][0-9]|2[0-3]):[0-5][0-9]$")] | None,
    Field(
        description="The time of that day, or null. Needs `due_date`; null clears the zone as well.",
        examples=["18:00"],
    ),
]
DueZone = Annotated[
    Annotated[str, AfterValidator(_zone), _schema(format="iana-time-zone", pattern=ZONE)] | None,
    Field(
        description="The IANA time zone of `due_time`, which it needs, or null: wherever the user is.",
        examples=["Europe/Berlin"],
    ),
]
# An alias has a name in the published description, and so has the enumeration in clients made from it.
Priority = TypeAliasType(
    "Priority", Annotated[Literal["high", "medium", "low"], Field(description="How urgent a task is.")]
)
OptionalPriority = Annotated[Priority | None, Field(description="How urgent it is, or null.", examples=["high"])]
Tag = Annotated[
    str,
    AfterValidator(tag),
    _schema(minLength=1, maxLength=TAG_LENGTH, pattern=rf"^{A_TAG}$"),
]
Tags = Annotated[
    list[Tag],
    BeforeValidator(_few_tags),
    AfterValidator(_tags),
    Field(
        description=f"Up to {MOST_TAGS} tags of 1–{TAG_LENGTH} characters, without commas, no two the same but for"
        " their case. Their order is kept.",
        examples=[["home", "plants"]],
        json_schema_extra={"maxItems": MOST_TAGS, "uniqueItems": True},
    ),
]


def need_of(name: str) -> str:
    """Return what is to be said where a field is there without the one that it needs."""
    what = {"due_time": "A time needs a day", "due_zone": "A time zone needs a time"}[name]
    return f"{what}: set {NEEDS[name]} as well"
