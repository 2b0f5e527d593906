"""Who a request is from: the Authorization header and nothing else."""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI

from tests.client import Client, connect
from tests.conftest import SECRET

USER_IDS = [
    "auth0|abc", "alice@example.com", "Nq3vT8xKp2LmZr5WcYd7HbJf4GsA9EuV", "5f0c1b9e-3d27-4a6e-9f51-0c7a2e8b4d16",
    "ünïcødé 🎈", "x" * 255, "a.b", "%41", "a?b#c", " alice ", "..",
]  # fmt: skip


@asynccontextmanager
async def user(app: FastAPI, user_id: str) -> AsyncIterator[Client]:
    async with connect(app, user_id, SECRET) as client:
        yield client


def token_of(client: Client) -> str:
    return str(client.headers["Authorization"]).removeprefix("Bearer ")


async def code_for(client: Client, *values: str) -> str | None:
    """Send one Authorization header for each value; return the code of the response, None for success."""
    request = client.build_request("GET", "/tasks")
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"authorization"]
    headers += [(b"Authorization", value.encode("latin-1")) for value in values]
    response = await client.send(httpx2.Request("GET", request.url, headers=headers))
    return None if response.is_success else str(response.json()["code"])


async def test_without_a_header_nobody_is_asking(anonymous: Client) -> None:
    response = await anonymous.get("/tasks")
    assert response.status_code == 401
    assert response.json()["code"] == "TOKEN_MISSING"
    assert response.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_is_read_in_any_case_and_with_any_spaces(alice: Client) -> None:
    token = token_of(alice)
    for form in ("Bearer {}", "bearer {}", "BEARER {}", "bEaReR {}", "Bearer   {}", "Bearer {}  "):
        assert await code_for(alice, form.format(token)) is None, form


async def test_other_forms_of_the_header_carry_no_token(alice: Client) -> None:
    token = token_of(alice)
    forms = (
        "", " ", "Bearer", "Bearer ", "Basic YWxpY2U6cGFzcw==", "Basic {}", "{}", "Token {}", "JWT {}",
        "Bearer\t{}", "Bearer:{}", "BearerX {}", "Bearer\u00a0{}", "DPoP {}",
    )  # fmt: skip
    for form in forms:
        assert await code_for(alice, form.format(token)) == "TOKEN_MISSING", form


async def test_other_forms_of_the_token_are_refused(alice: Client) -> None:
    token = token_of(alice)
    forms = ("Bearer Bearer {}", "Bearer {} {}", "Bearer {},", 'Bearer "{}"', "Bearer token={}", "Bearer é{}")
    for form in forms:
        assert await code_for(alice, form.format(token, token)) == "TOKEN_INVALID", form


async def test_two_headers_are_refused_whatever_they_say(alice: Client, bob: Client) -> None:
    alices, bobs = f"Bearer {token_of(alice)}", f"Bearer {token_of(bob)}"
    for values in ((alices, alices), (alices, bobs), ("Basic x", alices), (alices, "")):
        assert await code_for(alice, *values) == "TOKEN_INVALID", values


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "Authorization"])
async def test_a_token_in_the_query_or_a_cookie_is_ignored(alice: Client, anonymous: Client, name: str) -> None:
    token = token_of(alice)
    response = await anonymous.get("/tasks", params={name: token})
    assert response.json()["code"] == "TOKEN_MISSING"
    response = await anonymous.get("/tasks", headers={"Cookie": f"{name}={token}", "X-User-Id": "alice"})
    assert response.json()["code"] == "TOKEN_MISSING"
    response = await anonymous.post(f"/tasks?{name}={token}", json={"title": "Buy milk", name: token})
    assert response.json()["code"] == "TOKEN_MISSING"


@pytest.mark.parametrize("user_id", USER_IDS)
async def test_a_user_reaches_every_path_prefix(app: FastAPI, user_id: str) -> None:
    async with user(app, user_id) as client:
        for prefix in (
            "/tasks",
            f"/api/{quote(user_id, safe='')}/tasks",
            f"/users/{quote(user_id, safe='')}/tasks",
        ):
            if user_id == ".." and prefix != "/tasks":
                continue  # a client takes dots out of a path before it sends it
            created = await client.post(prefix, json={"title": "Buy milk"})
            assert created.status_code == 201
            assert created.json()["user_id"] == user_id
            read = await client.get(created.headers["location"])
            assert read.json() == created.json()


async def test_a_user_id_with_a_slash_has_the_prefix_without_a_user(app: FastAPI) -> None:
    async with user(app, "org/alice") as client:
        created = await client.post("/tasks", json={"title": "Buy milk"})
        assert created.json()["user_id"] == "org/alice"
        assert (await client.get("/tasks")).json()["count"] == 1
        assert (await client.get("/api/org%2Falice/tasks")).status_code == 404


LOOKALIKES = [
    ("alice", "Alice"), ("alice", "ALICE"), ("alice", "alice "), ("alice", " alice"), ("alice", "alice\0"),
    ("alice", "alice%00"), ("alice", "alic"), ("alice", "alice2"), ("alice", "\u0430lice"), ("alice", "alice;x=1"),
    (unicodedata.normalize("NFC", "josé"), unicodedata.normalize("NFD", "josé")),
    (unicodedata.normalize("NFD", "josé"), unicodedata.normalize("NFC", "josé")),
    ("straße", "strasse"), ("alice@example.com", "alice@example.com."), ("x" * 255, "x" * 256), ("1", "01"),
]  # fmt: skip


@pytest.mark.parametrize(("user_id", "lookalike"), LOOKALIKES)
async def test_the_user_in_a_path_is_compared_exactly(app: FastAPI, user_id: str, lookalike: str) -> None:
    async with user(app, user_id) as client:
        for prefix in ("api", "users"):
            response = await client.get(f"/{prefix}/{quote(lookalike, safe='')}/tasks")
            assert response.status_code == 403
            assert response.json() == {"detail": "This belongs to another user.", "code": "FORBIDDEN"}
            assert (await client.get(f"/{prefix}/{quote(user_id, safe='')}/tasks")).status_code == 200
