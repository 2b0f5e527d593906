"""Writers who note what they were promised, and hold the tables to it afterwards."""

import asyncio
import random
from collections import Counter
from typing import Any

import psycopg

from tests.books import check_books
from tests.faults.client import Client, Response


class Ledger:
    """What all writers together sent, and what of it was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, dict[str, Any]] = {}  # creates, by their title, which is theirs alone
        self.unknown: set[str] = set()  # creates without a key whose response was lost, or 503
        self.updates: dict[int, int] = {}  # how often each contended task was updated, for certain
        self.writes = 0  # acknowledged ones
        self.responses: Counter[int | None] = Counter()

    def hold_against(self, superuser: psycopg.Connection) -> None:
        """Fail unless every acknowledged write is there once, whole, and nothing is there twice."""
        query = "SELECT user_id, title, description, completed FROM tasks WHERE title LIKE 'create %'"
        rows = superuser.execute(query).fetchall()
        titles = Counter(title for _, title, _, _ in rows)
        assert [title for title, times in titles.items() if times > 1] == []
        assert titles.keys() >= self.acknowledged.keys(), "an acknowledged create is not there"
        assert titles.keys() - self.acknowledged.keys() <= self.unknown
        for user_id, title, description, completed in rows:
            if sent := self.acknowledged.get(title):
                assert (user_id, description, completed) == (sent["user"], sent["description"], sent["completed"])
        updated = superuser.execute("SELECT id, description FROM tasks WHERE title = 'contended'").fetchall()
        assert {task_id: int(description) for task_id, description in updated} == self.updates
        check_books(superuser)
        answered = """
            SELECT count(*)
              FROM idempotency_keys AS keys LEFT JOIN tasks ON tasks.user_id = keys.user_id AND id = task_id
             WHERE id IS NULL
        """
        assert superuser.execute(answered).fetchone() == (0,), "a key remembers a task that is not there"


class Writer:
    """Creates with and without keys, and counts up a task of its own, whatever happens to the service."""

    def __init__(self, url: str, number: int, ledger: Ledger) -> None:
        self._client = Client(url, f"alice-{number % 8}")  # four writers for each user
        self._number = number
        self._ledger = ledger
        self._sent = 0

    async def write(self, enough: asyncio.Event) -> None:
        """Go on until it is enough; leave nothing open."""
        task = await self._insist("POST", "/tasks", {"title": "contended", "description": "0"}, self._key())
        self._task, self._tag = task.body["id"], task.headers["etag"]
        self._ledger.updates[self._task] = 0
        try:
            while not enough.is_set():
                await random.choice([self._create_once, self._create, self._count_up])()
            while not await self._count_up():
                pass
        finally:
            self._client.hang_up()

    async def _create_once(self) -> None:
        body = self._new()
        await self._insist("POST", "/tasks", body, self._key())
        self._acknowledge(body)

    async def _create(self) -> None:
        body = self._new()
        response = await self._try("POST", "/tasks", body)
        if response and response.status == 201:
            self._acknowledge(body)
        else:
            self._ledger.unknown.add(body["title"])

    async def _count_up(self) -> bool:
        """Tell whether it is certain what came of this one, and so of all before it."""
        before = self._ledger.updates[self._task]
        path, body = f"/tasks/{self._task}", {"description": str(before + 1)}
        response = await self._try("PUT", path, body, If_Match=self._tag)
        if response is None or response.status == 503:  # done or not: it can be seen, for nobody else writes here
            response = await self._insist("GET", path)
            if response.body["description"] == str(before):
                return False  # it was not, and may still be; then the next one is told so by If-Match
        elif response.status == 412:
            assert response.body["current"]["description"] == str(before + 1), "a late first attempt, and no other"
            self._tag = response.headers["etag"]
            self._ledger.updates[self._task] += 1
            return True
        assert response.status == 200
        assert response.body["description"] == str(before + 1)
        self._tag = response.headers["etag"]
        self._ledger.updates[self._task] += 1
        self._ledger.writes += 1
        return True

    def _new(self) -> dict[str, Any]:
        self._sent += 1
        title = f"create {self._number}-{self._sent}"
        return {"title": title, "description": title * 20, "completed": bool(self._sent % 3)}

    def _key(self) -> dict[str, str]:
        return {"Idempotency_Key": f"{self._number}-{self._sent}"}

    def _acknowledge(self, body: dict[str, Any]) -> None:
        self._ledger.acknowledged[body["title"]] = {**body, "user": self._client.user_id}
        self._ledger.writes += 1

    async def _insist(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Response:
        """Repeat a request that may be repeated until it is answered for good."""
        while True:
            response = await self._try(method, path, body, **(headers or {}))
            if response and response.status not in (409, 503):
                assert response.status in (200, 201)
                return response

    async def _try(self, method: str, path: str, body: Any = None, **headers: str) -> Response | None:
        response = await self._client.request(method, path, body, **headers)
        self._ledger.responses[response and response.status] += 1
        if response is None or response.status == 503:
            await asyncio.sleep(0.05)
        else:
            assert response.status in (200, 201, 409, 412), response
        return response
