"""`Database.acting_as`: who is asking and what they want, in one round trip and one transaction.

The identity and the statements travel together in a pipeline, and everything up to its sync is one implicit
transaction (PostgreSQL manual, "Pipelining" in the chapter on the protocol). So the sync is the only commit, and
the settings, being local to the transaction, leave nothing on the connection.
"""

import asyncio
import logging
import secrets
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from itertools import count
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Self

from psycopg import errors as postgres

from taskward.database.background import Background
from taskward.database.driver.connection import STALE, Connection
from taskward.database.driver.exchange import Command, ConnectionLostError, failed_at
from taskward.database.driver.pool import Pool
from taskward.database.driver.read_batches import ReadBatches
from taskward.database.driver.results import Row
from taskward.database.driver.statement import Effect, RowT, Statement
from taskward.database.engine import ACT_AS, ACT_AS_READER, FIND_ENGINE, as_distributed
from taskward.database.errors import IdentityNotArrivedError, translated
from taskward.database.group_commits import GroupCommits, RolledBackError
from taskward.database.tables import Broken
from taskward.database.url import is_pooled
from taskward.errors import ApiError, DatabaseUnavailableError, ScopeMissingError

APP_ROLE = "taskward_app"
ACCOUNTS_ROLE = "taskward_accounts"
NOBODY = ""  # the identity under which the policies show no row at all

# Waits for locks and runs no longer than the client waits, also when the client is gone.
IDENTITY = Statement(
    """
    SELECT set_config('role', %(role)s, true), set_config('app.user_id', %(owner)s, true),
           set_config('lock_timeout', '1s', true), set_config('statement_timeout', %(timeout)s, true),
           set_config('app.max_tasks', %(max_tasks)s, true),
           %(correlation_id)s::text AS correlation_id
    """,
    effect=Effect.READ_ONLY,
    correlation_id="correlation_id",
    distributed=(ACT_AS,),
)

# The same where others wait behind it: for a lock no longer than they should. Then each is sent alone.
IDENTITY_AMONG_OTHERS = replace(IDENTITY, sql=IDENTITY.sql.replace("'1s'", "'50ms'"))

# The same, and nothing can be written after it: 25006, and no statement can undo it (25001: PostgreSQL manual, SET
# TRANSACTION). It goes with the transaction, as all of the identity does.
READ_ONLY_IDENTITY = replace(
    IDENTITY,
    sql=IDENTITY.sql.replace("SELECT", "SELECT set_config('transaction_read_only', 'on', true),", 1),
    distributed=(ACT_AS_READER,),
)

# Nothing of such a transaction has happened, so it may be tried again, whatever it was.
ROLLED_BACK = (postgres.SerializationFailure, postgres.DeadlockDetected, *STALE)
MAX_RETRIES = 2

Precondition = Callable[["Database"], Awaitable[None]]
NothingFound = Callable[["Database", str], Awaitable[None]]

logger = logging.getLogger(__name__)


async def _no_question(_: "Database", __: str) -> None:
    pass


class MissingParameterError(TypeError):
    """A statement was to be executed without all of its parameters: a mistake of ours."""

    def __init__(self, statement: Statement[Any], given: Collection[str]) -> None:
        missing = ", ".join(name for name in statement.parameters if name not in given)
        super().__init__(f"missing parameters: {missing}; of the statement: {' '.join(statement.sql.split())}")


class Rows(Generic[RowT]):
    """The rows of one statement, as dicts by column name; there once the transaction is committed."""

    def __init__(self) -> None:
        self.all: Sequence[RowT] = []

    @property
    def first(self) -> RowT | None:
        """The first row, or None."""
        return self.all[0] if self.all else None


class Transaction:
    """One user's statements, collected in the block and sent together when it ends."""

    def __init__(self, database: "Database", role: str, user_id: str, *, checked: bool, only_reads: bool) -> None:
        self._database = database
        self._role = role
        self.only_reads = only_reads or database.only_reads()
        self.user_id = user_id
        self._correlation_id = database.new_correlation_id()
        self._results: list[Rows[Any]] = []
        self.commands: list[Command] = []
        self.effect = Effect.READ_ONLY  # what running all of it does
        self.failed_at: int | None = None
        self.checked = checked
        self.identify(role)

    @property
    def failed(self) -> Rows[Any] | None:
        """What would have the rows of the statement that the database refused, and with it everything."""
        return None if self.failed_at is None else next(iter(self._results[self.failed_at :]), None)

    @property
    def brief(self) -> bool:
        """Whether others may be committed with it: see `Statement.brief`."""
        _, *commands = self.commands
        return (
            self._role == APP_ROLE
            and not self.only_reads
            and all(statement.brief or statement.effect == Effect.READ_ONLY for statement, _ in commands)
        )

    def identify(self, role: str = APP_ROLE) -> None:
        """Say who acts and as which role, until the transaction ends or this is said again."""
        self._add(
            READ_ONLY_IDENTITY if self.only_reads else IDENTITY,
            {
                "role": role,
                "owner": self.user_id,
                "timeout": self._database.statement_timeout,
                "max_tasks": self._database.max_tasks,
                "correlation_id": self._correlation_id,
            },
        )

    def execute(self, statement: Statement[RowT], **parameters: Any) -> Rows[RowT]:
        """Add a statement. Its parameter `owner` is always the user the transaction acts as.

        Raises MissingParameterError.
        """
        values = {**statement.constants, **parameters, "owner": self.user_id}
        if not values.keys() >= statement.needed:
            raise MissingParameterError(statement, values)
        return self._add(statement, values)

    async def __aenter__(self) -> Self:
        """Begin to collect."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Send what was collected, unless the block raised."""
        if kind is None:
            for rows, result in zip(self._results, await self._database.run(self), strict=True):
                rows.all = result
            await self._look_for_user()

    async def _look_for_user(self) -> None:
        """Ask whether there is such a user, where nothing of theirs was found: no route can forget to."""
        _, *results = self._results
        if self._role == APP_ROLE and not any(rows.all for rows in results):
            await self._database.nothing_found(self._database, self.user_id)

    def _add(self, statement: Statement[RowT], values: dict[str, Any]) -> Rows[RowT]:
        self.commands.append((statement, values))
        self.effect = max(self.effect, statement.effect)
        rows: Rows[RowT] = Rows()
        self._results.append(rows)
        return rows


class Database:
    """A pool of connections to one database, opened as requests need them. Close it after use."""

    def __init__(
        self,
        conninfo: str,
        *,
        pool_size: int,
        max_overflow: int,
        timeout: float = 2.0,
        max_tasks: int | None = None,
        precondition: Precondition | None = None,
        broken: Broken = MappingProxyType({}),
        nothing_found: NothingFound = _no_question,
        timed: Callable[[float], None] = lambda _: None,
        written: Callable[[str], None] = lambda _: None,
        only_reads: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take a libpq connection string, how many connections to keep and to open beyond those, and seconds.

        `timeout` is how long one transaction may take, waiting for a connection included. `max_tasks` is how many
        tasks a user may have, for the trigger that counts them; None is any number. `precondition` looks whether
        the database can be trusted, with transactions that are not checked, and raises when not; no other one
        runs before it has returned once. `broken` has the errors that tell of broken constraints, by the
        constraint's name. `nothing_found` is told of a user in whose transaction no statement had a row, and
        raises if there is no such user any more. `timed` is told how many seconds each transaction took.
        `written` is told the user of each that was not read-only, whatever became of it: it may be committed and
        its answer lost, and to be told once too often is no harm. `only_reads` tells whether a transaction that
        begins now is for somebody who may not write: PostgreSQL refuses it then, whatever is in it.
        """
        pooled = is_pooled(conninfo)
        self.pool = Pool(
            lambda: Connection.connect(conninfo, pooled=pooled), size=pool_size, max_overflow=max_overflow
        )
        self._reads = ReadBatches(self.pool, timeout=timeout)
        self._timeout = timeout
        self.statement_timeout = f"{round(timeout * 1000)}ms"
        self.max_tasks = "" if max_tasks is None else str(max_tasks)
        self._precondition = self._every_precondition = precondition
        self.distributed = False
        self._broken = broken
        self.nothing_found = nothing_found
        self._timed = timed
        self._written = written
        self.only_reads = only_reads
        self._checking: asyncio.Task[None] | None = None
        self.background = Background()
        self._writes = GroupCommits(self.pool, self._exchange, _among_others, self.background, timeout)
        self._name = secrets.token_hex(8)
        self._correlation_ids = count()

    @property
    def waiting(self) -> int:
        """How many transactions wait for a connection."""
        return self.pool.waiting + self._reads.waiting + self._writes.waiting

    async def close(self) -> None:
        """Close every connection, once what goes on beside requests is done."""
        await self.background.finish(self._timeout)
        await self.pool.close()
        await self._reads.close()
        if self._checking:
            await asyncio.gather(self._checking, return_exceptions=True)

    def acting_as(self, user_id: str, *, checked: bool = True, only_reads: bool = False) -> Transaction:
        """Return a transaction, for `async with`, to which row-level security shows the rows of `user_id` alone.

        It commits when the block ends, and nothing was sent when the block raises. Results can be read after the
        block. With `only_reads`, PostgreSQL refuses whatever would write.

        Raises DatabaseUnavailableError (LockTimeoutError where it waited for another transaction), ForbiddenError,
        ValidationFailedError or AlreadyThereError where the database refuses, ScopeMissingError where it writes
        for somebody who may only read, and what `nothing_found` raises where there was nothing.
        """
        return Transaction(self, APP_ROLE, user_id, checked=checked, only_reads=only_reads)

    def acting_for_accounts(self, user_id: str = NOBODY, *, checked: bool = True) -> Transaction:
        """Return a transaction like `acting_as`, which reaches accounts and refresh tokens but no user data."""
        return Transaction(self, ACCOUNTS_ROLE, user_id, checked=checked, only_reads=False)

    def new_correlation_id(self) -> str:
        """Return a name that no other transaction has, in this process or another."""
        return f"{self._name}.{next(self._correlation_ids)}"

    async def find_engine(self) -> None:
        """Look whether rows are distributed, and speak to the database accordingly from now on."""
        self.distributed = False
        async with self.acting_as(NOBODY, checked=False) as transaction:
            found = transaction.execute(FIND_ENGINE)
        self.distributed = found.all[0]["it_is"]

    async def make_sure(self) -> None:
        """Ask for the precondition, unless it has held before; raises what it raises.

        Whoever comes while it is asked shares its answer: one after the other, a crowd would wait for minutes.
        """
        if self._precondition:
            if self._checking is None:
                self._checking = asyncio.create_task(self._ask(self._precondition))
                self._checking.add_done_callback(_consume_result)
            asked = self._checking
            await asyncio.wait([asked])  # a client who goes away does not take the question along
            asked.result()

    async def run(self, transaction: Transaction) -> list[Sequence[Row]]:
        """Run a transaction and return the rows of each command; raises as `acting_as` says."""
        began = time.perf_counter()
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            if transaction.checked and self._precondition:
                async with asyncio.timeout_at(deadline):
                    await self._trust()
            return await self._run_on_its_engine(transaction, deadline)
        except Exception as error:
            if transaction.only_reads and isinstance(error, postgres.ReadOnlySqlTransaction):
                raise ScopeMissingError from error
            answer = translated(error, self._broken)
            if answer is None:
                raise
            if isinstance(answer, IdentityNotArrivedError):  # distributed since, or not any more
                self._precondition = self._every_precondition
            raise answer from error
        finally:
            self._timed(time.perf_counter() - began)
            if transaction.user_id != NOBODY and transaction.effect > Effect.READ_ONLY:
                self._written(transaction.user_id)

    async def _ask(self, precondition: Precondition) -> None:
        try:
            await precondition(self)
            self._precondition = None
        finally:
            self._checking = None

    async def _trust(self) -> None:
        try:
            await self.make_sure()
        except ApiError:
            raise
        except Exception as error:
            logger.critical("this database must not be served: %s", error)
            raise DatabaseUnavailableError from error

    async def _run_on_its_engine(self, transaction: Transaction, deadline: float) -> list[Sequence[Row]]:
        if not self.distributed:
            try:
                return await self._run_with_retries(transaction, transaction.commands, deadline)
            except Exception as error:
                transaction.failed_at = failed_at(error)
                raise
        commands, places = as_distributed(transaction.commands)
        try:
            results = await self._run_with_retries(transaction, commands, deadline)
        except Exception as error:
            failed = failed_at(error)
            transaction.failed_at = None if failed is None else bisect_left(places, failed)
            raise
        return [results[place] for place in places]

    async def _run_with_retries(
        self, transaction: Transaction, commands: Sequence[Command], deadline: float
    ) -> list[Sequence[Row]]:
        for attempt in count(1):
            try:
                if transaction.effect == Effect.READ_ONLY:
                    return await self._reads.run(commands, deadline)
                async with asyncio.timeout_at(deadline):
                    return await self._run_among_others(transaction, commands)
            except ROLLED_BACK:
                if attempt > MAX_RETRIES:
                    raise
            except ConnectionLostError:  # and nobody knows whether it was committed
                if attempt > 1 or transaction.effect > Effect.IDEMPOTENT:
                    raise
        raise AssertionError  # the loop ends by returning or raising

    async def _run_among_others(
        self, transaction: Transaction, commands: Sequence[Command]
    ) -> list[Sequence[Row]]:
        """Run a transaction that writes, in whatever company it may have."""
        if transaction.brief and not self.distributed:
            try:
                return await self._writes.run(transaction.user_id, commands)
            except RolledBackError:
                pass
        return await self._run_alone(commands, only_reads=transaction.only_reads)

    async def _run_alone(self, commands: Sequence[Command], *, only_reads: bool) -> list[Sequence[Row]]:
        connection = await self.pool.acquire()
        try:
            return await self._exchange(connection, commands, only_reads=only_reads)
        finally:
            self.pool.release(connection)

    async def _exchange(
        self, connection: Connection, commands: Sequence[Command], *, only_reads: bool = False
    ) -> list[Sequence[Row]]:
        try:
            return await connection.exchange(commands)
        except postgres.ReadOnlySqlTransaction:
            if not only_reads:  # else that is what was asked for
                connection.close()  # to what is a standby by now; the next one may find the new primary
            raise


def _among_others(commands: Sequence[Command]) -> list[Command]:
    """Return the same for the same user, who waits for a lock only as long as others may wait for them."""
    (_, identity), *rest = commands
    return [(IDENTITY_AMONG_OTHERS, identity), *rest]


def _consume_result(task: asyncio.Task[None]) -> None:
    """Take notice of how a task ended: asyncio complains when everybody has gone who waited for it."""
    if not task.cancelled():
        task.exception()
