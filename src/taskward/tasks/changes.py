"""What clients ask of the changes of their tasks, and receive."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from taskward.field_types import MAX_INT64, in_digits
from taskward.tasks.fields import TaskRead
from taskward.tasks.schemas import MAX_LIMIT
from taskward.tasks.values import UID_LENGTH

MAX_WAIT_SECONDS = 60


class ChangesQuery(BaseModel):
    """Since when, how many, and how long to wait for the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_INT64,
            description="`revision` of the page before; at first, that of the first page of the list.",
            examples=[812],
        ),
        in_digits(0, MAX_INT64),
    ] = 0
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LIMIT, description="The largest number of changes to return, deletions included."),
        in_digits(1, MAX_LIMIT),
    ] = 500
    wait: Annotated[
        int,
        Field(
            ge=0, le=MAX_WAIT_SECONDS, description="How many seconds to wait for a change, where there is none."
        ),
        in_digits(0, MAX_WAIT_SECONDS),
    ] = 0


class DeletedTask(TypedDict):
    """What is left of a task that was deleted."""

    id: Annotated[int, Field(ge=1, examples=[7])]
    uid: Annotated[str | None, Field(min_length=1, max_length=UID_LENGTH, examples=["0b2c7f0e-7d0f-4e51"])]
    revision: Annotated[
        int, Field(ge=1, description="The owner's change counter when it was deleted.", examples=[815])
    ]


class ChangesPage(BaseModel):
    """One page of changes: a set, in which no task is twice."""

    tasks: Annotated[list[TaskRead], Field(description="What was written since, as it is now.")]
    deleted: Annotated[list[DeletedTask], Field(description="What was deleted since.")]
    revision: Annotated[int, Field(ge=0, description="The next `since`.", examples=[816])]
    count: Annotated[
        int,
        Field(
            ge=0,
            description="How many tasks there are in all. A client that holds another number after a page with"
            " `more: false` starts again; with `more: true` there is nothing to compare yet.",
            examples=[42],
        ),
    ]
    more: Annotated[bool, Field(description="Whether more has changed: ask for it at once.", examples=[False])]
