"""The fields of a task: the one list. Bodies, responses, SQL and fingerprints are made from it.

To add a field, see "A field" in CONTRIBUTING.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, get_type_hints

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from taskward.tasks.values import (
    Completed,
    Description,
    DueDate,
    DueTime,
    DueZone,
    OptionalPriority,
    Priority,
    Tags,
    Title,
    Uid,
)

AS_IT_IS = "{name}"
# Times leave the database as UTC without a zone, whatever time zone the session has.
IN_UTC = "timezone('UTC', {name}) AS {name}"
TO_THE_MINUTE = "left({name}::text, 5) AS {name}"

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


# Part of every entity tag. Raise it with each change of what `TaskRead` answers for a task that nobody wrote to: a
# field more or less, another form of a value. Else caches keep the response of the version before. Never go back.
GENERATION = 3


# FastAPI wants a validator of its own for each route, and pydantic keeps none of a TypedDict. Routes write their
# responses themselves, so none is used; were they made, a worker's first request would wait for dozens.
WHEN_USED = ConfigDict(defer_build=True)


@with_config(WHEN_USED)
class TaskRead(TypedDict):
    """A task."""

    # No example is null, as FastAPI leaves nulls out of examples.
    id: Annotated[int, Given(), Field(ge=1, examples=[1])]
    uid: Annotated[
        str | None, Settable(Uid, "text", default=None, changeable=False), Field(examples=["0b2c7f0e-7d0f-4e51"])
    ]
    user_id: Annotated[str, Given(), Field(min_length=1, max_length=255, examples=["user_123"])]
    title: Annotated[str, Settable(Title, "text"), Field(min_length=1, max_length=200, examples=["Buy milk"])]
    description: Annotated[
        str | None, Settable(Description, "text", default=None), Field(max_length=1000, examples=["Two litres"])
    ]
    completed: Annotated[bool, Settable(Completed, "boolean", default=False), Field(examples=[True])]
    completed_at: Annotated[
        datetime | None,
        Given(IN_UTC),
        Field(
            description="When `completed` last became true; null while it is false.",
            examples=["2026-01-09T09:00:00.123456Z"],
        ),
    ]
    due_date: Annotated[date | None, Settable(DueDate, "date", default=None), Field(examples=["2026-11-27"])]
    due_time: Annotated[
        str | None, Settable(DueTime, "time", default=None, expression=TO_THE_MINUTE), Field(examples=["18:00"])
    ]
    due_zone: Annotated[str | None, Settable(DueZone, "text", default=None), Field(examples=["Europe/Berlin"])]
    priority: Annotated[
        Priority | None,
        Settable(OptionalPriority, "text", default=None),
        Field(examples=["high"]),
    ]
    tags: Annotated[list[str], Settable(Tags, "text[]", default=[]), Field(examples=[["home", "plants"]])]
    created_at: Annotated[datetime, Given(IN_UTC), Field(examples=["2026-01-09T08:30:00.123456Z"])]
    updated_at: Annotated[datetime, Given(IN_UTC), Field(examples=["2026-01-09T08:30:00.123456Z"])]
    revision: Annotated[
        int,
        Given(),
        Field(ge=1, description="The owner's change counter at the last write of this task.", examples=[7]),
    ]


def task_in(row: Mapping[str, Any]) -> TaskRead:
    """Return the task in a row that holds more."""
    return {name: row[name] for name in FIELDS}  # type: ignore[return-value]  # it is one


def tasks_in(rows: Sequence[Mapping[str, Any]]) -> Iterator[TaskRead]:
    """Yield the tasks in rows of one statement that hold more: in a third of the time, by a copy of each."""
    others = [name for row in rows[:1] for name in row if name not in FIELDS]
    for row in rows:
        task = dict(row)
        for name in others:
            del task[name]
        yield task  # type: ignore[misc]  # it is one


# Values that a body gave to settable fields, by name, after validation.
Values = dict[str, Any]


def _marked() -> Iterator[tuple[str, Given | Settable]]:
    for name, hint in get_type_hints(TaskRead, include_extras=True).items():
        (mark,) = (each for each in hint.__metadata__ if isinstance(each, Given | Settable))
        yield name, mark


FIELDS = dict(_marked())
SETTABLE = {name: field for name, field in FIELDS.items() if isinstance(field, Settable)}
CHANGEABLE = {name: field for name, field in SETTABLE.items() if field.changeable}
