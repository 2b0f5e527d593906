"""Clients that write whatever comes to their mind, lose connections, and note what they were told."""

import asyncio
import random
from typing import Any

from tests.faults.client import Client, Response
from tests.sync.history import Histories, Operation, now, operation

LOST = (None, 503)
NOBODY_KNOWS = -1


class World:
    """What the clients of all users have in common: the tasks they have heard of, and the histories."""

    def __init__(self, users: list[str]) -> None:
        self.users = users
        self.histories = Histories()
        self.done = 0  # operations that were sent, reads included
        self.lost = 0
        self.given_twice: list[tuple[str, int]] = []  # revisions, and so entity tags, that stood for two things
        self._shown: dict[tuple[str, int], Any] = {}
        self._uids: dict[str, dict[int, str]] = {user: {} for user in users}
        self._kept: set[str] = set()  # a create of these may still be under way, and make one anew
        self._numbers = iter(range(10**9))

    def new_uid(self) -> str:
        """Return a name that no task has had."""
        return f"uid-{next(self._numbers)}"

    def saw(self, name: str, revision: int, content: Any) -> None:
        """Look whether this content is the only one that was ever shown under a name and a revision."""
        if self._shown.setdefault((name, revision), content) != content:
            self.given_twice.append((name, revision))

    def heard_of(self, user: str, task: dict[str, Any], *, kept: bool) -> None:
        """Let the other clients of the user know of a task; one that is `kept` is not to be deleted."""
        self._uids[user][task["id"]] = task["uid"]
        if kept:
            self._kept.add(task["uid"])

    def gone(self, user: str, task_id: int) -> None:
        """Have hardly anybody ask for a task any more."""
        if len(self._uids[user]) > 20:
            self._uids[user].pop(task_id, None)

    def any_of(self, user: str) -> tuple[int, str, bool] | None:
        """Return the id and uid of some task, and whether it may be deleted."""
        known = self._uids[user]
        if not known:
            return None
        task_id = random.choice(list(known))
        return task_id, known[task_id], known[task_id] not in self._kept

    def begin_anew(self, tasks: dict[str, list[dict[str, Any]]], revisions: dict[str, int]) -> None:
        """Begin new histories with what there is of each user, while nobody writes."""
        self.histories = Histories()
        for user in self.users:
            self._uids[user] = {}
            counted = {"revision": revisions[user], "count": len(tasks[user])}
            self.histories.of_counter(user).append(operation(0, now(), now(), do="init", **counted))
            for task in tasks[user]:
                self.heard_of(user, task, kept=task["uid"] in self._kept)
                history = self.histories.of_task(task["uid"])
                history.append(operation(0, now(), now(), do="init", task=shown(task)))


def shown(task: dict[str, Any] | None) -> dict[str, Any]:
    """Return of a task what its history is about."""
    if task is None:
        return {"there": False}
    return {"there": True} | {name: task[name] for name in ("title", "completed", "revision")}


class Writer:
    """One client of one user."""

    def __init__(self, url: str, user: str, number: int, world: World) -> None:
        self._client = Client(url, user)
        self._user = user
        self._number = number
        self._world = world
        self._seen: dict[int, int] = {}  # the revisions of tasks, as last seen

    async def write(self, operations: int) -> None:
        """Go on until all clients together have done so many operations."""
        kinds = [self._create, self._update, self._update_if, self._delete, self._read, self._list, self._batch]
        try:
            while self._world.done < operations:
                (kind,) = random.choices(kinds, [25, 25, 15, 12, 10, 8, 5])
                await kind()
        finally:
            self._client.hang_up()

    async def _create(self) -> None:
        want = {"title": str(random.random())}
        uid = self._world.new_uid()
        first = True
        response = None
        while response is None:
            begun = now()
            response = await self._send("POST", "/tasks", {"uid": uid, **want})
            told = response.body if response else None
            self._note_task(uid, begun, "create", want, told, applied=bool(response and response.status == 201))
            if response is None or response.status == 201:
                self._note_write(begun, told, more=1)
            if told:
                self._world.heard_of(self._user, told, kept=not first)
                self._seen[told["id"]] = told["revision"]
            first = False

    async def _update(self, if_revision: int | None = None, some: tuple[int, str, bool] | None = None) -> None:
        if (some := some or self._world.any_of(self._user)) is None:
            return
        task_id, uid, _ = some
        want: dict[str, Any] = random.choice(
            [{"title": str(random.random())}, {"completed": random.random() < 0.5}]
        )
        headers = {} if if_revision is None else {"If_Match": f'"{if_revision}"'}
        begun = now()
        response = await self._send("PATCH", f"/tasks/{task_id}", want, **headers)
        if if_revision is not None:
            want = {**want, "if_revision": if_revision}
        told = _task_in(response)
        applied = bool(response and response.status == 200)
        self._note_task(uid, begun, "update", want, told, applied=applied, known=response is not None)
        if response is None or applied:
            self._note_write(begun, told)
        if told:
            self._seen[task_id] = told["revision"]

    async def _update_if(self) -> None:
        some = self._world.any_of(self._user)
        if some and some[0] in self._seen:
            await self._update(self._seen[some[0]], some)

    async def _delete(self) -> None:
        some = self._world.any_of(self._user)
        if some is None or not some[2]:
            return
        task_id, uid, _ = some
        begun = now()
        response = await self._send("DELETE", f"/tasks/{task_id}")
        applied = bool(response and response.status == 204)
        found = {"id": task_id} if applied else None
        self._note_task(uid, begun, "delete", {}, found, applied=applied, known=response is not None)
        if response is None or applied:
            self._note_write(begun, None, more=-1, known=response is not None)
        self._world.gone(self._user, task_id)

    async def _read(self) -> None:
        if some := self._world.any_of(self._user):
            begun = now()
            response = await self._send("GET", f"/tasks/{some[0]}")
            if response:
                told = _task_in(response)
                self._note_task(some[1], begun, "read", {}, told, applied=False, known=True)
                if told:
                    self._seen[some[0]] = told["revision"]

    async def _list(self) -> None:
        begun = now()
        if response := await self._send("GET", "/tasks?limit=1"):
            counted = {"revision": response.body["revision"], "count": response.body["count"]}
            self._world.saw(f"list of {self._user}", counted["revision"], counted["count"])
            self._note(self._world.histories.of_counter(self._user), begun, known=True, do="read", **counted)

    async def _batch(self) -> None:
        wanted = [
            {"uid": self._world.new_uid(), "title": str(random.random())} for _ in range(random.randint(2, 5))
        ]
        body = {"operations": [{"do": "create", "task": task} for task in wanted]}
        response, first = None, True
        while response is None:
            begun = now()
            response = await self._send("POST", "/tasks/batch", body)
            results = response.body["results"] if response else [None for _ in wanted]
            created = 0
            for task, result in zip(wanted, results, strict=True):
                told, applied = (result["task"], result["status"] == 201) if result else (None, False)
                created += applied or response is None
                self._note_task(task["uid"], begun, "create", {"title": task["title"]}, told, applied=applied)
                if told:
                    self._world.heard_of(self._user, told, kept=not first)
            if created:
                self._note_write(begun, response and response.body, more=created, writes=created)
            first = False

    async def _send(self, method: str, path: str, body: Any = None, **headers: str) -> Response | None:
        """Return the response, or None where it is not known what came of the request."""
        self._world.done += 1
        response = None
        if random.random() < 0.02:
            try:
                await self._client.send(method, path, body, **headers)
                await asyncio.sleep(random.choice([0, 0.001, 0.005]))
            except OSError:
                pass
            self._client.hang_up()
        else:
            response = await self._client.request(method, path, body, **headers)
        if response is None or response.status == 503:
            self._world.lost += 1
            self._client.hang_up()
            await asyncio.sleep(0.02)
            return None
        assert response.status in (200, 201, 204, 404, 412), response
        return response

    def _note_task(
        self,
        uid: str,
        begun: int,
        do: str,
        want: dict[str, Any],
        told: dict[str, Any] | None,
        *,
        applied: bool,
        known: bool | None = None,
    ) -> None:
        known = told is not None if known is None else known
        task = shown(None if do == "delete" else told)
        if task["there"]:
            self._world.saw(uid, task["revision"], task)
        said = {"do": do, "want": want, "found": told is not None, "applied": applied, "task": task}
        self._note(self._world.histories.of_task(uid), begun, known=known, **said)

    def _note_write(
        self, begun: int, told: dict[str, Any] | None, *, more: int = 0, writes: int = 1, known: bool | None = None
    ) -> None:
        known = told is not None if known is None else known
        revision = told["revision"] if told else NOBODY_KNOWS
        said = {"do": "write", "writes": writes, "more": more, "revision": revision, "count": NOBODY_KNOWS}
        self._note(self._world.histories.of_counter(self._user), begun, known=known, **said)

    def _note(self, history: list[Operation], begun: int, *, known: bool, **said: Any) -> None:
        history.append(operation(self._number, begun, now() if known else None, known=known, **said))


def _task_in(response: Response | None) -> dict[str, Any] | None:
    if response is None or response.status == 404:
        return None
    task: dict[str, Any] = response.body["current"] if response.status == 412 else response.body
    return task
