"""Tokens of a real Better Auth server, signed in every way it can."""

import re

import httpx2
import jwt
import pytest

from tests.better_auth.node import NodeServer
from tests.better_auth.people import Person, bearer

ALGORITHMS = ["EdDSA", "ES256", "ES512", "RS256", "PS256"]


def signing_with(algorithm: str) -> dict[str, object]:
    return {"jwt": {"jwks": {"keyPairConfig": {"alg": algorithm}}}}


@pytest.mark.parametrize("better_auth", [signing_with(name) for name in ALGORITHMS], ids=ALGORITHMS, indirect=True)
def test_a_token_of_any_algorithm_works(
    taskward: httpx2.Client, alice: Person, request: pytest.FixtureRequest
) -> None:
    token = alice.token()
    assert jwt.get_unverified_header(token)["alg"] == request.node.callspec.id
    created = taskward.post("/tasks", json={"title": "Buy milk"}, headers=bearer(token))
    assert created.status_code == 201
    assert created.json()["user_id"] == alice.user_id


def test_what_better_auth_signs_unless_told_otherwise_is_as_the_documents_say(
    better_auth: NodeServer, alice: Person
) -> None:
    token = alice.token()
    (key,) = alice.get("/api/auth/jwks").json()["keys"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": key["kid"]}
    assert key.keys() == {"alg", "crv", "x", "kty", "kid"}
    assert claims["iss"] == claims["aud"] == better_auth.url
    assert claims["sub"] == alice.user_id
    assert re.fullmatch(r"[A-Za-z0-9]{32}", alice.user_id)
    assert claims["exp"] - claims["iat"] == 15 * 60


def test_the_token_of_the_set_auth_jwt_header_works(taskward: httpx2.Client, alice: Person) -> None:
    token = alice.get("/api/auth/get-session").headers["set-auth-jwt"]
    assert taskward.get("/tasks", headers=bearer(token)).status_code == 200


def test_a_task_lives_its_whole_life_in_all_four_path_prefixes(taskward: httpx2.Client, alice: Person) -> None:
    taskward.headers.update(bearer(alice.token()))
    for prefix in ("/tasks", "/api/tasks", f"/api/{alice.user_id}/tasks", f"/users/{alice.user_id}/tasks"):
        task = taskward.post(prefix, json={"title": "Buy milk"}).json()
        path = f"{prefix}/{task['id']}"
        assert taskward.put(path, json={"title": "Buy bread"}).json()["title"] == "Buy bread"
        assert taskward.patch(f"{path}/complete").json()["completed"] is True
        assert [found["id"] for found in taskward.get(prefix).json()["tasks"]] == [task["id"]]
        assert taskward.delete(path).status_code == 204
        assert taskward.get(path).status_code == 404


def test_bob_cannot_reach_alices_task(taskward: httpx2.Client, alice: Person, bob: Person) -> None:
    task = taskward.post("/tasks", json={"title": "Buy milk"}, headers=bearer(alice.token())).json()
    taskward.headers.update(bearer(bob.token()))
    for path in ("/tasks/{id}", "/api/tasks/{id}", "/api/{user_id}/tasks/{id}", "/users/{user_id}/tasks/{id}"):
        assert taskward.get(path.format(**task)).status_code == 403
        assert taskward.delete(path.format(**task)).status_code == 403
    assert taskward.get("/tasks").json()["tasks"] == []
    assert taskward.get("/tasks", headers=bearer(alice.token())).json()["tasks"] == [task]
