"""The connection is cut after the commit and before its response: a keyed retry creates nothing twice."""

from itertools import cycle

import psycopg
import pytest
from fastapi import FastAPI

from tests.client import Client
from tests.faults.conftest import at_rest
from tests.faults.proxy import Proxy
from tests.profiles import by_profile
from tests.purges import purges_end

REVISION = "SELECT revision FROM users WHERE id = 'alice'"


@pytest.mark.soak
async def test_a_keyed_create_whose_responses_were_lost_is_there_exactly_once(
    app: FastAPI, alice: Client, proxy: Proxy, superuser: psycopg.Connection
) -> None:
    cuts = by_profile(50, 500)
    retries = 0
    await alice.post("/tasks", json={"title": "first"}, headers={"Idempotency-Key": "first"})
    await purges_end()  # from here on nobody else asks the database anything
    for number, lost in zip(range(cuts), cycle([1, 2, 3])):  # the first is repeated by the service itself
        title, already = f"cut {number}", proxy.dropped
        proxy.responses_to_drop = lost
        response = await alice.post("/tasks", json={"title": title}, headers={"Idempotency-Key": title})
        assert (response.status_code == 201) == (lost == 1), "the service repeats it once"
        while response.status_code != 201:
            assert response.json()["code"] == "DATABASE_UNAVAILABLE"
            response = await alice.post("/tasks", json={"title": title}, headers={"Idempotency-Key": title})
            retries += 1
        assert response.headers["idempotency-replayed"] == "true", "the lost response was that of a commit"
        assert proxy.dropped == already + lost
        rows = superuser.execute("SELECT id FROM tasks WHERE title = %s", [title]).fetchall()
        assert rows == [(response.json()["id"],)]
    assert retries >= cuts // 2
    await at_rest(app, superuser)
    print(f"\n{cuts} keyed creates with {proxy.dropped} lost answers: {cuts} rows, each once")  # noqa: T201


async def test_a_batch_whose_responses_were_lost_is_done_exactly_once(
    alice: Client, proxy: Proxy, superuser: psycopg.Connection
) -> None:
    tasks = [(await alice.post("/tasks", json={"title": "Buy milk"})).json() for _ in range(2)]
    creates = [{"do": "create", "task": {"uid": str(number), "title": "Buy bread"}} for number in range(3)]
    update = {
        "do": "update",
        "id": tasks[0]["id"],
        "if_revision": tasks[0]["revision"],
        "task": {"completed": True},
    }
    delete = {"do": "delete", "id": tasks[1]["id"]}
    proxy.responses_to_drop = 1
    lost = await alice.post("/tasks/batch", json={"operations": [*creates, update, delete]})
    assert (lost.status_code, proxy.dropped) == (503, 1)
    then = tasks[1]["revision"] + 5
    assert superuser.execute(REVISION).fetchone() == (then,), "all of it was committed, once"
    again = await alice.post("/tasks/batch", json={"operations": [*creates, update, delete]})
    assert [each["status"] for each in again.json()["results"]] == [200, 200, 200, 412, 404]
    assert again.json()["results"][3]["current"]["completed"] is True
    assert (again.json()["revision"], superuser.execute(REVISION).fetchone()) == (then, (then,))
    proxy.responses_to_drop = 1  # of creates alone, which the service itself can repeat
    creates = [{"do": "create", "task": {"uid": f"more {number}", "title": "Buy bread"}} for number in range(3)]
    repeated = await alice.post("/tasks/batch", json={"operations": creates})
    assert ([each["status"] for each in repeated.json()["results"]], proxy.dropped) == ([200] * 3, 2)


async def test_a_create_without_a_key_is_not_repeated_behind_the_clients_back(
    alice: Client, proxy: Proxy, superuser: psycopg.Connection
) -> None:
    await alice.get("/tasks")
    proxy.responses_to_drop = 1
    response = await alice.post("/tasks", json={"title": "Buy milk, perhaps"})
    assert response.status_code == 503
    rows = superuser.execute("SELECT count(*) FROM tasks WHERE title = 'Buy milk, perhaps'").fetchone()
    assert rows == (1,)
