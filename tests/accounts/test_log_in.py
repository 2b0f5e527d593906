import asyncio
import base64
import time
from typing import Any

import jwt
import psycopg
import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from taskward.auth.devices import MARK_LENGTH
from taskward.auth.passwords import Passwords
from tests.accounts.conftest import QUICK, hash_by, logged_in
from tests.accounts.people import PASSWORD, ask, log_in, register
from tests.auth.test_passwords import Gated
from tests.client import Client
from tests.conftest import SECRET

pytestmark = pytest.mark.usefixtures("quick_passwords")

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = "grant_type=password&username=alice%40example.com&password=correct+horse+battery+staple"
CANARY = "canary7e3f"


async def post(client: Client, content: str | bytes, **headers: str) -> Any:
    return await client.post("/auth/token", content=content, headers=FORM | headers)


async def test_who_logs_in_gets_tokens_that_work(app: FastAPI, anonymous: Client) -> None:
    user = await register(anonymous, "alice")
    response = await ask(anonymous, grant_type="password", username="alice@example.com", password=PASSWORD)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    tokens = response.json()
    assert tokens.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "user_id",
        "device_token",
    }
    assert (tokens["token_type"], tokens["expires_in"], tokens["user_id"]) == ("bearer", 1800, user["id"])
    assert len(base64.urlsafe_b64decode(tokens["refresh_token"])) == 48
    claims = jwt.decode(tokens["access_token"], SECRET, algorithms=["HS256"])
    assert claims["sub"] == user["id"]
    assert claims["exp"] - time.time() == pytest.approx(1800, abs=30)
    async with logged_in(app, tokens) as alice:
        created = await alice.post("/tasks", json={"title": "Buy milk"})
        assert created.json()["user_id"] == user["id"]
        assert (await alice.get(f"/api/{user['id']}/tasks")).json()["count"] == 1


@pytest.mark.parametrize("username", ["alice@example.com", "ALICE@EXAMPLE.COM", "Alice@example.com"])
async def test_the_case_of_an_address_does_not_matter(anonymous: Client, username: str) -> None:
    await register(anonymous, "alice")
    response = await ask(anonymous, grant_type="password", username=username, password=PASSWORD)
    assert response.status_code == 200


WRONG = {
    "another password": ("alice@example.com", "another password"),
    "the password in another case": ("alice@example.com", PASSWORD.upper()),
    "the password and more": ("alice@example.com", PASSWORD + "x"),
    "nobody's address": ("bob@example.com", PASSWORD),
    "an address with more around it": (" alice@example.com", PASSWORD),
    "the Kelvin sign for a k": ("\u212aelvin@example.com", PASSWORD),
    "no address": ("alice", PASSWORD),
    "a hash": ("alice@example.com", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_credentials_are_refused_in_one_way(anonymous: Client, wrong: str) -> None:
    await register(anonymous, "alice")
    await register(anonymous, "kelvin")
    username, password = WRONG[wrong]
    response = await ask(anonymous, grant_type="password", username=username, password=password)
    assert response.status_code == 401
    assert response.json() == {
        "detail": "The e-mail address or the password is wrong.",
        "code": "CREDENTIALS_INVALID",
    }
    assert response.headers["www-authenticate"] == "Bearer"


async def test_one_spelling_of_a_password_is_as_good_as_another(anonymous: Client) -> None:
    await register(anonymous, "alice", "pa\u0308ssword\u2460")
    await log_in(anonymous, "alice", "p\u00e4ssword1")


async def test_swagger_can_log_in(anonymous: Client) -> None:
    """What its Authorize button sends: empty client credentials, in the form or as Basic, and a scope."""
    await register(anonymous, "alice")
    empty = base64.b64encode(b":").decode()
    for more in ("&scope=&client_id=&client_secret=", "&scope=tasks&client_id=swagger&client_secret=x", ""):
        response = await post(anonymous, GOOD + more, Authorization=f"Basic {empty}")
        assert response.status_code == 200, response.text


async def test_a_browsers_charset_is_no_other_type(anonymous: Client) -> None:
    await register(anonymous, "alice")
    response = await post(anonymous, GOOD, **{"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"})
    assert response.status_code == 200


FORMS: dict[str, tuple[str | bytes, list[str]]] = {
    "nothing": ("", ["grant_type"]),
    "no grant": ("username=a&password=b", ["grant_type"]),
    "another grant": ("grant_type=client_credentials&client_id=a", ["grant_type"]),
    "a grant in another case": (GOOD.replace("=password", "=Password", 1), ["grant_type"]),
    "no password": ("grant_type=password&username=a", ["password"]),
    "an empty password": ("grant_type=password&username=a&password=", ["password"]),
    "neither": ("grant_type=password", ["username", "password"]),
    "no refresh token": ("grant_type=refresh_token&token=a", ["refresh_token"]),
    "a field twice": (GOOD + "&username=bob%40example.com", ["username"]),
    "the same field twice": (GOOD + "&grant_type=password", ["grant_type"]),
    "U+0000": ("grant_type=password&username=a%00&password=b%00", ["username", "password"]),
    "a lone surrogate": ("grant_type=password&username=a%ED%A0%80&password=b", ["body"]),
    "Latin 1": (b"grant_type=password&username=a&password=\xe9t\xe9", ["body"]),
    "too many fields": ("&".join(f"f{number}=1" for number in range(51)), ["body"]),
    "a long address": ("grant_type=password&password=b&username=" + "a" * 255, ["username"]),
    "a long password": ("grant_type=password&username=a&password=" + "b" * 129, ["password"]),
    "JSON": ('{"grant_type": "password"}', ["grant_type"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMS)
async def test_a_bad_form_is_refused_by_field(anonymous: Client, kind: str) -> None:
    content, fields = FORMS[kind]
    response = await post(anonymous, content)
    assert response.status_code == 400
    assert response.json()["code"] == "VALIDATION_ERROR"
    assert [error["field"] for error in response.json()["errors"]] == fields


@pytest.mark.parametrize("path", ["/auth/token", "/auth/revoke"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/x-www-form-urlencoded; charset=latin-1"},
        {"Content-Type": ""},
        FORM | {"Content-Encoding": "gzip"},
    ],
)
async def test_only_a_plain_form_is_read(anonymous: Client, path: str, headers: dict[str, str]) -> None:
    response = await anonymous.post(path, content=GOOD, headers=headers)
    assert response.status_code == 415
    assert "application/x-www-form-urlencoded" in response.json()["detail"]


async def test_no_response_and_no_log_repeats_what_was_sent(
    anonymous: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for content in (
        f"grant_type={CANARY}&username={CANARY}",
        f"grant_type=password&username={CANARY}&password={CANARY}",
        f"grant_type=password&username={CANARY}%00&password={CANARY}%00",
        f"grant_type=refresh_token&refresh_token={CANARY}",
        f"grant_type=refresh_token&refresh_token={CANARY * 6}AAAA",
    ):
        response = await post(anonymous, content)
        assert response.is_client_error
        assert CANARY not in response.text
    for body in ({"email": CANARY}, {"password": CANARY}, {"name": [CANARY]}):
        response = await anonymous.post("/auth/register", json=body)
        assert response.status_code == 400
        assert CANARY not in response.text
    assert CANARY not in caplog.text


async def test_the_servers_log_has_no_address_of_who_is_refused(
    anonymous: Client, superuser: psycopg.Connection
) -> None:
    """PostgreSQL logs the values of a row that a constraint refuses, so none may."""
    before = superuser.execute("SELECT sum(xact_rollback) FROM pg_stat_database").fetchone()
    await register(anonymous, "alice")
    taken = await anonymous.post("/auth/register", json={"email": "ALICE@example.com", "password": PASSWORD})
    assert taken.status_code == 409
    assert superuser.execute("SELECT sum(xact_rollback) FROM pg_stat_database").fetchone() == before


async def test_who_is_beyond_the_queue_is_asked_to_come_back(app: FastAPI, anonymous: Client) -> None:
    hash_by(app, Passwords(QUICK, max_pending=0))
    registration = {"email": "alice@example.com", "password": PASSWORD}
    for response in (await post(anonymous, GOOD), await anonymous.post("/auth/register", json=registration)):
        assert response.status_code == 503
        assert response.json()["code"] == "SERVER_BUSY"
        assert response.headers["retry-after"] == "5"


async def test_who_comes_from_a_known_device_is_not_beyond_the_queue_of_strangers(
    app: FastAPI, anonymous: Client
) -> None:
    await register(anonymous, "alice")
    device_token = (await log_in(anonymous, "alice"))["device_token"]
    hasher = Gated()
    passwords = hash_by(app, Passwords(hasher, threads=1, max_pending=1))
    hasher.gate.release()
    await passwords.verify(PASSWORD, None)
    stranger = asyncio.create_task(register(anonymous, "bob"))
    while not hasher.running:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert (await post(anonymous, GOOD)).json()["code"] == "SERVER_BUSY"
    assert (await post(anonymous, f"{GOOD}&device_token={device_token}")).status_code == 200
    assert (await post(anonymous, f"{GOOD}&device_token={'A' * len(device_token)}")).status_code == 503
    hasher.gate.release()
    await stranger


async def test_a_device_token_is_renewed_by_each_log_in_and_says_nothing_to_others(anonymous: Client) -> None:
    await register(anonymous, "alice")
    await register(anonymous, "bob")
    first = (await log_in(anonymous, "alice"))["device_token"]
    second = (await post(anonymous, f"{GOOD}&device_token={first}")).json()["device_token"]
    assert (len(first), len(second), first != second) == (MARK_LENGTH, MARK_LENGTH, True)
    bobs = GOOD.replace("alice", "bob")
    third = (await post(anonymous, f"{bobs}&device_token={second}")).json()["device_token"]
    assert third == third[:MARK_LENGTH] + second
    wrong = await post(anonymous, f"{GOOD.replace('correct', 'wrong')}&device_token={third}")
    assert (wrong.status_code, wrong.json().keys()) == (401, {"detail", "code"})


async def test_a_device_token_that_is_none_keeps_nobody_out(anonymous: Client) -> None:
    await register(anonymous, "alice")
    for text in ("", "x", "A" * 64, "A" * 640, "%C3%A9" * 64, "%00"):
        assert (await post(anonymous, f"{GOOD}&device_token={text}")).status_code == 200, text


async def test_an_old_hash_is_renewed_by_the_next_log_in(
    app: FastAPI, anonymous: Client, superuser: psycopg.Connection
) -> None:
    await register(anonymous, "alice")
    await register(anonymous, "bob")
    hash_by(app, Passwords(Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1)))
    wrong = await ask(anonymous, grant_type="password", username="alice@example.com", password="wrong")
    assert wrong.status_code == 401
    assert parameters(superuser) == ["m=8,t=1,p=1", "m=8,t=1,p=1"]
    await log_in(anonymous, "alice")
    assert parameters(superuser) == ["m=16,t=2,p=1", "m=8,t=1,p=1"]
    await log_in(anonymous, "alice")
    assert parameters(superuser) == ["m=16,t=2,p=1", "m=8,t=1,p=1"]
    hash_by(app, Passwords(QUICK))
    await log_in(anonymous, "alice")


def parameters(superuser: psycopg.Connection) -> list[str]:
    rows = superuser.execute("SELECT split_part(password_hash, '$', 4) FROM accounts ORDER BY email")
    return [str(row[0]) for row in rows]
