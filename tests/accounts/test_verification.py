"""Proof that an e-mail address is somebody's."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.administration import Administration
from taskward.auth.links import LinkTokens, verify_state
from taskward.settings import Settings
from tests.accounts.mailing import PUBLIC, change, forgot, mailing, plain_server, verify
from tests.accounts.people import PASSWORD, ask, log_in, refresh, register
from tests.accounts.test_mail import settled
from tests.accounts.test_registration import invitation
from tests.accounts.test_reset import NEW, OVER, operator, reset, token_for
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.mail.server import MailServer
from tests.test_settings import refusal

__all__ = ["operator"]

pytestmark = pytest.mark.quick

UNPROVEN = {
    "detail": "Please open the link that was mailed to you, which shows that this address is yours. Then log in.",
    "code": "EMAIL_NOT_VERIFIED",
}
RIGHT = {"grant_type": "password", "username": "alice@example.com", "password": PASSWORD}


@pytest.fixture
def server() -> Iterator[MailServer]:
    yield from plain_server()


@pytest.fixture
async def app(settings: Settings, server: MailServer) -> AsyncIterator[FastAPI]:
    async with mailing(settings, server, EMAIL_VERIFICATION=True) as app:
        yield app


async def is_proven(operator: Administration, person: str = "alice") -> bool:
    return (await operator.account(f"{person}@example.com"))["email_verified_at"] is not None


async def test_nobody_logs_in_before_the_address_is_proven(
    anonymous: Client, server: MailServer, operator: Administration
) -> None:
    await register(anonymous, "alice")
    mail = await server.mail()
    assert (mail.recipients, mail.link.partition("=")[0]) == (["alice@example.com"], f"{PUBLIC}/#verify")
    response = await ask(anonymous, **RIGHT)
    assert (response.status_code, response.json()) == (403, UNPROVEN)
    assert not await is_proven(operator)
    response = await verify(anonymous, mail.token)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["cache-control"] == "no-store"
    assert await is_proven(operator)
    assert (await log_in(anonymous, "alice"))["access_token"]
    assert server.received == []


async def test_who_does_not_know_the_password_learns_and_sends_nothing(
    app: FastAPI, anonymous: Client, server: MailServer
) -> None:
    await register(anonymous, "alice")
    await server.mail()
    known, unknown = [
        await ask(anonymous, **RIGHT | {"username": f"{person}@example.com", "password": "wrong horse"})
        for person in ("alice", "bob")
    ]
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (401, known.json())
    await settled(app)
    assert server.received == []


async def test_its_mails_are_bounded(app: FastAPI, anonymous: Client, server: MailServer) -> None:
    await register(anonymous, "alice")
    for _ in range(8):
        assert (await ask(anonymous, **RIGHT)).json() == UNPROVEN
    await settled(app)
    await server.mails(1)


async def test_a_proof_is_good_once_also_when_many_come_at_once(
    anonymous: Client, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await register(anonymous, "alice")
    token = (await server.mail()).token
    responses = await asyncio.gather(*(verify(anonymous, token) for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [204] + [401] * 9
    assert (await verify(anonymous, token)).json() == OVER
    assert (await verify(anonymous, "x")).json() == OVER  # of nobody, so the audit log has no line
    assert (caplog.text.count("event=email_verified"), caplog.text.count("event=proof_refused")) == (1, 10)


async def test_a_proof_is_for_one_account_one_purpose_and_one_day(
    anonymous: Client, server: MailServer, operator: Administration
) -> None:
    alice, bob = [(await register(anonymous, person))["id"] for person in ("alice", "bob")]
    mails = {mail.recipients[0]: mail for mail in await server.mails(2)}
    token = mails["alice@example.com"].token
    _, rest = token.split(".", 1)

    def made(seconds_ago: float, secret: str = SECRET, address: str = "alice@example.com") -> str:
        links = LinkTokens(secret.encode(), lambda: time.time() - seconds_ago)
        return links.new("verify", alice, verify_state(address), 86_400)

    wrong = [
        f"{bob}.{rest}", made(86_401), made(0, "y" * 32), made(0, address="bob@example.com"), token[:-1], "x", "",
        await token_for(operator), await invitation(operator, "charlie@example.com"),
    ]  # fmt: skip
    for each in wrong:
        assert (await verify(anonymous, each)).json() == OVER
    assert (await reset(anonymous, token)).json() == OVER
    assert not await is_proven(operator)
    assert (await verify(anonymous, made(86_300))).status_code == 204
    assert await is_proven(operator)
    assert not await is_proven(operator, "bob")


async def test_of_who_has_no_address_there_is_nothing_to_prove(
    anonymous: Client, superuser: psycopg.Connection
) -> None:
    """A provider has made the account, and its owner knows its id."""
    alice = "usr_" + "a" * 28
    superuser.execute("INSERT INTO accounts (id) VALUES (%s)", [alice])
    response = await verify(anonymous, f"{alice}.9999999999.{'A' * 43}")
    assert (response.status_code, response.json()) == (401, OVER)


async def test_what_is_made_up_is_counted_for_its_address(settings: Settings, server: MailServer) -> None:
    async with mailing(settings, server, AUTH_RATE_LIMIT="2/minute") as app, connect(app) as stranger:
        assert [(await verify(stranger, "x")).status_code for _ in range(3)] == [401, 401, 429]


async def test_who_was_invited_has_proven_it(
    settings: Settings, server: MailServer, operator: Administration
) -> None:
    token = await invitation(operator)
    more = {"REGISTRATION": "invite", "EMAIL_VERIFICATION": True}
    async with mailing(settings, server, **more) as app, connect(app) as anonymous:
        body = {"email": "alice@example.com", "password": PASSWORD, "invitation": token}
        assert (await anonymous.post("/auth/register", json=body)).status_code == 201
        await log_in(anonymous, "alice")
        await settled(app)
    assert server.received == []
    assert await is_proven(operator)


async def test_a_forgotten_password_proves_it_and_a_changed_one_does_not(
    anonymous: Client, server: MailServer, operator: Administration
) -> None:
    await register(anonymous, "alice")
    await server.mail()
    await forgot(anonymous)
    assert (await reset(anonymous, (await server.mail()).token)).status_code == 204
    assert await is_proven(operator)
    await log_in(anonymous, "alice", NEW)


async def test_who_had_an_account_before_proves_it_at_the_next_log_in_and_stays_logged_in(
    settings: Settings, server: MailServer, operator: Administration, superuser: psycopg.Connection
) -> None:
    async with mailing(settings, server) as app, connect(app) as anonymous:
        await register(anonymous, "alice")
        await server.mail()
        tokens = await log_in(anonymous, "alice")
        assert (await change(anonymous, tokens["access_token"])).status_code == 204
        await server.mail()
        assert not await is_proven(operator)
    async with mailing(settings, server, EMAIL_VERIFICATION=True) as app, connect(app) as anonymous:
        assert (await refresh(anonymous, tokens["refresh_token"])).status_code == 200
        assert (await ask(anonymous, **RIGHT | {"password": NEW})).json() == UNPROVEN
        assert (await verify(anonymous, (await server.mail()).token)).status_code == 204
        await log_in(anonymous, "alice", NEW)


async def test_where_no_proof_is_wanted_people_log_in_at_once(settings: Settings, server: MailServer) -> None:
    async with mailing(settings, server) as app, connect(app) as anonymous:
        await register(anonymous, "alice")
        await log_in(anonymous, "alice")
        assert (await verify(anonymous, (await server.mail()).token)).status_code == 204


async def test_where_there_is_no_mail_nothing_is_sent(settings: Settings, server: MailServer) -> None:
    async with started(settings) as app, connect(app) as anonymous:
        await register(anonymous, "alice")
    assert server.attempts == 0


@pytest.mark.parametrize("missing", ["SMTP_URL", "MAIL_FROM", "PUBLIC_URL"])
def test_proof_without_mail_is_refused_at_the_start(missing: str) -> None:
    mail = {"SMTP_URL": "smtp://mail", "MAIL_FROM": "a@example.com", "PUBLIC_URL": PUBLIC}
    (line,) = refusal(**{**mail, missing: "", "EMAIL_VERIFICATION": "true"})
    assert line.startswith("EMAIL_VERIFICATION needs mail: set SMTP_URL, MAIL_FROM and PUBLIC_URL")
