"""What has changed of a user's tasks since a revision of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from taskward.database.transaction import Database
from taskward.errors import ChangesGoneError
from taskward.tasks.changes import DeletedTask
from taskward.tasks.changes_statements import ChangeRow, changes
from taskward.tasks.fields import tasks_in
from taskward.tasks.page import BOUNDED_FROM, MAX_PAGE_BYTES, Pages, members
from taskward.tasks.statements import READ_REVISION


@dataclass(frozen=True)
class Changes:
    """One page of what has changed since a revision."""

    tasks: list[bytes]  # JSON, in pieces of one member or more
    deleted: list[bytes]
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
        if since > revision or (counters and counters["expired"]):
            raise ChangesGoneError
        rows = found.all if counters and counters["revision"] is not None else ()
        pieces, on_page = await self._pages.encode(rows, _written, limit)
        more = on_page < len(rows)
        return Changes(
            tasks=[tasks for tasks, _ in pieces if tasks],
            deleted=[deleted for _, deleted in pieces if deleted],
            revision=rows[on_page - 1]["revision"] if more else revision,
            count=counters["task_count"] if counters else 0,
            more=more,
        )

    async def read_revision(self, owner: str) -> int:
        """Return the revision of the owner's newest write."""
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(READ_REVISION)
        return int(found.first["owner_revision"]) if found.first else 0


def _written(rows: Sequence[ChangeRow]) -> tuple[bytes, bytes]:
    if any(row["id"] is None for row in rows):  # a mark, up to which deletions are not known any more
        raise ChangesGoneError
    tasks = tasks_in([row for row in rows if not row["deleted"]])
    return members(tasks), members(_deleted(row) for row in rows if row["deleted"])


def _deleted(row: ChangeRow) -> DeletedTask:
    return {"id": row["id"], "uid": row["uid"], "revision": row["revision"]}
