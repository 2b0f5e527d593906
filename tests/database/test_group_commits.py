"""Writes of the same moment: one transaction, and still each its own identity, error and end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskward.database import transaction
from taskward.database.driver.connection import Connection
from taskward.database.driver.exchange import Command
from taskward.database.driver.pool import PATIENCE_SECONDS, RETRY_SECONDS
from taskward.database.driver.results import Row
from taskward.database.driver.statement import Effect, Statement
from taskward.database.group_commits import MOST
from taskward.database.transaction import IDENTITY, IDENTITY_AMONG_OTHERS, Database
from taskward.database.url import conninfo
from taskward.errors import ApiError, DatabaseUnavailableError, ScopeMissingError, ValidationFailedError
from taskward.tasks.fields import TaskRead
from taskward.tasks.statements import CREATE_TASK, flip_task, update_task
from tests.accounts.deleting import SLOW_TO_GIVE_UP
from tests.books import check_books
from tests.database.conftest import create_task
from tests.database.transactions import backend_that_waits, waiting_for
from tests.loop_time import LoopTime
from tests.tasks.fields import new_values

WHO = Statement(
    """
    SELECT current_user::text AS role, current_setting('app.user_id', true) AS user_id,
           pg_current_xact_id()::text AS transaction
    """,
    brief=True,
)
DIVIDE = Statement("SELECT 1 / %(by)s::int AS number", brief=True)
NOT_BRIEF = Statement(WHO.sql)
COUNT = Statement("SELECT count(*) AS tasks FROM tasks WHERE user_id = %(owner)s", effect=Effect.READ_ONLY)
USERS = [f"user {number:02}" for number in range(MOST)]

# A row of the table of users, held by somebody else.
HOLD = "SELECT FROM users WHERE id = %s FOR UPDATE"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(conninfo(database_url), pool_size=MOST, max_overflow=0, timeout=20)
    await crowd(opened)
    yield opened
    await opened.close()


async def run(database: Database, user_id: str, statement: Statement[Any], **values: object) -> dict[str, Any]:
    async with database.acting_as(user_id) as acting:
        found = acting.execute(statement, **values)
    row: dict[str, Any] = found.all[0]
    return row


async def crowd(database: Database) -> None:
    """Have it expect company: without, the first of several goes alone, and those behind it together."""
    await asyncio.gather(*(run(database, user, WHO) for user in USERS))


async def create(database: Database, user_id: str, title: str = "Buy milk") -> dict[str, Any]:
    return await run(database, user_id, CREATE_TASK, **new_values(title=title))


def created_in(superuser: psycopg.Connection) -> dict[str, str]:
    """Return which transaction has written each user's task."""
    return dict(superuser.execute("SELECT user_id, xmin::text FROM tasks").fetchall())


async def test_writes_of_the_same_moment_are_one_transaction_and_each_is_its_users(
    database: Database, superuser: psycopg.Connection
) -> None:
    tasks = await asyncio.gather(*(create(database, user, user) for user in USERS))
    assert [(task["user_id"], task["title"]) for task in tasks] == [(user, user) for user in USERS]
    assert list(created_in(superuser)) == USERS
    assert len(set(created_in(superuser).values())) == 1
    changed = await asyncio.gather(
        *(
            run(
                database, user, update_task(frozenset({"title"}), conditional=False), task_id=task["id"], title="x"
            )
            for user, task in zip(USERS, tasks, strict=True)
        )
    )
    assert [(task["user_id"], task["title"]) for task in changed] == [(user, "x") for user in USERS]
    assert len(set(created_in(superuser).values())) == 1
    check_books(superuser)


async def test_each_acts_as_its_own_user(database: Database) -> None:
    found = await asyncio.gather(*(run(database, user, WHO) for user in reversed(USERS)))
    assert [row["user_id"] for row in found] == USERS[::-1]
    assert {row["role"] for row in found} == {"taskward_app"}
    assert len({row["transaction"] for row in found}) == 1


def test_among_others_an_identity_sets_what_it_sets_alone() -> None:
    assert IDENTITY_AMONG_OTHERS.sql.replace("'50ms'", "'1s'") == IDENTITY.sql
    assert IDENTITY_AMONG_OTHERS.correlation_id == IDENTITY.correlation_id


async def test_nobodys_task_is_changed_by_another_of_the_group(
    database: Database, superuser: psycopg.Connection
) -> None:
    alices = await create_task(database, "alice")
    bobs = await create_task(database, "bob")
    await crowd(database)

    async def change(user_id: str, task_id: int) -> Sequence[TaskRead]:
        async with database.acting_as(user_id) as acting:
            found = acting.execute(flip_task(conditional=False), task_id=task_id)
        return found.all

    outcomes = await asyncio.gather(change("alice", bobs), change("bob", bobs), change("alice", alices))
    assert [[row["user_id"] for row in rows] for rows in outcomes] == [[], ["bob"], ["alice"]]
    check_books(superuser)


async def test_no_group_has_more_than_its_share(database: Database) -> None:
    found = await asyncio.gather(*(run(database, f"user {number}", WHO) for number in range(2 * MOST + 1)))
    assert len({row["transaction"] for row in found}) == 3


async def test_a_group_has_one_write_of_each_user_in_their_order(database: Database) -> None:
    users = ["alice", "alice", "bob", "alice"]
    found = await asyncio.gather(*(run(database, user, WHO) for user in users))
    first, second, bobs, third = (int(row["transaction"]) for row in found)
    assert first == bobs < second < third


async def test_what_is_not_brief_or_where_rows_are_distributed_has_a_transaction_for_itself(
    database: Database,
) -> None:
    found = await asyncio.gather(*(run(database, user, NOT_BRIEF) for user in USERS))
    assert len({row["transaction"] for row in found}) == MOST
    database.distributed = True
    found = await asyncio.gather(*(run(database, user, WHO) for user in USERS))
    assert len({row["transaction"] for row in found}) == MOST


async def test_one_that_fails_is_told_so_and_the_others_are_done_once(
    database: Database, superuser: psycopg.Connection
) -> None:
    outcomes = await asyncio.gather(
        create(database, "alice"),
        create(database, "bob", ""),  # the database refuses it
        create(database, "charlie", "a\0b"),  # nothing of it can be sent
        run(database, "user 1", DIVIDE, by=0),
        create(database, "user 2"),
        return_exceptions=True,
    )
    assert [isinstance(outcome, ValidationFailedError) for outcome in outcomes] == [False, True, True, True, False]
    assert set(created_in(superuser)) == {"alice", "user 2"}
    check_books(superuser)


async def test_without_a_crowd_one_goes_at_once_and_others_behind_it_together(database: Database) -> None:
    await run(database, "alice", WHO)
    first, *others = await asyncio.gather(*(run(database, user, WHO) for user in USERS[:4]))
    assert len({row["transaction"] for row in others}) == 1
    assert first["transaction"] not in {row["transaction"] for row in others}


async def test_who_has_as_many_tasks_as_they_may_keeps_nobody_else_from_one(
    database: Database, superuser: psycopg.Connection
) -> None:
    database.max_tasks = "1"
    await create(database, "alice")
    await crowd(database)
    tasks = [create(database, user) for user in ("alice", "bob")]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [IndexError, dict]  # no row, and one
    assert set(created_in(superuser)) == {"alice", "bob"}
    check_books(superuser)


async def test_a_commit_that_fails_is_tried_again_alone(database: Database, superuser: psycopg.Connection) -> None:
    superuser.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation; END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.user_id = 'bob') EXECUTE FUNCTION refuse();
    """)
    outcomes = await asyncio.gather(
        *(create(database, user) for user in ("alice", "bob", "charlie")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [dict, ValidationFailedError, dict]
    assert set(created_in(superuser)) == {"alice", "charlie"}
    check_books(superuser)


async def test_nothing_is_sent_again_that_a_pooler_may_have_given_up(
    database: Database, superuser: psycopg.Connection
) -> None:
    superuser.execute("""
        CREATE SEQUENCE attempts;
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN PERFORM nextval('attempts'); RAISE 'the server is lost' USING ERRCODE = '58000'; END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.user_id = 'bob') EXECUTE FUNCTION lose();
    """)
    outcomes = await asyncio.gather(
        *(create(database, user) for user in ("alice", "bob", "charlie")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * 3
    assert superuser.execute("SELECT last_value, is_called FROM attempts").fetchone() == (1, True)
    assert created_in(superuser) == {}
    check_books(superuser)


async def test_who_fails_has_no_company_for_a_while(database: Database) -> None:
    await asyncio.gather(run(database, "alice", WHO), run(database, "bob", DIVIDE, by=0), return_exceptions=True)
    users = ("alice", "bob", "charlie")
    alice, bob, charlie = await asyncio.gather(*(run(database, user, WHO) for user in users))
    assert alice["transaction"] == charlie["transaction"] != bob["transaction"]


async def test_nor_have_the_writes_that_wait_already(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(conninfo(database_url), pool_size=1, max_overflow=0, timeout=20)
    await crowd(database)
    sent: list[list[str]] = []
    exchange = Connection.exchange

    async def recorded(connection: Connection, commands: Sequence[Command]) -> list[Sequence[Row]]:
        sent.append([values["owner"] for statement, values in commands if statement in (WHO, DIVIDE)])
        return await exchange(connection, commands)

    monkeypatch.setattr(Connection, "exchange", recorded)
    writes = [
        write for _ in range(3) for write in (run(database, "alice", WHO), run(database, "bob", DIVIDE, by=0))
    ]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [dict, ValidationFailedError] * 3
    assert [owners for owners in sent if len(owners) > 1] == [["alice", "bob"]]
    await database.close()


async def test_who_may_only_read_is_refused_and_leaves_the_others_alone(database: Database) -> None:
    async def write_with_a_token_that_may_not() -> None:
        async with database.acting_as("bob", only_reads=True) as acting:
            acting.execute(CREATE_TASK, **new_values())

    outcomes = await asyncio.gather(
        create(database, "alice"), write_with_a_token_that_may_not(), create(database, "charlie"),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(outcome) for outcome in outcomes] == [dict, ScopeMissingError, dict]


async def test_who_waits_for_a_lock_holds_up_the_others_for_a_moment(
    database: Database, superuser: psycopg.Connection
) -> None:
    for user in ("alice", "bob", "charlie"):
        await create(database, user)
    await crowd(database)
    with superuser.transaction():
        superuser.execute(HOLD, ["bob"])
        waiting = asyncio.create_task(create(database, "bob"))
        async with LoopTime() as passed:
            await asyncio.gather(create(database, "alice"), create(database, "charlie"))
        assert passed.now < 0.5
        assert not waiting.done()
    await waiting
    check_books(superuser)


async def test_a_group_that_takes_long_holds_up_the_next_for_a_moment(
    database: Database, superuser: psycopg.Connection
) -> None:
    await create(database, "bob")
    with superuser.transaction():
        superuser.execute(HOLD, ["bob"])
        waiting = asyncio.create_task(create(database, "bob"))  # a group of one
        await waiting_for(superuser, "transactionid")
        async with LoopTime() as passed:
            await create(database, "alice")
        assert passed.now < 0.5
        assert not waiting.done()
    await waiting


async def test_groups_lock_users_in_one_order(
    database: Database, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "IDENTITY_AMONG_OTHERS", SLOW_TO_GIVE_UP)
    for user in ("alice", "bob"):
        await create(database, user)
    await crowd(database)
    with superuser.transaction():
        superuser.execute(HOLD, ["alice"])
        writes = [asyncio.create_task(create(database, user)) for user in ("bob", "alice")]
        await waiting_for(superuser, "transactionid")
        superuser.execute(f"{HOLD} NOWAIT", ["bob"])  # who comes after alice, and is not locked yet
    await asyncio.gather(*writes)
    check_books(superuser)


async def test_of_a_lost_group_nothing_is_sent_again(
    database: Database, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "IDENTITY_AMONG_OTHERS", SLOW_TO_GIVE_UP)
    users = ("alice", "bob", "charlie")
    for user in users:
        await create(database, user)
    await crowd(database)
    with superuser.transaction():
        superuser.execute(HOLD, ["charlie"])
        writes = [asyncio.create_task(create(database, user)) for user in users]
        await waiting_for(superuser, "transactionid")
        superuser.execute("SELECT pg_terminate_backend(%s)", [backend_that_waits(superuser, "transactionid")])
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailableError] * 3
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (3,)
    check_books(superuser)


async def test_who_gives_up_takes_nobody_along(database: Database, superuser: psycopg.Connection) -> None:
    for steps in range(6):
        await crowd(database)
        writes = [asyncio.create_task(run(database, user, WHO)) for user in USERS[:4]]
        for _ in range(steps):
            await asyncio.sleep(0)
        writes[0].cancel()
        _, *others = await asyncio.gather(*writes, return_exceptions=True)
        assert [row["user_id"] for row in others if isinstance(row, dict)] == USERS[1:4]
    assert database.pool.in_use == 0


async def test_what_nobody_waits_for_any_more_is_not_sent(
    database_url: str, superuser: psycopg.Connection
) -> None:
    database = Database(conninfo(database_url), pool_size=1, max_overflow=0)
    held = await database.pool.acquire()
    writes = [asyncio.create_task(create(database, user)) for user in ("alice", "bob", "charlie")]
    for _ in range(3):
        await asyncio.sleep(0)
    assert database.waiting == 3
    writes[1].cancel()
    await asyncio.gather(writes[1], return_exceptions=True)
    database.pool.release(held)
    await asyncio.gather(writes[0], writes[2])
    assert set(created_in(superuser)) == {"alice", "charlie"}
    await database.close()


async def test_who_waits_for_a_connection_is_told_when_there_is_none(database_url: str) -> None:
    database = Database(conninfo(database_url), pool_size=1, max_overflow=0, timeout=0.2)
    held = await database.pool.acquire()
    writes = (create(database, user) for user in ("alice", "bob"))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert all(isinstance(outcome, ApiError) for outcome in outcomes)
    database.pool.release(held)
    assert (await create(database, "alice"))["user_id"] == "alice"
    await database.close()


async def test_all_who_wait_are_told_at_once_that_there_is_no_database(database_url: str, tmp_path: Path) -> None:
    nowhere = make_conninfo(conninfo(database_url), host=str(tmp_path))
    database = Database(nowhere, pool_size=1, max_overflow=0, timeout=20)
    async with LoopTime() as passed:
        outcomes = await asyncio.gather(*(create(database, "alice") for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailableError}
    assert passed.now < PATIENCE_SECONDS + 8 * RETRY_SECONDS  # and not one after the other
    await database.close()


async def test_workers_that_write_for_the_same_users_never_wait_for_each_other_in_a_circle(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET deadlock_timeout = '1ms'")
    workers = [Database(conninfo(database_url), pool_size=4, max_overflow=0) for _ in range(2)]
    users = USERS[:6]
    for _ in range(20):
        await asyncio.gather(
            *(create(workers[0], user) for user in users), *(create(workers[1], user) for user in reversed(users))
        )
    for worker in workers:
        await worker.close()
    check_books(superuser)
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (2 * 20 * len(users),)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert superuser.execute(deadlocks).fetchone() == (0,)
