"""One change of one task, in whatever transaction it travels."""

from collections.abc import Sequence
from typing import Any, Generic

from taskward.database.driver.statement import RowT, Statement
from taskward.database.transaction import Rows, Transaction
from taskward.errors import PreconditionFailedError
from taskward.tasks.statements import READ_TASK

Revisions = Sequence[int]


class Change(Generic[RowT]):
    """A statement that changes a task or deletes it, and what it has found once the transaction is committed."""

    def __init__(
        self,
        transaction: Transaction,
        statement: Statement[RowT],
        task_id: int,
        expected: Revisions | None,
        **values: Any,
    ) -> None:
        """Add it to the transaction. `expected` are the revisions of a conditional statement, else None."""
        self._changed = transaction.execute(statement, task_id=task_id, expected=expected, **values)
        # A statement of its own: the one before may have waited for another write, and would still show the task
        # as it was before it waited.
        self._current = None if expected is None else transaction.execute(READ_TASK, task_id=task_id)

    @property
    def row(self) -> RowT | None:
        """What the statement returned, or None where the owner has no such task.

        Raises PreconditionFailedError where the task is at none of the revisions that were expected.
        """
        if self._changed.first is None and self._current and self._current.first:
            raise PreconditionFailedError(self._current.first)
        return self._changed.first

    def includes(self, rows: Rows[Any]) -> bool:
        """Tell whether these are the rows of one of its statements."""
        return rows is self._changed or rows is self._current
