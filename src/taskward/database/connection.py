"""A connection that sends a whole unit of work in one packet and wakes its caller once, with the answers.

psycopg connects, authenticates, converts values and knows the protocol. What is left out is its cursors and its
pipeline block: that flushes after every statement, so that one request was three packets and three wake-ups of the
server, and every wait registers with the event loop anew. Reading a task costs 45 us of CPU here and 126 us there,
pool included (docs/performance.md). Pipelines: PostgreSQL manual, chapter on libpq, "Pipeline Mode".
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

import psycopg
from psycopg import errors, pq
from psycopg.abc import Buffer, PyFormat
from psycopg.adapt import Transformer

from taskward.database.compiled import Statement

Row = dict[str, Any]
Command = tuple[Statement, dict[str, Any]]
Arguments = Sequence[Buffer | None]

# What the session has prepared is no longer good: somebody changed a table under it, or dropped it.
STALE = (errors.FeatureNotSupported, errors.InvalidSqlStatementName)


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

    async def exchange(self, commands: Sequence[Command]) -> list[list[Row]]:
        """Run the commands as one transaction and return the rows of each.

        Raises the psycopg.Error that the first one failed with; then none of them has happened. Raises
        psycopg.OperationalError when the connection is lost; then nobody knows. Cancelled, it closes.
        """
        try:
            return await self._exchange(commands)
        except STALE:  # rolled back, and every other connection will meet the same: so mend it here
            self._prepared.clear()
            self._columns.clear()
            self._edition += b"+"
            return await self._exchange(commands)

    async def _exchange(self, commands: Sequence[Command]) -> list[list[Row]]:
        arguments = [self._dump(statement, values) for statement, values in commands]  # may raise: nothing is sent
        pending = self._pending = _Exchange(self._loop.create_future())
        try:
            for (statement, _), values in zip(commands, arguments, strict=True):
                self._send(statement, values, pending)
            self._pgconn.pipeline_sync()
            self._flush()
            results = await pending.answer
        except BaseException:
            if not pending.complete:  # an answer may still come, and must not be taken for the next one's
                self.close()
            raise
        finally:
            self._pending = None
        return [self._rows(statement, result) for (statement, _), result in zip(commands, results, strict=True)]

    def close(self) -> None:
        """Hang up."""
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1
        self._pgconn.finish()

    def _dump(self, statement: Statement, values: dict[str, Any]) -> Arguments:
        wanted = [values[name] for name in statement.parameters]
        return self._values.dump_sequence(wanted, [PyFormat.TEXT] * len(wanted))

    def _send(self, statement: Statement, arguments: Arguments, pending: "_Exchange") -> None:
        if not self._prepare:
            self._pgconn.send_query_params(statement.text, arguments)
        else:
            name = statement.name + self._edition
            if name not in self._prepared and name not in pending.expected:
                self._pgconn.send_prepare(name, statement.text)
                pending.expected.append(name)
            self._pgconn.send_query_prepared(name, arguments)
        pending.expected.append(None)

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
        """Take what has arrived; when the sync has been answered, wake who waits."""
        pending = self._pending
        try:
            self._pgconn.consume_input()
            while pending and not pending.complete and not self._pgconn.is_busy():
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
            pending.finish()
            return
        prepared = pending.expected.popleft() if pending.expected else None  # none: the commit itself failed
        if status == pq.ExecStatus.FATAL_ERROR:
            pending.error = pending.error or errors.error_from_result(result)
        elif prepared and status == pq.ExecStatus.COMMAND_OK:
            self._prepared.add(prepared)
        elif not prepared:
            pending.results.append(result)

    def _lost(self, error: psycopg.OperationalError) -> None:
        self.close()
        if self._pending:
            self._pending.fail(error)

    def _rows(self, statement: Statement, result: pq.abc.PGresult) -> list[Row]:
        columns = self._columns.get(statement.name)
        if columns is None:
            names = [result.fname(number) or b"" for number in range(result.nfields)]
            columns = self._columns[statement.name] = [name.decode() for name in names]
        self._values.set_pgresult(result)
        return self._values.load_rows(0, result.ntuples, lambda values: dict(zip(columns, values, strict=True)))


class _Exchange:
    """What is expected of the server, and what has come of it."""

    def __init__(self, answer: asyncio.Future[list[pq.abc.PGresult]]) -> None:
        self.answer = answer
        self.expected: deque[bytes | None] = deque()  # for each result the name it prepares, or None
        self.results: list[pq.abc.PGresult] = []
        self.error: psycopg.Error | None = None
        self.complete = False

    def finish(self) -> None:
        self.complete = True
        if self.answer.done():  # cancelled
            return
        if self.error:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.results)

    def fail(self, lost: psycopg.OperationalError) -> None:
        if not self.answer.done():
            self.answer.set_exception(self.error or lost)
