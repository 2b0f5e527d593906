"""What clients send and receive of batches: operations, and what became of each."""

from typing import Annotated, Any, Literal, NotRequired, final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    with_config,
)
from typing_extensions import TypedDict

from taskward.field_types import MAX_INT64, STRICT, without_tag, wrong_field
from taskward.tasks.fields import WHEN_USED, TaskRead
from taskward.tasks.schemas import SomeChanges, TaskCreate
from taskward.tasks.values import Name

MAX_OPERATIONS = 100
MAX_BATCH_BYTES = 512 * 1024
MAX_MEMBERS = 20  # of a batch, of an operation, or of a task
KINDS = ("create", "update", "delete")

TaskNumber = Annotated[int, Field(ge=1, le=MAX_INT64, description="The number of the task.", examples=[1])]
SeenRevision = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_INT64,
        description="The `revision` that you have seen. When the task has changed since, this operation is 412.",
        examples=[7],
    ),
]


class NamedTask(TaskCreate):
    """A new task under a name of its client's, which makes it safe to send a batch again."""

    uid: Annotated[Name, Field(description="Your own name for the task, such as a new UUID.", examples=["milk"])]


@with_config(STRICT)
class CreateOperation(TypedDict):
    """Create a task, unless there is one with its `uid`."""

    do: Literal["create"]
    task: NamedTask


@with_config(STRICT)
class UpdateOperation(TypedDict):
    """Change a task's fields. What is not named stays as it is."""

    do: Literal["update"]
    id: TaskNumber
    if_revision: NotRequired[SeenRevision]
    task: SomeChanges


@with_config(STRICT)
class DeleteOperation(TypedDict):
    """Delete a task for good."""

    do: Literal["delete"]
    id: TaskNumber
    if_revision: NotRequired[SeenRevision]


def _in_its_place(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Validate an operation, and tell what is wrong in the places that clients know."""
    if isinstance(value, dict):
        if value.get("do") not in KINDS:
            raise wrong_field("do", "must be create, update or delete" if "do" in value else "is missing")
        _few_members(value)
        _few_members(value.get("task"))
    try:
        return validate(value)
    except ValidationError as error:
        raise without_tag(error) from None


def _few_members(value: Any) -> Any:
    """Count members before each is looked at, and is told to be unknown: a body has room for 40,000."""
    if isinstance(value, dict) and len(value) > MAX_MEMBERS:
        raise ValueError("has more members than there are")
    return value


Operation = CreateOperation | UpdateOperation | DeleteOperation


def _each_named_once(operations: list[Operation]) -> list[Operation]:
    first: dict[str | int, int] = {}
    for number, operation in enumerate(operations):
        before = first.setdefault(_task_of(operation), number)
        if before < number:
            field = ("task", "uid") if operation["do"] == "create" else ("id",)
            raise wrong_field(
                field[-1], f"names the task of operations.{before}: name each once", within=(number, *field[:-1])
            )
    return operations


def _task_of(operation: Operation) -> str | int:
    """Return what names the task of an operation: a number, or the client's own name."""
    return operation["task"].uid if operation["do"] == "create" else operation["id"]


Operations = Annotated[
    list[Annotated[Operation, Field(discriminator="do"), WrapValidator(_in_its_place)]],
    Field(
        min_length=1,
        max_length=MAX_OPERATIONS,
        description="What to do, in this order. No task is named twice.",
        examples=[
            [
                {"do": "create", "task": {"uid": "milk", "title": "Buy milk"}},
                {"do": "update", "id": 1, "if_revision": 7, "task": {"completed": True}},
            ]
        ],
    ),
    AfterValidator(_each_named_once),  # of no more than that
]


@with_config(STRICT)
class Batch(TypedDict):
    """Operations that are done in one transaction."""

    operations: Operations


BatchBody = Annotated[Batch, BeforeValidator(_few_members)]


@final
class WrittenResult(TypedDict):
    """A task was created (201), or it was changed, or was there under its `uid` (200)."""

    status: Literal[200, 201]
    task: TaskRead


@final
class DeletedResult(TypedDict):
    """A task was deleted."""

    status: Literal[204]
    id: Annotated[int, Field(description="The number that it had.", examples=[1])]


class RefusedResult(TypedDict):
    """What could not be done, and why. It kept nothing else from being done."""

    status: Literal[403, 404, 412]
    id: NotRequired[Annotated[int, Field(description="The task of an update or a deletion.")]]
    uid: NotRequired[Annotated[str, Field(description="The name of the task that was to be created.")]]
    code: Literal["FORBIDDEN", "QUOTA_EXCEEDED", "TASK_NOT_FOUND", "PRECONDITION_FAILED"]
    detail: Annotated[str, Field(description="One sentence for a person.")]
    current: NotRequired[Annotated[TaskRead, Field(description="With 412, the task as it is now.")]]


Result = WrittenResult | DeletedResult | RefusedResult


@with_config(WHEN_USED)
class BatchResults(TypedDict):
    """What became of each operation of a batch."""

    results: Annotated[
        list[Result], Field(description="One for each operation, in their order.", max_length=MAX_OPERATIONS)
    ]
    revision: Annotated[
        int, Field(ge=0, description="The owner's change counter after the batch.", examples=[819])
    ]
