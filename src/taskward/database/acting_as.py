"""`Database.acting_as`: who is asking and what they want, in one round trip and one transaction.

In a psycopg pipeline on an autocommit connection, everything up to the sync is one implicit transaction
(PostgreSQL manual, "Pipelining" in the chapter on the protocol). So the identity and the statements travel
together, the sync at the end is the only commit, and the settings, being local to the transaction, leave
nothing on the connection.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from taskward.database.compiled import Statement
from taskward.database.faults import translated
from taskward.database.url import is_pooled
from taskward.errors import DatabaseUnavailableError

APP_ROLE = "taskward_app"
ACCOUNTS_ROLE = "taskward_accounts"
IDENTITY = """
    SELECT set_config('role', %s, true), set_config('app.user_id', %s, true),
           set_config('lock_timeout', '1s', true)
"""
START_SECONDS = 10
NOBODY = ""  # the identity under which the policies show no row at all

Connection = AsyncConnection[DictRow]


class Rows:
    """The rows of one statement, as dicts by column name; there once the unit of work is committed."""

    def __init__(self, cursor: AsyncCursor[DictRow]) -> None:
        self._cursor = cursor
        self.all: list[DictRow] = []

    @property
    def first(self) -> DictRow | None:
        """The first row, or None."""
        return self.all[0] if self.all else None

    async def receive(self) -> None:
        """Take the rows over from the driver."""
        self.all = await self._cursor.fetchall()


class UnitOfWork:
    """One user's statements, sent without waiting for their answers."""

    def __init__(self, connection: Connection, user_id: str) -> None:
        self._connection = connection
        self._user_id = user_id
        self._results: list[Rows] = []

    async def identify(self, role: str = APP_ROLE) -> None:
        """Say who acts and as which role, until the transaction ends or this is said again."""
        await self._connection.execute(IDENTITY, (role, self._user_id))

    async def execute(self, statement: Statement, **parameters: Any) -> Rows:
        """Send a statement. Its parameter `owner` is always the user the unit acts as."""
        cursor = self._connection.cursor()
        values = {**statement.constants, **parameters, "owner": self._user_id}
        rows = Rows(await cursor.execute(statement.sql, values))
        self._results.append(rows)
        return rows

    async def receive(self) -> None:
        """Take over the rows of all statements."""
        for rows in self._results:
            await rows.receive()


class Database:
    """A pool of connections to one database. Open it before use, close it after."""

    def __init__(self, conninfo: str, *, pool_size: int, max_overflow: int) -> None:
        """Take a libpq connection string and how many connections to keep, and to open beyond those."""
        options: dict[str, Any] = {"autocommit": True, "row_factory": dict_row}
        if is_pooled(conninfo):
            options["prepare_threshold"] = None  # a pooled session may end with any transaction
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            kwargs=options,
            min_size=pool_size,
            max_size=pool_size + max_overflow,
            timeout=2,
            max_idle=240,  # Neon goes to sleep after 300 s and takes its connections with it
            open=False,
        )

    async def open(self) -> None:
        """Connect; raise DatabaseUnavailableError when the pool is not full after 10 s."""
        try:
            await self._pool.open(wait=True, timeout=START_SECONDS)
        except PoolTimeout as error:
            await self._pool.close()
            raise DatabaseUnavailableError from error

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    @asynccontextmanager
    async def acting_as(self, user_id: str, role: str = APP_ROLE) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work in which row-level security shows the rows of `user_id` and no others.

        It commits when the block ends and rolls back when the block raises. Results can be read after the
        block. Raises DatabaseUnavailableError (LockTimeoutError where it waited for another transaction), and
        ForbiddenError, ValidationFailedError or AlreadyThereError where the database refuses.
        """
        try:
            connection = await self._pool.getconn()
            try:
                async with connection.pipeline():
                    try:
                        unit = UnitOfWork(connection, user_id)
                        await unit.identify(role)
                        yield unit
                    except BaseException:
                        await connection.close()  # before the sync is sent, so that nothing can be committed
                        raise
                await unit.receive()
            finally:
                await self._pool.putconn(connection)
        except Exception as error:
            answer = translated(error)
            if answer is None:
                raise
            raise answer from error

    def acting_for_accounts(self, user_id: str = NOBODY) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a unit of work like `acting_as`, which reaches accounts and refresh tokens but no user data."""
        return self.acting_as(user_id, ACCOUNTS_ROLE)
