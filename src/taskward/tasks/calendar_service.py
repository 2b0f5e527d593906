"""What a calendar shows: the open tasks of its owner that have a day."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from taskward.database.transaction import Database
from taskward.errors import CalendarNotFoundError, TokenInvalidError
from taskward.tasks.calendar_statements import PAGE, READ_CALENDAR, CalendarRow

ShownAs = Literal["event", "todo"]
Tasks = Sequence[CalendarRow]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The tasks of a calendar, page by page, and the owner's revision at the first of them."""

    revision: int
    unchanged: bool  # since a revision the client knows; then no page was read
    pages: AsyncIterator[Tasks]


class CalendarService:
    """Reads calendars. Raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def read_calendar(self, owner: str, known: Sequence[int] = ()) -> Calendar:
        """Return the owner's calendar, of which the first page is read; raise CalendarNotFoundError.

        Where the owner's revision is one of `known`, the calendar says so and no task is read. Each page is read
        in a transaction of its own.
        """
        try:
            first = await self._page(owner, 0, known)
        except TokenInvalidError:  # the account was deleted a moment ago
            raise CalendarNotFoundError from None
        if not first:  # and so was this user, who has none: making the token made a row
            raise CalendarNotFoundError
        revision = first[0]["owner_revision"]
        return Calendar(revision, revision in known, self._pages(owner, first))

    async def _pages(self, owner: str, page: Tasks) -> AsyncIterator[Tasks]:
        while True:
            tasks = [row for row in page if row["id"] is not None]
            yield tasks
            if len(tasks) < PAGE:
                return
            page = await self._page(owner, tasks[-1]["id"])

    async def _page(self, owner: str, after: int, known: Sequence[int] = ()) -> Tasks:
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(READ_CALENDAR, after=after, known=f"{{{','.join(map(str, known))}}}")
        return found.all
