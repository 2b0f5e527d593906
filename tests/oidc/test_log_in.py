"""Logging in with a real provider, from the first address to the tokens."""

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from fastapi import FastAPI

from taskward.auth.account_ids import is_account_id
from taskward.oidc.flow import Flows
from tests.accounts.conftest import logged_in
from tests.altered import with_another
from tests.better_auth.node import NodeServer
from tests.client import Client
from tests.conftest import SECRET
from tests.oidc.conftest import PUBLIC_URL
from tests.oidc.people import CHALLENGE, VERIFIER, AtProvider, begin, code_of, come_back, exchange, told


async def tokens_of(client: Client, name: str) -> dict[str, str]:
    response = await exchange(client, await code_of(client, name))
    assert response.status_code == 200, response.text
    tokens: dict[str, str] = response.json()
    return tokens


async def test_the_first_log_in_makes_an_account_and_the_second_finds_it(app: FastAPI, anonymous: Client) -> None:
    first, second, bobs = [await tokens_of(anonymous, name) for name in ("alice", "alice", "bob")]
    assert is_account_id(first["user_id"])
    assert first["user_id"] == second["user_id"] != bobs["user_id"]
    assert first["refresh_token"] != second["refresh_token"]
    async with logged_in(app, first) as alice:
        assert (await alice.post("/tasks", json={"title": "Buy milk"})).status_code == 201
        me = (await alice.get("/auth/me")).json()
        assert (me["id"], me["email"], me["has_password"]) == (first["user_id"], None, False)
        assert len((await alice.get("/auth/sessions")).json()["sessions"]) == 2
    again = await anonymous.post(
        "/auth/token", data={"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    )
    assert again.json()["user_id"] == first["user_id"]


async def test_the_request_to_the_provider_has_all_that_binds_it(anonymous: Client, provider: NodeServer) -> None:
    response = await anonymous.get("/auth/oidc/login", params={"code_challenge": CHALLENGE})
    address = urlsplit(response.headers["location"])
    query = parse_qs(address.query)
    assert f"{address.scheme}://{address.netloc}" == provider.url
    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == [f"{PUBLIC_URL}/auth/oidc/callback"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["code_challenge"] != [CHALLENGE]  # that one is the page's
    assert len({query[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert query["nonce"][0] not in response.headers["set-cookie"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("query", [{}, {"code_challenge": "short"}, {"code_challenge": CHALLENGE, "port": 80},
                                   {"code_challenge": CHALLENGE, "port": "evil.example.com"},
                                   {"code_challenge": CHALLENGE, "redirect_uri": "https://evil.example.com"},
                                   {"code_challenge": CHALLENGE, "port": 5000, "state": "&x=y"}])  # fmt: skip
async def test_a_log_in_that_could_lead_elsewhere_does_not_begin(
    anonymous: Client, query: dict[str, str | int]
) -> None:
    response = await anonymous.get("/auth/oidc/login", params=query)
    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert "set-cookie" not in response.headers


async def test_a_program_is_told_at_its_port_of_this_machine_with_its_state(anonymous: Client) -> None:
    address = await begin(anonymous, port=50123, state="of-the-program")
    assert parse_qs(urlsplit(address).query)["prompt"] == ["consent"]
    with AtProvider("alice") as browser:
        back = urlsplit(browser.log_in(address))
    response = await anonymous.get(f"{back.path}?{back.query}")
    target = urlsplit(response.headers["location"])
    assert (target.scheme, target.netloc, target.path, target.fragment) == ("http", "127.0.0.1:50123", "/", "")
    said = told(response.headers["location"])
    assert said["state"] == "of-the-program"
    assert (await exchange(anonymous, said["code"])).status_code == 200


async def test_the_host_of_a_request_is_part_of_no_address(anonymous: Client) -> None:
    anonymous.headers["Host"] = "evil.example.com"
    assert "evil" not in await begin(anonymous)
    response = await anonymous.get("/auth/oidc/callback")
    assert response.headers["location"] == f"{PUBLIC_URL}/#log-in-error=over"


async def test_what_was_begun_in_one_browser_ends_in_no_other(anonymous: Client, other_browser: Client) -> None:
    """Log-in CSRF: bob has alice's browser come back with his own log-in."""
    with AtProvider("bob") as bob:
        bobs_address = bob.log_in(await begin(other_browser))
    assert await come_back(anonymous, bobs_address) == {"error": "over"}
    await begin(anonymous)  # also not where alice has begun one herself
    assert await come_back(anonymous, bobs_address) == {"error": "over"}


async def test_the_state_is_needed_and_the_answer_is_good_once(anonymous: Client) -> None:
    for changed in ("", "&state=", "&state=another", "&state=%00"):
        with AtProvider("alice") as browser:
            address = browser.log_in(await begin(anonymous))
        code = parse_qs(urlsplit(address).query)["code"][0]
        assert await come_back(anonymous, f"{PUBLIC_URL}/auth/oidc/callback?code={code}{changed}") == {
            "error": "over"
        }
    with AtProvider("alice") as browser:
        address = browser.log_in(await begin(anonymous))
    assert "code" in await come_back(anonymous, address)
    assert await come_back(anonymous, address) == {"error": "over"}  # the cookie is gone


async def test_two_that_come_back_at_once_are_one_log_in(anonymous: Client, superuser: psycopg.Connection) -> None:
    with AtProvider("alice") as browser:
        address = browser.log_in(await begin(anonymous))
    both = await asyncio.gather(*(come_back(anonymous, address) for _ in range(2)))
    assert sorted(next(iter(said)) for said in both) == ["code", "error"]
    assert superuser.execute("SELECT count(*) FROM identities").fetchone() == (1,)


async def test_a_code_is_good_once_also_when_two_come_at_once(
    anonymous: Client, superuser: psycopg.Connection
) -> None:
    code = await code_of(anonymous, "alice")
    responses = await asyncio.gather(*(exchange(anonymous, code) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 401, 401, 401, 401]
    assert superuser.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (1,)
    user = next(response.json() for response in responses if response.status_code == 200)
    superuser.execute("UPDATE refresh_tokens SET expires_at = now()")  # signed out: no second time either
    assert (await exchange(anonymous, code)).json()["code"] == "CREDENTIALS_INVALID"
    assert user["user_id"]


async def test_a_code_is_for_whoever_began_the_log_in_and_for_a_minute(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await code_of(anonymous, "alice")
    for wrong in ("x" * 43, VERIFIER[:-1], VERIFIER + "x", "", "ü" * 43):
        assert (await exchange(anonymous, code, wrong)).status_code in (400, 401)
    for altered in (code[:-4], with_another(code, 0), with_another(code, 40), ""):
        assert (await exchange(anonymous, altered)).status_code in (400, 401)
    now = time.time()
    with monkeypatch.context() as later:
        later.setattr("time.time", lambda: now + 62)
        assert (await exchange(anonymous, code)).status_code == 401
    assert (await exchange(anonymous, code)).status_code == 200  # none of these has used it up


@pytest.mark.parametrize(("seconds", "said"), [(590, "code"), (602, "error")])
async def test_a_log_in_that_takes_longer_than_ten_minutes_is_over(
    app: FastAPI, anonymous: Client, other_browser: Client, seconds: int, said: str
) -> None:
    """Also in a browser that keeps the cookie for longer."""
    with AtProvider("alice") as browser:
        address = browser.log_in(await begin(anonymous))
    ((name, value),) = anonymous.cookies.items()
    flow = Flows(SECRET.encode()).open(value, parse_qs(urlsplit(address).query)["state"][0])
    assert flow is not None
    with pytest.MonkeyPatch.context() as earlier:
        now = time.time()
        earlier.setattr("time.time", lambda: now - seconds)
        old = Flows(SECRET.encode()).seal(flow)
    other_browser.headers["Cookie"] = f"{name}={old}"
    assert said in await come_back(other_browser, address)


async def test_who_does_not_agree_is_not_logged_in(anonymous: Client, superuser: psycopg.Connection) -> None:
    with AtProvider("charlie") as browser:
        assert await come_back(anonymous, browser.log_in(await begin(anonymous), agree=False)) == {
            "error": "denied"
        }
    assert superuser.execute("SELECT count(*) FROM accounts").fetchone() == (0,)


async def test_the_answer_of_another_issuer_is_refused(anonymous: Client) -> None:
    with AtProvider("alice") as browser:
        address = browser.log_in(await begin(anonymous))
    assert "&iss=" in address
    without = address.partition("&iss=")[0]
    assert await come_back(anonymous, f"{without}&iss=https%3A%2F%2Fevil.example.com") == {"error": "refused"}


async def test_an_answer_that_names_no_issuer_is_refused_where_the_provider_names_itself(
    anonymous: Client,
) -> None:
    """RFC 9207, 2.4. tests/oidc/test_id_token.py has one that does not."""
    with AtProvider("alice") as browser:
        address = browser.log_in(await begin(anonymous))
    assert await come_back(anonymous, address.partition("&iss=")[0]) == {"error": "refused"}


@pytest.mark.parametrize("more_settings", [{"OIDC_CLIENT_SECRET": "another secret"}])
async def test_a_wrong_client_secret_is_told_to_the_log_and_not_to_people(
    anonymous: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with AtProvider("alice") as browser:
        address = browser.log_in(await begin(anonymous))
    assert await come_back(anonymous, address) == {"error": "refused"}
    assert "invalid_client" in caplog.text
    assert "another secret" not in caplog.text


@pytest.mark.parametrize("more_settings", [{"AUTH_RATE_LIMIT": "3/minute"}])
async def test_beginning_is_limited_as_logging_in_is_and_so_is_coming_back_with_nothing(anonymous: Client) -> None:
    for _ in range(3):
        await begin(anonymous)
        assert await come_back(anonymous, f"{PUBLIC_URL}/auth/oidc/callback") == {"error": "over"}
    for path in (f"/auth/oidc/login?code_challenge={CHALLENGE}", "/auth/oidc/callback"):
        refused = await anonymous.get(path)  # by a browser, whose person sees where it leads and no JSON
        assert (refused.status_code, refused.headers["location"]) == (303, f"{PUBLIC_URL}/#log-in-error=often")
        assert "set-cookie" not in refused.headers
    target = await begin(anonymous, port=50123, state="of-the-program")
    assert target.startswith("http://127.0.0.1:50123/?")
    assert (told(target)["error"], told(target)["state"]) == ("often", "of-the-program")


async def test_a_link_of_a_stranger_ends_no_log_in(anonymous: Client) -> None:
    with AtProvider("alice") as browser:
        address = browser.log_in(await begin(anonymous))
    for query in ("", "?code=x&state=x", "?error=access_denied&state=x"):
        assert await come_back(anonymous, f"{PUBLIC_URL}/auth/oidc/callback{query}") == {"error": "over"}
    assert "code" in await come_back(anonymous, address)


async def test_of_two_tabs_the_one_that_began_last_logs_in(anonymous: Client) -> None:
    addresses = []
    for _ in range(2):
        with AtProvider("alice") as browser:
            addresses.append(browser.log_in(await begin(anonymous)))
    assert await come_back(anonymous, addresses[0]) == {"error": "over"}
    assert "code" in await come_back(anonymous, addresses[1])
