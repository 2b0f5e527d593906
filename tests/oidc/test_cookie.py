"""Logging in with a provider on the page: its refresh token is in a cookie, as after a password."""

import psycopg
import pytest
from fastapi import FastAPI

from tests.accounts.conftest import logged_in, quicken
from tests.accounts.people import register
from tests.accounts.test_cookie import DAYS, GOING_ON, HERE, cookie_of, enter, go_on, post
from tests.client import Client
from tests.oidc.people import VERIFIER, code_of


def form_of(code: str, kind: str = "keep", verifier: str = VERIFIER) -> dict[str, str]:
    return {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "cookie": kind}


async def test_the_cookie_has_the_refresh_token_and_goes_on(app: FastAPI, anonymous: Client) -> None:
    response = await post(anonymous, "/auth/token", None, HERE, form_of(await code_of(anonymous, "alice")))
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"access_token", "token_type", "expires_in", "user_id"}
    cookie = cookie_of(response)
    assert cookie.key.startswith("__Host-taskward_refresh_")
    assert (int(cookie["max-age"]), cookie["samesite"], cookie["path"]) == (90 * DAYS, "Strict", "/")
    assert cookie["secure"]
    assert cookie["httponly"]
    again = await go_on(anonymous, cookie)
    assert again.json()["user_id"] == response.json()["user_id"]
    async with logged_in(app, again.json()) as alice:
        assert (await alice.get("/auth/me")).status_code == 200


async def test_on_a_shared_computer_it_lasts_until_the_browser_is_closed(anonymous: Client) -> None:
    form = form_of(await code_of(anonymous, "alice"), "session")
    cookie = cookie_of(await post(anonymous, "/auth/token", None, HERE, form))
    assert (cookie["max-age"], cookie["expires"]) == ("", "")


@pytest.mark.parametrize("origin", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
async def test_another_origin_gets_none_and_uses_up_no_code(
    anonymous: Client, superuser: psycopg.Connection, origin: dict[str, str]
) -> None:
    """Log-in CSRF: a page has alice's browser send bob's code, with a verifier that it knows."""
    form = form_of(await code_of(anonymous, "bob"))
    refused = await post(anonymous, "/auth/token", None, origin, form)
    assert (refused.status_code, refused.json()["code"]) == (403, "ORIGIN_REFUSED")
    assert "set-cookie" not in refused.headers
    assert superuser.execute(GOING_ON).fetchone() == (0,)
    assert (await post(anonymous, "/auth/token", None, HERE, form)).status_code == 200


async def test_a_log_in_ends_the_one_whose_cookie_it_replaces_and_a_refused_one_does_not(
    app: FastAPI, anonymous: Client, superuser: psycopg.Connection
) -> None:
    quicken(app)
    await register(anonymous, "alice")
    before = cookie_of(await enter(anonymous))
    code = await code_of(anonymous, "alice")
    for form in (form_of(code, verifier="x" * 43), form_of("x")):
        refused = await post(anonymous, "/auth/token", before, HERE, form)
        assert (refused.status_code, refused.json()["code"]) == (401, "CREDENTIALS_INVALID")
        assert "set-cookie" not in refused.headers
        assert superuser.execute(GOING_ON).fetchone() == (1,)
    after = cookie_of(await post(anonymous, "/auth/token", before, HERE, form_of(code)))
    assert after.key == before.key
    assert superuser.execute(GOING_ON).fetchone() == (1,)
    assert (await go_on(anonymous, after)).status_code == 200
    assert (await post(anonymous, "/auth/token", after, HERE, form_of(code))).status_code == 401
    assert superuser.execute(GOING_ON).fetchone() == (1,), "a code that was used ends nothing"
    assert (await go_on(anonymous, before)).status_code == 401
