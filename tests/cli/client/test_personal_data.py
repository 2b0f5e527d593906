"""What `GET /auth/me/export` gives is a file like any other."""

import json

import httpx2

from taskward.client.address import Address
from tests.cli.client.people import Person
from tests.cli.client.test_export import FIELDS, TASKS, put, tasks_of


def test_the_tasks_of_ones_data_are_imported_and_what_is_not_is_said(alice: Person) -> None:
    put(alice, TASKS)
    alice("delete", str(tasks_of(alice)[0]["id"]), "--yes")
    credentials = alice.store.read(Address(alice.server))
    assert credentials is not None
    answer = httpx2.get(
        f"{alice.server}/auth/me/export", headers={"Authorization": f"Bearer {credentials.access_token}"}
    )
    assert answer.status_code == 200
    file = alice.home / "taskward.json"
    file.write_bytes(answer.content)
    others = [name for name in answer.json() if name != "tasks"]
    assert {"account", "identities", "personal_tokens", "log_ins"} <= set(others)
    done = alice("import", str(file), "--json")
    assert (done.code, done.json["created"], done.json["already_there"]) == (0, 0, len(TASKS) - 1)
    assert done.json["remarks"] == [f"Only the tasks of this document are imported, and not {', '.join(others)}."]
    bob = Person(alice.home / "bob", alice.server).has_token("bob-of-personal-data")
    assert bob("import", str(file)).code == 0
    ours, theirs = tasks_of(alice), tasks_of(bob)
    assert [[task[name] for name in FIELDS] for task in theirs] == [
        [task[name] for name in FIELDS] for task in ours
    ]
    file.write_bytes(answer.content[:-1])
    assert "the file ends in the middle of it" in alice("import", str(file), "--json").json["stopped"]["detail"]


def test_what_else_is_in_ones_data_may_be_larger_than_any_task(alice: Person) -> None:
    file = alice.home / "taskward.json"
    many = [{"id": number, "uid": f"{number}" * 40, "revision": number} for number in range(20_000)]
    file.write_text(
        json.dumps({"account": {}, "idempotency_keys": many, "tasks": [{"title": "a"}], "deleted": many})
    )
    assert alice("import", str(file)).stdout == "1 rows: 1 created.\n"
