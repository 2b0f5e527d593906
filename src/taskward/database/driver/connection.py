"""A connection that sends whole transactions in one packet and wakes its caller once, with the answers.

psycopg connects, authenticates, converts values and knows the protocol. What is left out is its cursors and its
pipeline block: that flushes after every statement, so that one request was three packets and three wake-ups of the
server, and every wait registers with the event loop anew. Reading a task costs 45 us of CPU here and 126 us there,
pool included (decision 10). Pipelines: PostgreSQL manual, chapter on libpq, "Pipeline Mode".
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from itertools import count
from traceback import clear_frames
from typing import Any, Self

import psycopg
from psycopg import errors, pq
from psycopg.abc import Buffer, PyFormat
from psycopg.adapt import Transformer

from taskward.database.driver.exchange import Command, Exchange, PendingTransaction
from taskward.database.driver.results import AT_ONCE, LazyResult, Row
from taskward.database.driver.statement import Statement

Arguments = Sequence[Buffer | None]

# What the session has prepared is no longer good: somebody changed a table under it, or dropped it.
STALE = (errors.FeatureNotSupported, errors.InvalidSqlStatementName)

PROCESS_ID = Statement("SELECT pg_backend_pid() AS pid")
FIRST_ANSWER_SECONDS = 5.0  # as libpq is given to log in, unless DATABASE_URL says otherwise

logger = logging.getLogger(__name__)


class Connection:
    """One session of PostgreSQL. Make it with `connect`; it serves one exchange at a time."""

    def __init__(self, driver: psycopg.AsyncConnection[Any], *, unpooled: bool) -> None:
        self._driver = driver
        self._pgconn = driver.pgconn
        self.unpooled = unpooled
        self._prepared: set[bytes] = set()
        self._generation = b""  # ends the names of prepared statements; another one when those before are stale
        self._generations = count(1)
        self._columns: dict[bytes, list[str]] = {}
        self._values = Transformer(driver)
        self._loop = asyncio.get_running_loop()
        self._pending: Exchange | None = None
        self.round_trip = float("inf")  # seconds that the shortest exchange has taken
        self._pgconn.enter_pipeline_mode()
        self._socket = self._pgconn.socket  # libpq forgets it when it finds the connection lost
        self._loop.add_reader(self._socket, self._on_readable)

    @classmethod
    async def connect(cls, conninfo: str, *, pooled: bool = False) -> Self:
        """Connect to a libpq connection string; raise psycopg.OperationalError.

        Whether a pooler is in between is asked of the server: a pooler gives a process id of its own. It may give
        each transaction another session, so nothing is prepared there. And some take the end of one transaction
        for the end of all that were sent, and give the rest to others: so only a connection that is `unpooled` is
        sent more than one at a time. What is known to be `pooled` is never taken for that.
        """
        try:
            driver = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        except BaseException as error:
            # What it stopped in would keep the socket, and so a session of PostgreSQL, until it is collected.
            clear_frames(error.__traceback__)
            error.__context__ = None
            raise
        connection = cls(driver, unpooled=False)
        if not pooled:
            try:  # as all is asked here: the driver, when cancelled, would try for 10 s to cancel it there
                async with asyncio.timeout(FIRST_ANSWER_SECONDS):
                    (answer,) = await connection.exchange([(PROCESS_ID, {})])
            except BaseException as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    raise psycopg.OperationalError("the server does not answer") from None
                raise
            connection.unpooled = answer == [{"pid": driver.info.backend_pid}]
        return connection

    @property
    def usable(self) -> bool:
        """Whether another exchange can be tried. A server that hung up is noticed while the connection rests."""
        return self._pgconn.status == pq.ConnStatus.OK and self._pending is None

    async def exchange(self, commands: Sequence[Command]) -> list[Sequence[Row]]:
        """Run the commands as one transaction and return the rows of each.

        Raises the error that the first one failed with: then nothing of it has happened. Raises
        ConnectionLostError: then nobody knows. Cancelled, it closes.
        """
        transaction = PendingTransaction(commands)
        await self.exchange_all([transaction])
        return await transaction.outcome()

    async def exchange_all(self, transactions: Sequence[PendingTransaction]) -> None:
        """Run each transaction as a transaction of its own, one after the other, all sent in one packet.

        Each gets its outcome, as `exchange` returns or raises it, as soon as it has ended. Cancelled, it closes,
        and those that have not ended get none.
        """
        if not self.unpooled and len(transactions) > 1:
            raise AssertionError("only an unpooled connection is sent more than one transaction at a time")
        await self._exchange(transactions)
        stale = [
            transaction
            for transaction in transactions
            if isinstance(transaction.error, STALE) and not transaction.answer.done()
        ]
        if stale:  # rolled back, and every other connection will meet the same: so mend it here
            self._prepared.clear()
            self._columns.clear()
            self._generation = b"_%d" % next(self._generations)
        for transaction in stale:  # one by one: should one fail, it takes along what it would have prepared
            transaction.begin_anew()
            await self._exchange([transaction])
            if transaction.error:
                transaction.settle(transaction.error)

    async def _exchange(self, transactions: Sequence[PendingTransaction]) -> None:
        arguments = [self._dump(transaction) for transaction in transactions]
        pending = self._pending = Exchange(transactions, self._loop.create_future())
        began = time.monotonic()
        try:
            self._send(pending, arguments)
            await pending.ended
            if not any(transaction.error for transaction in transactions):  # which may not have been sent at all
                self.round_trip = min(self.round_trip, time.monotonic() - began)
        except BaseException:
            if pending.in_flight:  # an answer may still come, and must not be taken for the next one's
                self.close()
            raise
        finally:
            self._pending = None

    def close(self) -> None:
        """Hang up."""
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1
        self._pgconn.finish()

    def _dump(self, transaction: PendingTransaction) -> list[Arguments]:
        try:
            wanted = [
                [values[name] for name in statement.parameters] for statement, values in transaction.commands
            ]
            return [self._values.dump_sequence(values, [PyFormat.TEXT] * len(values)) for values in wanted]
        except Exception as error:  # what PostgreSQL cannot hold; nothing of the transaction is sent
            transaction.fail(error)
            transaction.settle(error)
            return []

    def _send(self, pending: Exchange, arguments: Sequence[Sequence[Arguments]]) -> None:
        try:
            for transaction, values in zip(pending.transactions, arguments, strict=True):
                if not transaction.error:
                    for (statement, _), of_statement in zip(transaction.commands, values, strict=True):
                        self._send_command(statement, of_statement, transaction, pending)
                    self._pgconn.pipeline_sync()
            self._flush()
        except psycopg.OperationalError as error:
            self._lost(error)

    def _send_command(
        self, statement: Statement, arguments: Arguments, transaction: PendingTransaction, pending: Exchange
    ) -> None:
        if not self.unpooled or not statement.prepared:
            self._pgconn.send_query_params(statement.text, arguments)
        else:
            name = statement.name + self._generation
            if name not in self._prepared and name not in pending.preparing:
                self._pgconn.send_prepare(name, statement.text)
                pending.preparing.add(name)
                transaction.expected.append(name)
            self._pgconn.send_query_prepared(name, arguments)
        transaction.expected.append(None)

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

    def _take(self, result: pq.abc.PGresult, pending: Exchange) -> None:
        status = result.status
        transaction = pending.in_flight[0]
        if status == pq.ExecStatus.PIPELINE_SYNC:
            self._settle(transaction, pending)
            return
        prepared = transaction.expected.pop(0) if transaction.expected else None  # none: the commit itself failed
        if status == pq.ExecStatus.FATAL_ERROR:
            transaction.fail(errors.error_from_result(result))
        elif prepared and status == pq.ExecStatus.COMMAND_OK:
            self._prepared.add(prepared)
        elif not prepared:
            transaction.results.append(result)

    def _lost(self, error: psycopg.OperationalError) -> None:
        self.close()
        if self._pending:
            self._pending.fail(error)

    def _settle(self, transaction: PendingTransaction, pending: Exchange) -> None:
        """Take the end of a transaction."""
        if not transaction.error and len(transaction.results) != len(transaction.commands):
            raise _mixed_up()
        if not isinstance(transaction.error, STALE):
            transaction.settle(transaction.error or self._load(transaction))
            transaction.results.clear()  # before whoever waits for the rows has his turn
        pending.end_of_first()

    def _load(self, transaction: PendingTransaction) -> list[Sequence[Row]] | Exception:
        answers: list[Sequence[Row]] = []
        for (statement, values), result in zip(transaction.commands, transaction.results, strict=True):
            if statement.correlation_id:
                if not _is_answered_with(values[statement.correlation_id], result):
                    raise _mixed_up()
                answers.append([])  # nobody asks for its row, and to make one would take as long as a task takes
                continue
            try:
                answers.append(self._rows(statement, result))
            except Exception as error:  # that of this transaction, and of no other
                return error
        return answers

    def _rows(self, statement: Statement, result: pq.abc.PGresult) -> Sequence[Row]:
        columns = self._columns.get(statement.name)
        if columns is None:
            names = [result.fname(number) or b"" for number in range(result.nfields)]
            columns = self._columns[statement.name] = [name.decode() for name in names]
        count = result.ntuples
        if statement.lazy:
            self._values.set_pgresult(result)  # finds its loaders: they ask the session, which may be gone later
            return LazyResult(count, partial(self._make_rows, result, columns))
        return self._make_rows(result, columns, 0, count)

    def _make_rows(self, result: pq.abc.PGresult, columns: Sequence[str], start: int, end: int) -> list[Row]:
        if self._values.pgresult is not result:  # else it knows the loaders still
            self._values.set_pgresult(result)
        rows = [dict(zip(columns, values, strict=True)) for values in self._values.load_rows(start, end, tuple)]
        if result.ntuples > AT_ONCE:
            self._values.set_pgresult(None)  # more than a mebibyte, which this would keep until the next result
        return rows


def _is_answered_with(correlation_id: str, result: pq.abc.PGresult) -> bool:
    """Tell whether this is the one row that ends with the id."""
    return result.ntuples == 1 and result.get_value(0, result.nfields - 1) == correlation_id.encode()


def _mixed_up() -> psycopg.OperationalError:
    """Return what ends a connection whose answers belong to others: nobody is given any of them."""
    logger.critical(
        "the database gave answers that are not those to what was asked. There seems to be a pooler in between"
        " that mixes up its clients: connect without it, or under a host name that contains '-pooler.'"
    )
    return psycopg.OperationalError("the server's answers are not those to what was sent")
