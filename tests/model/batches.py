"""Batches in the plain model: the operations one after the other, and all or nothing."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.model.plain import Owner, Task, without_times

Outcome = tuple[int, Task | None]  # the status, and the task as it was written or is


def outcomes(
    owner: Owner, operations: list[dict[str, Any]], elsewhere: Callable[[int], int], ids: Iterator[int]
) -> list[Outcome]:
    """Do operations, and return what comes of each; raise RefusedError, and then the owner is good for nothing.

    `elsewhere` tells the status for a task that is not the owner's, `ids` has those of new tasks.
    """
    return [_outcome(owner, operation, elsewhere, ids) for operation in operations]


def finds_what_it_deletes(owner: Owner, operations: list[dict[str, Any]]) -> bool:
    """Tell whether a create would find the task of a deletion; the machine has all creates before the others."""
    found = [owner.named(each["task"]["uid"]) for each in operations if each["do"] == "create"]
    deleted = {each["id"] for each in operations if each["do"] == "delete"}
    return any(task is not None and task["id"] in deleted for task in found)


def _outcome(
    owner: Owner, operation: dict[str, Any], elsewhere: Callable[[int], int], ids: Iterator[int]
) -> Outcome:
    if operation["do"] == "create":
        there = owner.named(operation["task"]["uid"])
        return (200, there) if there else (201, owner.create(next(ids), operation["task"]))
    task_id = operation["id"]
    current = owner.tasks.get(task_id)
    if current is None:
        return elsewhere(task_id), None
    if operation.get("if_revision", current["revision"]) != current["revision"]:
        return 412, current
    if operation["do"] == "delete":
        owner.delete(task_id)
        return 204, None
    return 200, owner.update(task_id, operation["task"])


def told(result: dict[str, Any]) -> Outcome:
    """Return what a result of the service says."""
    task = result.get("task") or result.get("current")
    return result["status"], task and without_times(task)
