"""However an import ends: what it says is what happened, and a dry run says what will."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from taskward.client import known
from tests.cli.client.people import PROGRAM, Person
from tests.cli.client.proxy import Proxy
from tests.cli.command import until

SUMMARY = {
    "format", "rows", "created", "already_there", "refused", "left_out", "created_again", "remarks", "stopped",
}  # fmt: skip
DRY = {"format", "tasks", "refused", "left_out", "remarks", "stopped"}
BAD_ROWS: list[dict[str, object]] = [
    {"title": "good"},
    {"title": ""},
    {"title": "x" * 201},
    {"title": "a", "completed": 1},
    {"title": "a", "due_date": "tomorrow"},
    {"title": "a", "due_date": "1800-01-01"},
    {"title": "a", "due_time": "18:00"},
    {"title": "a", "due_date": "2028-02-29", "due_zone": "Europe/Berlin"},
    {"title": "a", "due_date": "2028-02-29", "due_time": "18:00", "due_zone": "Nowhere"},
    {"title": "a", "priority": "urgent"},
    {"title": "a", "tags": "home"},
    {"title": "a", "tags": ["home", "HOME"]},
    {"title": "a", "tags": [str(number) for number in range(21)]},
    {"title": "a", "uid": ""},
    {"title": "a", "uid": ["no", "name"]},
    {"title": "\ud800"},
    {"title": "a", "description": "x" * 1001, "priority": 7},
    {"title": "good as well", "tags": ["home"]},
]


def rows_file(person: Person, rows: list[dict[str, object]] = BAD_ROWS) -> str:
    file = person.home / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def test_a_dry_run_refuses_what_the_service_refuses_in_the_same_words(alice: Person) -> None:
    file = rows_file(alice)
    said = alice("import", file, "--dry-run", "--json")
    done = alice("import", file, "--json")
    assert (said.code, done.code) == (1, 1)
    assert said.json["refused"] == done.json["refused"]
    assert [task["row"] for task in said.json["tasks"]] == [1, len(BAD_ROWS)]
    assert len(said.json["tasks"]) == done.json["created"]
    in_words = alice("import", file, "--dry-run")
    assert in_words.stdout.splitlines()[-1] == (
        f"JSON lines of Taskward: 2 tasks, {len(BAD_ROWS) - 2} refused. Nothing was created: a dry run."
    )


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, 1, "no such file"),
        (b"", 1, "the file is empty"),
        (b"<!DOCTYPE html>", 1, "this is a web page"),
        (b"Lorem ipsum\n", 2, "this is nothing that is known"),
        (b"PK\x03\x04", 1, "the archive is not whole"),
        (b"titel\nx\n", 2, "this is nothing that is known"),
        (b'[{"title": "a"}, {"ti', 1, "row 2: the file ends in the middle"),
    ],
    ids=range(7),
)
def test_programs_get_json_whatever_goes_wrong(
    alice: Person, content: bytes | None, code: int, words: str
) -> None:
    file = alice.home / "file"
    if content is not None:
        file.write_bytes(content)
    for more, names in (((), SUMMARY), (("--dry-run",), DRY)):
        done = alice("import", str(file), "--json", *more)
        assert (done.code, done.json.keys()) == (code, names)
        stopped = done.json["stopped"]
        assert words in (stopped if more else stopped["detail"])
        assert words in done.stderr


def test_programs_get_json_from_strangers_too(stranger: Person) -> None:
    (stranger.home / "tasks.csv").write_text("title\na\n")
    done = stranger("import", str(stranger.home / "tasks.csv"), "--json")
    assert (done.code, done.json["stopped"]["before_row"], done.json["created"]) == (3, 1, 0)
    assert "not logged in" in done.json["stopped"]["detail"]
    away = Person(stranger.home, "http://127.0.0.1:1").has_token("alice")
    done = away("import", str(stranger.home / "tasks.csv"), "--json", "--patience", "0")
    assert (done.code, done.json["stopped"]["before_row"]) == (4, 1)


def test_what_is_interrupted_while_it_looks_for_what_was_deleted_has_its_summary(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice("add", "first")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(known, "_deletions", interrupted)
    done = alice("import", rows_file(alice, [{"title": "a"}, {"title": "b"}]), "--json")
    assert (done.code, done.json["created"], done.json["stopped"]["detail"]) == (130, 2, "It was interrupted.")


def interrupt(person: Person, *arguments: str) -> tuple[int, str, str]:
    """Start a command that reads a pipe that goes on, press Ctrl-C once it does, and return what it said."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [PROGRAM, "import", "-", *arguments], env=person.env, cwd=person.home, text=True,
        stdin=reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(reading)
    os.set_blocking(writing, False)

    written = 0

    def is_read() -> bool:  # more than a pipe holds: somebody takes it out
        nonlocal written
        with suppress(BlockingIOError):
            written += os.write(writing, b"title\n" * 10_000)
        return written > 1024**2

    until(is_read)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    os.close(writing)
    return process.returncode, out, errors


def test_a_pipe_that_is_read_can_be_interrupted(alice: Person) -> None:
    for more in ((), ("--dry-run",)):
        code, out, errors = interrupt(alice, "--json", *more)
        assert code == 130, errors
        assert "It was interrupted." in json.dumps(json.loads(out)["stopped"])
        assert errors == "taskward: It was interrupted.\n"


def test_a_file_may_come_from_another_program(alice: Person) -> None:
    """As a shell gives it for `<(…)`: a path of a pipe, that cannot be read twice."""
    pipe = alice.home / "pipe"
    os.mkfifo(pipe)
    importing = alice.start("import", str(pipe))
    with pipe.open("w") as writing:
        writing.write("title\na\nb\n")
    out, errors = importing.communicate(timeout=60)
    assert (out, errors) == ("2 rows: 2 created.\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--map", "title=A", "--map", "title=B"),
        ("--map", "title=A", "--map", "description=a"),
    ],
)
def test_names_that_are_given_twice_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = Person(tmp_path, "http://127.0.0.1:1")("import", "tasks.csv", *arguments)
    assert done.code == 2
    assert "is given twice" in " ".join(done.stderr.replace("│", " ").split())


def test_names_for_a_file_that_has_its_own_are_refused(alice: Person) -> None:
    (alice.home / "todo.txt").write_text("(A) x @home\n")
    done = alice("import", str(alice.home / "todo.txt"), "--map", "title=A", "--from", "todo.txt")
    assert (done.code, done.stderr) == (2, "taskward: --map is for CSV and JSON, and this is todo.txt\n")


def test_two_rows_of_one_uid_are_one_task_and_that_is_said(alice: Person) -> None:
    file = rows_file(alice, [{"title": "a", "uid": "u"}, {"title": "b"}, {"title": "c", "uid": "u"}])
    words = "row 3: it has the uid of an earlier row, which is the one that counts"
    for more in ((), ("--dry-run",)):
        assert alice("import", file, "--json", *more).json["remarks"] == [words]


def test_a_service_that_is_away_in_the_middle_leaves_a_summary(alice: Person) -> None:
    (alice.home / "tasks.csv").write_text("title\n" + "".join(f"{number}\n" for number in range(250)))
    with Proxy(alice.server, "pass", *[500] * 9) as proxy:
        done = alice.by_way_of(proxy.url)("import", str(alice.home / "tasks.csv"), "--json")
    assert (done.code, done.json["created"], done.json["stopped"]["before_row"]) == (1, 100, 101)
