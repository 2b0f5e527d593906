"""What is under way on a connection: transactions that were sent together, and what has come of each."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import pq

from taskward.database.driver.results import Row
from taskward.database.driver.statement import Statement

Command = tuple[Statement[Any], dict[str, Any]]


# How the SQLSTATE begins of what poolers may say, and go on, when they lost the server: connection exceptions,
# a server that stops, system errors. Nobody knows then whether it had committed.
OF_POOLERS = ("08", "57P", "58")


class ConnectionLostError(psycopg.OperationalError):
    """The connection ended before the answer was complete."""


def failed_at(error: Exception) -> int | None:
    """Return which command of its transaction the server had an error with, the first being 0, if it was one.

    Then nothing of the transaction has happened. Of one that could not be sent at all, it is the first. None where
    it may be the word of a pooler and not of the server.
    """
    number: int | None = getattr(error, "failed_at", None)
    return number


class PendingTransaction:
    """Commands that are one transaction, and what comes of it: the rows of each command, or an error."""

    __slots__ = ("answer", "commands", "error", "expected", "results")

    def __init__(self, commands: Sequence[Command]) -> None:
        """Take the commands. Belongs to the running event loop."""
        self.commands = commands
        self.answer: asyncio.Future[list[Sequence[Row]] | Exception] = asyncio.get_running_loop().create_future()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget an attempt."""
        # For each result the name it prepares, or None. A few, so that a list will do: a deque takes 600 bytes.
        self.expected: list[bytes | None] = []
        self.results: list[pq.abc.PGresult] = []
        self.error: Exception | None = None

    def fail(self, error: Exception) -> None:
        """Take what the server says of a command; of those behind it, it only says that it passes over them."""
        if self.error is None:
            if not (getattr(error, "sqlstate", None) or "").startswith(OF_POOLERS):
                error.failed_at = len(self.results)  # type: ignore[attr-defined]  # what alone knows its way up
            self.error = error

    def settle(self, outcome: list[Sequence[Row]] | Exception) -> None:
        """Tell whoever waits, if anybody still does."""
        if not self.answer.done():
            self.answer.set_result(outcome)

    async def outcome(self) -> list[Sequence[Row]]:
        """Return the rows of each command, or raise the error, when it is there."""
        outcome = await self.answer
        if isinstance(outcome, Exception):
            raise outcome.with_traceback(None)  # it may be raised for many, and would keep the frames of all
        return outcome


class Exchange:
    """Transactions that were sent together, and those of them that have not ended yet."""

    def __init__(self, transactions: Sequence[PendingTransaction], ended: asyncio.Future[None]) -> None:
        self.transactions = transactions
        self.in_flight = deque(transaction for transaction in transactions if not transaction.error)
        self.preparing: set[bytes] = set()
        self.ended = ended
        self._wake_when_ended()

    def end_of_first(self) -> None:
        """Take the end of the first one's transaction."""
        self.in_flight.popleft()
        self._wake_when_ended()

    def fail(self, lost: psycopg.OperationalError) -> None:
        """Take the end of the connection."""
        for transaction in self.in_flight:
            reason = transaction.error or lost
            transaction.error = ConnectionLostError("the connection is lost")
            transaction.error.__cause__ = reason
            transaction.settle(transaction.error)
        self.in_flight.clear()
        self._wake_when_ended()

    def _wake_when_ended(self) -> None:
        if not self.in_flight and not self.ended.done():  # done before it ended: cancelled
            self.ended.set_result(None)
