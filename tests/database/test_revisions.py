"""The counter of each user: counts every write, in the order of commits."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from taskward.database.url import conninfo

pytestmark = pytest.mark.quick

CREATE = "INSERT INTO tasks (user_id, title, completed) VALUES ('alice', 'Buy milk', %s) RETURNING id, revision"
COUNTERS = "SELECT revision, task_count, completed_count FROM users WHERE id = 'alice'"


@pytest.fixture
def alice(database_url: str) -> Iterator[psycopg.Connection]:
    with writing_as_alice(database_url) as connection:
        yield connection


def writing_as_alice(database_url: str) -> psycopg.Connection:
    """Each transaction on this connection is alice's, and its own commit."""
    connection = psycopg.connect(conninfo(database_url))
    connection.execute("SET ROLE taskward_app")
    connection.execute("SET app.user_id = 'alice'")
    connection.commit()
    return connection


def one(connection: psycopg.Connection, query: str, *values: object) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row


def test_every_write_takes_the_next_number_and_keeps_the_counts(alice: psycopg.Connection) -> None:
    first, number = one(alice, CREATE, False)
    assert number == 1
    assert one(alice, COUNTERS) == (1, 1, 0)
    second, number = one(alice, CREATE, True)
    assert number == 2
    assert one(alice, COUNTERS) == (2, 2, 1)
    change = "UPDATE tasks SET completed = %s WHERE id = %s RETURNING revision"
    assert one(alice, change, True, first) == (3,)
    assert one(alice, COUNTERS) == (3, 2, 2)
    assert one(alice, change, False, second) == (4,)
    assert one(alice, change, False, second) == (5,)  # a write that changes no value is a write
    assert one(alice, COUNTERS) == (5, 2, 1)
    alice.execute("DELETE FROM tasks WHERE id = %s", [first])
    assert one(alice, COUNTERS) == (6, 1, 0)


def test_a_rolled_back_write_uses_up_no_number(alice: psycopg.Connection) -> None:
    one(alice, CREATE, False)
    alice.rollback()
    assert one(alice, CREATE, False)[1] == 1


def test_one_statement_on_several_tasks_numbers_each(alice: psycopg.Connection) -> None:
    for _ in range(3):
        one(alice, CREATE, False)
    numbers = alice.execute("UPDATE tasks SET completed = true RETURNING revision").fetchall()
    assert sorted(numbers) == [(4,), (5,), (6,)]
    assert one(alice, COUNTERS) == (6, 3, 3)


def test_users_are_counted_apart(alice: psycopg.Connection, superuser: psycopg.Connection) -> None:
    one(alice, CREATE, False)
    alice.commit()
    superuser.execute("INSERT INTO tasks (user_id, title) VALUES ('bob', 'Buy bread')")
    assert superuser.execute("SELECT id, revision FROM users ORDER BY id").fetchall() == [
        ("alice", 1), ("bob", 1),
    ]  # fmt: skip


def test_deleting_a_user_deletes_all_their_tasks_and_nobody_elses(
    alice: psycopg.Connection, superuser: psycopg.Connection
) -> None:
    for completed in (False, True):
        one(alice, CREATE, completed)
    alice.commit()
    superuser.execute("INSERT INTO tasks (user_id, title) VALUES ('bob', 'Buy bread')")
    superuser.execute("DELETE FROM users WHERE id = 'alice'")
    assert superuser.execute("SELECT user_id FROM tasks").fetchall() == [("bob",)]
    assert superuser.execute("SELECT id, task_count FROM users").fetchall() == [("bob", 1)]


@pytest.mark.parametrize("known", [False, True], ids=["the first tasks of a user", "a user with tasks"])
def test_numbers_have_the_order_of_commits(
    alice: psycopg.Connection, database_url: str, superuser: psycopg.Connection, known: bool
) -> None:
    if known:
        one(alice, CREATE, False)
        alice.commit()
    with writing_as_alice(database_url) as slower, ThreadPoolExecutor(1) as thread:
        early = one(alice, CREATE, False)
        late = thread.submit(one, slower, CREATE, True)
        wait_until_it_waits_for_a_lock(superuser, slower.info.backend_pid)
        assert one(alice, CREATE, False)[1] == early[1] + 1
        alice.commit()
        assert late.result(10)[1] == early[1] + 2
        slower.commit()
    total = 3 + known
    assert one(alice, COUNTERS) == (total, total, 1)
    times = alice.execute("SELECT created_at FROM tasks ORDER BY revision").fetchall()
    assert times == sorted(times)


def test_two_writers_who_complete_one_task_count_it_once(
    alice: psycopg.Connection, database_url: str, superuser: psycopg.Connection
) -> None:
    one(alice, CREATE, False)
    alice.commit()
    complete = "UPDATE tasks SET completed = true RETURNING revision"
    with writing_as_alice(database_url) as other, ThreadPoolExecutor(1) as thread:
        one(alice, complete)
        late = thread.submit(one, other, complete)
        wait_until_it_waits_for_a_lock(superuser, other.info.backend_pid)
        alice.commit()
        assert late.result(10) == (3,)
        other.commit()
    assert one(alice, COUNTERS) == (3, 1, 1)


def wait_until_it_waits_for_a_lock(superuser: psycopg.Connection, pid: int) -> None:
    deadline = time.monotonic() + 10
    while not one(superuser, "SELECT cardinality(pg_blocking_pids(%s)) > 0", pid)[0]:
        assert time.monotonic() < deadline, "nobody waits: two writers of one user do not queue"
        time.sleep(0.01)
