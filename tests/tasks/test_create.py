from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

from tests.client import Client, connect
from tests.conftest import SECRET
from tests.tasks.fields import new_values
from tests.tasks.path_prefixes import PathPrefix, as_json, check_refused, create

ASTRAL = "\N{GRINNING FACE}"
WHITE_SPACE = " \t\n\r\v\f\x85\xa0\u1680\u2000\u2009\u2028\u2029\u202f\u205f\u3000"

REFUSED: dict[str, tuple[Any, str]] = {
    "no title": ({}, "title"),
    "title null": ({"title": None}, "title"),
    "title a number": ({"title": 1}, "title"),
    "title a list": ({"title": ["Buy milk"]}, "title"),
    "title empty": ({"title": ""}, "title"),
    "title blank": ({"title": WHITE_SPACE}, "title"),
    "title of 201": ({"title": "x" * 201}, "title"),
    "title of 201 astral": ({"title": ASTRAL * 201}, "title"),
    "title with NUL": ({"title": "Buy\0milk"}, "title"),
    "description of 1001": ({"title": "Buy milk", "description": "x" * 1001}, "description"),
    "description with NUL": ({"title": "Buy milk", "description": "\0"}, "description"),
    "description a boolean": ({"title": "Buy milk", "description": False}, "description"),
    "completed text": ({"title": "Buy milk", "completed": "true"}, "completed"),
    "completed a number": ({"title": "Buy milk", "completed": 1}, "completed"),
    "completed null": ({"title": "Buy milk", "completed": None}, "completed"),
    "an id": ({"title": "Buy milk", "id": 7}, "id"),
    "an owner": ({"title": "Buy milk", "user_id": "bob"}, "user_id"),
    "a revision": ({"title": "Buy milk", "revision": 7}, "revision"),
    "a list": ([{"title": "Buy milk"}], "body"),
    "text": ("Buy milk", "body"),
    "null": (None, "body"),
}


async def test_somebody_without_a_token_creates_nothing(
    anonymous: Client, tasks: str, superuser: psycopg.Connection
) -> None:
    check_refused(await anonymous.post(tasks, json={"title": "Buy milk"}), 401, "TOKEN_MISSING")
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (0,)


@pytest.mark.parametrize("prefix", ["/api", "/users"])
async def test_bob_creates_nothing_in_alices_name(bob: Client, prefix: str, superuser: psycopg.Connection) -> None:
    check_refused(await bob.post(f"{prefix}/alice/tasks", json={"title": "Buy milk"}), 403, "FORBIDDEN")
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (0,)


async def test_the_first_task_of_a_fresh_install_has_id_1(alice: Client, tasks: str) -> None:
    response = await alice.post(tasks, json={"title": "Buy milk"})
    assert response.status_code == 201
    assert response.headers["location"] == f"{tasks}/1"
    task = response.json()
    assert task["created_at"] == task["updated_at"]
    assert task["created_at"].endswith("Z")
    del task["created_at"], task["updated_at"], task["completed_at"]
    assert task == {"id": 1, "user_id": "alice", "revision": 1, **new_values(title="Buy milk")}


async def test_what_is_answered_is_what_is_kept(alice: Client, tasks: str) -> None:
    fields = {"title": "Kauf Ölç \u202edrah", "description": "two\nlines ", "completed": True}
    created = (await alice.post(tasks, json=fields)).json()
    assert {name: created[name] for name in fields} == fields
    assert (await alice.get(f"{tasks}/{created['id']}")).json() == created


async def test_white_space_around_a_title_is_trimmed(alice: Client, tasks: str) -> None:
    for space in WHITE_SPACE:
        response = await alice.post(tasks, json={"title": f"{space}Buy{space}milk{space}"})
        assert response.json()["title"] == f"Buy{space}milk", ascii(space)


async def test_lengths_are_counted_in_code_points(alice: Client, tasks: str) -> None:
    for title in ("x", ASTRAL, "x" * 200, ASTRAL * 200, f"  {ASTRAL * 200}  "):
        response = await alice.post(tasks, json={"title": title, "description": ASTRAL * 1000})
        assert response.status_code == 201, response.text
        assert response.json()["title"] == title.strip()
        assert response.json()["description"] == ASTRAL * 1000


@pytest.mark.parametrize("description", [None, "", " ", "x" * 1000])
async def test_a_description_is_kept_as_it_is(alice: Client, description: str | None) -> None:
    assert (await create(alice, description=description))["description"] == description


async def test_what_the_contract_does_not_allow_is_refused_by_name_and_stored_nowhere(
    alice: Client, tasks: str, superuser: psycopg.Connection
) -> None:
    for name, (body, field) in REFUSED.items():
        response = await alice.post(tasks, **as_json(body))
        assert response.status_code == 400, name
        check_refused(response, 400, "VALIDATION_ERROR", field)
    assert superuser.execute("SELECT count(*) FROM users").fetchone() == (0,)


@pytest.mark.parametrize("field", ["title", "description"])
async def test_a_lone_surrogate_is_no_text(alice: Client, tasks: str, field: str) -> None:
    for text in ("\ud800", "a\udfff", "\udc00\ud800"):
        response = await alice.post(tasks, **as_json({"title": "Buy milk"} | {field: text}))
        check_refused(response, 400, "MALFORMED_JSON")
    assert (await alice.get(tasks)).json()["count"] == 0


@pytest.mark.parametrize(
    ("user_id", "encoded"),
    [
        ("auth0|abc", "auth0%7Cabc"),
        ("alice@example.com", "alice@example.com"),
        ("Alice Liddell", "Alice%20Liddell"),
        ("älice", "%C3%A4lice"),
        ("100%25?#", "100%2525%3F%23"),
        ("x" * 255, "x" * 255),
    ],
)
async def test_location_can_be_followed_whatever_the_user_is_called(
    app: FastAPI, path_prefix: PathPrefix, user_id: str, encoded: str
) -> None:
    async with connect(app, user_id, SECRET) as client:
        created = await client.post(path_prefix.of(user_id), json={"title": "Buy milk"})
        assert created.headers["location"] == path_prefix.template.replace("{user_id}", encoded) + "/1"
        assert (await client.get(created.headers["location"])).json() == created.json()
    assert created.json()["user_id"] == user_id


async def test_each_user_counts_their_own_writes(alice: Client, bob: Client) -> None:
    revisions = [(await create(client))["revision"] for client in (alice, alice, bob, alice, bob)]
    assert revisions == [1, 2, 1, 3, 2]
