"""What users do with their tasks. Each function acts as one user, in one transaction."""

from dataclasses import dataclass
from typing import Any

from taskward.database.acting_as import Database
from taskward.database.compiled import Statement
from taskward.errors import ForbiddenError, TaskNotFoundError
from taskward.tasks import statements
from taskward.tasks.cursor import read_cursor, write_cursor
from taskward.tasks.schemas import ListQuery, TaskChanges, TaskCreate

Task = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    tasks: list[Task]
    count: int  # on all pages
    next_cursor: str | None


class TaskService:
    """The task operations. Each raises DatabaseUnavailableError when there is no answer to be had."""

    def __init__(self, database: Database, *, reveal_foreign_tasks: bool) -> None:
        """Take the database, and whether somebody else's task is 403 (else it is 404, as if it did not exist)."""
        self._database = database
        self._reveal_foreign_tasks = reveal_foreign_tasks

    async def list_tasks(self, owner: str, query: ListQuery) -> Page:
        """Return one page of the owner's tasks; raise ValidationFailedError for a cursor of another query."""
        wanted = (query.status, query.sort, query.descending)
        after = read_cursor(query.cursor, *wanted) if query.cursor is not None else ()
        statement = statements.list_tasks(
            completed={"all": None, "pending": False, "completed": True}[query.status],
            sort=query.sort,
            descending=query.descending,
            after=bool(after),
        )
        bounds = {f"after_{index}": part for index, part in enumerate(after)}
        async with self._database.acting_as(owner) as unit:
            found = await unit.execute(statement, limit=query.limit + 1, **bounds)
        rows = [row for row in found.all if row["id"] is not None]
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return Page(
            tasks=[_task(row) for row in rows],
            count=_count(found.first, query.status),
            next_cursor=write_cursor(*wanted, _key(rows[-1], query.sort)) if more else None,
        )

    async def create_task(self, owner: str, new: TaskCreate) -> Task:
        """Store a new task and return it."""
        async with self._database.acting_as(owner) as unit:
            created = await unit.execute(
                statements.CREATE_TASK, title=new.title, description=new.description, completed=new.completed
            )
        return created.all[0]

    async def read_task(self, owner: str, task_id: int) -> Task:
        """Return a task; raise TaskNotFoundError, or ForbiddenError when it is somebody else's."""
        return await self._the_task(owner, statements.READ_TASK, task_id)

    async def update_task(self, owner: str, task_id: int, changes: TaskChanges) -> Task:
        """Change what `changes` names and return the task; raise as `read_task` does."""
        return await self._the_task(owner, statements.update_task(frozenset(changes)), task_id, **changes)

    async def complete_task(self, owner: str, task_id: int, *, completed: bool | None) -> Task:
        """Set whether a task is done, or flip it where `completed` is None; raise as `read_task` does."""
        if completed is None:
            return await self._the_task(owner, statements.FLIP_TASK, task_id)
        return await self.update_task(owner, task_id, {"completed": completed})

    async def delete_task(self, owner: str, task_id: int) -> None:
        """Delete a task for good; raise as `read_task` does."""
        await self._the_task(owner, statements.DELETE_TASK, task_id)

    async def _the_task(self, owner: str, statement: Statement, task_id: int, **values: Any) -> Task:
        async with self._database.acting_as(owner) as unit:
            found = await unit.execute(statement, task_id=task_id, **values)
        if found.first is None:
            raise await self._reason_for_nothing(owner, task_id)
        return found.first

    async def _reason_for_nothing(self, owner: str, task_id: int) -> ForbiddenError | TaskNotFoundError:
        if self._reveal_foreign_tasks:
            async with self._database.acting_as(owner) as unit:
                exists = await unit.execute(statements.TASK_EXISTS, task_id=task_id)
            if exists.all[0]["it_does"]:
                return ForbiddenError()
        return TaskNotFoundError()


def _task(row: Task) -> Task:
    return {column: row[column] for column in statements.ANSWER_COLUMNS}


def _key(row: Task, sort: str) -> tuple[int | str, ...]:
    return tuple(row[column] for column in statements.SORT_KEY_COLUMNS[sort])


def _count(owner: Task | None, status: str) -> int:
    if owner is None:
        return 0
    total, completed = int(owner["task_count"]), int(owner["completed_count"])
    return {"all": total, "completed": completed, "pending": total - completed}[status]
