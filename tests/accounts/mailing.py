"""A service that sends mail, and a real server that takes it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI

from taskward.settings import Settings
from tests.accounts.conftest import quicken
from tests.accounts.people import PASSWORD
from tests.client import Client
from tests.conftest import started
from tests.mail.server import MailServer

NEW = "another correct horse"
NOWHERE = "smtp://127.0.0.1:1"
PUBLIC = "https://tasks.example.com/tw"


def with_mail(settings: Settings, url: str = NOWHERE, **more: object) -> Settings:
    """Return the settings of a service that sends by the server at `url`."""
    mail = {"SMTP_URL": url, "MAIL_FROM": "Tasks <tasks@example.com>", "PUBLIC_URL": PUBLIC}
    return Settings(**{**{name.upper(): value for name, value in settings}, **mail, **more})


@asynccontextmanager
async def mailing(settings: Settings, server: MailServer, **more: object) -> AsyncIterator[FastAPI]:
    async with started(with_mail(settings, server.url, **more)) as app:
        quicken(app)
        yield app


async def forgot(client: Client, email: str = "alice@example.com") -> httpx2.Response:
    return await client.post("/auth/password/forgot", json={"email": email})


async def verify(client: Client, token: str) -> httpx2.Response:
    return await client.post("/auth/email/verify", json={"token": token})


async def change(client: Client, access_token: str, current: str = PASSWORD) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {access_token}"}
    return await client.post("/auth/password", json={"current": current, "new": NEW}, headers=headers)


def plain_server() -> Iterator[MailServer]:
    """A server of this machine, without TLS."""
    with MailServer() as server:
        yield server
