from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from taskward.accounts.service import AccountService
from taskward.accounts.tokens import TokenService
from taskward.api.state import state_of
from taskward.auth.passwords import Passwords
from tests.accounts.people import log_in, register
from tests.client import Client, connect

QUICK = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)


def hash_by(app: FastAPI, passwords: Passwords) -> Passwords:
    """Have the application hash and verify passwords in this way."""
    state_of(app).service(AccountService).passwords = passwords
    state_of(app).service(TokenService).passwords = passwords
    return passwords


def quicken(app: FastAPI) -> None:
    hash_by(app, Passwords(QUICK))


@pytest.fixture
def quick_passwords(app: FastAPI) -> None:
    """Hash with the least work there is, where a test is about something else than passwords."""
    quicken(app)


@pytest.fixture
async def alices_tokens(quick_passwords: None, anonymous: Client) -> dict[str, str]:
    """What alice has after she has registered and logged in."""
    await register(anonymous, "alice")
    return await log_in(anonymous, "alice")


@pytest.fixture
async def registered_alice(app: FastAPI, alices_tokens: dict[str, str]) -> AsyncIterator[Client]:
    """The client of alice, who has an account here."""
    async with logged_in(app, alices_tokens) as client:
        yield client


@asynccontextmanager
async def logged_in(app: FastAPI, tokens: dict[str, str]) -> AsyncIterator[Client]:
    async with connect(app) as client:
        client.user_id = tokens["user_id"]
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield client
