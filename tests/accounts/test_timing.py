"""How long a response takes tells nobody who has an account. The measuring is part of `make soak`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from tests.accounts.mailing import PUBLIC, forgot, mailing, plain_server
from tests.accounts.people import PASSWORD, register
from tests.accounts.test_mail import settled
from tests.client import Client
from tests.mail.server import MailServer, certificates
from tests.profiles import SOAK
from tests.service import Service

EACH = 200
TOLERATED = 0.05
PAUSE_SECONDS = 0.05


@pytest.fixture
def server() -> Iterator[MailServer]:
    yield from plain_server()


@pytest.fixture
async def app(settings: Settings, server: MailServer) -> AsyncIterator[FastAPI]:
    async with mailing(settings, server) as app:
        yield app


@pytest.mark.quick
async def test_whether_there_is_an_account_is_looked_up_after_the_response(
    app: FastAPI, anonymous: Client, server: MailServer, superuser: psycopg.Connection
) -> None:
    """The response comes although the accounts are locked: it cannot depend on any of them."""
    await register(anonymous, "alice")
    await server.mail()
    with superuser.transaction():
        superuser.execute("LOCK TABLE accounts")
        for person in ("alice", "bob"):
            assert (await forgot(anonymous, f"{person}@example.com")).status_code == 202
    await settled(app)
    assert (await server.mail()).recipients == ["alice@example.com"]


Ask = Callable[[httpx2.AsyncClient, str], Awaitable[httpx2.Response]]


async def ask_to_register(client: httpx2.AsyncClient, email: str) -> httpx2.Response:
    return await client.post("/auth/register", json={"email": email, "password": PASSWORD})


async def ask_to_log_in(client: httpx2.AsyncClient, email: str) -> httpx2.Response:
    form = {"grant_type": "password", "username": email, "password": "wrong horse"}
    return await client.post("/auth/token", data=form)


async def ask_for_a_link(client: httpx2.AsyncClient, email: str) -> httpx2.Response:
    return await client.post("/auth/password/forgot", json={"email": email})


@asynccontextmanager
async def mailing_service(folder: Path) -> AsyncIterator[tuple[httpx2.AsyncClient, MailServer]]:
    """The service in processes of its own, which mails by STARTTLS with a log-in."""
    authority, context = certificates(folder)
    with MailServer(starttls=context, wants_log_in=True) as server:
        settings = {
            "SMTP_URL": server.url,
            "MAIL_FROM": "tasks@example.com",
            "PUBLIC_URL": PUBLIC,
            "SSL_CERT_FILE": str(authority),
        }
        with Service(folder / "data", settings) as service:
            async with httpx2.AsyncClient(base_url=service.url, timeout=60) as client:
                yield client, server


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="takes minutes, and a machine for itself: make soak")
async def test_known_and_unknown_addresses_take_as_long(tmp_path: Path) -> None:
    async with mailing_service(tmp_path) as (client, server):
        for number in range(EACH):
            assert (await ask_to_register(client, f"known{number}@example.com")).status_code == 201
        server.wait(EACH)
        server.received.clear()
        found = {
            "log-in": await compare(client, ask_to_log_in, {401}),
            "forgotten password": await compare(client, ask_for_a_link, {202}),
            "registration": await compare(client, ask_to_register, {201, 409}),
        }
        server.wait(2 * EACH)  # a link for each of those known, and a proof for each new one
    for what, (known, unknown) in found.items():
        told = f"{known * 1000:.2f} ms known, {unknown * 1000:.2f} ms unknown, {known / unknown - 1:+.1%}"
        print(f"{what}: medians of {EACH}: {told}")  # noqa: T201
    assert all(abs(known / unknown - 1) <= TOLERATED for known, unknown in found.values()), found


async def compare(client: httpx2.AsyncClient, ask: Ask, statuses: set[int]) -> tuple[float, float]:
    """Return the medians of known and unknown addresses, asked for in turn, each first in every second round.

    What follows a response has ended before the next request. No event tells so from outside.
    """
    seconds: dict[str, list[float]] = {"known": [], "new": []}
    for number in range(EACH):
        for kind in sorted(seconds, reverse=number % 2 == 0):
            before = time.perf_counter()
            response = await ask(client, f"{kind}{number}@example.com")
            seconds[kind].append(time.perf_counter() - before)
            assert response.status_code in statuses
            await asyncio.sleep(PAUSE_SECONDS)
    return median(seconds["known"]), median(seconds["new"])
