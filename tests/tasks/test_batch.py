"""Many operations in one request: what becomes of each, and that it is all or nothing."""

import json
from typing import Any

import httpx2
import psycopg
import pytest

from taskward.errors import ForbiddenError, PreconditionFailedError, QuotaExceededError, TaskNotFoundError
from taskward.tasks.batch_schemas import MAX_BATCH_BYTES, MAX_OPERATIONS
from tests.client import Client
from tests.openapi_snapshot import published
from tests.tasks.path_prefixes import check_refused, create

pytestmark = pytest.mark.quick

JSON = {"Content-Type": "application/json"}
EVERYTHING = "SELECT to_jsonb(tasks), to_jsonb(users) FROM tasks FULL JOIN users ON users.id = user_id ORDER BY 1"


def creating(uid: str, **said: Any) -> dict[str, Any]:
    return {"do": "create", "task": {"uid": uid, "title": f"Task {uid}", **said}}


def updating(task_id: int, seen: int | None = None, **changes: Any) -> dict[str, Any]:
    condition = {} if seen is None else {"if_revision": seen}
    return {"do": "update", "id": task_id, **condition, "task": changes}


def deleting(task_id: int, seen: int | None = None) -> dict[str, Any]:
    return {"do": "delete", "id": task_id} | ({} if seen is None else {"if_revision": seen})


async def send(client: Client, *operations: Any, path: str = "/tasks") -> httpx2.Response:
    return await client.post(f"{path}/batch", json={"operations": operations})


async def done(client: Client, *operations: Any) -> dict[str, Any]:
    response = await send(client, *operations)
    assert response.status_code == 200, response.text
    return dict(response.json())


def statuses(answer: dict[str, Any]) -> list[int]:
    return [result["status"] for result in answer["results"]]


async def test_each_operation_is_done_and_answered_in_its_order(alice: Client, tasks: str) -> None:
    kept, gone = await create(alice), await create(alice)
    response = await send(
        alice,
        creating("milk", priority="high"),
        updating(kept["id"], kept["revision"], completed=True),
        deleting(gone["id"], gone["revision"]),
        creating("bread"),
        path=tasks,
    )
    assert response.status_code == 200
    milk, updated, deleted, bread = response.json()["results"]
    assert (milk["status"], milk["task"]["title"], milk["task"]["priority"]) == (201, "Task milk", "high")
    assert (updated["status"], updated["task"]["id"], updated["task"]["completed"]) == (200, kept["id"], True)
    assert deleted == {"status": 204, "id": gone["id"]}
    assert [each["task"]["revision"] for each in (milk, updated, bread)] == [3, 4, 6]
    assert response.json()["revision"] == 6
    listed = (await alice.get("/tasks?sort=created&order=asc")).json()
    assert listed["tasks"] == [updated["task"], milk["task"], bread["task"]]
    assert (listed["count"], listed["revision"]) == (3, 6)


async def test_what_cannot_be_done_is_told_in_its_place_and_holds_up_nobody(alice: Client, bob: Client) -> None:
    bobs, alices = await create(bob), await create(alice)
    current = (await alice.patch(f"/tasks/{alices['id']}", json={"title": "Changed"})).json()
    answer = await done(
        alice,
        updating(bobs["id"], title="Taken over"),
        deleting(bobs["id"] + 1000),
        updating(alices["id"], alices["revision"], title="Late"),
        creating("milk"),
    )
    assert answer["results"][:3] == [
        {"status": 403, "id": bobs["id"], **ForbiddenError().body()},
        {"status": 404, "id": bobs["id"] + 1000, **TaskNotFoundError().body()},
        {"status": 412, "id": alices["id"], **PreconditionFailedError(current).body()},
    ]
    assert (statuses(answer)[3], answer["revision"]) == (201, current["revision"] + 1)
    assert (await bob.get(f"/tasks/{bobs['id']}")).json() == bobs
    assert (await alice.get(f"/tasks/{alices['id']}")).json() == current


async def test_a_late_deletion_is_412_with_the_task_as_it_is(alice: Client) -> None:
    seen = await create(alice)
    current = (await alice.patch(f"/tasks/{seen['id']}", json={"title": "Changed"})).json()
    answer = await done(alice, deleting(seen["id"], seen["revision"]))
    assert (statuses(answer), answer["results"][0]["current"]) == ([412], current)
    assert statuses(await done(alice, deleting(seen["id"], current["revision"]))) == [204]


async def test_where_nobody_is_told_of_others_tasks_they_are_404(bob_in_the_dark: Client, alice: Client) -> None:
    task = await create(alice)
    answer = await done(
        bob_in_the_dark, updating(task["id"], title="x"), deleting(task["id"] + 1, task["revision"])
    )
    assert [result["code"] for result in answer["results"]] == ["TASK_NOT_FOUND"] * 2
    assert answer["revision"] == 0
    assert (await alice.get(f"/tasks/{task['id']}")).json() == task


async def test_a_create_of_what_is_there_is_200_with_the_task_as_it_is(alice: Client) -> None:
    first = (await done(alice, creating("milk")))["results"][0]["task"]
    changed = (await alice.patch(f"/tasks/{first['id']}", json={"title": "Buy oat milk"})).json()
    answer = await done(alice, creating("milk", title="Another title"))
    assert answer == {"results": [{"status": 200, "task": changed}], "revision": changed["revision"]}


async def test_a_name_is_free_behind_the_deletion_of_its_task(alice: Client) -> None:
    first = (await done(alice, creating("milk")))["results"][0]["task"]
    assert statuses(await done(alice, deleting(first["id"]), creating("milk"))) == [204, 201]
    second = (await alice.get("/tasks?uid=milk")).json()["tasks"][0]
    assert statuses(await done(alice, creating("milk"), updating(second["id"], title="x"))) == [200, 200]
    assert statuses(await done(alice, creating("bread"), deleting(second["id"]), creating("milk"))) == [
        201,
        204,
        201,
    ]


async def test_what_a_create_finds_cannot_be_deleted_behind_it_as_the_batch_could_not_be_sent_again(
    alice: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    task = (await done(alice, creating("milk")))["results"][0]["task"]
    before = superuser.execute(EVERYTHING).fetchall()
    for seen in (None, task["revision"], task["revision"] + 1):
        response = await send(alice, creating("bread"), creating("milk"), deleting(task["id"], seen))
        check_refused(response, 400, "VALIDATION_ERROR", "operations")
    assert superuser.execute(EVERYTHING).fetchall() == before
    assert statuses(await done(bob, creating("milk"), deleting(task["id"]))) == [201, 403]


async def test_bobs_names_are_his_own(alice: Client, bob: Client) -> None:
    made = [(await done(person, creating("milk")))["results"][0] for person in (alice, bob)]
    assert [(each["status"], each["task"]["user_id"]) for each in made] == [(201, "alice"), (201, "bob")]


async def test_a_whole_batch_can_be_sent_again(alice: Client) -> None:
    kept, gone = await create(alice), await create(alice)
    batch = [creating("milk"), updating(kept["id"], kept["revision"], title="Mine"), deleting(gone["id"])]
    first, again = await done(alice, *batch), await done(alice, *batch)
    assert (statuses(first), statuses(again)) == ([201, 200, 204], [200, 412, 404])
    assert again["results"][0]["task"] == first["results"][0]["task"]
    assert again["results"][1]["current"] == first["results"][1]["task"], "what was written, so all is well"
    assert again["revision"] == first["revision"]
    assert (await alice.get("/tasks")).json()["count"] == 2


# An operation that is not valid beside others that are, and the field that is told.
INVALID = [
    ({}, "do"),
    ({"do": "toggle", "id": 1}, "do"),
    ({"do": None, "id": 1}, "do"),
    ({"do": ["create"]}, "do"),
    ({"do": "Create", "task": {"uid": "x", "title": "x"}}, "do"),
    ({"do": "create"}, "task"),
    ({"do": "create", "task": None}, "task"),
    ({"do": "create", "task": {"title": "x"}}, "task.uid"),
    ({"do": "create", "task": {"title": "x", "uid": None}}, "task.uid"),
    ({"do": "create", "task": {"title": "x", "uid": ""}}, "task.uid"),
    ({"do": "create", "task": {"title": "x", "uid": 7}}, "task.uid"),
    ({"do": "create", "task": {"uid": "x"}}, "task.title"),
    ({"do": "create", "task": {"uid": "x", "title": "x" * 201}}, "task.title"),
    ({"do": "create", "task": {"uid": "x", "title": "x", "completed": "yes"}}, "task.completed"),
    ({"do": "create", "task": {"uid": "x", "title": "x", "due_time": "18:00"}}, "task.due_time"),
    ({"do": "create", "task": {"uid": "x", "title": "x", "tags": ["a", 1]}}, "task.tags.1"),
    ({"do": "create", "task": {"uid": "x", "title": "x", "id": 1}}, "task.id"),
    ({"do": "create", "task": {"uid": "x", "title": "x"}, "id": 1}, "id"),
    ({"do": "update", "id": 1}, "task"),
    ({"do": "update", "id": 1, "task": {}}, "task"),
    ({"do": "update", "id": 1, "task": {"uid": "y"}}, "task.uid"),
    ({"do": "update", "id": 1, "task": {"title": None}}, "task.title"),
    ({"do": "update", "id": 1, "task": {"due_date": None, "due_time": "18:00"}}, "task.due_time"),
    ({"do": "update", "task": {"title": "x"}}, "id"),
    ({"do": "update", "id": "1", "task": {"title": "x"}}, "id"),
    ({"do": "update", "id": True, "task": {"title": "x"}}, "id"),
    ({"do": "update", "id": 1.0, "task": {"title": "x"}}, "id"),
    ({"do": "update", "id": 0, "task": {"title": "x"}}, "id"),
    ({"do": "update", "id": 2**63, "task": {"title": "x"}}, "id"),
    ({"do": "update", "id": 10**30, "task": {"title": "x"}}, "id"),
    ({"do": "update", "id": 1, "if_revision": None, "task": {"title": "x"}}, "if_revision"),
    ({"do": "update", "id": 1, "if_revision": "7", "task": {"title": "x"}}, "if_revision"),
    ({"do": "delete", "id": 1, "if_revision": 0}, "if_revision"),
    ({"do": "delete", "id": 1, "task": {"title": "x"}}, "task"),
    ({"do": "delete", "id": 1, "If-Match": "7"}, "If-Match"),
    ({"do": "delete"}, "id"),
]  # fmt: skip


@pytest.mark.parametrize(("invalid", "field"), INVALID)
async def test_one_invalid_operation_does_nothing_and_is_named(
    alice: Client, superuser: psycopg.Connection, invalid: dict[str, Any], field: str
) -> None:
    task = await create(alice)
    before = superuser.execute(EVERYTHING).fetchall()
    response = await send(alice, creating("milk"), deleting(task["id"] + 1), invalid, updating(99, title="x"))
    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert [each["field"] for each in response.json()["errors"]] == [f"operations.2.{field}"]
    assert superuser.execute(EVERYTHING).fetchall() == before


@pytest.mark.parametrize("operation", [None, 1, "delete", [], [{"do": "delete", "id": 1}]])
async def test_what_is_no_operation_is_named(alice: Client, operation: object) -> None:
    response = await send(alice, deleting(1), operation)
    assert response.json()["errors"] == [{"field": "operations.1", "message": "must be a JSON object"}]


async def test_all_that_is_wrong_is_told(alice: Client) -> None:
    response = await send(alice, creating("a", title=""), deleting(0), updating(1, title=1, extra=1))
    assert [each["field"] for each in response.json()["errors"]] == [
        "operations.0.task.title", "operations.1.id", "operations.2.task.title", "operations.2.task.extra",
    ]  # fmt: skip
    assert response.json()["detail"] == "A title needs at least one visible character."


@pytest.mark.parametrize(
    ("operations", "field"),
    [
        ([deleting(7), deleting(8), deleting(7)], "operations.2.id"),
        ([updating(7, title="a"), deleting(7)], "operations.1.id"),
        ([updating(7, title="a"), creating("a"), updating(7, 3, completed=True)], "operations.2.id"),
        ([creating("a"), creating("b"), creating("a", title="x")], "operations.2.task.uid"),
    ],
)
async def test_a_task_that_is_named_twice_is_refused(alice: Client, operations: list[Any], field: str) -> None:
    response = await send(alice, *operations)
    assert [each["field"] for each in response.json()["errors"]] == [field]
    assert (await alice.get("/tasks")).json() == {"tasks": [], "count": 0, "revision": 0, "next_cursor": None}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_a_batch_is_no_task_and_has_one_method(alice: Client, tasks: str, method: str) -> None:
    response = await alice.request(method, f"{tasks}/batch", json={"title": "x"})
    assert (response.status_code, response.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("word", ["batch", "changes"])
async def test_nothing_is_below_what_is_no_task(alice: Client, tasks: str, word: str) -> None:
    response = await alice.patch(f"{tasks}/{word}/complete")
    check_refused(response, 400, "VALIDATION_ERROR", "task_id")


async def test_a_name_in_digits_is_no_number(alice: Client) -> None:
    task = await create(alice)
    assert statuses(await done(alice, creating(str(task["id"])), deleting(task["id"]))) == [201, 204]


async def test_what_only_the_database_can_see_is_named_as_well(
    alice: Client, superuser: psycopg.Connection
) -> None:
    """Whether a task has the day that its time needs: nothing of the batch is done."""
    task = await create(alice)
    before = superuser.execute(EVERYTHING).fetchall()
    for change, field in (({"due_time": "18:00"}, "due_time"), ({"due_zone": "UTC"}, "due_zone")):
        for seen in (None, task["revision"]):
            response = await send(alice, creating("milk"), deleting(99, 1), updating(task["id"], seen, **change))
            assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
            assert [each["field"] for each in response.json()["errors"]] == [f"operations.2.task.{field}"]
    assert superuser.execute(EVERYTHING).fetchall() == before
    assert statuses(await done(alice, updating(task["id"], due_date="2026-11-27", due_time="18:00"))) == [200]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "operations"),
        ({"operations": None}, "operations"),
        ({"operations": {}}, "operations"),
        ({"operations": {"0": deleting(1)}}, "operations"),
        ({"operations": []}, "operations"),
        ({"operations": [deleting(1)], "atomic": True}, "atomic"),
        ([deleting(1)], "body"),
        (None, "body"),
        ("x", "body"),
    ],
)
async def test_what_is_no_batch_is_refused(alice: Client, body: object, field: str) -> None:
    response = await alice.post("/tasks/batch", content=json.dumps(body).encode(), headers=JSON)
    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert [each["field"] for each in response.json()["errors"]] == [field]


async def test_1_to_100_operations(alice: Client) -> None:
    hundred = [creating(str(number)) for number in range(MAX_OPERATIONS)]
    assert (await send(alice)).json()["detail"] == "operations: must have 1 entry or more"
    assert (await send(alice, *hundred, creating("one more"))).json()["detail"] == (
        "operations: can have up to 100 entries"
    )
    assert (await alice.get("/tasks")).json()["count"] == 0
    answer = await done(alice, *hundred)
    assert (statuses(answer), answer["revision"]) == ([201] * 100, 100)
    assert [result["task"]["uid"] for result in answer["results"]] == list(map(str, range(100)))


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"\xff", b'{"operations":[],"operations":[]}', b'{"operations":NaN}']
)
async def test_what_is_no_json_is_refused(alice: Client, broken: bytes) -> None:
    response = await alice.post("/tasks/batch", content=broken, headers=JSON)
    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_JSON")


async def test_another_type_is_refused(alice: Client) -> None:
    for headers in ({}, {"Content-Type": "text/plain"}, JSON | {"Content-Encoding": "gzip"}):
        response = await alice.post("/tasks/batch", content=b"{}", headers=headers)
        assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_batch_has_512_kib_and_not_one_byte_more(alice: Client) -> None:
    data = json.dumps({"operations": [creating("milk")]}).encode()
    for size, status in ((MAX_BATCH_BYTES + 1, 413), (MAX_BATCH_BYTES, 200)):
        response = await alice.post("/tasks/batch", content=data.ljust(size), headers=JSON)
        assert response.status_code == status
        if status == 413:
            assert response.json() == {"code": "BODY_TOO_LARGE", "detail": "The body is larger than 512 KiB."}
            assert response.headers["connection"] == "close"
    assert (await alice.get("/tasks")).json()["count"] == 1


async def test_other_bodies_have_no_more_than_before(alice: Client) -> None:
    await done(alice, creating("milk"))
    response = await alice.post("/tasks", content=b'{"title":"x"}'.ljust(64 * 1024 + 1), headers=JSON)
    assert (response.status_code, response.json()["detail"]) == (413, "The body is larger than 64 KiB.")


@pytest.mark.parametrize(
    "operation",
    [
        {"do": "delete", **{str(number): 1 for number in range(40_000)}},
        {"do": "create", "task": {str(number): 1 for number in range(40_000)}},
        creating("milk", tags=["x"] * 80_000),
        [[]] * 100_000,
    ],
    ids=["members", "members of a task", "tags", "lists"],
)
async def test_half_a_megabyte_of_nonsense_is_answered_in_a_few_words(alice: Client, operation: Any) -> None:
    response = await send(alice, operation)
    assert response.status_code == 400
    assert len(response.content) < 300


async def test_so_it_is_beside_the_operations(alice: Client) -> None:
    body = {"operations": [creating("milk")], **{str(number): 1 for number in range(40_000)}}
    response = await alice.post("/tasks/batch", json=body)
    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "body", "message": "has more members than there are"}]


async def test_the_codes_that_are_published_are_those_of_the_errors() -> None:
    result = published()["components"]["schemas"]["RefusedResult"]["properties"]
    errors = (ForbiddenError, QuotaExceededError, TaskNotFoundError, PreconditionFailedError)
    assert result["code"]["enum"] == [error.code for error in errors]
    assert result["status"]["enum"] == sorted({error.status for error in errors})
