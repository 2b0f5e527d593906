"""Batches: the statements of single operations in one transaction, and what becomes of each operation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from taskward.database.transaction import Rows, Transaction
from taskward.errors import ApiError, PreconditionFailedError, QuotaExceededError, ValidationFailedError
from taskward.tasks import statements
from taskward.tasks.batch_schemas import Operation, Result
from taskward.tasks.change import Change
from taskward.tasks.fields import task_in
from taskward.tasks.statements import CreatedRow

NAMED_TWICE = "a create finds its task there, and that is deleted further down: send the two in two batches"

Pending = Rows[CreatedRow] | Change[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """An operation that is on its way, with the others of its batch."""

    operation: Operation
    pending: Pending

    def result(self) -> Result | None:
        """Return what became of it; None where the owner has no such task, and somebody else may have it."""
        if isinstance(self.pending, Change):
            return self._changed(self.pending)
        if (row := self.pending.first) is None:
            return self.refused(QuotaExceededError())
        return {"status": 201 if row["created"] else 200, "task": task_in(row)}

    def _changed(self, change: Change[Any]) -> Result | None:
        try:
            row = change.row
        except PreconditionFailedError as error:
            return self.refused(error)
        if row is None:
            return None
        return (
            {"status": 204, "id": row["id"]} if self.operation["do"] == "delete" else {"status": 200, "task": row}
        )

    def refused(self, error: ApiError) -> Result:
        """Return what tells of an error in the place of this operation."""
        return {"status": error.status, **self._named(), **error.body()}  # type: ignore[return-value]

    def _named(self) -> dict[str, Any]:
        return {"uid": self.operation["task"].uid} if self.operation["do"] == "create" else {"id": self.task_id}

    @property
    def task_id(self) -> int:
        """The number of the task that is to be changed or deleted."""
        assert self.operation["do"] != "create"
        return self.operation["id"]

    def includes(self, rows: Rows[Any]) -> bool:
        """Tell whether these are the rows of one of its statements."""
        return rows is self.pending or (isinstance(self.pending, Change) and self.pending.includes(rows))


def begin(transaction: Transaction, operations: Sequence[Operation]) -> list[Step]:
    """Add operations to a transaction, in their order.

    The owner's row is locked before them all. So each sees what every other writer has committed, and what is said
    of a task is so until the batch is committed as well.
    """
    transaction.execute(statements.LOCK_OWNER)
    _name_each_once(transaction, operations)
    return [Step(operation, _sent(transaction, operation)) for operation in operations]


def _name_each_once(transaction: Transaction, operations: Sequence[Operation]) -> None:
    """Have the batch fail that finds a task by a create and deletes it: sent again, it would make it anew."""
    uids = {each["task"].uid: place for place, each in enumerate(operations) if each["do"] == "create"}
    ids = {each["id"]: place for place, each in enumerate(operations) if each["do"] == "delete"}
    if uids and ids:
        transaction.execute(
            statements.NAMED_ONCE,
            uids=list(uids), uid_places=list(uids.values()),
            ids=list(ids), id_places=list(ids.values()),
        )  # fmt: skip


def _sent(transaction: Transaction, operation: Operation) -> Pending:
    if operation["do"] == "create":
        return transaction.execute(statements.CREATE_NAMED_TASK, **dict(operation["task"]))
    expected = [operation["if_revision"]] if "if_revision" in operation else None
    if operation["do"] == "delete":
        return Change(
            transaction, statements.delete_task(conditional=expected is not None), operation["id"], expected
        )
    statement = statements.update_task(frozenset(operation["task"]), conditional=expected is not None)
    return Change(transaction, statement, operation["id"], expected, **operation["task"])


def named(error: ValidationFailedError, steps: Sequence[Step], failed: Rows[Any] | None) -> ValidationFailedError:
    """Return what the database does not allow as an error of the operation of which these would be the rows."""
    if failed is None:  # nothing was sent
        return error
    number = next((number for number, step in enumerate(steps) if step.includes(failed)), None)
    if number is None:  # it failed at what is asked before them
        return ValidationFailedError([("operations", NAMED_TWICE)])
    return ValidationFailedError(
        [
            (f"operations.{number}" if field == "body" else f"operations.{number}.task.{field}", message)
            for field, message in error.errors
        ]
    )
