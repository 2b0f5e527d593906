"""A forgotten password, and a notice of each new one, by a real mail server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.administration import Administration
from taskward.accounts.mails import AccountMails
from taskward.api.state import state_of
from taskward.auth.passwords import Passwords
from taskward.settings import Settings
from tests.accounts.conftest import hash_by, quicken
from tests.accounts.mailing import PUBLIC, change, forgot, mailing, plain_server
from tests.accounts.people import PASSWORD, log_in, register
from tests.accounts.test_reset import NEW, OVER, knows, operator, reset, token_for
from tests.auth.test_passwords import Gated
from tests.client import Client, connect
from tests.mail.server import MailServer, nobody

__all__ = ["operator"]

pytestmark = pytest.mark.quick

LONG_AGO = "UPDATE accounts SET reset_link_at = reset_link_at - interval '16 minutes'"


@pytest.fixture
def server() -> Iterator[MailServer]:
    yield from plain_server()


@pytest.fixture
async def app(settings: Settings, server: MailServer) -> AsyncIterator[FastAPI]:
    async with mailing(settings, server) as app:
        yield app


@pytest.fixture
async def registered(anonymous: Client, server: MailServer) -> None:
    """Alice has an account, and the mail that came of it."""
    await register(anonymous, "alice")
    await server.mail()


async def settled(app: FastAPI) -> None:
    """Wait until every mail that was asked for is with the sender, or is none."""
    mails = state_of(app).service(AccountMails)
    while mails.running:
        await asyncio.gather(*mails.running)


@pytest.mark.usefixtures("registered")
async def test_who_has_forgotten_a_password_gets_a_link(
    app: FastAPI, anonymous: Client, server: MailServer
) -> None:
    response = await forgot(anonymous, "ALICE@example.com")
    assert (response.status_code, response.content) == (202, b"")
    assert response.headers["cache-control"] == "no-store"
    mail = await server.mail()
    assert (mail.recipients, mail.message["To"]) == (["alice@example.com"], "alice@example.com")
    assert mail.link.startswith(f"{PUBLIC}/#reset=usr_")
    assert (await reset(anonymous, mail.token)).status_code == 204
    assert await knows(anonymous, NEW)
    assert (await server.mail()).message["Subject"] == "Your password was changed"
    assert (await reset(anonymous, mail.token)).json() == OVER


@pytest.mark.usefixtures("registered")
async def test_a_link_never_leads_where_a_client_says(anonymous: Client, server: MailServer) -> None:
    lies = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
    await anonymous.post("/auth/password/forgot", json={"email": "alice@example.com"}, headers=lies)
    assert (await server.mail()).link.startswith(f"{PUBLIC}/#reset=")


@pytest.mark.usefixtures("registered")
async def test_nobodys_address_has_the_same_response_and_no_mail(
    app: FastAPI, anonymous: Client, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    known, unknown = await forgot(anonymous), await forgot(anonymous, "bob@example.com")
    assert (unknown.status_code, unknown.content) == (known.status_code, known.content) == (202, b"")
    assert dict(unknown.headers) | {"x-request-id": ""} == dict(known.headers) | {"x-request-id": ""}
    await settled(app)
    await server.mails(1)
    lines = [record.getMessage() for record in caplog.records if record.name == "taskward.audit"]
    assert [line.split()[0] for line in lines[-2:]] == ["event=reset_link_mailed", "event=reset_link_not_mailed"]
    assert "bob" not in caplog.text
    assert "alice" not in caplog.text


async def test_what_is_no_address_is_refused(anonymous: Client) -> None:
    for wrong in ("alice", "alice@example.com\r\nBcc: bob@example.com", "alice@exämple.com", 7, None):
        response = await anonymous.post("/auth/password/forgot", json={"email": wrong})
        assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.usefixtures("registered")
async def test_who_keeps_asking_voids_no_link_and_floods_nobody(
    app: FastAPI, anonymous: Client, server: MailServer, superuser: psycopg.Connection
) -> None:
    await forgot(anonymous)
    first = await server.mail()
    await asyncio.gather(*(forgot(anonymous) for _ in range(20)))
    await settled(app)
    assert server.received == []
    assert (await reset(anonymous, first.token, "yet another horse")).status_code == 204


@pytest.mark.usefixtures("registered")
async def test_who_keeps_asking_uses_up_none_of_what_its_owner_may_ask_for(
    app: FastAPI, anonymous: Client, server: MailServer, superuser: psycopg.Connection
) -> None:
    for _ in range(10):
        await forgot(anonymous)
        await settled(app)
    superuser.execute(LONG_AGO)
    await forgot(anonymous)
    first, second = await server.mails(2)
    assert (await reset(anonymous, first.token)).json() == OVER
    assert (await reset(anonymous, second.token)).status_code == 204


@pytest.mark.usefixtures("registered")
async def test_of_two_links_the_newest_is_good(
    app: FastAPI, anonymous: Client, server: MailServer, superuser: psycopg.Connection
) -> None:
    await forgot(anonymous)
    first = await server.mail()
    superuser.execute(LONG_AGO)
    await forgot(anonymous)
    second = await server.mail()
    assert first.token != second.token
    assert (await reset(anonymous, first.token)).json() == OVER
    responses = await asyncio.gather(*(reset(anonymous, token) for token in (first.token, second.token) * 5))
    assert sorted(response.status_code for response in responses) == [204] + [401] * 9
    assert responses[0].status_code == 401


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("meanwhile", ["a newer link", "disabled and enabled again"])
async def test_a_link_that_becomes_void_while_it_is_used_changes_nothing(
    app: FastAPI, anonymous: Client, server: MailServer, operator: Administration, meanwhile: str
) -> None:
    """The token was looked at, and the new password is being hashed."""
    await forgot(anonymous)
    token = (await server.mail()).token
    hasher = Gated()
    passwords = hash_by(app, Passwords(hasher))
    using = asyncio.create_task(reset(anonymous, token))
    while not hasher.running:  # noqa: ASYNC110  # a thread has no event
        await asyncio.sleep(0.001)
    if meanwhile == "a newer link":
        await token_for(operator)
    else:
        await operator.disable("alice@example.com")
        await operator.enable("alice@example.com")
    hasher.gate.release()
    response = await using
    passwords.close()
    assert (response.status_code, response.json()) == (401, OVER)
    quicken(app)
    assert await knows(anonymous, PASSWORD)


@pytest.mark.usefixtures("registered")
async def test_a_link_altered_in_any_bit_is_none(anonymous: Client, server: MailServer) -> None:
    """Here by the route; tests/auth/test_links.py has a thousand more."""
    await forgot(anonymous)
    token = (await server.mail()).token
    for bit in range(8 * len(token)):
        altered = bytearray(token.encode())
        altered[bit // 8] ^= 1 << bit % 8
        response = await reset(anonymous, altered.decode("latin-1"))
        assert response.status_code == (400 if 0 in altered else 401), bit
    assert (await reset(anonymous, token)).status_code == 204


@pytest.mark.usefixtures("registered")
async def test_an_address_gets_no_more_than_five_in_an_hour_and_its_notices_all_the_same(
    app: FastAPI,
    anonymous: Client,
    server: MailServer,
    superuser: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "taskward.audit")
    for _ in range(8):
        superuser.execute("UPDATE accounts SET reset_link_at = NULL")
        await forgot(anonymous)
        await settled(app)
    await server.mails(5)
    assert [caplog.text.count(f"event=reset_link_{what}") for what in ("mailed", "not_mailed")] == [5, 3]
    server.received.clear()
    tokens = await log_in(anonymous, "alice")
    assert (await change(anonymous, tokens["access_token"])).status_code == 204
    assert (await server.mail()).message["Subject"] == "Your password was changed"


@pytest.mark.usefixtures("registered")
async def test_a_disabled_account_gets_none_and_one_from_before_stays_void(
    app: FastAPI, anonymous: Client, server: MailServer, operator: Administration
) -> None:
    await forgot(anonymous)
    mail = await server.mail()
    await operator.disable("alice@example.com")
    await forgot(anonymous)
    await settled(app)
    await operator.enable("alice@example.com")
    assert (await reset(anonymous, mail.token)).json() == OVER
    await forgot(anonymous)
    assert (await reset(anonymous, (await server.mail()).token)).status_code == 204


@pytest.mark.usefixtures("registered")
async def test_a_link_of_the_operators_voids_the_one_before_and_is_told_of_when_used(
    app: FastAPI, anonymous: Client, server: MailServer, operator: Administration
) -> None:
    await forgot(anonymous)
    mail = await server.mail()
    first, second = await token_for(operator), await token_for(operator)
    for over in (mail.token, first):
        assert (await reset(anonymous, over)).json() == OVER
    await forgot(anonymous)
    await settled(app)
    assert (await reset(anonymous, second)).status_code == 204, "a stranger has asked for another"
    notice = await server.mail()
    assert (notice.recipients, notice.link) == (["alice@example.com"], f"{PUBLIC}/#forgotten")


@pytest.mark.usefixtures("registered")
async def test_a_change_of_the_password_is_told_of_and_its_owner_can_ask_at_once(
    app: FastAPI, anonymous: Client, server: MailServer
) -> None:
    tokens = await log_in(anonymous, "alice")
    await forgot(anonymous)
    await server.mail()
    assert (await change(anonymous, tokens["access_token"], "wrong horse")).status_code == 401
    assert (await change(anonymous, tokens["access_token"])).status_code == 204
    assert (await server.mail()).message["Subject"] == "Your password was changed"
    assert server.received == []
    await forgot(anonymous)
    assert (await reset(anonymous, (await server.mail()).token, PASSWORD)).status_code == 204


async def test_asking_is_limited_as_logging_in_is(settings: Settings, server: MailServer) -> None:
    async with mailing(settings, server, AUTH_RATE_LIMIT="2/minute") as app, connect(app) as stranger:
        statuses = [(await forgot(stranger, f"alice{n}@example.com")).status_code for n in range(3)]
        assert statuses == [202, 202, 429]


async def test_a_dead_server_is_nobodys_matter_but_the_logs(
    settings: Settings, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"smtp://127.0.0.1:{nobody()}"
    async with mailing(settings, server, SMTP_URL=url) as app, connect(app) as anonymous:
        await register(anonymous, "alice")
        await log_in(anonymous, "alice")
        assert (await forgot(anonymous)).status_code == 202
        await settled(app)
    assert "2 mails were not sent" in caplog.text
    assert "alice" not in caplog.text


async def test_metrics_have_mails_by_what_came_of_them(
    app: FastAPI, anonymous: Client, server: MailServer
) -> None:
    await register(anonymous, "alice")
    await server.mail()
    await state_of(app).service(AccountMails).close()
    assert 'taskward_mails_total{outcome="sent"} 1.0' in (await anonymous.get("/metrics")).text


class TestWithoutMail:
    @pytest.fixture(params=["SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "LOCAL_ACCOUNTS"])
    async def app(
        self, request: pytest.FixtureRequest, settings: Settings, server: MailServer
    ) -> AsyncIterator[FastAPI]:
        without = {request.param: False if request.param == "LOCAL_ACCOUNTS" else None}
        async with mailing(settings, server, **without) as app:
            yield app

    async def test_the_routes_are_not_there(self, app: FastAPI, anonymous: Client) -> None:
        for path in ("/auth/password/forgot", "/auth/email/verify"):
            response = await anonymous.post(path, json={"email": "alice@example.com"})
            assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
            assert path not in app.openapi()["paths"]
