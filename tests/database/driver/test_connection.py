"""One exchange on one connection: large, failing, cancelled, and with what it has prepared gone stale."""

import asyncio
import gc
import select
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskward.database.driver import connection as connection_module
from taskward.database.driver.connection import Connection
from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError, ValidationFailedError
from tests.tasks.wire import CountingProxy

ECHO = Statement("SELECT %(text)s::text AS text")
ONE = Statement("SELECT 1 AS number")
DIVIDE = Statement("SELECT 1 / %(by)s::int AS number")
ADD_A_NOTE = Statement("INSERT INTO notes VALUES (%(note)s) RETURNING note")
NOTES = Statement("SELECT * FROM notes", effect=Effect.READ_ONLY)
PREPARED = Statement("SELECT count(*) AS number FROM pg_prepared_statements")


@pytest.fixture(params=[False, True], ids=["unpooled", "pooled"])
async def connection(
    database_url: str, superuser: psycopg.Connection, request: pytest.FixtureRequest
) -> AsyncIterator[Connection]:
    """A connection to a database with a table of notes, which cannot be empty."""
    superuser.execute("CREATE TABLE notes (note text CHECK (note <> ''))")
    superuser.execute("GRANT ALL ON notes TO taskward, taskward_app")
    opened = await Connection.connect(conninfo(database_url), pooled=request.param)
    yield opened
    opened.close()


async def notes(connection: Connection) -> list[str]:
    ((*rows,),) = await connection.exchange([(NOTES, {})])
    return [row["note"] for row in rows]


async def test_connecting_does_not_wait_for_ever_for_its_first_answer(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "FIRST_ANSWER_SECONDS", 0.1)
    async with CountingProxy.before(database_url) as wire:  # waits for it to hang up
        wire.loses = b"pg_backend_pid"
        async with asyncio.timeout(30):
            with pytest.raises(psycopg.OperationalError, match="does not answer"):
                await Connection.connect(make_conninfo(conninfo(database_url), host=wire.folder))


@pytest.mark.parametrize("hosts", ["127.0.0.1", "127.0.0.1,127.0.0.1"])
@pytest.mark.parametrize("cancelled", [True, False], ids=["cancelled", "out of time"])
async def test_no_attempt_to_connect_leaves_its_socket_open(hosts: str, *, cancelled: bool) -> None:
    """Without the collector, which may come late: until then PostgreSQL would keep a session for it."""
    sockets: asyncio.Queue[_NeverAnswers] = asyncio.Queue()
    server = await asyncio.get_running_loop().create_server(lambda: _NeverAnswers(sockets), "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    address = make_conninfo(host=hosts, port=port, user="taskward", sslmode="disable", connect_timeout=2)
    gc.disable()
    try:
        async with server, asyncio.timeout(30):
            attempt = asyncio.create_task(Connection.connect(address))
            opened = [await sockets.get()]
            if cancelled:
                attempt.cancel()
            with pytest.raises(asyncio.CancelledError if cancelled else psycopg.OperationalError):
                await attempt
            opened += [sockets.get_nowait() for _ in range(sockets.qsize())]
            for socket in opened:
                await socket.ended.wait()
    finally:
        gc.enable()
    assert len(opened) == (1 if cancelled else len(hosts.split(",")))


class _NeverAnswers(asyncio.Protocol):
    def __init__(self, sockets: "asyncio.Queue[_NeverAnswers]") -> None:
        self._sockets = sockets
        self.ended = asyncio.Event()

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self._sockets.put_nowait(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.ended.set()


async def test_what_is_larger_than_every_buffer_arrives_whole(connection: Connection) -> None:
    texts = [letter * 3_000_000 for letter in "abcd"]
    answers = await connection.exchange([(ECHO, {"text": text}) for text in texts])
    assert [rows[0]["text"] for rows in answers] == texts
    assert await connection.exchange([(ONE, {})]) == [[{"number": 1}]]


async def test_an_error_in_the_middle_undoes_what_came_before_and_skips_the_rest(connection: Connection) -> None:
    for _ in range(2):  # the second time, everything is prepared
        with pytest.raises(psycopg.errors.CheckViolation):
            await connection.exchange([(ADD_A_NOTE, {"note": note}) for note in ("Buy milk", "", "Buy bread")])
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.exchange([(ADD_A_NOTE, {"note": "Buy milk"}), (DIVIDE, {"by": 0}), (ONE, {})])
        assert connection.usable
        assert await notes(connection) == []


async def test_an_error_of_the_commit_itself_is_told_at_once(
    connection: Connection, superuser: psycopg.Connection
) -> None:
    superuser.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE serialization_failure; END $$
    """)
    superuser.execute("""
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse()
    """)
    with pytest.raises(psycopg.errors.SerializationFailure):
        async with asyncio.timeout(10):
            await connection.exchange([(ADD_A_NOTE, {"note": "Buy milk"})])
    assert connection.usable
    assert await notes(connection) == []


async def test_cancelled_after_any_number_of_turns_it_is_closed_or_done(
    database_url: str, superuser: psycopg.Connection, connection: Connection
) -> None:
    for turns in range(12):
        other = await Connection.connect(conninfo(database_url))
        task = asyncio.create_task(other.exchange([(ADD_A_NOTE, {"note": str(turns)})]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if other.usable:  # never begun, or complete
            assert await other.exchange([(ONE, {})]) == [[{"number": 1}]]
            other.close()
    written = await notes(connection)
    assert len(written) == len(set(written))


async def test_a_cancelled_exchange_that_was_complete_keeps_its_connection(connection: Connection) -> None:
    # The turn of the event loop in which an answer is there and nobody has run since has no public name.
    for _ in range(5):
        task = asyncio.create_task(connection.exchange([(ONE, {})]))
        await asyncio.sleep(0)
        pending = connection._pending  # noqa: SLF001
        assert pending is not None
        while pending.in_flight:
            select.select([connection._socket], [], [], 10)  # noqa: SLF001
            connection._on_readable()  # noqa: SLF001
        task.cancel()  # the answer is there, and the task has not run since
        with pytest.raises(asyncio.CancelledError):
            await task
        assert connection.usable


async def test_a_statement_twice_in_one_exchange_is_prepared_once(database_url: str) -> None:
    connection = await Connection.connect(conninfo(database_url))
    for _ in range(2):
        await connection.exchange([(ECHO, {"text": "a"}), (ECHO, {"text": "b"})])
    assert await connection.exchange([(PREPARED, {})]) == [[{"number": 2}]]  # with the one that asks
    connection.close()


@pytest.mark.parametrize("change", ["ALTER TABLE notes ALTER COLUMN note TYPE varchar(99)", "DROP"])
async def test_stale_statements_are_prepared_again_on_the_same_connection(
    connection: Connection, superuser: psycopg.Connection, change: str
) -> None:
    await connection.exchange([(ADD_A_NOTE, {"note": "Buy milk"}), (NOTES, {})])
    if change == "DROP":
        await connection.exchange([(Statement("DEALLOCATE ALL"), {})])
    else:
        superuser.execute(change)
    added, found = await connection.exchange([(ADD_A_NOTE, {"note": "Buy bread"}), (NOTES, {})])
    assert [row["note"] for row in added] == ["Buy bread"]
    assert [row["note"] for row in found] == ["Buy milk", "Buy bread"], "once, although it was sent twice"
    assert connection.usable


async def test_no_request_sees_a_table_change_however_many_connections_have_it_prepared(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE TABLE notes (note text)")
    superuser.execute("GRANT ALL ON notes TO taskward_app")
    database = Database(conninfo(database_url), pool_size=8, max_overflow=0)

    async def read() -> None:
        async with database.acting_as("alice") as transaction:
            transaction.execute(NOTES)

    for number in range(5):
        await asyncio.gather(*(read() for _ in range(40)))
        superuser.execute(f"ALTER TABLE notes ALTER COLUMN note TYPE varchar({9 + number})")
    await asyncio.gather(*(read() for _ in range(40)))
    assert database.pool.in_use == 0
    await database.close()


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\udfff"], ids=["NUL", "lone surrogate", "another"])
async def test_text_that_postgresql_cannot_hold_is_refused_before_anything_is_sent(
    database: Database, superuser: psycopg.Connection, text: str
) -> None:
    async with database.acting_as("alice") as transaction:
        before = transaction.execute(Statement("SELECT pg_backend_pid() AS pid"))
    with pytest.raises(ValidationFailedError):
        async with database.acting_as("alice") as transaction:
            transaction.execute(ECHO, text=text)
    async with database.acting_as("alice") as transaction:
        after = transaction.execute(Statement("SELECT pg_backend_pid() AS pid"))
    assert after.all == before.all, "the connection is the same"


async def test_a_standby_is_unavailable_for_writes_and_its_connection_is_not_kept(
    database: Database, superuser: psycopg.Connection
) -> None:
    name = superuser.info.dbname
    superuser.execute("CREATE TABLE notes (note text)")
    superuser.execute("GRANT ALL ON notes TO taskward_app")
    superuser.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnavailableError):
        async with database.acting_as("alice") as transaction:
            transaction.execute(ADD_A_NOTE, note="Buy milk")
    superuser.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    async with database.acting_as("alice") as transaction:
        added = transaction.execute(ADD_A_NOTE, note="Buy milk")
    assert added.all == [{"note": "Buy milk"}]
