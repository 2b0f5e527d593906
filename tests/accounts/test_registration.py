"""Who may register: everybody, nobody, or whoever was invited."""

import httpx2
import psycopg
import pytest

from taskward.accounts.administration import AccountError, Administration
from taskward.settings import Settings
from tests.accounts.conftest import quicken
from tests.accounts.people import PASSWORD
from tests.accounts.test_reset import operator
from tests.client import Client, connect
from tests.conftest import SECRET, started

__all__ = ["operator"]

pytestmark = pytest.mark.quick

ALICE = "alice@example.com"
COUNT = "SELECT count(*) FROM accounts"


async def register(client: Client, email: str = ALICE, **more: object) -> httpx2.Response:
    return await client.post("/auth/register", json={"email": email, "password": PASSWORD, **more})


async def invitation(operator: Administration, email: str = ALICE, secret: str = SECRET) -> str:
    link = await operator.invitation(email, secret.encode(), "https://tasks.example.com")
    address, _, token = link.address.partition("#invitation=")
    assert address == "https://tasks.example.com/"
    return token


async def test_where_it_is_closed_nobody_can(
    settings: Settings, operator: Administration, superuser: psycopg.Connection
) -> None:
    token = await invitation(operator)
    async with started(settings.model_copy(update={"registration": "closed"})) as app, connect(app) as client:
        for more in ({}, {"invitation": token}):
            response = await register(client, **more)
            assert response.status_code == 403
            sentence = "Nobody can register here. Ask whoever runs this service for an account."
            assert response.json() == {"detail": sentence, "code": "REGISTRATION_CLOSED"}
    assert superuser.execute(COUNT).fetchone() == (0,)


async def test_where_it_is_by_invitation_whoever_was_invited_can_and_once(
    settings: Settings, operator: Administration, superuser: psycopg.Connection
) -> None:
    token = await invitation(operator, "Alice@Example.com")
    foreign, other = await invitation(operator, secret="y" * 32), await invitation(operator, "bob@example.com")
    async with started(settings.model_copy(update={"registration": "invite"})) as app, connect(app) as client:
        quicken(app)
        without = await register(client)
        assert (without.status_code, without.json()["code"]) == (403, "REGISTRATION_CLOSED")
        assert without.json()["detail"].startswith("People register by invitation here.")
        for wrong in (foreign, other, token[:-1], token + "A", "x"):
            response = await register(client, invitation=wrong)
            assert response.status_code == 403, wrong
            assert response.json()["detail"].startswith("This invitation is not for this e-mail address")
        assert (await register(client, "charlie@example.com", invitation=token)).status_code == 403
        assert superuser.execute(COUNT).fetchone() == (0,)
        assert (await register(client, invitation=token)).status_code == 201
        assert (await register(client, invitation=token)).status_code == 409
    with pytest.raises(AccountError):
        await invitation(operator)
    assert superuser.execute(COUNT).fetchone() == (1,)


@pytest.mark.usefixtures("quick_passwords")
async def test_where_it_is_open_an_invitation_changes_nothing(anonymous: Client) -> None:
    assert (await register(anonymous, invitation="x")).status_code == 201


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://tasks.example.com", "https://tasks.example.com"),
        ("https://tasks.example.com:8443/tw/", "https://tasks.example.com:8443/tw"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://nas.local", "http://nas.local"),
    ],
)
def test_links_begin_where_people_reach_the_service(text: str, read: str) -> None:
    assert Settings(PUBLIC_URL=text).address_for_links == read


@pytest.mark.parametrize(
    "text",
    [
        "tasks.example.com", "http://tasks.example.com", "ftp://tasks.example.com", "https://", "https://a@b.example",
        "https://tasks.example.com/?a=b", "https://tasks.example.com/#x", "https://tasks.example.com:x",
        "https://tasks.example.com\\x", "https://täsks.example.com", "javascript:alert(1)", "https://a.example/ b",
    ],
)  # fmt: skip
def test_what_no_link_can_begin_with_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Settings(PUBLIC_URL=text)
