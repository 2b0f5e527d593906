"""Better Auth changes its key while Taskward runs."""

import httpx2
import jwt
import pytest

from taskward.auth import keys
from tests.better_auth.conftest import Serve, public_keys_of
from tests.better_auth.node import NodeServer
from tests.better_auth.people import Person, bearer


@pytest.fixture
def _half_a_minute_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every request find that the keys were last fetched long ago."""
    monkeypatch.setattr(keys, "MIN_PAUSE_SECONDS", 0)


def kid(token: str) -> str:
    name: str = jwt.get_unverified_header(token)["kid"]
    return name


def published_at(better_auth: NodeServer) -> set[str]:
    return {key["kid"] for key in httpx2.get(f"{better_auth.url}/api/auth/jwks").json()["keys"]}


@pytest.mark.usefixtures("_half_a_minute_later")
def test_a_new_key_needs_no_restart_and_the_old_token_stays_good(
    better_auth: NodeServer, taskward: httpx2.Client, alice: Person
) -> None:
    old = alice.token()
    task = taskward.post("/tasks", json={"title": "Buy milk"}, headers=bearer(old)).json()

    better_auth.tell("retire_the_key")
    new = alice.token()
    assert published_at(better_auth) == {kid(old), kid(new)}
    assert kid(old) != kid(new)
    for token in (new, old):
        assert taskward.get(f"/tasks/{task['id']}", headers=bearer(token)).json() == task


@pytest.mark.usefixtures("_half_a_minute_later")
def test_a_key_that_is_gone_takes_its_tokens_along(
    better_auth: NodeServer, taskward: httpx2.Client, alice: Person
) -> None:
    old = alice.token()
    task = taskward.post("/tasks", json={"title": "Buy milk"}, headers=bearer(old)).json()
    better_auth.tell("retire_the_key")
    better_auth.tell("forget_old_keys")
    new = alice.token()
    assert published_at(better_auth) == {kid(new)}

    assert taskward.get(f"/tasks/{task['id']}", headers=bearer(new)).json() == task
    refused = taskward.get(f"/tasks/{task['id']}", headers=bearer(old))
    assert refused.status_code == 401
    assert "not at JWT_JWKS_URL" in refused.json()["detail"]


def test_keys_are_not_fetched_again_within_half_a_minute(
    better_auth: NodeServer, taskward: httpx2.Client, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taskward.get("/tasks", headers=bearer(alice.token())).status_code == 200
    better_auth.tell("retire_the_key")
    new = alice.token()
    assert taskward.get("/tasks", headers=bearer(new)).status_code == 401
    monkeypatch.setattr(keys, "MIN_PAUSE_SECONDS", 0)
    assert taskward.get("/tasks", headers=bearer(new)).status_code == 200


def test_taskward_works_on_while_better_auth_is_away(
    better_auth: NodeServer, taskward: httpx2.Client, alice: Person
) -> None:
    known, unseen = alice.token(), alice.token()
    assert taskward.get("/tasks", headers=bearer(known)).status_code == 200
    better_auth.stop()
    for token in (known, unseen):
        assert taskward.get("/tasks", headers=bearer(token)).status_code == 200


def test_taskward_that_has_never_seen_better_auth_says_that_it_is_not_the_tokens_fault(
    better_auth: NodeServer, serve: Serve, alice: Person
) -> None:
    token = alice.token()
    better_auth.stop()
    response = serve(**public_keys_of(better_auth)).get("/tasks", headers=bearer(token))
    assert response.status_code == 503
    assert response.json()["code"] == "KEYS_UNAVAILABLE"
    assert 1 <= int(response.headers["Retry-After"]) <= 30
