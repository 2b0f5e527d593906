"""What clients send and receive."""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
    with_config,
)
from typing_extensions import TypedDict

from taskward.field_types import PRINTABLE, STRICT, WHITE_SPACE, in_digits, without_nul, wrong_field
from taskward.tasks.fields import CHANGEABLE, SETTABLE, TaskRead, Values
from taskward.tasks.values import (
    A_DAY,
    A_TAG,
    NEEDS,
    PRIORITIES,
    UID_LENGTH,
    Completed,
    day,
    need_of,
    tag,
    uid,
)

_NEW: dict[str, Any] = {name: (field.accepts, field.default) for name, field in SETTABLE.items()}
_CHANGES: dict[str, Any] = {name: field.accepts for name, field in CHANGEABLE.items()}


def _given(name: str) -> Values:
    """Return the JSON Schema of a body in which a field is there and not null."""
    return {"properties": {name: {"type": "string"}}, "required": [name]}


def _null(*names: str) -> Values:
    """Return the JSON Schema of a body in which each of these is null or not there."""
    return {"properties": {name: {"type": "null"} for name in names}}


class _New(BaseModel):
    """A new task. What is not named is null, `completed` is false, and `tags` are none."""

    model_config = STRICT | {
        "json_schema_extra": {
            "dependentSchemas": {name: {"anyOf": [_null(name), _given(needed)]} for name, needed in NEEDS.items()}
        }
    }

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, needed in NEEDS.items():
            if getattr(self, name) is not None and getattr(self, needed) is None:
                raise wrong_field(name, need_of(name))
        return self


TaskCreate = create_model("TaskCreate", __base__=_New, __doc__=_New.__doc__, **_NEW)

TaskChanges = TypedDict("TaskChanges", _CHANGES, total=False)  # type: ignore[misc]  # mypy wants a literal
TaskChanges.__doc__ = "What to change; what is not named stays as it is."
with_config(
    STRICT
    | {
        "json_schema_extra": {
            "minProperties": 1,
            "dependentSchemas": {
                "due_date": {"anyOf": [_given("due_date"), _null("due_time", "due_zone")]},
                "due_time": {"anyOf": [_given("due_time"), _null("due_zone")]},
            },
        }
    }
)(TaskChanges)


def _whole(changes: Values) -> Values:
    """Return the changes with those that follow from them: no day is no time, and no time is no zone."""
    if not changes:
        raise ValueError(f"Name at least one of {', '.join(CHANGEABLE)}")
    for name, needed in NEEDS.items():
        if needed in changes and changes[needed] is None:
            if changes.get(name) is not None:
                raise wrong_field(name, need_of(name))
            changes[name] = None
    return changes


SomeChanges = Annotated[TaskChanges, AfterValidator(_whole)]


@with_config(STRICT)
class Completion(TypedDict, total=False):
    """What to set `completed` to. Empty as many clients send it, it says nothing, and is as good as none."""

    completed: Completed


SPECIAL = re.compile(r"[%_\\]")  # to LIKE
A_PRIORITY = f"(?:{'|'.join(PRIORITIES)})"
WITH_A_WORD = rf"^[^\u0000]*[^\u0000\u001c-\u001f{WHITE_SPACE}][^\u0000]*$"


def _priorities(text: str) -> str:
    if not set(text.split(",")) <= set(PRIORITIES):
        raise ValueError(f"must be one or more of {', '.join(PRIORITIES)}, separated by commas")
    return text


def _tags(text: str) -> str:
    return ",".join(tag(each) for each in text.split(","))


def _words(text: str) -> str:
    if not without_nul(text).split():
        raise ValueError("must have at least one word to search for")
    return text


def _patterns(words: str) -> list[str]:
    """Return a pattern of LIKE for each word, in which it means nothing but itself."""
    return ["%" + SPECIAL.sub(r"\\\g<0>", word) + "%" for word in words.split()]


# Each stays the text that it was, so that a link to the next page can say it again.
_Day = Annotated[
    str,
    AfterValidator(lambda text: day(text).isoformat()),
    Field(json_schema_extra={"format": "date", "pattern": A_DAY}),
]
_Priorities = Annotated[
    str, AfterValidator(_priorities), Field(json_schema_extra={"pattern": f"^{A_PRIORITY}(?:,{A_PRIORITY})*$"})
]
_Tags = Annotated[str, AfterValidator(_tags), Field(json_schema_extra={"pattern": f"^{A_TAG}(?:,{A_TAG})*$"})]
_Uid = Annotated[
    str,
    AfterValidator(uid),
    Field(json_schema_extra={"minLength": 1, "maxLength": UID_LENGTH, "pattern": PRINTABLE}),
]
_Words = Annotated[str, AfterValidator(_words), Field(max_length=200, json_schema_extra={"pattern": WITH_A_WORD})]

# The filters, and what each gives to the statement.
FILTERS: dict[str, Callable[[str], Any]] = {
    "due_from": str,
    "due_to": str,
    "due": str,
    "priority": lambda text: text.split(","),
    "tags": str,
    "uid": str,
    "q": _patterns,
}


MAX_LIMIT = 1000

# What other task APIs call the same. What is read has one name, and so have links, cursors and entity tags.
OTHER_NAMES = {"sort": "sort_by", "q": "search"}
SORTS = {"created_at": "created", "updated_at": "updated"}


class ListQuery(BaseModel):
    """Which tasks to list, in which order, and from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Annotated[Literal["all", "pending", "completed"], Field(description="Which tasks, by completion.")] = (
        "all"
    )
    sort: Annotated[
        Literal["created", "title", "updated", "due", "priority", "completed"],
        BeforeValidator(lambda value: SORTS.get(value, value) if isinstance(value, str) else value),
        Field(
            validation_alias=AliasChoices("sort", OTHER_NAMES["sort"]),
            description="By creation, title (ignoring case), last change, day and time due (a day after its timed"
            " tasks, no day last), priority (high first, none last), or completion.",
        ),
    ] = "created"
    order: Annotated[
        Literal["asc", "desc"] | None,
        Field(description="`desc` for created, updated and completed, `asc` for the others, unless given."),
    ] = None
    due_from: Annotated[_Day | None, Field(description="Due on this day or later.", examples=["2026-11-27"])] = (
        None
    )
    due_to: Annotated[_Day | None, Field(description="Due on this day or before.", examples=["2026-12-01"])] = None
    due: Annotated[Literal["any", "none"] | None, Field(description="Tasks that are due some day, or never.")] = (
        None
    )
    priority: Annotated[
        _Priorities | None, Field(description="One of these, separated by commas.", examples=["high,medium"])
    ] = None
    tags: Annotated[
        _Tags | None,
        Field(description="All of these, separated by commas, in any case.", examples=["home,plants"]),
    ] = None
    uid: Annotated[_Uid | None, Field(description="The task that you gave this name.")] = None
    q: Annotated[
        _Words | None,
        Field(
            validation_alias=AliasChoices("q", OTHER_NAMES["q"]),
            description="Every one of these words, or parts of words, in any case, in title, description or tags.",
            examples=["fern water"],
        ),
    ] = None
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LIMIT, description="The largest number of tasks to return."),
        in_digits(1, MAX_LIMIT),
    ] = 500
    cursor: Annotated[
        str | None,
        Field(max_length=2000, description="`next_cursor` of the page before, of the same query."),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _named_once(cls, given: Values) -> Values:
        for name, other in OTHER_NAMES.items():
            if name in given and other in given:
                raise wrong_field(other, f"means the same as {name}: give one of them")
        return given

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return self.order == "desc" if self.order else self.sort in ("created", "updated", "completed")

    @cached_property
    def filters(self) -> Values:
        """The parameters of the filters that are on, by name."""
        said = {name: getattr(self, name) for name in FILTERS}
        return {name: FILTERS[name](value) for name, value in said.items() if value is not None}

    @cached_property
    def said(self) -> bytes:
        """All of it in JSON: the same for the same query, which so is written once and not for each request."""
        return orjson.dumps(self.model_dump(), option=orjson.OPT_SORT_KEYS)

    @cached_property
    def listed(self) -> dict[str, Any]:
        """What is listed and in which order, without how much and from where: cursors are good for just this."""
        return self.model_dump(exclude={"limit", "cursor"}) | {"order": "desc" if self.descending else "asc"}


class TaskList(BaseModel):
    """One page of tasks."""

    tasks: list[TaskRead]
    count: Annotated[int, Field(ge=0, description="How many tasks match, on all pages.", examples=[42])]
    revision: Annotated[int, Field(ge=0, description="The owner's change counter at this page.", examples=[812])]
    next_cursor: Annotated[
        str | None, Field(description="Where the next page begins, or null on the last.", examples=[None])
    ]
