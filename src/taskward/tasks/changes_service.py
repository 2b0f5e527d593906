"""What has changed of a user's tasks since a revision of theirs."""

from dataclasses import dataclass

from taskward.database.transaction import Database
from taskward.errors import ChangesGoneError
from taskward.tasks.changes import DeletedTask
from taskward.tasks.changes_statements import ChangeRow, changes
from taskward.tasks.fields import TaskRead, task_in
from taskward.tasks.page import BOUNDED_FROM, MAX_PAGE_BYTES, Pages
from taskward.tasks.statements import READ_REVISION


@dataclass(frozen=True)
class Changes:
    """One page of what has changed since a revision."""

    tasks: list[TaskRead]
    deleted: list[DeletedTask]
    revision: int  # where the next page begins
    count: int  # of all tasks
    more: bool


class ChangesService:
    """Reads the feed. Each operation raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database
        self._pages = Pages()

    async def read_changes(self, owner: str, since: int, limit: int) -> Changes:
        """Return what has changed after a revision of the owner's.

        Raises ChangesGoneError where not all of that is known any more, or the owner never was at this revision.
        """
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(
                changes(bounded=limit > BOUNDED_FROM), since=since, limit=limit + 1, max_bytes=MAX_PAGE_BYTES
            )
        counters = found.first
        revision = counters["owner_revision"] if counters else 0
        if since > revision or any(row["expired"] or _is_marker(row) for row in found.all):
            raise ChangesGoneError
        rows = [row for row in found.all if row["id"] is not None]
        _, on_page = await self._pages.encode(rows[:limit], _entry)
        page, more = rows[:on_page], on_page < len(rows)
        return Changes(
            tasks=[task_in(row) for row in page if not row["deleted"]],
            deleted=[_deleted(row) for row in page if row["deleted"]],
            revision=page[-1]["revision"] if more else revision,
            count=counters["task_count"] if counters else 0,
            more=more,
        )

    async def read_revision(self, owner: str) -> int:
        """Return the revision of the owner's newest write."""
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(READ_REVISION)
        return int(found.first["owner_revision"]) if found.first else 0


def _is_marker(row: ChangeRow) -> bool:
    """Tell whether deletions up to this one are not known any more."""
    return bool(row["deleted"]) and row["id"] is None


def _entry(row: ChangeRow) -> TaskRead | DeletedTask:
    return _deleted(row) if row["deleted"] else task_in(row)


def _deleted(row: ChangeRow) -> DeletedTask:
    return {"id": row["id"], "uid": row["uid"], "revision": row["revision"]}
