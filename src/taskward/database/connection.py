"""A connection that sends whole units of work in one packet and wakes its caller once, with the answers.

psycopg connects, authenticates, converts values and knows the protocol. What is left out is its cursors and its
pipeline block: that flushes after every statement, so that one request was three packets and three wake-ups of the
server, and every wait registers with the event loop anew. Reading a task costs 45 us of CPU here and 126 us there,
pool included (docs/performance.md). Pipelines: PostgreSQL manual, chapter on libpq, "Pipeline Mode".
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Self

import psycopg
from psycopg import errors, pq
from psycopg.abc import Buffer, PyFormat
from psycopg.adapt import Transformer

from taskward.database.statement import Statement

Row = dict[str, Any]
Command = tuple[Statement, dict[str, Any]]
Unit = Sequence[Command]
Outcome = list[list[Row]] | Exception
Arguments = Sequence[Buffer | None]

# What the session has prepared is no longer good: somebody changed a table under it, or dropped it.
STALE = (errors.FeatureNotSupported, errors.InvalidSqlStatementName)


class ConnectionLostError(psycopg.OperationalError):
    """The connection ended before the answer was complete."""


class Connection:
    """One session of PostgreSQL. Make it with `connect`; it serves one exchange at a time."""

    def __init__(self, driver: psycopg.AsyncConnection[Any], *, prepare: bool) -> None:
        self._driver = driver
        self._pgconn = driver.pgconn
        self._prepare = prepare
        self._prepared: set[bytes] = set()
        self._edition = b""  # ends the names of prepared statements, and grows when those before are stale
        self._columns: dict[bytes, list[str]] = {}
        self._values = Transformer(driver)
        self._loop = asyncio.get_running_loop()
        self._pending: _Exchange | None = None
        self._pgconn.enter_pipeline_mode()
        self._socket = self._pgconn.socket  # libpq forgets it when it finds the connection lost
        self._loop.add_reader(self._socket, self._on_readable)

    @classmethod
    async def connect(cls, conninfo: str, *, prepare: bool) -> Self:
        """Connect to a libpq connection string; raise psycopg.OperationalError.

        `prepare` lets the server remember statements, which a session of PgBouncer's must not rely on.
        """
        try:
            driver = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        except asyncio.CancelledError as cancelled:
            raise cancelled.with_traceback(None) from None  # whose frames would keep the socket open
        return cls(driver, prepare=prepare)

    @property
    def usable(self) -> bool:
        """Whether another exchange can be tried. A server that hung up is noticed while the connection rests."""
        return self._pgconn.status == pq.ConnStatus.OK and self._pending is None

    async def exchange(self, commands: Unit) -> list[list[Row]]:
        """Run the commands as one transaction and return the rows of each.

        Raises the error that the first one failed with: then nothing of it has happened. Raises
        ConnectionLostError: then nobody knows. Cancelled, it closes.
        """
        (outcome,) = await self.exchange_all([commands])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def exchange_all(self, units: Sequence[Unit]) -> list[Outcome]:
        """Run each unit as a transaction of its own, one after the other, all sent in one packet.

        Returns for each what `exchange` returns or raises.
        """
        outcomes = await self._exchange(units)
        stale = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, STALE)]
        if stale:  # rolled back, and every other connection will meet the same: so mend it here
            self._prepared.clear()
            self._columns.clear()
            self._edition += b"+"
            again = await self._exchange([units[number] for number in stale])
            for number, outcome in zip(stale, again, strict=True):
                outcomes[number] = outcome
        return outcomes

    async def _exchange(self, units: Sequence[Unit]) -> list[Outcome]:
        sent = [_Unit(commands) for commands in units]
        arguments = [self._dump(unit) for unit in sent]
        pending = self._pending = _Exchange(sent, self._loop.create_future())
        try:
            self._send(pending, arguments)
            await pending.answer
        except BaseException:
            if pending.in_flight:  # an answer may still come, and must not be taken for the next one's
                self.close()
            raise
        finally:
            self._pending = None
        return [self._outcome(unit) for unit in sent]

    def close(self) -> None:
        """Hang up."""
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1
        self._pgconn.finish()

    def _dump(self, unit: "_Unit") -> list[Arguments]:
        try:
            return [self._values.dump_sequence(wanted, [PyFormat.TEXT] * len(wanted)) for wanted in unit.values()]
        except Exception as error:  # what PostgreSQL cannot hold; nothing of the unit is sent
            unit.error = error
            return []

    def _send(self, pending: "_Exchange", arguments: Sequence[Sequence[Arguments]]) -> None:
        try:
            for unit, values in zip(pending.units, arguments, strict=True):
                if not unit.error:
                    for (statement, _), of_statement in zip(unit.commands, values, strict=True):
                        self._send_command(statement, of_statement, unit, pending)
                    self._pgconn.pipeline_sync()
            self._flush()
        except psycopg.OperationalError as error:
            self._lost(error)

    def _send_command(
        self, statement: Statement, arguments: Arguments, unit: "_Unit", pending: "_Exchange"
    ) -> None:
        if not self._prepare:
            self._pgconn.send_query_params(statement.text, arguments)
        else:
            name = statement.name + self._edition
            if name not in self._prepared and name not in pending.preparing:
                self._pgconn.send_prepare(name, statement.text)
                pending.preparing.add(name)
                unit.expected.append(name)
            self._pgconn.send_query_prepared(name, arguments)
        unit.expected.append(None)

    def _flush(self) -> None:
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._on_writable)

    def _on_writable(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self._lost(error)

    def _on_readable(self) -> None:
        """Take what has arrived; when the last sync has been answered, wake who waits."""
        pending = self._pending
        try:
            self._pgconn.consume_input()
            while pending and pending.in_flight and not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is not None:
                    self._take(result, pending)
                elif self._pgconn.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError("the connection is lost")
        except psycopg.OperationalError as error:
            self._lost(error)

    def _take(self, result: pq.abc.PGresult, pending: "_Exchange") -> None:
        status = result.status
        if status == pq.ExecStatus.PIPELINE_SYNC:
            pending.settle()
            return
        unit = pending.in_flight[0]
        prepared = unit.expected.popleft() if unit.expected else None  # none: the commit itself failed
        if status == pq.ExecStatus.FATAL_ERROR:
            unit.error = unit.error or errors.error_from_result(result)
        elif prepared and status == pq.ExecStatus.COMMAND_OK:
            self._prepared.add(prepared)
        elif not prepared:
            unit.results.append(result)

    def _lost(self, error: psycopg.OperationalError) -> None:
        self.close()
        if self._pending:
            self._pending.fail(error)

    def _outcome(self, unit: "_Unit") -> Outcome:
        try:
            return unit.error or [
                self._rows(statement, result)
                for (statement, _), result in zip(unit.commands, unit.results, strict=True)
            ]
        except psycopg.Error as error:
            return error

    def _rows(self, statement: Statement, result: pq.abc.PGresult) -> list[Row]:
        columns = self._columns.get(statement.name)
        if columns is None:
            names = [result.fname(number) or b"" for number in range(result.nfields)]
            columns = self._columns[statement.name] = [name.decode() for name in names]
        self._values.set_pgresult(result)
        return self._values.load_rows(0, result.ntuples, lambda values: dict(zip(columns, values, strict=True)))


class _Unit:
    """What is expected of the server for one transaction, and what has come of it."""

    __slots__ = ("commands", "error", "expected", "results")

    def __init__(self, commands: Unit) -> None:
        self.commands = commands
        self.expected: deque[bytes | None] = deque()  # for each result the name it prepares, or None
        self.results: list[pq.abc.PGresult] = []
        self.error: Exception | None = None

    def values(self) -> Iterator[list[Any]]:
        for statement, values in self.commands:
            yield [values[name] for name in statement.parameters]


class _Exchange:
    """Units that were sent together, and those of them that wait for the end of their transaction."""

    def __init__(self, units: Sequence[_Unit], answer: asyncio.Future[None]) -> None:
        self.units = units
        self.in_flight = deque(unit for unit in units if not unit.error)
        self.preparing: set[bytes] = set()
        self.answer = answer
        self._wake_when_complete()

    def settle(self) -> None:
        """Take the end of a transaction."""
        unit = self.in_flight[0]
        if not unit.error and len(unit.results) != len(unit.commands):
            raise psycopg.OperationalError("the server's answers are not those to what was sent")
        self.in_flight.popleft()
        self._wake_when_complete()

    def fail(self, lost: psycopg.OperationalError) -> None:
        """Take the end of the connection."""
        for unit in self.in_flight:
            reason = unit.error or lost
            unit.error = ConnectionLostError(str(reason))
            unit.error.__cause__ = reason
        self.in_flight.clear()
        self._wake_when_complete()

    def _wake_when_complete(self) -> None:
        if not self.in_flight and not self.answer.done():  # done before it is complete: cancelled
            self.answer.set_result(None)
