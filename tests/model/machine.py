"""Random histories of three users against the service and against the plain model; any difference fails."""

from copy import deepcopy
from itertools import count
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx2
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from taskward.tasks.fields import GENERATION
from tests.model.batches import finds_what_it_deletes, outcomes, told
from tests.model.plain import SORT_KEYS, UNSAID, Owner, RefusedError, Task, without_times

# Letters that Python and PostgreSQL fold alike; the difference between the two is not what is tested here.
titles = st.text("abAB éÜ1_%'\\", min_size=1, max_size=8).filter(str.strip)
days = st.sampled_from(["1900-01-01", "2026-11-27", "2026-11-28", "2028-02-29", "9999-12-31"])
tags = st.lists(st.sampled_from(["home", "Éa", "b c", "%"]), unique=True, max_size=3)
changeable = {
    "title": titles,
    "description": st.none() | st.text("xyz\n\U0001f600", max_size=5),
    "completed": st.booleans(),
    "due_date": st.none() | days,
    "due_time": st.none() | st.sampled_from(["00:00", "12:00", "23:59"]),
    "due_zone": st.none() | st.sampled_from(["Europe/Berlin", "UTC"]),
    "priority": st.none() | st.sampled_from(["high", "medium", "low"]),
    "tags": tags,
}
bodies = st.fixed_dictionaries(
    {"title": titles},
    optional={
        **{name: values for name, values in changeable.items() if name != "title"},
        "uid": st.none() | st.sampled_from(["a", "A b", "%"]),
    },
)
named_bodies = st.builds(lambda body, uid: {**body, "uid": uid}, bodies, st.sampled_from(["a", "A b", "%"]))
changes = st.fixed_dictionaries({}, optional=changeable).filter(bool)
filters: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {},
    optional={
        "due_from": days,
        "due_to": days,
        "due": st.sampled_from(["any", "none"]),
        "priority": st.sampled_from(["high", "low,high", "medium"]),
        "tags": st.sampled_from(["HOME", "éA,home", "b c", "%"]),
        "uid": st.sampled_from(["a", "A b"]),
        "q": st.text("abAÉü1_%'\\ ", min_size=1, max_size=4).filter(str.strip),
    },
) | st.just({})
people = st.sampled_from(["alice", "bob", "charlie"])
path_prefixes = st.sampled_from(["/tasks", "/api/{}/tasks", "/users/{}/tasks", "/api/tasks"])
conditions = st.sampled_from(["none", "current", "stale", "any", "weak", "several"])
seen = st.sampled_from([None, 0, 0, 1])  # how far off the revision is
keys = st.none() | st.sampled_from(["key-1", "key-2", "a key with spaces"])

_histories = count(1)


class Histories(RuleBasedStateMachine):
    """One history. `request` is set by whoever runs this: it sends one request as one user."""

    request: ClassVar[Any]
    steps: ClassVar[int] = 0
    tasks = Bundle("tasks")

    @initialize()
    def begin(self) -> None:
        number = next(_histories)
        self.owners = {name: Owner(f"{name}-{number}") for name in ("alice", "bob", "charlie")}

    @invariant()
    def count(self) -> None:
        type(self).steps += 1

    @rule(target=tasks, who=people, path_prefix=path_prefixes, body=bodies, key=keys)
    def create(self, who: str, path_prefix: str, body: Task, key: str | None) -> Any:
        owner = self.owners[who]
        response = self._send(owner, "POST", path_prefix, "", body, {"Idempotency-Key": key} if key else {})
        known = owner.responses.get(key) if key and not _is_incomplete(body) else None
        if known:
            if _meaning(known[0]) != _meaning(body):
                assert (response.status_code, response.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
            else:
                assert (response.status_code, response.json()) == (201, known[1])
                assert response.headers["idempotency-replayed"] == "true"
            return multiple()
        assert "idempotency-replayed" not in response.headers
        if _is_incomplete(body):
            assert response.status_code == 400
            return multiple()
        there = owner.named(body.get("uid"))
        if there:
            assert (response.status_code, without_times(response.json())) == (200, without_times(there))
            return multiple()
        assert response.status_code == 201
        created = response.json()
        assert without_times(created) == without_times(owner.create(created["id"], body))
        if key:
            owner.responses[key] = (body, created)
        return (who, created["id"])

    @rule(who=people, path_prefix=path_prefixes, task=tasks, held=conditions)
    def read(self, who: str, path_prefix: str, task: tuple[str, int], held: str) -> None:
        owner, there = self.owners[who], self._expected(who, task)
        response = self._send(
            owner, "GET", path_prefix, f"/{task[1]}", None, _header("If-None-Match", held, there)
        )
        if not isinstance(there, dict):
            assert response.status_code == there
        elif held in ("current", "any", "weak", "several"):
            assert (response.status_code, response.content) == (304, b"")
        else:
            assert (response.status_code, without_times(response.json())) == (200, without_times(there))
            assert response.headers["etag"] == f'"{there["revision"]}.{GENERATION}"'

    @rule(
        who=people,
        path_prefix=path_prefixes,
        task=tasks,
        body=changes,
        held=conditions,
        method=st.sampled_from(["PUT", "PATCH"]),
    )
    def update(
        self, who: str, path_prefix: str, task: tuple[str, int], body: Task, held: str, method: str
    ) -> None:
        self._write(who, path_prefix, task, held, method, "", body, lambda owner, _: owner.update(task[1], body))

    @rule(
        who=people, path_prefix=path_prefixes, task=tasks, held=conditions,
        action=st.sampled_from(["complete", "toggle"]), completed=st.none() | st.booleans(),
    )  # fmt: skip
    def complete(
        self, who: str, path_prefix: str, task: tuple[str, int], held: str, action: str, completed: bool | None
    ) -> None:
        def apply(owner: Owner, there: Task) -> Task:
            wanted = not there["completed"] if completed is None else completed
            return owner.update(task[1], {"completed": wanted})

        body = None if completed is None else {"completed": completed}
        self._write(who, path_prefix, task, held, "PATCH", f"/{action}", body, apply)

    @rule(who=people, path_prefix=path_prefixes, task=tasks, held=conditions)
    def delete(self, who: str, path_prefix: str, task: tuple[str, int], held: str) -> None:
        self._write(who, path_prefix, task, held, "DELETE", "", None, lambda owner, _: owner.delete(task[1]))

    @rule(
        target=tasks,
        who=people,
        path_prefix=path_prefixes,
        new=st.lists(named_bodies, max_size=2, unique_by=lambda body: str(body["uid"])),
        picked=st.lists(st.tuples(tasks, changes | st.none(), seen), max_size=4, unique_by=lambda each: each[0]),
    )
    def batch(self, who: str, path_prefix: str, new: list[Task], picked: list[Any]) -> Any:
        owner = self.owners[who]
        operations = [{"do": "create", "task": body} for body in new]
        for (_, task_id), body, late in picked:
            operation = (
                {"do": "delete", "id": task_id} if body is None else {"do": "update", "id": task_id, "task": body}
            )
            if late is not None:
                operation["if_revision"] = owner.tasks.get(task_id, {"revision": 1})["revision"] + late
            operations.append(operation)
        response = self._send(owner, "POST", path_prefix, "/batch", {"operations": operations})
        if not operations or finds_what_it_deletes(owner, operations) or not self._can_be_done(owner, operations):
            assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
            return multiple()
        results = response.json()["results"]
        created = [result["task"]["id"] for result in results if result["status"] == 201]
        expected = outcomes(owner, operations, self._elsewhere, iter(created))
        assert list(map(told, results)) == [(status, task and without_times(task)) for status, task in expected]
        assert response.json()["revision"] == owner.revision
        return multiple(*((who, task_id) for task_id in created))

    @rule(
        who=people, path_prefix=path_prefixes, status=st.sampled_from(["all", "pending", "completed"]),
        sort=st.sampled_from(list(SORT_KEYS)), order=st.sampled_from([None, "asc", "desc"]),
        limit=st.integers(1, 5), filters=filters,
    )  # fmt: skip
    def walk_the_pages(
        self,
        who: str,
        path_prefix: str,
        status: str,
        sort: str,
        order: str | None,
        limit: int,
        filters: dict[str, str],
    ) -> None:
        owner = self.owners[who]
        descending = order == "desc" if order else sort in ("created", "updated", "completed")
        expected = [
            without_times(task) for task in owner.list(status, sort, descending=descending, filters=filters)
        ]
        query = {"status": status, "sort": sort, "limit": str(limit), **filters}
        query |= {"order": order} if order else {}
        found: list[Task] = []
        while True:
            response = self._send(owner, "GET", path_prefix, f"?{urlencode(query)}")
            page = response.json()
            assert (page["count"], page["revision"]) == (len(expected), owner.revision)
            found += page["tasks"]
            tag = {"If-None-Match": response.headers["etag"]}
            assert self._send(owner, "GET", path_prefix, f"?{urlencode(query)}", None, tag).status_code == 304
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert [without_times(task) for task in found] == expected

    @rule(who=people, path_prefix=path_prefixes, limit=st.integers(1, 5))
    def read_changes(self, who: str, path_prefix: str, limit: int) -> None:
        """Read one page of what has changed, and hold the replica to the model where that was all of it."""
        owner = self.owners[who]
        query = urlencode({"since": owner.replica_revision, "limit": limit})
        page = self._send(owner, "GET", path_prefix, f"/changes?{query}").json()
        assert page["count"] == len(owner.tasks)
        assert len(page["tasks"]) + len(page["deleted"]) <= limit
        owner.replica |= {task["id"]: without_times(task) for task in page["tasks"]}
        for gone in page["deleted"]:
            owner.replica.pop(gone["id"], None)
        owner.replica_revision = page["revision"]
        if not page["more"]:
            assert page["revision"] == owner.revision
            assert owner.replica == {task_id: without_times(task) for task_id, task in owner.tasks.items()}

    def _write(
        self,
        who: str,
        path_prefix: str,
        task: tuple[str, int],
        held: str,
        method: str,
        suffix: str,
        body: Any,
        apply: Any,
    ) -> None:
        owner, there = self.owners[who], self._expected(who, task)
        response = self._send(
            owner, method, path_prefix, f"/{task[1]}{suffix}", body, _header("If-Match", held, there)
        )
        if body and method != "DELETE" and _is_contradiction(body):
            assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
        elif not isinstance(there, dict):
            assert response.status_code == there
        elif held in ("stale", "weak"):
            assert (response.status_code, response.json()["code"]) == (412, "PRECONDITION_FAILED")
            assert without_times(response.json()["current"]) == without_times(there)
        elif method == "DELETE":
            apply(owner, there)
            assert response.status_code == 204
        else:
            try:
                changed = apply(owner, there)
            except RefusedError:
                assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
            else:
                assert (response.status_code, without_times(response.json())) == (200, without_times(changed))

    def _can_be_done(self, owner: Owner, operations: list[Any]) -> bool:
        for operation in operations:
            task = operation.get("task", {})
            if _is_incomplete(task) if operation["do"] == "create" else _is_contradiction(task):
                return False
        try:
            outcomes(deepcopy(owner), operations, self._elsewhere, count(-1, -1))
        except RefusedError:
            return False
        return True

    def _elsewhere(self, task_id: int) -> int:
        return 403 if any(task_id in owner.tasks for owner in self.owners.values()) else 404

    def _expected(self, who: str, task: tuple[str, int]) -> Task | int:
        """Return the task as the model has it, or the status that `who` must get instead."""
        found = self.owners[task[0]].tasks.get(task[1])
        if found is None:
            return 404
        return found if who == task[0] else 403

    def _send(
        self, owner: Owner, method: str, path_prefix: str, rest: str, body: Any = None, headers: Any = None
    ) -> httpx2.Response:
        path = path_prefix.format(owner.user_id) + rest
        response: httpx2.Response = type(self).request(owner.user_id, method, path, body, headers or {})
        return response


def _meaning(body: Task) -> Task:
    return {**UNSAID, **body, "title": body["title"].strip()}


def _is_incomplete(body: Task) -> bool:
    return _is_contradiction({**UNSAID, **body})


def _is_contradiction(said: Task) -> bool:
    no_day, no_time = (name in said and said[name] is None for name in ("due_date", "due_time"))
    return bool((no_day and said.get("due_time")) or ((no_day or no_time) and said.get("due_zone")))


def _tags(held: str, task: Task) -> str | None:
    revision = task["revision"]
    return {
        "none": None,
        "current": f'"{revision}.{GENERATION}"',
        "stale": f'"{revision - 1}.{GENERATION}", "{revision + 1}.{GENERATION}", "not-one-of-ours"',
        "any": "*",
        "weak": f'W/"{revision}.{GENERATION}"',
        "several": f'"0" , "{revision}.{GENERATION}"',
    }[held]


def _header(name: str, held: str, there: Task | int) -> dict[str, str]:
    tags = _tags(held, there) if isinstance(there, dict) else None
    return {name: tags} if tags else {}
