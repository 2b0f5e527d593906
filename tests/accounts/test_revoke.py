import psycopg
import pytest

from tests.accounts.people import log_in, refresh
from tests.client import Client

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
    assert superuser.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (0,)


async def test_what_is_no_token_is_revoked_all_the_same(anonymous: Client, alices_tokens: Tokens) -> None:
    for token in ("x", "A" * 64, alices_tokens["access_token"]):
        await revoke(anonymous, token=token)
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 200
    await revoke(anonymous, token=alices_tokens["refresh_token"])
    await revoke(anonymous, token=alices_tokens["refresh_token"])


async def test_a_form_without_a_token_is_refused(anonymous: Client) -> None:
    response = await anonymous.post("/auth/revoke", data={"refresh_token": "x"})
    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "token", "message": "Field required"}]
