"""Which tasks a list has, and what it shows of them."""

import json
from datetime import date, datetime, timedelta

import pytest

from taskward.client.local_time import today
from tests.cli.client.people import Done, Person

pytestmark = pytest.mark.quick

TODAY = "2026-11-27"


@pytest.fixture
def on_a_friday(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 18:00 on Friday, 27 November 2026, wherever the user is."""
    moment = datetime(2026, 11, 27, 18).astimezone()
    monkeypatch.setattr("taskward.client.local_time.now", lambda: moment)


@pytest.fixture
def busy(alice: Person, on_a_friday: None) -> Person:
    """Alice with tasks."""
    rows = [
        {"title": "late", "due_date": "2026-11-26", "tags": ["home"], "priority": "low", "uid": "late-1"},
        {"title": "late, done", "due_date": "2026-11-26", "completed": True},
        {"title": "this morning", "due_date": TODAY, "due_time": "08:00", "priority": "high"},
        {"title": "tonight", "due_date": TODAY, "due_time": "20:00"},
        {"title": "today", "due_date": TODAY, "tags": ["Home", "plants"]},
        {"title": "tomorrow there, late here", "due_date": "2026-11-28", "due_time": "00:01", "due_zone": EAST},
        {"title": "next week", "due_date": "2026-12-04", "description": "100 % sure"},
        {"title": "some day", "priority": "medium"},
    ]
    (alice.home / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert alice("import", str(alice.home / "rows.jsonl"), "--in-flight", "1").code == 0
    return alice


EAST = "Pacific/Kiritimati"  # no clock is further ahead


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--today",), ["this morning", "tonight", "today"]),
        (("--due", "today"), ["this morning", "tonight", "today"]),
        (("--due", "friday"), ["next week"]),
        (("--due-before", "today"), ["late", "late, done"]),
        (("--due-before", "today", "--open"), ["late"]),
        (("--due-after", "tomorrow"), ["next week"]),
        (("--due-after", "yesterday", "--due-before", "tomorrow"), ["this morning", "tonight", "today"]),
        (("--due", "none"), ["some day"]),
        (("--due", "any", "--done"), ["late, done"]),
        (("--overdue",), ["late", "this morning", "tomorrow there, late here"]),
        (("--overdue", "--due-after", "yesterday"), ["this morning", "tomorrow there, late here"]),
        (("--overdue", "--sort", "title"), ["late", "this morning", "tomorrow there, late here"]),
        (("--overdue", "--priority", "low"), ["late"]),
        (("--tag", "home", "--sort", "due"), ["late", "today"]),
        (("--tag", "home", "--tag", "plants"), ["today"]),
        (("--tag", "home,plants"), ["today"]),
        (("--priority", "high", "--priority", "medium", "--sort", "priority"), ["this morning", "some day"]),
        (("--search", "100 SURE"), ["next week"]),
        (("--uid", "late-1"), ["late"]),
        (("--sort", "completed", "--limit", "1"), ["late, done"]),
    ],
)
def test_lists_are_of_what_is_asked_for(busy: Person, options: tuple[str, ...], found: list[str]) -> None:
    page = busy("list", *options, "--json").json
    assert [task["title"] for task in page["tasks"]] == found
    assert page["count"] == (8 if "--limit" in options else len(found))


def test_a_list_of_what_is_late_says_how_much_more_there_is(busy: Person) -> None:
    page = busy("list", "--overdue", "--limit", "1", "--json").json
    assert (len(page["tasks"]), page["count"], page["next_cursor"]) == (1, 3, None)
    assert busy("list", "--overdue", "--limit", "1").stderr == "1 of 3; --all shows the rest.\n"
    assert busy("ls", "--overdue", "--all").stderr == ""


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--due", "11/12"), "'11/12' can be read in two ways"),
        (("--due-before", "1900-01-01"), "That day is before the year 1900"),
        (("--due-after", "9999-12-31"), "That day is after the year 9999"),
        (("--today", "--due", "friday"), "say --due, --today, or --due-before and --due-after"),
        (("--overdue", "--done"), "it is what is open"),
        (("--overdue", "--cursor", "x"), "has no pages"),
        (("--priority", "urgent"), "'urgent' is no priority"),
        (("--tag", ","), "a tag needs at least one character"),
        (("--limit", "x"), "'x' is no whole number from 1 to 1000"),
        (("--limit", "1001"), "'1001' is no whole number from 1 to 1000"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(
    alice: Person, options: tuple[str, ...], sentence: str
) -> None:
    assert_refused(alice("list", *options), sentence)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("show", "Buy"), "'Buy' is no task number"),
        (("done", "1", "0"), "'0' is no task number"),
        (("delete", "-y", "٣"), "'٣' is no task number"),
        (("edit", "99999999999999999999", "-t", "x"), "'99999999999999999999' is no task number"),
        (("done", "1", "--revision", "x"), "'x' is no whole number from 1 on"),
        (("done", "1", "2", "--revision", "7"), "it is that of one task"),
        (("add", "x", "--due", "2026-02-29"), "There is no 2026-02-29 in the calendar"),
        (("add", "x", "--due", "today", "--at", "6"), "'6' is no time"),
        (("add", "x", "--at", "18:00"), "say --due as well"),
        (("add", "x", "--due", "today", "--zone", "UTC"), "say --at as well"),
        (("edit", "1", "--due", "today", "--no-due"), "the same cannot be set and removed"),
        (("edit", "1"), "say what to change"),
        (("import", "x.csv", "--patience", "long"), "'long' is no number of seconds"),
        (("import", "x.csv", "--in-flight", "33"), "'33' is no whole number from 1 to 32"),
    ],
)
def test_so_it_is_with_each_command(alice: Person, command: tuple[str, ...], sentence: str) -> None:
    assert_refused(alice(*command), sentence)


def assert_refused(done: Done, sentence: str) -> None:
    assert (done.code, done.stdout) == (2, "")
    assert sentence in " ".join(done.stderr.replace("│", " ").split())


def test_words_for_days_are_shown_back_as_dates(alice: Person, on_a_friday: None) -> None:
    said = alice("add", "Water the ferns", "--due", "tomorrow", "--at", "9:30", "--tag", "home,plants")
    assert "  due Saturday 2026-11-28 09:30\n" in said.stdout
    assert "  tags: home, plants\n" in said.stdout
    task_id = said.stdout.split()[2].rstrip(":")
    moved = alice("edit", task_id, "--due", "+1w")
    assert "  due Friday 2026-12-04 09:30\n" in moved.stdout
    assert "  due Friday 2026-12-04\n" in alice("edit", task_id, "--no-at").stdout
    assert "  due" not in alice("edit", task_id, "--no-due").stdout
    assert "A time needs a day" in alice("edit", task_id, "--at", "18:00").stderr


def test_the_clock_is_that_of_the_user(alice: Person) -> None:
    """The real one: a day that ends while this runs is either of two."""
    before = today()
    task = alice("add", "Soon", "--due", "tomorrow", "--json").json
    assert date.fromisoformat(task["due_date"]) - timedelta(1) in (before, today())


def test_times_are_those_of_the_zone_in_the_environment(alice: Person) -> None:
    task = alice("add", "Call", "--due", "2026-11-27", "--at", "18:00", "--zone", "Europe/Berlin", "--json").json
    for zone, here in (("Asia/Tokyo", "2026-11-28 02:00"), ("America/New_York", "2026-11-27 12:00")):
        alice.env["TZ"] = zone
        assert (
            f"  due Friday 2026-11-27 18:00 Europe/Berlin (here {here})\n"
            in alice.run("show", str(task["id"])).stdout
        )
        assert alice.run("list").stdout.rstrip("\n").split("\t")[4:] == [here, "", ""]


def test_what_an_older_service_does_not_answer_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    from taskward.cli.output import print_task, print_tasks

    when = "2026-01-09T08:30:00.123456Z"
    task = {"id": 1, "title": "t", "description": None, "completed": False, "revision": 1}
    task |= {"user_id": "alice", "created_at": when, "updated_at": when}
    print_tasks([task])  # type: ignore[list-item]  # fields are missing
    print_task(task)  # type: ignore[arg-type]
    assert capsys.readouterr().out.startswith(f"1\t-\tt\t{when}\t\t\t\ntask 1: t\n  open, revision 1\n")
