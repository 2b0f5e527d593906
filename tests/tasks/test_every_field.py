"""Every field through every operation, driven by the list of fields.

A field that an entry point does not know fails here under the names of both. The command line and the page have
the same test, in `tests/cli/client/test_every_field.py` and `tests/web/test_every_field.py`.
"""

from typing import Any

import psycopg
import pytest

from taskward.tasks.fields import FIELDS, SETTABLE, Settable
from taskward.tasks.idempotency import fingerprint
from taskward.tasks.schemas import TaskCreate
from tests.client import Client
from tests.openapi_snapshot import published
from tests.tasks.fields import CHANGEABLE_NAMES, NAMES, SAMPLES, new_values, task_with

GIVEN_BY_A_CHANGE = ("updated_at", "revision", "completed_at")
KEY = {"Idempotency-Key": "5f0c2a7e"}

every_field = pytest.mark.parametrize("name", NAMES)
every_changeable_field = pytest.mark.parametrize("name", CHANGEABLE_NAMES)


def test_every_field_has_a_sample() -> None:
    assert set(SAMPLES) == set(NAMES)
    for name, sample in SAMPLES.items():
        assert sample.one not in (sample.other, SETTABLE[name].default)


async def created(alice: Client, name: str, **headers: str) -> dict[str, Any]:
    response = await alice.post("/tasks", json=task_with(name, SAMPLES[name].one), headers=headers)
    assert response.status_code == 201, response.text
    return dict(response.json())


@every_field
async def test_create_read_and_list(alice: Client, name: str) -> None:
    task = await created(alice, name)
    assert task[name] == SAMPLES[name].one
    assert list(task) == list(FIELDS)
    assert (await alice.get("/tasks/1")).json() == task
    assert (await alice.get("/tasks")).json()["tasks"] == [task]


@every_changeable_field
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_change(alice: Client, name: str, method: str) -> None:
    before = await created(alice, name)
    changed = await alice.request(method, "/tasks/1", json={name: SAMPLES[name].other})
    assert changed.json()[name] == SAMPLES[name].other, changed.text
    given = dict.fromkeys(GIVEN_BY_A_CHANGE)
    assert {**changed.json(), name: None, **given} == {**before, name: None, **given}, "and nothing else"
    assert (await alice.get("/tasks/1")).json() == changed.json()


@every_field
async def test_current_of_412(alice: Client, name: str) -> None:
    seen = await created(alice, name)
    now = (
        await alice.patch("/tasks/1", json={"title": "Changed"} if name != "title" else {name: "Buy milk"})
    ).json()
    late = await alice.put("/tasks/1", json={"title": "Late"}, headers={"If-Match": f'"{seen["revision"]}"'})
    assert (late.status_code, late.json()["current"]) == (412, now)
    assert late.json()["current"][name] == SAMPLES[name].one


@every_field
async def test_create_and_current_in_a_batch(alice: Client, name: str) -> None:
    new = {"uid": "a name", **task_with(name, SAMPLES[name].one)}
    task = await result(alice, {"do": "create", "task": new}, "task")
    assert task[name] == SAMPLES[name].one
    assert list(task) == list(FIELDS)
    assert (
        (await alice.get("/tasks/1")).json() == await result(alice, {"do": "create", "task": new}, "task") == task
    )
    late = {"do": "update", "id": 1, "if_revision": 7, "task": {"completed": True}}
    assert await result(alice, late, "current") == task


@every_changeable_field
async def test_change_in_a_batch(alice: Client, name: str) -> None:
    before = await created(alice, name)
    changed = await result(alice, {"do": "update", "id": 1, "task": {name: SAMPLES[name].other}}, "task")
    assert changed[name] == SAMPLES[name].other
    given = dict.fromkeys(GIVEN_BY_A_CHANGE)
    assert {**changed, name: None, **given} == {**before, name: None, **given}, "and nothing else"
    assert (await alice.get("/tasks/1")).json() == changed


async def result(alice: Client, operation: dict[str, Any], member: str) -> dict[str, Any]:
    """Send a batch of one operation, and return what its result has."""
    response = await alice.post("/tasks/batch", json={"operations": [operation]})
    assert response.status_code == 200, response.text
    return dict(response.json()["results"][0][member])


@every_field
async def test_keyed_create_and_replay(alice: Client, name: str) -> None:
    task = await created(alice, name, **KEY)
    assert task[name] == SAMPLES[name].one
    replay = await alice.post("/tasks", json=task_with(name, SAMPLES[name].one), headers=KEY)
    assert (replay.json(), replay.headers["idempotency-replayed"]) == (task, "true")


@every_field
async def test_a_key_with_another_value_is_422(alice: Client, name: str) -> None:
    await created(alice, name, **KEY)
    reused = await alice.post("/tasks", json=task_with(name, SAMPLES[name].other), headers=KEY)
    assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


@every_field
async def test_saying_what_it_would_be_anyway_is_saying_nothing(alice: Client, name: str) -> None:
    default = SETTABLE[name].default
    if default is ...:
        pytest.skip("it must be said")
    first = await alice.post("/tasks", json={"title": "A title"}, headers=KEY)
    assert first.json()[name] == default
    again = await alice.post("/tasks", json={"title": "A title", name: default}, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


@every_field
async def test_the_changes(alice: Client, name: str) -> None:
    created = (await alice.post("/tasks", json=task_with(name, SAMPLES[name].one))).json()
    page = (await alice.get("/tasks/changes")).json()
    assert page["tasks"] == [created]
    assert list(page["tasks"][0]) == list(FIELDS)
    assert page["tasks"][0][name] == created[name]


@every_field
def test_openapi(name: str) -> None:
    schemas = published()["components"]["schemas"]
    assert list(schemas["TaskRead"]["properties"]) == schemas["TaskRead"]["required"] == list(FIELDS)
    assert schemas["TaskRead"]["properties"][name]["examples"]
    assert schemas["TaskCreate"]["properties"][name]["description"]
    assert schemas["NamedTask"]["properties"][name]["description"]
    assert (name in schemas["TaskChanges"]["properties"]) is (name in CHANGEABLE_NAMES)


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ({"title": "Buy milk"}, "5029ab9fb46a84971448fe90e5d4da1fd7edb613aead5a8f2d0adc5e351d84f9"),
        (
            {"title": "Bücher \U0001f600", "description": "Two\nlitres", "completed": True},
            "ee742dd158151745206833ba46607b6e3bb3af779adafeab3f7c4ec41155684e",
        ),
    ],
)
async def test_a_key_stored_by_the_first_release_still_knows_its_body(
    alice: Client, superuser: psycopg.Connection, body: dict[str, Any], stored: str
) -> None:
    """Its fingerprint was of three fields alone. Replays survive an upgrade, whatever was added since."""
    assert fingerprint(dict(TaskCreate(**body))).hex() == stored
    superuser.execute("INSERT INTO users (id) VALUES ('alice')")
    superuser.execute(
        "INSERT INTO idempotency_keys"
        " (user_id, key, fingerprint, task_id, title, description, completed, created_at, revision)"
        " VALUES ('alice', %s, %s, 7, %s, %s, %s, now(), 3)",
        [KEY["Idempotency-Key"], bytes.fromhex(stored), body["title"], body.get("description"),
         body.get("completed", False)],
    )  # fmt: skip
    replay = await alice.post("/tasks", json=body, headers=KEY)
    assert (replay.status_code, replay.json()["id"], replay.json()["title"]) == (201, 7, body["title"])
    assert (await alice.post("/tasks", json={**body, "title": "x"}, headers=KEY)).status_code == 422


@every_field
def test_a_field_that_a_fingerprint_forgets_would_be_noticed(name: str) -> None:
    """Also by itself, without a database: any two bodies that differ in one field differ in theirs."""
    one, other = (dict(TaskCreate(**task_with(name, value))) for value in (SAMPLES[name].one, SAMPLES[name].other))
    assert fingerprint(one) != fingerprint(other)


def test_a_field_of_the_future_counts_where_it_says_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTABLE, "later", Settable(Any, "text[]", default=[]))
    task = new_values(description="Two litres")
    unsaid, said, other = (fingerprint({**task, "later": value}) for value in ([], ["a", "b"], ["b", "a"]))
    monkeypatch.delitem(SETTABLE, "later")
    assert unsaid == fingerprint(task), "a key that is older than the field still knows its body"
    assert len({unsaid, said, other}) == 3
