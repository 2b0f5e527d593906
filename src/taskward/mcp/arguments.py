"""What a model wrote as the arguments of a tool, as what the services take, validated as any request is.

Writes become operations of a batch. Those it cannot name: a tool says which operation it is, and none deletes.
"""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import Field, TypeAdapter, ValidationError

from taskward.api.errors import MAX_FIELD_NAME, MAX_PROBLEMS, invalid
from taskward.api.sentences import UNKNOWN
from taskward.errors import ValidationFailedError
from taskward.tasks.batch_schemas import Batch, BatchBody, Operation
from taskward.tasks.schemas import ListQuery

MOST = 50  # tasks in one call, and on one page
LISTS = ("priority", "tags")  # which a query has as text with commas
MADE_UP = "agent-"  # how the names begin that are given to new tasks here, where an agent gives none
OPERATION = re.compile(r"operations\.(\d+)(?:\.task)?(?:\.(.+))?", re.DOTALL)
BATCH: TypeAdapter[Batch] = TypeAdapter(BatchBody)

Arguments = dict[str, Any]


class FindTasks(ListQuery):
    """The query of an agent: what is open unless it says otherwise, in pages that a model can read."""

    status: Literal["all", "pending", "completed"] = "pending"
    limit: Annotated[int, Field(ge=1, le=MOST)] = MOST


def find_query(arguments: Arguments) -> ListQuery:
    """Return the query of `find_tasks`; raise ValidationFailedError. Lists are as good as texts with commas."""
    try:
        joined = {name: _joined(arguments[name]) for name in LISTS if name in arguments}
        return FindTasks.model_validate(arguments | joined)
    except ValidationError as error:
        raise invalid("query", error) from None


def _joined(value: object) -> object:
    return ",".join(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value


def creations(arguments: Arguments) -> list[Operation]:
    """Return the operations of `add_tasks`; raise ValidationFailedError. What has no name gets one."""
    return _operations(arguments, "tasks", _creation)


def updates(arguments: Arguments) -> list[Operation]:
    """Return the operations of `update_tasks`; raise ValidationFailedError."""
    return _operations(arguments, "tasks", _update)


def completions(arguments: Arguments) -> list[Operation]:
    """Return the operations of `complete_tasks`; raise ValidationFailedError."""
    completed = arguments.get("completed", True)
    ids = {name: value for name, value in arguments.items() if name != "completed"}
    return _operations(ids, "ids", lambda each: {"do": "update", "id": each, "task": {"completed": completed}})


def _creation(task: Any) -> Any:
    if isinstance(task, dict) and task.get("uid") is None:
        task = {**task, "uid": f"{MADE_UP}{uuid4()}"}
    return {"do": "create", "task": task}


def _update(task: Any) -> Any:
    if not isinstance(task, dict):
        return task
    changes = {name: value for name, value in task.items() if name not in ("id", "if_revision")}
    return {"do": "update", "id": task.get("id"), "if_revision": task.get("if_revision"), "task": changes}


def _operations(arguments: Arguments, name: str, operation: Callable[[Any], Any]) -> list[Operation]:
    """Return an operation for each entry of the one argument there is."""
    if unknown := [(each[:MAX_FIELD_NAME], UNKNOWN) for each in arguments if each != name]:
        raise ValidationFailedError(unknown[:MAX_PROBLEMS])
    entries = arguments.get(name)
    if not isinstance(entries, list) or len(entries) > MOST:
        raise ValidationFailedError([(name, f"must be a list of 1 to {MOST} entries")])
    # From JSON, as other batches are, so that strict types take what JSON has no type for.
    batch = json.dumps({"operations": [operation(each) for each in entries]})
    try:
        return BATCH.validate_json(batch)["operations"]
    except ValidationError as error:
        raise in_words_of(name, invalid("body", error)) from None


def in_words_of(name: str, error: ValidationFailedError) -> ValidationFailedError:
    """Return what is wrong with a batch as what is wrong with the argument that it was made of."""
    return ValidationFailedError(
        [(_place(name, field), message.replace("operations", name)) for field, message in error.errors]
    )


def _place(name: str, field: str) -> str:
    if not (found := OPERATION.fullmatch(field)):
        return name
    number, inside = found.groups(default="")
    if name == "ids":
        return inside if inside == "completed" else f"ids.{number}"
    return f"{name}.{number}.{inside}" if inside else f"{name}.{number}"
