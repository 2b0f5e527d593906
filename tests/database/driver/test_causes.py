"""Why the database failed, in one line: its sentence, what to do, no hint, and nothing that may be a secret."""

import socket
from collections.abc import Iterator

import psycopg
import pytest

from taskward.database.driver.causes import CURES, cause_of
from taskward.database.driver.connection import Connection
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres

SECRET = "hunter2"


@pytest.fixture
def locked(postgres: EmbeddedPostgres) -> Iterator[None]:
    """A role `locked` that needs a password, and a database `closed` that lets nobody in."""
    rules = postgres.cluster / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all locked scram-sha-256\nlocal all stranger reject\n{before}")
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
        superuser.execute("SELECT pg_reload_conf()")
        superuser.execute(f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}'")
        superuser.execute("CREATE ROLE sleeper")
        superuser.execute("CREATE DATABASE closed")
        superuser.execute("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
        yield
        rules.write_text(before)
        superuser.execute("SELECT pg_reload_conf()")
        superuser.execute("DROP DATABASE closed")
        superuser.execute("DROP ROLE locked, sleeper")


CHECK_ALL_THREE = "Check the user, the password and the name of the database in DATABASE_URL."
CHECK_ADMISSION = "pg_hba.conf admits this machine."
ANSWERS = {
    f"locked:{SECRET}@/nowhere": ('database "nowhere" does not exist (nowhere on ', CHECK_ALL_THREE),
    "locked:wrong@/taskward": ('password authentication failed for user "locked"', CHECK_ALL_THREE),
    "locked@/taskward": ("no password supplied", "Put the password into DATABASE_URL."),
    f"sleeper:{SECRET}@/taskward": ('role "sleeper" is not permitted to log in', CHECK_ADMISSION),
    f"locked:{SECRET}@/closed": ('permission denied for database "closed"', CHECK_ALL_THREE),
    f"stranger:{SECRET}@/taskward": ('user "stranger", database "taskward"', CHECK_ADMISSION),
}


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("who", ANSWERS)
async def test_a_server_that_refuses_is_told_with_its_words_and_a_cure(
    postgres: EmbeddedPostgres, who: str
) -> None:
    where = postgres.url.partition("?")[2]
    told = await told_of(f"postgresql://{who}?{where}")
    sentence, cure = ANSWERS[who]
    assert sentence in told
    assert told.endswith(cure)


UNANSWERED = {
    "postgresql://alice:hunter2@127.0.0.1:{port}/tasks": "refused (tasks on 127.0.0.1:{port}, as alice). Is",
    "postgresql://alice:hunter2@%2Fno%2Fsuch/tasks": "(tasks on /no/such:5432, as alice). Is PostgreSQL running",
    "postgresql://alice:hunter2@no-such-host.invalid/tasks": "the host no-such-host.invalid has no address: ",
    "postgresql://alice:x@hunter2%40no-such-host.invalid/tasks": "the host of the database has no address: ",
    "postgresql://alice:x@127.0.0.1:{port}/hunter2%40tasks": "Check DATABASE_URL, and the variables",
}


@pytest.mark.parametrize("url", UNANSWERED)
async def test_a_server_that_cannot_be_asked_is_told_without_what_may_be_a_secret(url: str) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        told = await told_of(url.format(port=port))
    assert UNANSWERED[url].format(port=port) in told


async def told_of(url: str) -> str:
    """Connect as the commands do and as the service does, and return what both say."""
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(conninfo(url))
    told = cause_of(refused.value)
    with pytest.raises(psycopg.OperationalError) as refused:
        await Connection.connect(conninfo(url))
    assert cause_of(refused.value) == told
    assert SECRET not in told
    assert "\n" not in told
    assert "DATABASE_URL" in told
    return told


@pytest.mark.parametrize("code", [*CURES, "57P03"])
def test_what_the_server_says_passes_without_its_hint_and_its_detail(
    superuser: psycopg.Connection, code: str
) -> None:
    with pytest.raises(psycopg.Error) as refused:
        superuser.execute(f"""
            DO $$ BEGIN
                RAISE SQLSTATE '{code}' USING MESSAGE = 'no', HINT = 'remove the wall', DETAIL = 'alice: buy milk';
            END $$
        """)
    assert cause_of(refused.value) == " ".join(filter(None, ("no.", CURES.get(code))))


def test_the_first_cause_is_told() -> None:
    error = psycopg.OperationalError("no connection")
    error.__cause__ = TimeoutError()
    assert cause_of(error) == "the server does not answer in time."
