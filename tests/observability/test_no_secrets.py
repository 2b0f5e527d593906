"""A real service is asked everything, well and badly, and nothing that clients sent is in its output."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import jwt
import orjson
import psycopg
import pytest

from tests.cli.command import refusal
from tests.observability.lines import fields
from tests.server.wire import Wire
from tests.service import Service

CANARY = "canary7e3f"
PASSWORD = f"{CANARY}-password"
KEY = f"{CANARY}-key-of-more-than-32-characters"
FAR = 4_000_000_000


def token(key: str = KEY, **claims: object) -> str:
    """Return alice's token, with claims as Better Auth would put them into it."""
    payload = {"sub": "alice", "exp": FAR, "iss": "provider", "aud": "tasks"}
    payload |= {"email": f"{CANARY}@example.com", "name": CANARY, CANARY: CANARY}
    return jwt.encode({**payload, **claims}, key, "HS256", headers={"kid": CANARY})


def authorizations() -> Iterator[str]:
    """Yield the values of the header that are refused, each for another reason."""
    good = token()
    head, payload, signature = good.split(".")
    yield from (CANARY, f"Basic {CANARY}", f"Bearer {CANARY}", f"Bearer {CANARY}.{CANARY}.{CANARY}")
    yield from (f"Bearer {head}.{payload}.{signature[::-1]}", f"Bearer {good}{CANARY}", f"Bearer {good}.")
    yield f"Bearer {token(key=CANARY * 4)}"
    for claims in ({"exp": 1}, {"exp": CANARY}, {"nbf": FAR}, {"sub": 1}, {"sub": f"{CANARY}\n"}, {"iat": True}):
        yield f"Bearer {token(**claims)}"
    yield from (f"Bearer {token(iss=CANARY)}", f"Bearer {token(aud=CANARY)}", f"Bearer {token(aud=[CANARY])}")
    yield "Bearer " + jwt.encode({"sub": CANARY}, CANARY * 8, "HS512")


def personal_tokens(url: str, owner: str) -> Iterator[str]:
    """Yield headers of a personal token that only reads, of it altered, and of it revoked."""
    headers = {"Authorization": owner}
    body = {"name": CANARY, "scopes": ["tasks:read"]}
    made = httpx2.post(f"{url}/auth/tokens", json=body, headers=headers).json()
    yield f"Bearer {made['token']}"
    yield f"Bearer {made['token'][:-1]}-"
    httpx2.delete(f"{url}/auth/tokens/{made['id']}", headers=headers)
    yield f"Bearer {made['token']}"


def calendars(url: str, owner: str) -> Iterator[str]:
    """Yield paths of a calendar, and of one that is altered, mistyped, another token's and revoked."""
    headers = {"Authorization": owner}
    body = {"name": CANARY, "scopes": ["calendar"]}
    made = httpx2.post(f"{url}/auth/tokens", json=body, headers=headers).json()
    token = made["token"]
    yield from (f"/calendar/{token}.ics", f"/calendar/{token}.ics?as={CANARY}", f"/calendar/{token[:-1]}-.ics")
    yield from (f"/calendar/{token}", f"/calendar/{token}.ics/{token}", f"/calendar/{CANARY}.ics")
    httpx2.delete(f"{url}/auth/tokens/{made['id']}", headers=headers)
    yield f"/calendar/{token}.ics"


def ask(client: httpx2.Client, method: str, path: str, **request: object) -> int:
    return client.request(method, path, **request).status_code  # type: ignore[arg-type]


def ask_everything(url: str) -> set[int]:
    """Send a canary in every place a request has; return the statuses of the responses."""
    statuses = set()
    good = {"Authorization": f"Bearer {token()}", "Cookie": CANARY, "User-Agent": CANARY, "Referer": CANARY}
    with httpx2.Client(base_url=url, headers=good, timeout=30) as alice, httpx2.Client(base_url=url) as anonymous:
        task = {"title": CANARY, "description": CANARY}
        created = alice.post("/tasks", json=task, headers={"Idempotency-Key": CANARY})
        path = f"/tasks/{created.json()['id']}"
        statuses |= {created.status_code, ask(alice, "POST", "/tasks", json={"title": CANARY})}
        for method, where, request in (
            ("GET", path, {}),
            ("GET", f"/tasks?cursor={CANARY}&{CANARY}={CANARY}", {}),
            ("GET", f"/{CANARY}", {}),
            ("GET", f"/tasks/{CANARY}", {}),
            ("GET", f"/api/{CANARY}/tasks", {}),
            (CANARY.upper(), "/tasks", {}),
            ("POST", "/tasks", {"json": {"title": CANARY * 50}}),
            ("POST", "/tasks", {"json": {CANARY: CANARY}}),
            ("POST", "/tasks", {"content": CANARY, "headers": {"Content-Type": "application/json"}}),
            ("POST", "/tasks", {"content": CANARY, "headers": {"Content-Type": CANARY}}),
            ("POST", "/tasks", {"content": CANARY * 10_000, "headers": {"Content-Type": "application/json"}}),
            ("DELETE", f"/tasks?{CANARY}", {}),
            ("POST", "/tasks", {"json": {"title": CANARY * 2}, "headers": {"Idempotency-Key": CANARY}}),
            ("PUT", path, {"json": {"title": CANARY}, "headers": {"If-Match": '"0"'}}),
            ("PUT", path, {"json": {"title": CANARY}, "headers": {"If-Match": CANARY}}),
            ("DELETE", path, {}),
        ):
            statuses.add(ask(alice, method, where, **request))
        for value in authorizations():
            statuses.add(ask(anonymous, "GET", "/tasks", headers={"Authorization": value}))
    for value in personal_tokens(url, good["Authorization"]):
        statuses |= {
            httpx2.request(
                method, f"{url}{path}", json={"title": "Buy milk"}, headers={"Authorization": value}
            ).status_code
            for method, path in (("POST", "/tasks"), ("POST", "/auth/tokens"), ("GET", "/tasks"))
        }
    for path in calendars(url, good["Authorization"]):
        statuses |= {httpx2.request(method, f"{url}{path}").status_code for method in ("GET", "HEAD", "POST")}
    with Wire(url) as wire:
        wire.send(f"{CANARY} {CANARY}\r\n\r\n".encode())
        wire.read()
    return statuses


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_a_client_sent_is_in_the_log(
    tmp_path: Path,
    database_url: str,
    superuser: psycopg.Connection,
    take_database_away: Callable[[], None],
    form: str,
) -> None:
    settings = {
        "DATABASE_URL": database_url.replace("taskward@", f"taskward:{PASSWORD}@"), "JWT_SECRET_KEY": KEY,
        "LOG_LEVEL": "debug", "LOG_FORMAT": form, "ACCESS_LOG": "true", "ENVIRONMENT": "staging",
        "JWT_ISSUER": "provider", "JWT_AUDIENCE": "tasks",
    }  # fmt: skip
    with Service(tmp_path / "data", settings) as service:
        statuses = ask_everything(service.url)
        superuser.execute(f"UPDATE tasks SET title = '{CANARY}-once'")
        superuser.execute("CREATE UNIQUE INDEX one_title ON tasks (title)")  # so that a title is in an exception
        headers = {"Authorization": f"Bearer {token()}"}
        body = {"title": f"{CANARY}-once"}
        statuses.add(httpx2.post(f"{service.url}/tasks", json=body, headers=headers).status_code)
        made = httpx2.post(
            f"{service.url}/auth/tokens", json={"name": CANARY, "scopes": ["calendar"]}, headers=headers
        ).json()
        superuser.execute("REVOKE SELECT ON tasks FROM taskward_app")
        statuses.add(httpx2.get(f"{service.url}/calendar/{made['token']}.ics").status_code)
        statuses.add(httpx2.get(f"{service.url}/tasks/1", headers=headers).status_code)
        take_database_away()
        statuses.add(httpx2.get(f"{service.url}/tasks", headers=headers, timeout=30).status_code)
    assert statuses == {200, 201, 204, 400, 401, 403, 404, 405, 412, 413, 415, 422, 500, 503}

    output = service.banner + service.rest_of_output
    assert CANARY not in output.lower()
    assert "eyJ" not in output
    assert "twp_" not in output
    lines = [
        line
        for line in output.splitlines()
        if not re.match(r"Taskward is running|  documentation|  accounts:", line)
    ]
    entries = [fields(line) if form == "text" else orjson.loads(line) for line in lines]
    levels = {entry["level"] for entry in entries}
    assert levels == {"DEBUG", "INFO", "WARNING", "ERROR"}
    assert any("UniqueViolation: 23505" in line for line in lines)
    assert {entry["user_id"] for entry in entries} == {"alice", "-" if form == "text" else None}


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://alice:{PASSWORD}@127.0.0.1:1/nothing"
    with Service(tmp_path / "data", {"DATABASE_URL": url, "LOG_LEVEL": "debug"}) as service:
        assert httpx2.get(f"{service.url}/health", timeout=30).status_code == 503
    output = service.banner + service.rest_of_output
    assert "the database cannot be reached" in output
    assert CANARY not in output


@pytest.mark.parametrize("url", [f"nonsense://alice:{PASSWORD}@host/x", f"postgresql://alice:{PASSWORD}@[/x"])
def test_an_address_that_is_none_is_told_without_its_password(tmp_path: Path, url: str) -> None:
    line = refusal("serve", settings={"DATABASE_URL": url, "PORT": "0"}, folder=tmp_path)
    assert "DATABASE_URL" in line
    assert CANARY not in line
