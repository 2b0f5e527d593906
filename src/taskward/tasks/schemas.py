"""What clients send and receive."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from typing_extensions import TypedDict

from taskward.field_types import STRICT, WITHOUT_NUL, WITHOUT_NUL_NOR_BLANK, InDigits, without_nul

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


class TaskCreate(BaseModel):
    """A new task."""

    model_config = STRICT

    title: Title
    description: Description = None
    completed: Completed = False


class TaskChanges(TypedDict, total=False):
    """What to change; what is not named stays as it is."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]  # where pydantic looks for it in a TypedDict
        extra="forbid", strict=True, json_schema_extra={"minProperties": 1}
    )

    title: Title
    description: Description
    completed: Completed


def _not_empty(changes: TaskChanges) -> TaskChanges:
    if not changes:
        raise ValueError("Name at least one of title, description, completed")
    return changes


SomeChanges = Annotated[TaskChanges, AfterValidator(_not_empty)]


class Completion(BaseModel):
    """What to set `completed` to."""

    model_config = STRICT

    completed: Completed


class ListQuery(BaseModel):
    """Which tasks to list, in which order, and from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Annotated[Literal["all", "pending", "completed"], Field(description="Which tasks, by completion.")] = (
        "all"
    )
    sort: Annotated[
        Literal["created", "title", "updated"],
        Field(description="By creation, by title (ignoring case), or by last change."),
    ] = "created"
    order: Annotated[
        Literal["asc", "desc"] | None,
        Field(description="`desc` for created and updated, `asc` for title, unless given."),
    ] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="The largest number of tasks to return."), InDigits] = (
        500
    )
    cursor: Annotated[
        str | None,
        Field(max_length=2000, description="`next_cursor` of the page before, of the same query."),
    ] = None

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return self.order == "desc" if self.order else self.sort != "title"


# Part of every entity tag. Raise it with each change of what `TaskRead` answers for a task that nobody wrote to: a
# field more or less, another form of a value. Else caches keep the answer of the version before. Never go back.
GENERATION = 2


class TaskRead(BaseModel):
    """A task."""

    id: Annotated[int, Field(ge=1, examples=[1])]
    user_id: Annotated[str, Field(min_length=1, max_length=255, examples=["user_123"])]
    title: Annotated[str, Field(min_length=1, max_length=200, examples=["Buy milk"])]
    description: Annotated[str | None, Field(max_length=1000, examples=["Two litres"])]
    completed: Annotated[bool, Field(examples=[False])]
    created_at: Annotated[datetime, Field(examples=["2026-01-09T08:30:00.123456Z"])]
    updated_at: Annotated[datetime, Field(examples=["2026-01-09T08:30:00.123456Z"])]
    revision: Annotated[
        int,
        Field(ge=1, description="The owner's change counter at the last write of this task.", examples=[7]),
    ]


class TaskList(BaseModel):
    """One page of tasks."""

    tasks: list[TaskRead]
    count: Annotated[int, Field(ge=0, description="How many tasks match, on all pages.", examples=[42])]
    next_cursor: Annotated[
        str | None, Field(description="Where the next page begins, or null on the last.", examples=[None])
    ]
