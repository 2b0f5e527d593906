"""What clients send and receive."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, with_config
from typing_extensions import TypedDict

from taskward.field_types import STRICT, InDigits
from taskward.tasks.fields import CHANGEABLE, SETTABLE, Completed, TaskRead, Values

_NEW: dict[str, Any] = {name: (field.accepts, field.default) for name, field in SETTABLE.items()}
_CHANGES: dict[str, Any] = {name: field.accepts for name, field in CHANGEABLE.items()}

TaskCreate = create_model("TaskCreate", __config__=STRICT, __doc__="A new task.", **_NEW)

TaskChanges = TypedDict("TaskChanges", _CHANGES, total=False)  # type: ignore[misc]  # mypy wants a literal
TaskChanges.__doc__ = "What to change; what is not named stays as it is."
with_config(STRICT | {"json_schema_extra": {"minProperties": 1}})(TaskChanges)


def _not_empty(changes: Values) -> Values:
    if not changes:
        raise ValueError(f"Name at least one of {', '.join(CHANGEABLE)}")
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

    @cached_property
    def listed(self) -> dict[str, Any]:
        """What is listed and in which order, without how much and from where: cursors are good for just this."""
        return self.model_dump(exclude={"limit", "cursor"}) | {"order": "desc" if self.descending else "asc"}


class TaskList(BaseModel):
    """One page of tasks."""

    tasks: list[TaskRead]
    count: Annotated[int, Field(ge=0, description="How many tasks match, on all pages.", examples=[42])]
    next_cursor: Annotated[
        str | None, Field(description="Where the next page begins, or null on the last.", examples=[None])
    ]
