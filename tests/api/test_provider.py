"""An identity provider's tokens over HTTP, and what happens while its keys are not to be had."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.app import create_app
from taskward.settings import Settings
from tests.auth.provider import KeyServer, Pair
from tests.auth.tokens import signed
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

PAIR = Pair("EdDSA")
ISSUER = "http://localhost:3000"


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    with KeyServer(PAIR) as server:
        yield server


@pytest.fixture
def settings(database_url: str, key_server: KeyServer) -> Settings:
    return Settings(
        DATABASE_URL=database_url, JWT_JWKS_URL=key_server.url, JWT_ISSUER=ISSUER, JWT_AUDIENCE=ISSUER,
        DB_POOL_SIZE=2, DB_MAX_OVERFLOW=6,
    )  # fmt: skip


@asynccontextmanager
async def client(app: FastAPI, token: str) -> AsyncIterator[Client]:
    async with connect(app) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def token_of(user_id: str) -> str:
    """Return a token as Better Auth makes them: no `typ`, issuer and audience the same."""
    now = int(time.time())
    return PAIR.token(
        {"sub": user_id, "iat": now, "exp": now + 900, "iss": ISSUER, "aud": ISSUER, "email": "a@b.c"}
    )


async def test_a_user_of_the_provider_has_tasks_of_their_own(app: FastAPI, key_server: KeyServer) -> None:
    async with client(app, token_of("alice")) as alice, client(app, token_of("bob")) as bob:
        created = await alice.post("/tasks", json={"title": "Buy milk"})
        assert (created.status_code, created.json()["user_id"]) == (201, "alice")
        assert (await alice.get("/api/alice/tasks")).json()["count"] == 1
        assert (await bob.get(created.headers["Location"])).status_code == 403
        assert (await bob.get("/tasks")).json()["count"] == 0
    assert key_server.requests == 1


async def test_while_no_key_is_to_be_had_the_response_is_503_and_the_service_lives(
    app: FastAPI, key_server: KeyServer
) -> None:
    key_server.response_bytes(b"", 500)
    async with client(app, token_of("alice")) as alice:
        response = await alice.get("/tasks")
        assert (response.status_code, response.json()["code"]) == (503, "KEYS_UNAVAILABLE")
        assert 1 <= int(response.headers["Retry-After"]) <= 30
        assert (await alice.get("/health/live")).status_code == 200
        assert (await alice.get("/health/ready")).status_code == 200
        assert (await alice.get("/tasks", headers={"Authorization": "Bearer x"})).status_code == 401


# the token: what a developer is told
REFUSED = {
    "an opaque session token": ("Ax7" * 10 + "Ax", "/api/auth/token"),
    "a session cookie": ("Ax7" * 10 + "Ax.3q2%2B7wAB%2F%3D", "/api/auth/token"),
    "another audience": (PAIR.token({"exp": 10**10, "iss": ISSUER, "aud": "other"}), "and it is 'other'"),
    "another issuer": (PAIR.token({"exp": 10**10, "iss": f"{ISSUER}/"}), f"and it is '{ISSUER}/'"),
    "no issuer": (PAIR.token({"exp": 10**10}), "and it is missing"),
    "expired in 1970": (PAIR.token({"exp": 900}), "1970"),
    "another algorithm": (PAIR.token(alg="ES256"), "is for EdDSA alone"),
    "an unknown key": (Pair("EdDSA", "stranger").token(), "not at JWT_JWKS_URL"),
    "a session cache": (PAIR.token(typ="better-auth.session-cache+jwt"), "cache of Better Auth's session cookie"),
    "a shared secret": (signed(secret=SECRET.encode()), "shared secret (HS256)"),
    "encrypted": ("a.b.c.d.e", "encrypted"),
}


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_explains_itself_in_development_alone(
    key_server: KeyServer, environment: str, name: str
) -> None:
    app = create_app(
        Settings(
            ENVIRONMENT=environment, DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_JWKS_URL=key_server.url,
            JWT_ISSUER=ISSUER, JWT_AUDIENCE=ISSUER,
        )
    )  # fmt: skip
    sent, explained = REFUSED[name]
    async with state_of(app).verifier.keeping_keys_fresh(), client(app, sent) as somebody:
        response = await somebody.get("/tasks")
    assert response.status_code == 401
    if environment == "development":
        assert explained in response.json()["detail"]
    else:
        assert response.json()["detail"] in (
            "The request carries no valid access token.",
            "The access token has expired.",
        )


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_a_token_of_a_key_that_was_just_rotated_in_is_told_when_to_come_back(
    key_server: KeyServer, environment: str
) -> None:
    settings = {"DATABASE_URL": "postgresql://127.0.0.1:1/nothing", "ENVIRONMENT": environment}
    app = create_app(Settings.model_validate(settings | {"JWT_JWKS_URL": key_server.url}))
    new = Pair("EdDSA", "new")
    async with state_of(app).verifier.keeping_keys_fresh(), client(app, new.token()) as alice:
        assert (await alice.get("/tasks")).headers.get("Retry-After") is None, "the keys were fetched just now"
        key_server.publish(PAIR, new)
        response = await alice.get("/tasks")
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
    assert 1 <= int(response.headers["Retry-After"]) <= 30
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert key_server.requests == 1
