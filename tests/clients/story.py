"""What a program does with the client that openapi-python-client makes. Checked and run beside the client.

A comment that ignores an error stands where types are to refuse something: without the error, it is one itself.
"""

import json
import sys
from datetime import date
from http import HTTPStatus
from typing import TypeVar

from taskward_client import AuthenticatedClient
from taskward_client.api.tasks import (
    complete_task,
    create_task,
    delete_task,
    list_tasks,
    patch_task,
    put_task,
    read_task,
    run_batch,
    toggle_task,
)
from taskward_client.models import (
    Batch,
    BatchResults,
    Completion,
    CreateOperation,
    DeletedResult,
    DeleteOperation,
    InvalidBodyError,
    ListTasksOrder,
    ListTasksSort,
    ListTasksStatus,
    NamedTask,
    PreconditionFailedError,
    Priority,
    RefusedResult,
    TaskChanges,
    TaskCreate,
    TaskList,
    TaskNotFoundError,
    TaskNotFoundErrorCode,
    TaskRead,
    TokenError,
    TokenErrorCode,
    UpdateOperation,
    WrittenResult,
)
from taskward_client.types import Unset

T = TypeVar("T")
url, token = sys.argv[1:]
taskward = AuthenticatedClient(url, token)


def is_a(kind: type[T], answer: object) -> T:
    """Return an answer that is of this kind; raise AssertionError for any other, and say which."""
    assert isinstance(answer, kind), answer
    return answer


milk = is_a(TaskRead, create_task.sync(client=taskward, body=TaskCreate(title="Buy milk")))
ferns = is_a(
    TaskRead,
    create_task.sync(
        client=taskward,
        idempotency_key="the ferns",
        body=TaskCreate(
            title="Water the ferns",
            due_date=date(2026, 11, 27),
            due_time="18:00",
            due_zone="Europe/Berlin",
            priority=Priority.HIGH,
            tags=["Home", "plants"],
        ),
    ),
)

page = is_a(
    TaskList,
    list_tasks.sync(
        client=taskward,
        status=ListTasksStatus.PENDING,
        sort=ListTasksSort.DUE,
        order=ListTasksOrder.ASC,
        due_to=date(2026, 12, 1),
        priority="high,low",
        tags="home",
        q="FERN",
        limit=10,
    ),
)
first: TaskRead = page.tasks[0]

read = read_task.sync_detailed(ferns.id, client=taskward)
tag: str = read.headers["ETag"]
changes = TaskChanges(due_date=None, priority=None)
updated = is_a(TaskRead, patch_task.sync(ferns.id, client=taskward, body=changes, if_match=tag))
late = put_task.sync(ferns.id, client=taskward, body=TaskChanges(title="Too late"), if_match=tag)
current = is_a(PreconditionFailedError, late).current

toggled = is_a(TaskRead, toggle_task.sync(ferns.id, client=taskward))
completed = is_a(TaskRead, complete_task.sync(ferns.id, client=taskward, body=Completion(completed=True)))
deleted = delete_task.sync_detailed(ferns.id, client=taskward).status_code
gone = is_a(TaskNotFoundError, read_task.sync(ferns.id, client=taskward))
stranger = is_a(TokenError, list_tasks.sync(client=AuthenticatedClient(url, "nonsense")))
refused = is_a(InvalidBodyError, create_task.sync(client=taskward, body=TaskCreate(title="")))

operations: list[CreateOperation | DeleteOperation | UpdateOperation] = [
    CreateOperation(do="create", task=NamedTask(uid="bread", title="Buy bread")),
    UpdateOperation(do="update", id=ferns.id, if_revision=ferns.revision, task=TaskChanges(completed=True)),
]
sent = is_a(BatchResults, run_batch.sync(client=taskward, body=Batch(operations=operations))).results
bread, missed = is_a(WrittenResult, sent[0]), is_a(RefusedResult, sent[1])
undo = Batch(operations=[DeleteOperation(do="delete", id=bread.task.id)])
undone = is_a(DeletedResult, is_a(BatchResults, run_batch.sync(client=taskward, body=undo)).results[0])


def advice(error: TokenError) -> str:
    """Say what to do: every code is here, else this does not type-check."""
    match error.code:
        case TokenErrorCode.TOKEN_MISSING:
            return "log in"
        case TokenErrorCode.TOKEN_EXPIRED | TokenErrorCode.TOKEN_INVALID:
            return "log in again"


def mistakes() -> None:
    """Do what is refused before it is sent."""
    TaskCreate(description="Two litres")  # type: ignore[call-arg]  # a title is needed
    TaskCreate(title="x", colour="red")  # type: ignore[call-arg]
    NamedTask(title="x")  # type: ignore[call-arg]  # in a batch, a name is as well
    TaskChanges(priority="urgent")  # type: ignore[arg-type]
    list_tasks.sync(client=taskward, sort="colour")  # type: ignore[arg-type]
    assert gone.code == TokenErrorCode.TOKEN_EXPIRED  # type: ignore[comparison-overlap]


sys.stdout.write(
    json.dumps(
        {
            "created": [milk.title, ferns.due_zone],
            "listed": [page.count, first.title, first.priority],
            "updated": [updated.due_date, updated.due_time, updated.tags],
            "current": current.title,
            "completed": [toggled.completed, completed.completed, completed.completed_at is not None],
            "deleted": HTTPStatus(deleted),
            "gone": [gone.code, "forget it" if gone.code == TaskNotFoundErrorCode.TASK_NOT_FOUND else ""],
            "batch": [bread.status, bread.task.title, missed.code, undone.status],
            "stranger": stranger.code,
            "refused": [] if isinstance(refused.errors, Unset) else [error.field for error in refused.errors],
        }
    )
)
assert advice(stranger) == "log in again"
