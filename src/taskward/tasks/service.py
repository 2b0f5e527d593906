"""What users do with their tasks. Each function acts as one user, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taskward.database.driver.statement import RowT, Statement
from taskward.database.errors import AlreadyThereError, LockTimeoutError
from taskward.database.purge import Purge
from taskward.database.transaction import Database
from taskward.errors import (
    DatabaseUnavailableError,
    ForbiddenError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    QuotaExceededError,
    RateLimitedError,
    TaskNotFoundError,
    ValidationFailedError,
)
from taskward.tasks import batch, idempotency, statements
from taskward.tasks.batch_schemas import BatchResults, Operation
from taskward.tasks.change import Change, Revisions
from taskward.tasks.changes_statements import PURGE_DELETED
from taskward.tasks.cursor import Cursors
from taskward.tasks.fields import TaskRead, Values, task_in, tasks_in
from taskward.tasks.list_statements import SORT_KEYS, ListRow, list_tasks
from taskward.tasks.page import BOUNDED_FROM, MAX_PAGE_BYTES, Pages, members
from taskward.tasks.schemas import ListQuery

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    revision: int  # the owner's
    unchanged: bool  # since a revision the client knows; then nothing below was read
    tasks: list[bytes]  # JSON, in pieces of one task or more
    count: int  # on all pages
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Created:
    """What came of a create."""

    task: TaskRead
    is_new: bool
    replayed: bool = False  # the response to an earlier create with this key


class TaskService:
    """The task operations. Each raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(self, database: Database, cursors: Cursors, *, reveal_foreign_tasks: bool) -> None:
        """Take the database, what makes cursors, and whether somebody else's task is 403.

        Else it is 404, as if it did not exist.
        """
        self._database = database
        self.cursors = cursors
        self._reveal_foreign_tasks = reveal_foreign_tasks
        self._purge = idempotency.key_purge(database)
        self._pages = Pages()
        self._purge_deleted = Purge("deleted tasks", database, PURGE_DELETED)

    async def list_tasks(self, owner: str, query: ListQuery, known: Sequence[int] = ()) -> Page:
        """Return one page of the owner's tasks; raise ValidationFailedError for a cursor of another query.

        Where the owner's revision is one of `known`, the page says so and no task is read.
        """
        after = () if query.cursor is None else self.cursors.read(query.cursor, owner, query.listed)
        filters = query.filters
        statement = list_tasks(
            status=query.status,
            sort=query.sort,
            descending=query.descending,
            after=bool(after),
            known=bool(known),
            bounded=query.limit > BOUNDED_FROM,
            filters=frozenset(filters),
        )
        bounds = {f"after_{index}": part for index, part in enumerate(after)}
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(
                statement,
                limit=query.limit + 1,
                max_bytes=MAX_PAGE_BYTES,
                known=f"{{{','.join(map(str, known))}}}",
                **filters,
                **bounds,
            )
        first = found.first
        revision, count = (first["owner_revision"], first["matching"] or 0) if first else (0, 0)
        if revision in known:
            return Page(revision=revision, unchanged=True, tasks=[], count=count, next_cursor=None)
        rows = found.all if first and first["id"] is not None else ()
        pieces, on_page = await self._pages.encode(rows, _written, query.limit)
        last = rows[on_page - 1] if on_page < len(rows) else None
        return Page(
            revision=revision,
            unchanged=False,
            tasks=[tasks for (tasks,) in pieces],
            count=count,
            next_cursor=self.cursors.write(owner, query.listed, _key(last, query.sort)) if last else None,
        )

    async def create_task(self, owner: str, new: Values, key: str | None = None) -> Created:
        """Store a new task, unless its `uid` or this key is known; then return what is there or was answered.

        Raises QuotaExceededError; with a key IdempotencyKeyReusedError, IdempotencyInProgressError when the first
        is still running after the time a request may wait, and RateLimitedError where no key more is kept.
        """
        if key is None and new["uid"] is None:
            async with self._database.acting_as(owner) as transaction:
                created = transaction.execute(statements.CREATE_TASK, **new)
            if created.first is None:
                raise QuotaExceededError
            return Created(created.first, is_new=True)
        no_room = False
        for _ in range(ATTEMPTS):
            try:
                found = await (self._create_once(owner, new, key) if key else self._create_named(owner, new))
            except AlreadyThereError as error:
                if error.constraint not in (idempotency.CONSTRAINT, statements.UID_CONSTRAINT, None):
                    raise
                continue  # another request with this key or uid was faster, and has what is to be returned
            except LockTimeoutError as error:
                raise IdempotencyInProgressError from error
            if found:
                return found
            no_room = True  # unless a request with this key or uid has taken the last
        raise await self._reason_for_no_room(owner) if no_room else IdempotencyInProgressError()

    async def _create_named(self, owner: str, new: Values) -> Created | None:
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(statements.CREATE_NAMED_TASK, **new)
        return Created(task_in(found.first), is_new=found.first["created"]) if found.first else None

    async def _create_once(self, owner: str, new: Values, key: str) -> Created | None:
        fingerprint = idempotency.fingerprint(new)
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(idempotency.CREATE_TASK_ONCE, key=key, fingerprint=fingerprint, **new)
        self._purge.when_due()
        if found.first is None:
            return None
        stored = found.first["fingerprint"]
        if stored not in (None, fingerprint):
            raise IdempotencyKeyReusedError
        return Created(task_in(found.first), is_new=found.first["created"], replayed=stored is not None)

    async def read_task(self, owner: str, task_id: int) -> TaskRead:
        """Return a task; raise TaskNotFoundError, or ForbiddenError when it is somebody else's."""
        return await self._the_task(owner, statements.READ_TASK, task_id)

    async def update_task(
        self, owner: str, task_id: int, changes: Values, expected: Revisions | None = None
    ) -> TaskRead:
        """Change what `changes` names and return the task; raise as `read_task` does.

        Where `expected` is given, raise PreconditionFailedError when the task is at none of these revisions.
        """
        statement = statements.update_task(frozenset(changes), conditional=expected is not None)
        return await self._the_task(owner, statement, task_id, expected, **changes)

    async def complete_task(
        self, owner: str, task_id: int, *, completed: bool | None, expected: Revisions | None = None
    ) -> TaskRead:
        """Set whether a task is done, or flip it where `completed` is None; raise as `update_task` does."""
        if completed is not None:
            return await self.update_task(owner, task_id, {"completed": completed}, expected)
        statement = statements.flip_task(conditional=expected is not None)
        return await self._the_task(owner, statement, task_id, expected)

    async def delete_task(self, owner: str, task_id: int, expected: Revisions | None = None) -> None:
        """Delete a task for good; raise as `update_task` does."""
        statement = statements.delete_task(conditional=expected is not None)
        await self._the_task(owner, statement, task_id, expected)
        self._purge_deleted.when_due()

    async def run_batch(self, owner: str, operations: Sequence[Operation]) -> BatchResults:
        """Do several operations in one transaction, and return what became of each.

        What cannot be done for its own reason keeps nothing else from being done. Raises ValidationFailedError
        where the database does not allow what an operation would leave behind: then nothing is done.
        """
        for _ in range(ATTEMPTS):
            try:
                return await self._run_batch(owner, operations)
            except AlreadyThereError as error:
                if error.constraint not in (statements.UID_CONSTRAINT, None):
                    raise
                # Of a user who had written nothing there was no row to lock, and another first write was faster.
        raise DatabaseUnavailableError

    async def _run_batch(self, owner: str, operations: Sequence[Operation]) -> BatchResults:
        transaction = self._database.acting_as(owner)
        try:
            async with transaction:
                steps = batch.begin(transaction, operations)
                counter = transaction.execute(statements.READ_REVISION)
        except ValidationFailedError as error:
            raise batch.named(error, steps, transaction.failed) from error
        results = [step.result() for step in steps]
        if any(result and result["status"] == 204 for result in results):
            self._purge_deleted.when_due()
        unknown = [step for step, result in zip(steps, results, strict=True) if result is None]
        reasons = iter(await self._reasons_for_nothing(owner, [step.task_id for step in unknown]))
        return {
            "results": [
                result or step.refused(next(reasons)) for step, result in zip(steps, results, strict=True)
            ],
            "revision": counter.first["owner_revision"] if counter.first else 0,
        }

    async def _the_task(
        self,
        owner: str,
        statement: Statement[RowT],
        task_id: int,
        expected: Revisions | None = None,
        **values: Any,
    ) -> RowT:
        async with self._database.acting_as(owner) as transaction:
            change = Change(transaction, statement, task_id, expected, **values)
        if (row := change.row) is not None:
            return row
        (reason,) = await self._reasons_for_nothing(owner, [task_id])
        raise reason

    async def _reason_for_no_room(self, owner: str) -> QuotaExceededError | RateLimitedError:
        async with self._database.acting_as(owner) as transaction:
            room = transaction.execute(idempotency.ROOM)
        if room.first and room.first["has_all_keys"]:
            return RateLimitedError(max(1, room.first["seconds"]), detail=idempotency.TOO_MANY_KEYS)
        return QuotaExceededError()

    async def _reasons_for_nothing(
        self, owner: str, task_ids: Sequence[int]
    ) -> list[ForbiddenError | TaskNotFoundError]:
        """Return for each of some tasks that the owner does not have what to say of it."""
        if not self._reveal_foreign_tasks or not task_ids:
            return [TaskNotFoundError() for _ in task_ids]
        try:
            async with self._database.acting_as(owner) as transaction:
                found = [transaction.execute(statements.TASK_EXISTS, task_id=task_id) for task_id in task_ids]
        except DatabaseUnavailableError:
            if not self._database.distributed:
                raise
            # That it is not the owner's is known; whose it is only all servers know, and one of them is away.
            return [TaskNotFoundError() for _ in task_ids]
        return [ForbiddenError() if rows.all[0]["it_does"] else TaskNotFoundError() for rows in found]


def _written(rows: Sequence[ListRow]) -> tuple[bytes]:
    return (members(tasks_in(rows)),)


def _key(row: Mapping[str, Any], sort: str) -> tuple[int | str, ...]:
    return tuple(row[part.name] for part in SORT_KEYS[sort])
