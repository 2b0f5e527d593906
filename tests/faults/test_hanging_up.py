"""Sixty-four users on four connections, a tenth of them hanging up: nobody sees another's row, nothing is lost."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskward.database.url import conninfo
from tests.conftest import SECRET
from tests.faults.client import Client, Response
from tests.faults.conftest import backends
from tests.profiles import by_profile
from tests.service import Service

USERS = 64
CONNECTIONS = 4


@pytest.fixture
def service(database_settings: dict[str, str]) -> Iterator[Service]:
    settings = {"JWT_SECRET_KEY": SECRET, "DB_POOL_SIZE": str(CONNECTIONS), "DB_MAX_OVERFLOW": "0"}
    settings |= database_settings
    with tempfile.TemporaryDirectory(prefix="taskward-") as folder, Service(Path(folder) / "data", settings) as it:
        yield it


class User:
    """Writes and lists tasks that say whose they are, and hangs up on every tenth request."""

    def __init__(self, url: str, number: int) -> None:
        self._client = Client(url, f"alice-{number}")
        self.responses: Counter[int | str] = Counter()
        self.created = 0

    async def use(self, requests: int) -> None:
        for _ in range(requests):
            method, path, body = random.choice(
                [("POST", "/tasks", {"title": self._client.user_id}), ("GET", "/tasks?limit=5", None)]
            )
            if random.random() < 0.1:
                await self._client.send(method, path, body)
                await asyncio.sleep(random.choice([0, 0, 0.001, 0.005]))
                self._client.hang_up()
                self.responses["hung up"] += 1
            else:
                response = await self._client.request(method, path, body)
                assert response is not None
                self._look(response)
        self._client.hang_up()

    def _look(self, response: Response) -> None:
        self.responses[response.status] += 1
        assert response.status in (200, 201)
        for task in response.body["tasks"] if response.status == 200 else [response.body]:
            assert task["user_id"] == task["title"] == self._client.user_id, "somebody else's row"
        self.created += response.status == 201


@pytest.mark.soak
async def test_nobody_sees_anothers_row_and_no_connection_is_lost(
    service: Service, database_settings: dict[str, str]
) -> None:
    each = by_profile(80, 1600)
    users = [User(service.url, number) for number in range(USERS)]
    address = f"host={service.data_dir}/sockets user=postgres dbname=taskward"
    if database_settings:
        address = make_conninfo(conninfo(database_settings["DATABASE_URL"]), user="postgres", application_name="")
    with psycopg.connect(address, autocommit=True) as superuser:
        before: list[int] = []
        async with asyncio.timeout(120):
            while len(before) < CONNECTIONS:  # writes share a commit and reads a packet: some come late
                await asyncio.gather(*(user.use(each // 4) for user in users))
                before = sorted(backends(superuser))
        await asyncio.gather(*(user.use(each - each // 4) for user in users))
        assert sorted(backends(superuser)) == before, "the same connections from beginning to end"
        wrong = "SELECT count(*) FROM tasks WHERE title <> user_id"
        assert superuser.execute(wrong).fetchone() == (0,)
        counted = superuser.execute("SELECT count(*) FROM tasks").fetchone()
        assert counted is not None
        assert counted[0] >= sum(user.created for user in users)
    responses = sum((user.responses for user in users), Counter[int | str]())
    assert responses["hung up"] > responses.total() / 20
    print(f"\n{responses.total()} requests of {USERS} users on {CONNECTIONS} connections: {dict(responses)}")  # noqa: T201
