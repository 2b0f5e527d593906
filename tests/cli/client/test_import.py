import json
import signal
from pathlib import Path
from typing import Any

import pytest

from taskward.client.exports import write_tasks
from taskward.client.importing import Keys
from tests.cli.client.people import Person
from tests.cli.client.proxy import Proxy
from tests.cli.client.test_tasks import HOSTILE
from tests.cli.command import until
from tests.conftest import SECRET
from tests.service import Service

TITLES = [
    HOSTILE,
    "=1+1",
    'say "hi", then\r\nleave',
    "a\u2028b",
    "a\rb",
    "\U0001f469\u200d\U0001f4bb",
    "-",
    "null",
]

IN_FLIGHT = 2
IN_THE_MIDDLE = ["pass", "hold", "hold"]  # what happens to the first three batches of ten
ROWS = [f"task {number}" for number in range(1000)]


def contents(person: Person) -> list[tuple[str, str | None, bool]]:
    tasks = person("list", "--all", "--sort", "created", "--order", "asc", "--json").json["tasks"]
    return [(task["title"], task["description"], task["completed"]) for task in tasks]


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
def test_what_was_exported_can_be_imported(alice: Person, ending: str) -> None:
    rows = [
        {"title": title, "description": title if number % 2 else None, "completed": number % 3 == 0}
        for number, title in enumerate(TITLES)
    ]
    (alice.home / "source.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert alice("import", str(alice.home / "source.jsonl"), "--in-flight", "1").code == 0
    assert contents(alice) == [(row["title"], row["description"], row["completed"]) for row in rows]
    file = str(alice.home / f"tasks.{ending}")
    assert alice("export", file).code == 0
    bob = Person(alice.home / "bob", alice.server).has_token(f"bob-{ending}")
    assert bob("import", file, "--in-flight", "1").stdout == f"{len(rows)} rows: {len(rows)} created.\n"
    assert contents(bob) == contents(alice)
    printed = alice("export", "-", "--format", ending).stdout  # in which the runner changes line breaks
    assert printed == Path(file).read_bytes().decode().replace("\r\n", "\n")


def test_a_repeated_import_creates_only_what_is_missing(alice: Person) -> None:
    file = alice.home / "tasks.csv"
    file.write_text("title\nsame\nsame\nother\n")
    assert alice("import", str(file), "--json").json == {
        "format": "csv", "rows": 3, "created": 3, "already_there": 0, "refused": [], "left_out": {},
        "created_again": [], "remarks": [], "stopped": None,
    }  # fmt: skip
    file.write_text("title\nnew\nother\nsame\nsame\nsame\n")
    assert alice("import", str(file)).stdout == "5 rows: 2 created, 3 already there.\n"
    assert sorted(title for title, _, _ in contents(alice)) == ["new", "other", "same", "same", "same"]
    assert alice("import", str(file), "--batch", "once more", "--json").json["created"] == 5


def test_rows_that_are_refused_are_named_and_the_rest_is_created(alice: Person) -> None:
    file = alice.home / "tasks.jsonl"
    file.write_text(
        '{"title": "good"}\n{"title": ""}\n{"title": "x", "completed": "\\u001b[2J"}\n{"title": "fine"}\n'
    )
    done = alice("import", str(file))
    assert (done.code, done.stdout) == (1, "4 rows: 2 created, 2 refused.\n")
    assert [line.split(":")[1:3] for line in done.stderr.splitlines()] == [
        [" row 2", " A title needs at least one visible character."],
        [" row 3", " completed"],
    ]
    assert sorted(title for title, _, _ in contents(alice)) == ["fine", "good"]


def test_rows_travel_a_hundred_at_a_time_and_stay_in_their_order(alice: Person) -> None:
    file = alice.home / "tasks.csv"
    file.write_text("title\n" + "".join(f"{title}\n" for title in ROWS))
    with Proxy(alice.server) as proxy:
        assert alice.by_way_of(proxy.url)("import", str(file)).stdout == "1000 rows: 1000 created.\n"
    assert [path for _, path, _ in proxy.requests] == ["/tasks/batch"] * 10
    assert [title for title, _, _ in contents(alice)] == ROWS


def test_every_row_that_is_refused_is_told_as_it_would_be_alone(alice: Person) -> None:
    """Also where a batch has more than a response names, and where the service cannot read it at all."""
    rows: list[dict[str, Any]] = [{"title": f"task {number}"} for number in range(250)]
    wrong = {number: {"title": "", "completed": 1} for number in range(3, 220, 7)}
    wrong |= {10: {"title": "x", "due_date": "tomorrow"}, 40: {"title": "\ud800"}, 141: {"title": "x" * 600_000}}
    wrong |= {249: {"title": "x", "uid": ["no", "name"]}, 120: {"title": "x", "priority": float("nan")}}
    file = alice.home / "tasks.jsonl"
    file.write_text(
        "".join(json.dumps(row) + "\n" for row in [{**row, **wrong.get(n, {})} for n, row in enumerate(rows)])
    )
    done = alice("import", str(file), "--json")
    assert done.code == 1
    told = {each["row"] - 1: each["detail"] for each in done.json["refused"]}
    assert sorted(told) == sorted(wrong)
    assert told[3] == "A title needs at least one visible character; completed: must be true or false"
    assert told[10] == "due_date: must be a day written as YYYY-MM-DD, such as 2026-11-27"
    assert told[40] == "'title' has half of a character in it: \"?\""
    assert told[120] == "'priority' is nan, which is no number"
    assert told[141] == "The body is larger than 512 KiB."
    assert told[249] == "uid: must be text"
    assert done.json["created"] == len(rows) - len(wrong) == len(contents(alice))


def test_large_rows_travel_in_as_many_batches_as_they_need(alice: Person) -> None:
    row = {"title": "x" * 200, "description": "\U0001f600" * 1000}
    file = alice.home / "tasks.jsonl"
    file.write_text((json.dumps(row) + "\n") * 100)
    with Proxy(alice.server) as proxy:
        assert alice.by_way_of(proxy.url)("import", str(file)).stdout == "100 rows: 100 created.\n"
    assert 1 < len(proxy.requests) < 5


def test_two_rows_of_one_name_are_one_task(alice: Person) -> None:
    file = alice.home / "tasks.csv"
    file.write_text("uid,title\nmilk,Buy milk\nbread,Buy bread\nmilk,Buy oat milk\n")
    assert alice("import", str(file)).stdout == "3 rows: 2 created, 1 already there.\n"
    assert [title for title, _, _ in contents(alice)] == ["Buy milk", "Buy bread"]


def test_rows_for_which_there_is_no_room_end_the_import(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "MAX_TASKS_PER_USER": "150"}
    (tmp_path / "tasks.csv").write_text("title\n" + "".join(f"{title}\n" for title in ROWS))
    with Service(tmp_path / "data", settings) as service:
        alice = Person(tmp_path, service.url).has_token("alice")
        done = alice("import", str(tmp_path / "tasks.csv"))
        assert (done.code, done.stdout) == (1, "100 created before row 101.\n")
        assert done.stderr.startswith("taskward: You have as many tasks as you may have here. Delete some,")
        assert "Repeat the command to go on" in done.stderr
        assert [title for title, _, _ in contents(alice)] == ROWS[:150]


def test_a_service_that_knows_no_batches_gets_row_by_row(alice: Person) -> None:
    """Each with the key that older versions sent, and without a name, which it may not know either."""
    file = alice.home / "tasks.csv"
    file.write_text("title\nsame\nsame\n\u200b\nother\n")
    with Proxy(alice.server, 405, "pass", "pass", "pass", "pass", 404) as proxy:
        person = alice.by_way_of(proxy.url)
        for created in (3, 0):
            summary = person("import", str(file), "--json").json
            assert (summary["rows"], summary["created"]) == (4, created)
            assert [each["row"] for each in summary["refused"]] == [3]
    assert [path for _, path, _ in proxy.requests] == ["/tasks/batch", *["/tasks"] * 4] * 2
    assert all(
        headers["idempotency-key"].startswith("import-") for _, path, headers in proxy.requests if path == "/tasks"
    )
    assert [task["uid"] for task in alice("list", "--json").json["tasks"]] == [None] * 3


def test_a_file_that_breaks_off_is_imported_up_to_there(alice: Person) -> None:
    file = alice.home / "tasks.json"
    file.write_text('[{"title": "a"}, {"title": "b"}, {"tit')
    done = alice("import", str(file))
    assert (done.code, done.stdout) == (1, "2 created before row 3.\n")
    assert done.stderr.splitlines()[0] == (
        "taskward: row 3: the file ends in the middle of it. Was it copied or downloaded whole?"
    )
    assert [title for title, _, _ in contents(alice)] == ["a", "b"]
    file.write_text('[{"title": "a"}, {"title": "b"}, {"title": "c"}]')
    assert alice("import", str(file)).code == 0
    assert sorted(title for title, _, _ in contents(alice)) == ["a", "b", "c"]


def test_a_file_can_come_through_a_pipe(alice: Person) -> None:
    done = alice.run("import", "-", "--format", "csv", stdin="\ufefftitle,description\ncafé,\n")
    assert (done.code, done.stdout) == (0, "1 rows: 1 created.\n")
    exported = alice.run("export")
    assert [(task["title"], task["description"]) for task in exported.json] == [("café", None)]


def test_files_that_cannot_be_are_refused_in_one_line(alice: Person) -> None:
    (alice.home / "binary.csv").write_bytes(b"title\n\x81\xff\n")
    (alice.home / "tasks.what").write_bytes(b"Lorem ipsum\n")
    for arguments, code in (
        (("import", "binary.csv"), 1),
        (("import", "absent.csv"), 1),
        (("import", "tasks.what"), 2),
        (("import", "-"), 1),  # which is empty
        (("export", "tasks.what"), 2),
        (("export", "absent/tasks.csv"), 1),
    ):
        done = alice(arguments[0], str(alice.home / arguments[1]) if arguments[1] != "-" else "-")
        assert (done.code, done.stderr.count("\n")) == (code, 1), done.stderr
    assert done.stderr == f"taskward: no such file or folder: {alice.home / 'absent'}\n"


def test_an_export_that_fails_leaves_the_old_file(alice: Person) -> None:
    file = alice.home / "tasks.json"
    file.write_text("[]")
    with Proxy(alice.server, 500) as proxy:
        assert Person(alice.home, proxy.url).has_token("alice")("export", str(file)).code == 1
    assert file.read_text() == "[]"
    assert [path for path in alice.home.iterdir() if path.is_file()] == [file]


def test_an_import_waits_while_it_is_told_to(alice: Person) -> None:
    (alice.home / "tasks.csv").write_text("title\n" + "".join(f"{number}\n" for number in range(220)))
    with Proxy(alice.server, 429, 503, "lose", 429, "lose", headers={"Retry-After": "1"}) as proxy:
        person = Person(alice.home, proxy.url).has_token("alice-waiting")
        summary = person("import", str(alice.home / "tasks.csv"), "--json").json
        # The response was lost that said what the first batch had created.
        assert (summary["rows"], summary["created"], summary["already_there"]) == (220, 120, 100)
        assert len(contents(person)) == 220


def test_an_import_whose_service_is_killed_is_resumed_exactly_once(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET}
    (tmp_path / "tasks.csv").write_text("title\n" + "".join(f"{title}\n" for title in ROWS))
    with Service(tmp_path / "data", settings) as service, Proxy(service.url, *IN_THE_MIDDLE) as proxy:
        alice = Person(tmp_path, proxy.url).has_token("alice")
        importing = alice.start("import", "tasks.csv", "--patience", "0", "--in-flight", str(IN_FLIGHT))
        until(lambda: proxy.held == IN_FLIGHT)
        service.process.send_signal(signal.SIGKILL)
        proxy.let_go.set()
        _, errors = importing.communicate(timeout=60)
        assert importing.returncode == 4, errors
    with Service(tmp_path / "data", settings) as again:
        alice = Person(tmp_path, again.url).has_token("alice")
        before = len(contents(alice))
        assert before in range(300, 1000, 100)  # a dying service may still take some, each whole
        done = alice.run("import", "tasks.csv")
        assert done.stdout == f"1000 rows: {1000 - before} created, {before} already there.\n"
        assert sorted(title for title, _, _ in contents(alice)) == sorted(ROWS)


def test_an_import_that_waits_can_be_interrupted(alice: Person) -> None:
    (alice.home / "tasks.csv").write_text("title\n" + "row\n" * 20)
    with Proxy(alice.server, *[503] * 100, headers={"Retry-After": "60"}) as proxy:
        importing = Person(alice.home, proxy.url).has_token("alice").start("import", "tasks.csv")
        until(lambda: len(proxy.requests) == 1)
        importing.send_signal(signal.SIGINT)
        assert importing.wait(20) == 130  # and not in a minute
        importing.communicate()


def test_an_interrupted_import_can_be_repeated(alice: Person) -> None:
    (alice.home / "tasks.csv").write_text("title\n" + "".join(f"{title}\n" for title in ROWS))
    with Proxy(alice.server, *IN_THE_MIDDLE) as proxy:
        importing = alice.by_way_of(proxy.url).start("import", "tasks.csv", "--in-flight", str(IN_FLIGHT))
        until(lambda: proxy.held == IN_FLIGHT)
        importing.send_signal(signal.SIGINT)
        proxy.let_go.set()
        out, errors = importing.communicate(timeout=60)
        assert importing.returncode == 130
        # The two that were held have no answer, and which these are is theirs to say.
        assert out in ("100 created before row 1.\n", "100 created before row 101.\n")
        assert errors == (
            "taskward: It was interrupted.\n"
            "taskward: Repeat the command to go on: what is there is not created again.\n"
        )
    assert alice("import", str(alice.home / "tasks.csv")).code == 0
    assert len(contents(alice)) == len(ROWS)


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
def test_the_export_of_a_newer_service_is_imported_and_what_is_left_out_is_told(
    alice: Person, ending: str
) -> None:
    alice("add", "Buy milk", "-d", "Two litres", "--done")
    (task,) = alice("list", "--json").json["tasks"]
    file = alice.home / f"newer.{ending}"
    written: list[str] = []
    write_tasks([{**task, "estimate": "2 h", "started_at": None}], ending, written.append)  # type: ignore[arg-type]
    file.write_text("".join(written))
    bob = Person(alice.home / "bob", alice.server).has_token(f"bob-newer-{ending}")
    done = bob("import", str(file))
    assert (done.code, done.stdout) == (0, "1 rows: 1 created.\n")
    assert done.stderr == (
        "taskward: A newer taskward knows 'estimate', which this version leaves out.\n"
        "taskward: left out: estimate (1 time)\n"
    )
    assert contents(bob) == [("Buy milk", "Two litres", True)]
    again = bob("import", str(file), "--json").json
    assert (again["rows"], again["created"], again["already_there"]) == (1, 0, 1)
    assert again["left_out"] == {"estimate": 1}


def test_rows_with_a_uid_are_there_once_whatever_the_file_is_called(alice: Person) -> None:
    first, second = alice.home / "first.csv", alice.home / "second.csv"
    first.write_text("uid,title\nmilk,Buy milk\nbread,Buy bread\n")
    second.write_text("uid,title\nmilk,Buy oat milk\nbread,Buy bread\n,Without a name\n")
    assert alice("import", str(first)).stdout == "2 rows: 2 created.\n"
    assert alice("import", str(second)).stdout == "3 rows: 1 created, 2 already there.\n"
    assert sorted(title for title, _, _ in contents(alice)) == ["Buy bread", "Buy milk", "Without a name"]


def test_what_another_system_does_not_say_is_left_open(alice: Person) -> None:
    (alice.home / "other.csv").write_text('title,tags,due_date\nBuy milk,"home, plants",2028-02-29\nRest,,\n')
    assert alice("import", str(alice.home / "other.csv")).stdout == "2 rows: 2 created.\n"
    rest, milk = alice("list", "--sort", "title", "--order", "desc", "--json").json["tasks"]
    assert (milk["tags"], milk["due_date"], milk["due_time"]) == (["home", "plants"], "2028-02-29", None)
    assert (rest["tags"], rest["due_date"], rest["priority"]) == ([], None, None)
    assert rest["uid"] == Keys("other.csv").next({"title": "Rest", "tags": [], "description": None})


def test_an_upgrade_between_two_runs_changes_no_key() -> None:
    """So rows that another version created are not created again; fields that came later come on top."""
    keys = Keys("tasks.csv")
    assert keys.next({"title": "same"}) == "import-d64d8d49e4005fd106bcdebcec9ac011-1"
    finished = {"title": "same", "description": "x", "completed": True}
    assert keys.next(finished) == "import-9c2ed63b01915f736e5d841a537f71e3-1"
    assert keys.next({"title": "same", "later": None}) == "import-d64d8d49e4005fd106bcdebcec9ac011-2"
    assert not keys.next({"title": "same", "later": "x"}).startswith("import-d64d8d49e4005fd106bcdebcec9ac011")
