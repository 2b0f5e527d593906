"""Networks lose answers and services are busy; nobody who types a command is to care, nor to get it twice."""

import time

import pytest

from tests.cli.client.people import Person
from tests.cli.client.proxy import Proxy


def behind(proxy: Proxy, alice: Person) -> Person:
    return Person(alice.home, proxy.url).has_token("alice-behind-a-proxy")


def test_a_create_whose_response_is_lost_is_repeated_with_its_key_and_happens_once(alice: Person) -> None:
    with Proxy(alice.server, "lose", "lose") as proxy:
        task = behind(proxy, alice)("add", "Once", "--json").json
        keys = [headers["idempotency-key"] for _, _, headers in proxy.requests]
        assert len(keys) == 3
        assert len(set(keys)) == 1
        listed = behind(proxy, alice)("list", "--json").json["tasks"]
    assert [each["id"] for each in listed if each["title"] == "Once"] == [task["id"]]


@pytest.mark.parametrize(("command", "lost"), [("done", "PATCH"), ("delete", "DELETE")])
def test_a_write_whose_response_is_lost_is_no_conflict_with_itself(alice: Person, command: str, lost: str) -> None:
    with Proxy(alice.server, "pass", "pass", "lose") as proxy:
        task_id = str(behind(proxy, alice)("add", "Mine", "--json").json["id"])
        done = behind(proxy, alice)(command, task_id, *(("--yes",) if command == "delete" else ()))
        assert done.code == 0, done.stderr
    assert [method for method, _, _ in proxy.requests] == ["POST", "GET", lost, lost]
    assert all("if-match" in headers for _, _, headers in proxy.requests[2:])


@pytest.mark.parametrize("status", [429, 503])
def test_whoever_is_told_to_wait_waits(alice: Person, status: int) -> None:
    with Proxy(alice.server, status, headers={"Retry-After": "1"}) as proxy:
        begun = time.monotonic()
        assert behind(proxy, alice)("list").code == 0
        assert time.monotonic() - begun >= 1
    assert len(proxy.requests) == 2


def test_whoever_would_have_to_wait_too_long_is_told_how_long(alice: Person) -> None:
    with Proxy(alice.server, 429, headers={"Retry-After": "100"}) as proxy:
        done = behind(proxy, alice)("add", "Later")
    assert done.code == 4
    busy, hint = done.stderr.splitlines()
    assert busy.endswith("is too busy: Not now. Try again in 100 s.")
    assert proxy.requests[0][2]["idempotency-key"] in hint
    assert len(proxy.requests) == 1


def test_a_response_that_is_not_taskwards_is_said_to_be_so(alice: Person) -> None:
    with Proxy(f"{alice.server}/docs#") as proxy:
        done = behind(proxy, alice)("list")
    assert done.code == 1
    assert "not as Taskward" in done.stderr or "does not answer as Taskward" in done.stderr


@pytest.mark.parametrize("way", [["alice@example.com", "--password-stdin"], ["--token-stdin"]])
def test_a_log_in_at_a_service_that_speaks_another_json_is_refused(stranger: Person, way: list[str]) -> None:
    with Proxy(stranger.server, 200) as proxy:
        done = behind(proxy, stranger)("login", *way, stdin="correct-horse-battery-staple\n")
    assert (done.code, done.stderr) == (
        1,
        "taskward: 127.0.0.1 does not answer as Taskward does. Check --server.\n",
    )


def test_a_service_that_is_away_is_told_in_one_line_with_what_to_do(alice: Person) -> None:
    with Proxy(alice.server) as gone:
        pass
    done = behind(gone, alice)("list")
    assert done.code == 4
    assert done.stderr == (
        f"taskward: cannot reach {gone.url}: connection refused. Is it running? "
        "Start it with `taskward serve`, or name another with --server.\n"
    )
