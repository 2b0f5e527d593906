"""What is kept about a user's tasks, page by page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from taskward.api.personal_data import Pages
from taskward.database.driver.statement import Statement
from taskward.database.transaction import Database
from taskward.tasks.personal_data_statements import EXPORT_DELETED_TASKS, EXPORT_KEYS, EXPORT_TASKS, PAGE


class PersonalTasks:
    """Reads all of it. Each raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    @property
    def parts(self) -> Mapping[str, Pages]:
        """What reads the parts of the document that says everything about a person."""
        return {"tasks": self.tasks, "deleted_tasks": self.deleted_tasks, "idempotency_keys": self.keys}

    def tasks(self, owner: str) -> AsyncIterator[Sequence[Mapping[str, object]]]:
        """Yield the owner's tasks."""
        return self._pages(owner, EXPORT_TASKS, "id", 0)

    def deleted_tasks(self, owner: str) -> AsyncIterator[Sequence[Mapping[str, object]]]:
        """Yield what is left of the owner's deleted tasks."""
        return self._pages(owner, EXPORT_DELETED_TASKS, "revision", 0)

    def keys(self, owner: str) -> AsyncIterator[Sequence[Mapping[str, object]]]:
        """Yield the owner's `Idempotency-Key`s."""
        return self._pages(owner, EXPORT_KEYS, "key", "")

    async def _pages(
        self, owner: str, statement: Statement[Any], order: str, after: int | str
    ) -> AsyncIterator[Sequence[Mapping[str, object]]]:
        while True:
            async with self._database.acting_as(owner) as transaction:
                found = transaction.execute(statement, after=after)
            if found.all:
                yield found.all
                after = found.all[-1][order]
            if len(found.all) < PAGE:
                return
