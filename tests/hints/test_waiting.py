"""A request for changes that waits: what ends it, and that it takes nothing from anybody meanwhile."""

import asyncio
import time

import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.auth.claims import LEEWAY_SECONDS
from taskward.auth.issue import issue_token
from taskward.hints.waiters import MOST_OF_A_USER, hint_of
from taskward.settings import Settings
from taskward.tasks.changes_service import Changes, ChangesService
from tests.accounts.people import PASSWORD, delete_me, log_in, register
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.hints.waiting import answer_of, ask, count_reads, until, waiting, write
from tests.observability.scrape import value


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without a look into the database now and then, which would make up for a hint that is missing."""
    return settings.model_copy(update={"changes_poll_seconds": 0})


@pytest.mark.parametrize("path", ["/tasks", "/api/tasks", "/api/alice/tasks", "/users/alice/tasks"])
async def test_each_kind_of_write_ends_the_wait_of_its_user(app: FastAPI, alice: Client, path: str) -> None:
    created = (await alice.post("/tasks", json={"title": "Buy milk"})).json()
    revision = created["revision"]
    for method, address, body in (
        ("POST", path, {"title": "Buy bread"}),
        ("POST", path, {"title": "Buy rolls", "uid": "0b2c7f0e"}),
        ("PATCH", f"{path}/{created['id']}", {"title": "Buy oat milk"}),
        ("PATCH", f"{path}/{created['id']}/complete", None),
        ("DELETE", f"{path}/{created['id']}", None),
    ):
        asked = ask(alice, revision, path=f"{path}/changes")
        await waiting(app)
        assert (await alice.request(method, address, json=body)).is_success
        page = await answer_of(asked)
        assert len(page["tasks"]) + len(page["deleted"]) == 1, method
        assert page["revision"] == revision + 1
        revision = page["revision"]
    assert page["deleted"][0]["id"] == created["id"]


async def test_what_is_newer_is_answered_at_once(app: FastAPI, alice: Client) -> None:
    revision = await write(alice)
    assert len((await answer_of(ask(alice, revision - 1)))["tasks"]) == 1
    assert len(state_of(app).hints.waiters) == 0


async def test_without_a_change_the_answer_is_empty_when_the_wait_is_over(alice: Client) -> None:
    revision = await write(alice)
    began = time.monotonic()
    page = await answer_of(ask(alice, revision, seconds=1))
    assert time.monotonic() - began >= 0.99
    assert page == {"tasks": [], "deleted": [], "revision": revision, "count": 1, "more": False}


async def test_who_has_never_written_waits_for_the_first_task(app: FastAPI, charlie: Client) -> None:
    asked = ask(charlie)
    await waiting(app)
    await write(charlie)
    assert len((await answer_of(asked))["tasks"]) == 1


async def test_a_request_that_goes_by_fastapi_waits_as_well(app: FastAPI, alice: Client) -> None:
    """As all do where there is telemetry."""
    app.dependency_overrides[object] = object
    asked = ask(alice)
    await waiting(app)
    await write(alice)
    assert len((await answer_of(asked))["tasks"]) == 1


async def test_nobody_is_woken_by_another_user(
    app: FastAPI, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(alice)
    await waiting(app)
    reads = count_reads(monkeypatch)
    for _ in range(10):
        await write(bob)
    assert reads["alice"] == 0
    assert not asked.done()
    await write(alice, "Alice's own")
    assert [task["title"] for task in (await answer_of(asked))["tasks"]] == ["Alice's own"]


async def test_a_refused_write_and_a_reading_answer_nobody(app: FastAPI, alice: Client) -> None:
    revision = await write(alice)
    asked = ask(alice, revision)
    await waiting(app)
    assert (await alice.patch("/tasks/999999", json={"title": "Nothing"})).status_code == 404
    assert (await alice.get("/tasks")).status_code == 200
    await waiting(app)
    assert not asked.done()
    await write(alice)
    assert (await answer_of(asked))["revision"] == revision + 1


async def test_a_lost_hint_costs_time_and_no_change(
    app: FastAPI, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = await write(alice)
    monkeypatch.setattr(state_of(app).database, "_written", lambda _: None)
    asked = ask(alice, revision, seconds=1)
    await waiting(app)
    await write(alice, "Not heard of")
    page = await answer_of(asked)
    assert (page["tasks"], page["revision"]) == ([], revision)
    page = await answer_of(ask(alice, page["revision"]))
    assert [task["title"] for task in page["tasks"]] == ["Not heard of"]


async def test_a_doubled_or_late_hint_answers_nothing_twice(
    app: FastAPI, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = await write(alice)
    asked = ask(alice, revision)
    await waiting(app)
    reads = count_reads(monkeypatch)
    for times in range(1, 4):
        for _ in range(5):
            state_of(app).hints.waiters.hint(hint_of("alice"))
        await until(lambda: reads["alice"] >= times)  # noqa: B023
    assert (reads["alice"], asked.done()) == (3, False)
    await write(alice)
    assert len((await answer_of(asked))["tasks"]) == 1


async def test_what_is_written_between_the_reading_and_the_waiting_is_not_missed(
    alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = await write(alice)
    read_changes = ChangesService.read_changes
    written: list[int] = []

    async def read_and_be_overtaken(service: ChangesService, owner: str, since: int, limit: int) -> Changes:
        page = await read_changes(service, owner, since, limit)
        if not written:
            written.append(await write(alice))
        return page

    monkeypatch.setattr(ChangesService, "read_changes", read_and_be_overtaken)
    page = await answer_of(ask(alice, revision))
    assert [task["revision"] for task in page["tasks"]] == written == [revision + 1]


async def test_the_ninth_waiting_request_of_a_user_is_refused(app: FastAPI, alice: Client, bob: Client) -> None:
    eight = [ask(alice) for _ in range(MOST_OF_A_USER)]
    await waiting(app, 8)
    refused = await ask(alice)
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_WAITING")
    assert refused.json()["detail"] == (
        "You have 8 requests waiting for changes already. End one, or ask again without 'wait'."
    )
    assert refused.headers["retry-after"] == "1"
    assert (await alice.get("/tasks/changes")).status_code == 200, "without waiting"
    bobs = ask(bob)
    await waiting(app, 9)
    await write(alice)
    await write(bob)
    assert [len((await answer_of(each))["tasks"]) for each in [*eight, bobs]] == [1] * 9
    assert len((await answer_of(ask(alice)))["tasks"]) == 1, "there is room again"


async def test_a_wait_ends_with_its_token(app: FastAPI) -> None:
    async with connect(app, "alice", SECRET) as alice:
        token = issue_token("alice", SECRET.encode(), "HS256", 2 - LEEWAY_SECONDS)
        alice.headers["Authorization"] = f"Bearer {token}"
        page = await answer_of(ask(alice))
        assert (page["tasks"], page["revision"]) == ([], 0)
        async with asyncio.timeout(30):
            while (response := await ask(alice)).status_code == 200:
                pass
        assert response.json()["code"] == "TOKEN_EXPIRED"


async def test_a_token_that_has_expired_is_shown_nothing_when_it_is_woken(
    app: FastAPI, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(alice)
    await waiting(app)
    await write(alice, "Not for an old token")
    monkeypatch.setattr(state_of(app).verifier, "_clock", lambda: time.time() + 3600)
    response = await asked
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_EXPIRED")
    assert "Not for" not in response.text


async def test_a_wait_ends_with_its_user(app: FastAPI, anonymous: Client) -> None:
    user = await register(anonymous, "alice")
    tokens = await log_in(anonymous, "alice", PASSWORD)
    async with connect(app) as alice:
        alice.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        asked = ask(alice)
        await waiting(app)
        assert (await delete_me(alice)).status_code == 204
        async with asyncio.timeout(30):
            response = await asked
        assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
        assert user["id"] not in response.text


async def test_a_user_of_a_provider_who_deletes_themselves_begins_again(app: FastAPI, alice: Client) -> None:
    revision = await write(alice)
    asked = ask(alice, revision)
    await waiting(app)
    assert (await alice.delete("/auth/me")).status_code == 204
    async with asyncio.timeout(30):
        response = await asked
    assert (response.status_code, response.json()["code"]) == (410, "CHANGES_GONE")


async def test_a_service_that_stops_answers_at_once_and_has_nobody_wait(app: FastAPI, alice: Client) -> None:
    asked = [ask(alice) for _ in range(3)]
    await waiting(app, 3)
    state_of(app).hints.waiters.end()
    assert [await answer_of(each) for each in asked] == [
        {"tasks": [], "deleted": [], "revision": 0, "count": 0, "more": False}
    ] * 3
    assert (await answer_of(ask(alice)))["revision"] == 0


async def test_a_client_that_has_gone_leaves_nothing(app: FastAPI, alice: Client) -> None:
    gone, sent, tasks_before = asyncio.Event(), [], asyncio.all_tasks()
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, object]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    headers = [(b"authorization", alice.headers["Authorization"].encode())]
    scope = {
        "type": "http", "method": "GET", "path": "/tasks/changes", "query_string": b"wait=60", "headers": headers,
    }  # fmt: skip
    request = asyncio.ensure_future(app(scope, receive, send))
    await waiting(app)
    gone.set()
    async with asyncio.timeout(30):
        await request
    assert (sent, len(state_of(app).hints.waiters)) == ([], 0)
    assert asyncio.all_tasks() - tasks_before <= {asyncio.current_task()}


async def test_a_hundred_who_wait_keep_no_connection_to_the_database(database_url: str) -> None:
    settings = Settings(
        DATABASE_URL=database_url,
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=1,
        DB_MAX_OVERFLOW=0,
        RATE_LIMIT="9999/second",
    )
    async with started(settings) as app, connect(app, "alice", SECRET) as alice:
        clients = [await connect(app, f"user_{each}", SECRET).__aenter__() for each in range(13)]
        asked = [ask(client) for client in clients for _ in range(8)]
        await waiting(app, 104)
        assert state_of(app).database.pool.in_use == 0
        for _ in range(10):
            await write(alice)
        state_of(app).hints.waiters.end()
        await asyncio.gather(*map(answer_of, asked))
        for client in clients:
            await client.aclose()


async def test_who_waits_is_not_among_those_who_are_answered(database_url: str) -> None:
    """Else a device that waits would keep the others of its user from writing, and every alarm would ring."""
    settings = Settings(
        DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, MAX_CONCURRENT_REQUESTS=1, DB_POOL_SIZE=2
    )
    async with started(settings) as app, connect(app, "alice", SECRET) as alice, connect(app) as anonymous:
        asked = []
        for number in range(1, 4):
            asked.append(ask(alice, seconds=2 if number == 1 else 60))
            await waiting(app, number)
        text = (await anonymous.get("/metrics")).text
        assert value(text, "taskward_requests_waiting") == 3
        assert value(text, "taskward_requests_in_flight") == 1, "this one"
        await answer_of(asked[0])
        await write(alice)
        await asyncio.gather(*map(answer_of, asked[1:]))
        text = (await anonymous.get("/metrics")).text
        labels = {"method": "GET", "route": "/tasks/changes"}
        assert value(text, "taskward_request_duration_seconds_count", **labels) == 3
        assert value(text, "taskward_request_duration_seconds_sum", **labels) < 1, "and one has waited for 2 s"


async def test_a_line_of_the_access_log_says_how_long_was_waited(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "taskward")
    logging_all = settings.model_copy(update={"access_log": True})
    async with started(logging_all) as app, connect(app, "alice", SECRET) as alice:
        await answer_of(ask(alice, seconds=1))
    (line,) = [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]
    assert line.startswith("200 in ")
    assert line.endswith(" ms, after waiting 1.0 s")


async def test_of_too_many_the_longest_waiting_is_answered(
    app: FastAPI, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiters = state_of(app).hints.waiters
    waiters.most = 2
    first, second = ask(alice), None
    await waiting(app)
    second = ask(bob)
    await waiting(app, 2)
    refused = await ask(alice)
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_WAITING")
    assert refused.headers["retry-after"] == "5"
    monkeypatch.setattr("taskward.hints.waiters.AT_LEAST_SECONDS", 0)
    third = ask(alice)
    assert (await answer_of(first))["tasks"] == []
    await waiting(app, 2)
    assert not second.done()
    assert not third.done()
    state_of(app).hints.waiters.end()
    await asyncio.gather(answer_of(second), answer_of(third))
