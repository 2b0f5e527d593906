"""Every wrong token of docs/better-auth.md, made by a real Better Auth: explained, but not in production."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from taskward.auth.issue import issue_token
from tests.better_auth.conftest import Serve, public_keys_of
from tests.better_auth.node import HERE, NodeServer
from tests.better_auth.people import Person, bearer
from tests.docs.documents import ROOT, rows, section

REFUSALS = section((ROOT / "docs" / "better-auth.md").read_text(), "When a token is refused")
DOCUMENTED_ADDRESS = "http://localhost:3000"
SECRET = "a secret that two programs share, for tests"
GENERIC = {
    "TOKEN_MISSING": "The request carries no valid access token.",
    "TOKEN_INVALID": "The request carries no valid access token.",
    "TOKEN_EXPIRED": "The access token has expired.",
}
Make = Callable[[Person], str]


def cookie_cache(strategy: str) -> dict[str, Any]:
    return {"session": {"cookieCache": {"enabled": True, "strategy": strategy}}}


def cached(alice: Person) -> str:
    return alice.cookie("session_data")


# How Better Auth is configured, and what alice sends of what she has there.
WITH_PUBLIC_KEYS: dict[str, tuple[dict[str, Any], Make]] = {
    "nothing": ({}, lambda _: ""),
    "the session token, as sign-in returns it": ({}, lambda alice: alice.session_token),
    "the cookie `better-auth.session_token`": ({}, lambda alice: alice.cookie("session_token")),
    "the cookie `better-auth.session_data`": (cookie_cache("compact"), cached),
    "the same, of the strategy `jwe`": (cookie_cache("jwe"), cached),
    "the same, of the strategy `jwt`": (cookie_cache("jwt"), cached),
    "the same, with `sessionCookieCache`": (cookie_cache("jwt") | {"jwt": {"sessionCookieCache": True}}, cached),
    "a token of another issuer": ({"jwt": {"jwt": {"issuer": "http://127.0.0.1:3000"}}}, Person.token),
    "a token for another audience": ({"jwt": {"jwt": {"audience": "another service"}}}, Person.token),
    "a token with `expirationTime: 900`": ({"jwt": {"jwt": {"expirationTime": 900}}}, Person.token),
    "a token from a quarter of an hour ago": ({"jwt": {"jwt": {"expirationTime": "-1m"}}}, Person.token),
}


def documented(column: str) -> dict[str, str]:
    return {sent: detail for sent, detail, _ in rows(REFUSALS, column)}


def response(taskward: httpx2.Client, token: str) -> dict[str, Any]:
    refused = taskward.get("/tasks", headers=bearer(token) if token else {})
    assert refused.status_code == 401
    assert not token or token not in refused.text
    body: dict[str, Any] = refused.json()
    return body


def test_with_public_keys_every_wrong_token_is_explained(
    better_auth: NodeServer, taskward: httpx2.Client, alice: Person, serve: Serve, subtests: pytest.Subtests
) -> None:
    production = serve(environment="production", **public_keys_of(better_auth))
    expected = documented("sent as the token")
    del expected["a token of another Better Auth"]  # below: it takes two
    assert expected.keys() == WITH_PUBLIC_KEYS.keys()
    for sent, (options, make) in WITH_PUBLIC_KEYS.items():
        with subtests.test(sent):
            better_auth.tell("configure", options)
            alice.sign_in()
            token = make(alice)
            told = response(taskward, token)
            assert told["detail"] == expected[sent].replace(DOCUMENTED_ADDRESS, better_auth.url)
            assert response(production, token) == {"detail": GENERIC[told["code"]], "code": told["code"]}
    better_auth.tell("configure", {})
    alice.sign_in()
    for service in (taskward, production):
        assert service.get("/tasks", headers=bearer(alice.token())).status_code == 200


def test_a_token_of_another_better_auth_is_explained(
    taskward: httpx2.Client, alice: Person, node_folder: Path
) -> None:
    assert taskward.get("/tasks", headers=bearer(alice.token())).status_code == 200
    (node_folder / "another").mkdir()
    with (
        NodeServer(node_folder / "another", HERE / "server.mjs", {}) as another,
        Person(another.url, "alice") as stranger,
    ):
        told = response(taskward, stranger.token())
    assert told["detail"] == documented("sent as the token")["a token of another Better Auth"]


def test_with_a_shared_secret_every_wrong_token_is_explained(
    better_auth: NodeServer, serve: Serve, subtests: pytest.Subtests
) -> None:
    better_auth.tell("configure", {"secret": SECRET, **cookie_cache("jwt")})
    with Person(better_auth.url, "alice") as alice:
        session_cache, mailed = alice.cookie("session_data"), better_auth.tell("show_the_mail")
        tokens = {
            "a token of the `jwt` plugin": alice.token(),
            "a token of another secret": issue_token(alice.user_id, SECRET.upper().encode(), "HS256", 300),
            "the session cache of the strategy `jwt`": session_cache,
            "the token of a link in a mail": mailed,
        }
    for token in (session_cache, mailed):  # refused although the signature is good
        assert jwt.decode(token, SECRET, algorithms=["HS256"])
    taskward = serve(BETTER_AUTH_SECRET=SECRET)
    production = serve(BETTER_AUTH_SECRET=SECRET, environment="production")
    expected = documented("sent instead")
    assert expected.keys() == tokens.keys()
    for sent, token in tokens.items():
        with subtests.test(sent):
            told = response(taskward, token)
            assert told["detail"] == expected[sent]
            assert response(production, token) == {"detail": GENERIC[told["code"]], "code": told["code"]}
