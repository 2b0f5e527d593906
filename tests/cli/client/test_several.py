"""Several tasks in one command."""

import pytest

from tests.cli.client.people import Person
from tests.cli.client.proxy import Proxy

pytestmark = pytest.mark.quick

NOBODYS = "9007199254740991"


@pytest.fixture
def ids(alice: Person) -> list[str]:
    return [str(alice("add", title, "--json").json["id"]) for title in ("a", "b", "c")]


def titles(alice: Person, *options: str) -> str:
    return "".join(task["title"] for task in alice("list", "--sort", "title", *options, "--json").json["tasks"])


def test_each_is_done_and_each_is_shown(alice: Person, ids: list[str]) -> None:
    done = alice("done", *ids[:2])
    assert (done.code, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.startswith("task")] == [
        f"task {ids[0]}: a",
        f"task {ids[1]}: b",
    ]
    assert titles(alice, "--done") == "ab"
    assert [task["completed"] for task in alice("undone", ids[1], ids[1], ids[2], "--json").json] == [False, False]
    assert titles(alice, "--done") == "a"
    assert [task["title"] for task in alice("show", *ids, "--json").json] == ["a", "b", "c"]


@pytest.mark.parametrize("command", [("done",), ("undone",), ("show",), ("delete", "--yes"), ("rm", "-y")])
def test_one_that_fails_stops_no_other_and_is_told(
    alice: Person, ids: list[str], command: tuple[str, ...]
) -> None:
    done = alice(*command, ids[0], NOBODYS, ids[2], "--json")
    assert (done.code, done.stderr) == (1, f"taskward: task {NOBODYS}: There is no task with this id.\n")
    assert [each["id"] for each in done.json] == [int(ids[0]), int(ids[2])]


def test_the_exit_code_is_that_of_the_first_that_failed(alice: Person, ids: list[str]) -> None:
    bobs = Person(alice.home / "bob", alice.server).has_token("bob-several")("add", "Bob's", "--json").json
    done = alice("done", ids[0], str(bobs["id"]), NOBODYS)
    assert done.code == 1
    assert done.stderr.splitlines() == [
        f"taskward: task {bobs['id']}: This belongs to another user.",
        f"taskward: task {NOBODYS}: There is no task with this id.",
    ]
    assert titles(alice, "--done") == "a"


def test_where_the_service_goes_away_the_rest_is_told_and_not_tried(alice: Person, ids: list[str]) -> None:
    with Proxy(alice.server, "pass", "pass", *[503] * 9, headers={"Retry-After": "60"}) as proxy:
        done = alice.by_way_of(proxy.url)("done", *ids)
        asked = len(proxy.requests)
    assert (done.code, asked) == (4, 3)
    failed, rest = done.stderr.splitlines()
    assert failed.startswith(f"taskward: task {ids[1]}: ")
    assert "too busy" in failed
    assert rest == f"taskward: not tried: task {ids[2]}"
    assert titles(alice, "--done") == "a"
