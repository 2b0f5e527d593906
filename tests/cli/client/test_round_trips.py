"""Whatever a task may be, each format that is written here is read as it was."""

import io
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from taskward.client.exports import Format, write_tasks
from taskward.client.fields import SETTABLE
from taskward.client.imports.files import source_of
from taskward.client.imports.found import Findings, Options
from taskward.client.imports.recognise import found_in, recognise
from taskward.tasks.schemas import TaskCreate
from tests.cli.client.test_export import ENDINGS, as_kept

pytestmark = pytest.mark.quick

KINDS: dict[str, Format] = {
    "json": "json", "jsonl": "jsonl", "csv": "csv", "ics": "icalendar", "txt": "todo.txt", "md": "markdown",
}  # fmt: skip
GIVEN = {
    "id": 7, "user_id": "alice", "completed_at": None, "created_at": "2026-01-09T08:30:00.123456Z",
    "updated_at": "2026-01-09T08:30:00.123456Z", "revision": 1,
}  # fmt: skip
# Where formats have something of their own: separators, ends of lines, marks, escapes, what looks like a task.
SPECIAL = st.sampled_from(
    [
        "\r", "\n", "\r\n", "\t", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029", "\ufeff", "\x7f",
        "\x01", '"', "'", "\\", ";", ",", ":", "%", "%20", "\\n", "=", "+", "@", "#", "[ ]", "[x]", "x ", "(A) ",
        "- ", "* ", "1. ", "```", "due:2026-11-27", "@home", "+work", "title:x", "uid:1", "note:y", "pri:A",
        "at:18:00", "Due: 2026-11-27", "Uid: x", "END:VTODO", "BEGIN:VALARM", "null", "true", "{", "}", "[", "]",
        "  ", "é", "\u202e", "\ue000", "\ue05c", "\uf8ff",
    ]
)  # fmt: skip
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
TEXTS = st.lists(SPECIAL | ANY, max_size=8).map("".join)
TIMES: list[dict[str, str]] = [
    {},
    {"due_time": "00:00"},
    {"due_time": "23:59", "due_zone": "Europe/Berlin"},
    {"due_time": "02:30", "due_zone": "America/New_York"},
    {"due_time": "12:00", "due_zone": "UTC"},
    {"due_time": "12:00", "due_zone": "Etc/GMT+5"},
]
DAYS = st.dates(min_value=date(1900, 1, 1)).map(str)
DUE: st.SearchStrategy[dict[str, str]] = st.builds(dict) | st.builds(
    lambda day, at: {"due_date": day, **at}, DAYS, st.sampled_from(TIMES)
)
NONE: dict[str, Any] = {
    "description": None, "priority": None, "tags": [], "due_date": None, "due_time": None, "due_zone": None,
}  # fmt: skip

ESCAPES = {  # of calendars, typed by somebody, and characters for private use
    **GIVEN, **NONE, "completed": False, "title": r"C:\notes \New", "tags": [r"\N"], "uid": r"\N\n",
    "description": r"\n \\n \; \, \\" + "\ue000\ue05c",
}  # fmt: skip


@st.composite
def tasks(draw: st.DrawFn) -> dict[str, Any]:
    """Return a task as the service would have it: what it takes, in its own spelling."""
    task: dict[str, Any] = {
        "title": draw(TEXTS.filter(bool)),
        "description": draw(st.none() | TEXTS),
        "completed": draw(st.booleans()),
        "priority": draw(st.sampled_from([None, "high", "medium", "low"])),
        "tags": draw(st.lists(TEXTS, max_size=3)),
        "uid": draw(st.none() | TEXTS),
        **draw(DUE),
    }
    try:
        taken = TaskCreate.model_validate(task)
    except ValidationError:
        task |= {"title": f"a{task['title'].strip()}z"[:200], "tags": [], "uid": None}
        taken = TaskCreate.model_validate(task)
    found = {name: getattr(taken, name) for name in SETTABLE}
    day, time = found["due_date"], found["due_time"]
    return {**GIVEN, **found, "due_date": day and str(day), "due_time": None if time is None else f"{time:%H:%M}"}


@pytest.mark.parametrize("ending", ENDINGS)
@example(written=[ESCAPES])
@given(written=st.lists(tasks(), min_size=1, max_size=4, unique_by=lambda task: task["uid"] or object()))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_as_it_was(ending: str, written: list[dict[str, Any]]) -> None:
    parts: list[str] = []
    write_tasks(written, KINDS[ending], parts.append)
    source, findings = source_of(f"tasks.{ending}", io.BytesIO("".join(parts).encode())), Findings()
    assert (recognise(source) in ("json", "jsonl")) is (ending in ("json", "jsonl"))
    found = [each.task for each in found_in(source, KINDS[ending], Options(zone="Asia/Tokyo"), findings)]
    assert (findings.refused, findings.left_out) == ([], {})
    read = [{**NONE, **task} for task in found]
    assert [as_written(task, ending) for task in read] == [as_written(task, ending) for task in written]
    names = [task.get("uid") or "" for task in found]
    assert [task["uid"] or name for task, name in zip(written, names, strict=True)] == names


def as_written(task: dict[str, Any], ending: str) -> dict[str, Any]:
    """Return what a format keeps: in a table an empty text and none are the same."""
    kept = as_kept(task, ending)
    return kept | ({"description": kept["description"] or None} if ending == "csv" else {})
