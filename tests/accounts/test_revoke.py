import psycopg
import pytest

from taskward.settings import Settings
from tests.accounts.people import log_in, refresh
from tests.client import Client, connect
from tests.conftest import started

pytestmark = pytest.mark.quick

Tokens = dict[str, str]


async def revoke(client: Client, **form: str) -> None:
    response = await client.post("/auth/revoke", data=form)
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["cache-control"] == "no-store"


async def test_a_revoked_token_is_good_no_longer(anonymous: Client, alices_tokens: Tokens) -> None:
    other = await log_in(anonymous, "alice")
    await revoke(anonymous, token=alices_tokens["refresh_token"], token_type_hint="refresh_token")
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401
    assert (await refresh(anonymous, other["refresh_token"])).status_code == 200


async def test_any_token_of_a_family_ends_all_of_it(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    newest = (await refresh(anonymous, alices_tokens["refresh_token"])).json()["refresh_token"]
    await revoke(anonymous, token=alices_tokens["refresh_token"])
    assert (await refresh(anonymous, newest)).status_code == 401
    going_on = "SELECT count(*) FROM refresh_tokens WHERE expires_at > now()"
    assert superuser.execute(going_on).fetchone() == (0,)


async def test_what_is_no_token_is_revoked_all_the_same(anonymous: Client, alices_tokens: Tokens) -> None:
    for token in ("x", "A" * 64, alices_tokens["access_token"]):
        await revoke(anonymous, token=token)
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 200
    await revoke(anonymous, token=alices_tokens["refresh_token"])
    await revoke(anonymous, token=alices_tokens["refresh_token"])


async def test_what_is_made_up_is_counted_for_its_address(settings: Settings) -> None:
    limited = settings.model_copy(update={"auth_rate_limit": "2/minute"})
    async with started(limited) as app, connect(app) as stranger:
        responses = [await stranger.post("/auth/revoke", data={"token": "A" * 64}) for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 200, 429, 429]


@pytest.mark.parametrize("route", [("/auth/revoke", "token"), ("/auth/token", "refresh_token")])
async def test_whoever_knows_half_of_a_token_can_end_nothing(
    anonymous: Client, alices_tokens: Tokens, route: tuple[str, str]
) -> None:
    path, field = route
    token = alices_tokens["refresh_token"]
    newer = (await refresh(anonymous, token)).json()["refresh_token"]
    for half in (token[:22], token[:32], token[:43], newer[:43]):
        forged = half + "A" * (64 - len(half))
        response = await anonymous.post(path, data={"grant_type": "refresh_token", field: forged})
        assert response.status_code == (200 if path == "/auth/revoke" else 401)
    assert (await refresh(anonymous, newer)).status_code == 200


async def test_a_form_without_a_token_is_refused(anonymous: Client) -> None:
    response = await anonymous.post("/auth/revoke", data={"refresh_token": "x"})
    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "token", "message": "is missing"}]
