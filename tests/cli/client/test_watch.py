"""`taskward watch`: each change a line, in order, and none is lost by going on where the last line ended."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.client.people import Person
from tests.conftest import SECRET
from tests.service import Service

PATIENCE_SECONDS = 30


class Watching:
    """`taskward watch` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        change: dict[str, Any] = json.loads(self.process.stdout.readline())
        return change

    def said(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def interrupt(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        rest, said = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, rest, said


@contextmanager
def watching(person: Person, *arguments: str) -> Iterator[Watching]:
    process = person.start("watch", *arguments)
    try:
        with process:
            try:
                yield Watching(process)
            finally:
                process.kill()
    finally:
        process.wait(PATIENCE_SECONDS)


def test_each_change_is_a_line_in_its_order_and_the_last_one_is_where_to_go_on(alice: Person) -> None:
    first, second = (alice("add", title, "--json").json for title in ("First", "Second"))
    alice("done", str(first["id"]))
    alice("delete", str(second["id"]), "--yes")
    with watching(alice, "--since", "0") as watch:
        done, deleted = watch.line(), watch.line()
        assert (done["id"], done["completed"], done["revision"]) == (first["id"], True, 3)
        assert deleted == {"deleted": {"id": second["id"], "uid": None, "revision": 4}}
        alice("add", "Third \x7f")
        third = watch.line()
        assert (third["title"], third["revision"]) == ("Third \x7f", 5)
        assert watch.interrupt() == (0, "", "")
    with watching(alice, "--since", "4") as watch:
        assert watch.line() == third


def test_without_a_revision_it_begins_now_and_says_where_that_is(alice: Person) -> None:
    alice("add", "Before")
    with watching(alice) as watch:
        assert watch.said() == "taskward: watching from revision 1 on.\n"
        alice("add", "After")
        assert watch.line()["title"] == "After"


def test_nobody_sees_the_tasks_of_another(alice: Person, stranger: Person, tmp_path: Path) -> None:
    bob = Person(tmp_path / "bob", alice.server).has_token("bob-who-watches")
    with watching(bob, "--since", "0") as watch:
        alice("add", "Alice's own")
        bob("add", "Bob's own")
        assert watch.line()["title"] == "Bob's own"


def test_what_is_not_known_any_more_ends_it_with_a_code_of_its_own(alice: Person) -> None:
    done = alice.run("watch", "--since", "1000000")
    assert (done.code, done.stdout) == (6, "")
    assert done.stderr.startswith("taskward: what has changed since revision 1000000 is not all known any more.")
    assert "taskward export" in done.stderr


@pytest.mark.parametrize("since", ["-1", "x", "9" * 30])
def test_what_is_no_revision_is_refused(alice: Person, since: str) -> None:
    assert alice("watch", "--since", since).code in (1, 2)


def test_who_is_not_logged_in_is_told_so(stranger: Person) -> None:
    assert stranger("watch").code == 3


def test_a_service_that_was_never_there_is_not_waited_for(alice: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nowhere = alice.by_way_of(f"http://127.0.0.1:{free.getsockname()[1]}")
    assert nowhere("watch").code == 4


def test_a_restart_of_the_service_is_waited_for_and_nothing_is_missed(
    stranger: Person, database_url: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "PORT": port}
    alice = Person(stranger.home, f"http://127.0.0.1:{port}").has_token("alice")
    with Service(tmp_path / "data", settings):
        alice("add", "Before")
        process = alice.start("watch", "--since", "0")
        watch = Watching(process)
        assert watch.line()["title"] == "Before"
    assert "Trying again until it answers." in watch.said()
    with process, Service(tmp_path / "data", settings):
        alice("add", "After")
        assert watch.said() == "taskward: the service answers again.\n"
        assert watch.line()["title"] == "After"
        assert watch.interrupt() == (0, "", "")
