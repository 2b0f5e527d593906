"""Exports, and that they come back field by field."""

import json
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from tests.cli.client.people import Person
from tests.cli.client.test_import import TITLES

LOSSLESS = ("json", "jsonl", "csv")
ENDINGS = (*LOSSLESS, "ics", "txt", "md")
FIELDS = ("title", "description", "completed", "due_date", "due_time", "due_zone", "priority", "tags")
WELL_LAID = {
    "uid": "a b/1", "title": "Water the ferns", "completed": True,
    "description": "Two litres\n\n- of rain\n  Due: never",
    "due_date": "2028-02-29", "due_time": "18:00", "due_zone": "Europe/Berlin", "priority": "high",
    "tags": ["home office", "plants", "Über"],
}  # fmt: skip
TASKS: list[dict[str, Any]] = [
    WELL_LAID,
    *({"title": title} for title in TITLES),
    {"title": "x done"},
    {"title": "(A) first @home +plants due:2028-02-29"},
    {"title": "2028-02-29 begins with a day", "due_date": "2028-02-29"},
    {"title": "[x] box", "priority": "low", "completed": True},
    {"title": '[ ] "quoted\\"', "tags": ["#a", '"b"', "%20", "@c"]},
    {"title": "two  blanks", "due_date": "9999-12-31", "due_time": "00:00"},
    {"title": "100%25 \\n no line end", "description": " white\tspace \n", "priority": "medium"},
    {"title": "semicolon; comma, colon: and \\, backslash", "description": ";,:\\n\\"},
    {"title": "utc", "due_date": "1900-01-01", "due_time": "23:59", "due_zone": "UTC"},
    {"title": "- item"},
    {"title": "# heading", "description": "> quote\n```\ncode"},
]  # fmt: skip


def tasks_of(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person("list", "--all", "--sort", "created", "--order", "asc", "--json").json[
        "tasks"
    ]
    return found


def put(person: Person, tasks: list[dict[str, Any]]) -> None:
    (person.home / "source.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    done = person("import", str(person.home / "source.jsonl"))
    assert done.code == 0, done.stderr


def as_kept(task: dict[str, Any], ending: str) -> dict[str, Any]:
    """Return what a format keeps of a task: texts in calendars and lists have no white space around them, and
    their lines end in one way."""
    kept = {name: task[name] for name in FIELDS}
    if ending not in LOSSLESS:
        title, description = (
            (kept[name] or "").replace("\r\n", "\n").replace("\r", "\n").strip()
            for name in ("title", "description")
        )
        kept |= {"title": title, "description": description or None}
    return kept


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_field_comes_back(alice: Person, ending: str) -> None:
    put(alice, TASKS)
    alice("add", "Without a name")
    file = alice.home / f"tasks.{ending}"
    assert alice("export", str(file)).code == 0
    bob = Person(alice.home / "bob", alice.server).has_token(f"bob-back-{ending}")
    done = bob("import", str(file))
    assert (done.code, done.stderr) == (0, ""), done.stderr
    ours, theirs = tasks_of(alice), tasks_of(bob)
    assert [as_kept(task, ending) for task in theirs] == [as_kept(task, ending) for task in ours]
    assert [task["uid"] for task in theirs[:-1]] == [task["uid"] for task in ours[:-1]]
    assert bob("import", str(file), "--json").json["already_there"] == len(ours)


@pytest.mark.parametrize("ending", ENDINGS)
def test_ones_own_export_adds_nothing_and_says_so(alice: Person, ending: str) -> None:
    alice("add", "Without a name")
    put(alice, [WELL_LAID])
    file = alice.home / f"tasks.{ending}"
    assert alice("export", str(file)).code == 0
    done = alice("import", str(file))
    assert (done.code, done.stdout) == (0, "2 rows: 0 created, 2 already there. Nothing was added.\n")
    assert len(tasks_of(alice)) == 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_deleted_since_is_created_again_and_named(alice: Person, ending: str) -> None:
    put(alice, [WELL_LAID, {"title": "stays"}])
    file = alice.home / f"tasks.{ending}"
    assert alice("export", str(file)).code == 0
    alice("delete", str(tasks_of(alice)[0]["id"]), "--yes")
    done = alice("import", str(file))
    assert done.stdout == "2 rows: 1 created, 1 already there.\n"
    assert done.stderr == "taskward: row 1 had been imported before and deleted since: created again.\n"


def test_a_first_import_asks_for_no_deletions_and_a_task_without_a_uid_is_named_as_well(alice: Person) -> None:
    task_id = alice("add", "Without a name", "--json").json["id"]
    file = alice.home / "tasks.jsonl"
    assert alice("export", str(file)).code == 0
    alice("delete", str(task_id), "--yes")
    assert alice("import", str(file), "--json").json["created_again"] == [1]


def test_a_calendar_is_one_for_other_programs(alice: Person) -> None:
    put(alice, [WELL_LAID, {"title": "Day", "due_date": "2028-02-29"}])
    calendar = Calendar.from_ical(alice("export", "-", "--format", "icalendar").stdout)
    todos: list[Any] = calendar.walk("VTODO")
    first, second = todos
    assert str(first["DUE"].dt) == "2028-02-29 18:00:00+01:00"
    assert first["DUE"].params["TZID"] == "Europe/Berlin"
    assert (str(second["DUE"].dt), second["DUE"].params["VALUE"]) == ("2028-02-29", "DATE")
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    assert {"DTSTAMP", "UID"} <= set(second)


def test_lines_of_todo_txt_and_markdown_are_for_people(alice: Person) -> None:
    put(alice, [{**WELL_LAID, "tags": ["home"], "uid": "ferns", "description": "Two litres"}])
    day = tasks_of(alice)[0]["completed_at"][:10]
    assert alice("export", "-", "--format", "todo.txt").stdout == (
        f"x {day} {day} Water the ferns @home pri:A due:2028-02-29 at:18:00 zone:Europe/Berlin note:Two%20litres"
        " uid:ferns\n"
    )
    assert alice("export", "-", "--format", "markdown").stdout == (
        "- [x] Water the ferns\n  - Due: 2028-02-29 18:00 Europe/Berlin\n  - Priority: high\n  - Tags: home\n"
        "  - Uid: ferns\n  - Description: Two litres\n"
    )


def test_excel_gets_a_mark_that_imports_pass_over(alice: Person) -> None:
    alice("add", "Café")
    file = alice.home / "tasks.csv"
    assert alice("export", str(file), "--bom").code == 0
    assert file.read_bytes().startswith(b"\xef\xbb\xbfid,uid,")
    assert alice("import", str(file), "--json").json["already_there"] == 1


def test_a_mark_is_for_csv_alone(alice: Person) -> None:
    done = alice("export", "-", "--format", "json", "--bom")
    assert done.code == 2
    assert "--bom" in done.stderr


def test_an_export_ends_in_what_the_name_says(alice: Person, tmp_path: Path) -> None:
    alice("add", "Buy milk")
    for ending, first in (("ics", "BEGIN:VCALENDAR"), ("txt", "20"), ("md", "- [ ] Buy milk"), ("ndjson", "{")):
        assert alice("export", str(tmp_path / f"tasks.{ending}")).code == 0
        assert (tmp_path / f"tasks.{ending}").read_text().startswith(first)
