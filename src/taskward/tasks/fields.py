"""The fields of a task: the one list. Bodies, responses, SQL and fingerprints are made from it.

To add a field, see "A field" in CONTRIBUTING.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, get_type_hints

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from typing_extensions import TypedDict

from taskward.field_types import WITHOUT_NUL, WITHOUT_NUL_NOR_BLANK, without_nul

AS_IT_IS = "{name}"
# Times leave the database as UTC without a zone, whatever time zone the session has.
IN_UTC = "timezone('UTC', {name}) AS {name}"

REQUIRED: Any = ...


@dataclass(frozen=True, slots=True)
class Given:
    """A field that the service sets, and the SQL expression for it."""

    expression: str = AS_IT_IS


@dataclass(frozen=True, slots=True)
class Settable:
    """A field that owners set: the values it takes, its type in SQL, and what it is when nothing is said."""

    accepts: Any
    sql_type: str
    default: Any = REQUIRED
    changeable: bool = True  # or given at creation, and never changed
    expression: str = AS_IT_IS


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(without_nul),
    Field(
        description="1–200 characters after trimming surrounding white space.",
        examples=["Buy milk"],
        json_schema_extra={"pattern": WITHOUT_NUL_NOR_BLANK},
    ),
]
Description = Annotated[
    Annotated[
        str,
        StringConstraints(max_length=1000),
        AfterValidator(without_nul),
        WithJsonSchema({"type": "string", "maxLength": 1000, "pattern": WITHOUT_NUL}),
    ]
    | None,
    Field(description="Up to 1000 characters, or null.", examples=["Two litres"]),
]
Completed = Annotated[bool, Field(description="Whether the task is done.", examples=[False])]


# Part of every entity tag. Raise it with each change of what `TaskRead` answers for a task that nobody wrote to: a
# field more or less, another form of a value. Else caches keep the response of the version before. Never go back.
GENERATION = 2


class TaskRead(TypedDict):
    """A task."""

    id: Annotated[int, Given(), Field(ge=1, examples=[1])]
    user_id: Annotated[str, Given(), Field(min_length=1, max_length=255, examples=["user_123"])]
    title: Annotated[str, Settable(Title, "text"), Field(min_length=1, max_length=200, examples=["Buy milk"])]
    description: Annotated[
        str | None, Settable(Description, "text", default=None), Field(max_length=1000, examples=["Two litres"])
    ]
    completed: Annotated[bool, Settable(Completed, "boolean", default=False), Field(examples=[False])]
    created_at: Annotated[datetime, Given(IN_UTC), Field(examples=["2026-01-09T08:30:00.123456Z"])]
    updated_at: Annotated[datetime, Given(IN_UTC), Field(examples=["2026-01-09T08:30:00.123456Z"])]
    revision: Annotated[
        int,
        Given(),
        Field(ge=1, description="The owner's change counter at the last write of this task.", examples=[7]),
    ]


# Values that a body gave to settable fields, by name, after validation.
Values = dict[str, Any]


def _marked() -> Iterator[tuple[str, Given | Settable]]:
    for name, hint in get_type_hints(TaskRead, include_extras=True).items():
        (mark,) = (each for each in hint.__metadata__ if isinstance(each, Given | Settable))
        yield name, mark


FIELDS = dict(_marked())
SETTABLE = {name: field for name, field in FIELDS.items() if isinstance(field, Settable)}
CHANGEABLE = {name: field for name, field in SETTABLE.items() if field.changeable}
