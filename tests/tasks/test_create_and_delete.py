"""One user who creates and deletes the largest tasks for as long as they like: what stays of it is bounded."""

import asyncio
import secrets
import time
from collections import Counter

import psycopg
import pytest
from httpx2 import Response

from taskward.auth.issue import issue_token
from taskward.tasks.idempotency import MAX_KEYS
from tests.client import Client
from tests.conftest import SECRET
from tests.profiles import by_profile

AT_ONCE = 4
MIB = 2**20
SIZES = """
    SELECT pg_database_size(current_database()), pg_total_relation_size('tasks'),
           pg_total_relation_size('idempotency_keys'), pg_total_relation_size('users')
"""


@pytest.mark.soak
async def test_nothing_stays_but_as_many_keys_as_a_day_may_have(
    alice: Client, superuser: psycopg.Connection
) -> None:
    keys, seconds = by_profile(100, MAX_KEYS), by_profile(4, 1800)
    token = issue_token("alice", SECRET.encode(), "HS256", seconds + 300)
    alice.headers["Authorization"] = f"Bearer {token}"
    await create(alice, keyed=True)
    superuser.execute("UPDATE users SET key_count = %s", [MAX_KEYS - keys])
    before = sizes(superuser)
    began = time.monotonic()
    statuses: Counter[int] = Counter()
    await asyncio.gather(*(create_and_delete(alice, began + seconds, statuses) for _ in range(AT_ONCE)))
    kept = count(superuser, "idempotency_keys")
    told = f"{dict(statuses)} in {time.monotonic() - began:.0f} s, {kept} keys kept"
    print(f"\n{told}; MiB of database, tasks, keys, users: {before}, then {sizes(superuser)}")  # noqa: T201
    assert count(superuser, "tasks") <= 1 + statuses[503]  # nobody knows whether those were written
    assert 1 < kept <= 1 + keys + AT_ONCE
    assert set(statuses) <= {201, 204, 429, 503}
    assert statuses[201] - statuses[503] <= statuses[204] <= statuses[201]
    if kept < 1 + keys:
        assert statuses[429] == 0, "refused although there was room"


async def create_and_delete(alice: Client, end: float, statuses: Counter[int]) -> None:
    keyed = True
    while time.monotonic() < end:
        response = await create(alice, keyed=keyed)
        statuses[response.status_code] += 1
        keyed = response.status_code == 201
        if response.status_code == 201:
            statuses[(await alice.delete(response.headers["location"])).status_code] += 1


async def create(alice: Client, *, keyed: bool) -> Response:
    headers = {"Idempotency-Key": secrets.token_hex(127)} if keyed else {}
    task = {"title": random_text(200), "description": random_text(1000)}
    return await alice.post("/tasks", json=task, headers=headers)


def random_text(length: int) -> str:
    """Text of four bytes for each character that no compression makes smaller by much."""
    return "".join(chr(0x20000 + secrets.randbelow(0xA000)) for _ in range(length))


def count(superuser: psycopg.Connection, table: str) -> int:
    (number,) = superuser.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)
    return int(number)


def sizes(superuser: psycopg.Connection) -> list[float]:
    return [round(size / MIB, 1) for size in superuser.execute(SIZES).fetchone() or ()]
