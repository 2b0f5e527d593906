"""Our own files, read row by row."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from taskward.client.errors import ClientError
from taskward.client.exports import Format, write_tasks
from taskward.client.fields import FIELDS, SETTABLE, whole
from taskward.client.imports.elements import CHUNK
from taskward.client.imports.files import opened, source_of
from taskward.client.imports.found import Findings, Options
from taskward.client.imports.recognise import found_in, recognise

pytestmark = pytest.mark.quick

TASK = {
    "id": 1, "user_id": "alice", "title": "t", "description": None, "completed": True,
    "created_at": "2026-01-09T08:30:00.123456Z", "updated_at": "2026-01-09T08:30:00.123456Z", "revision": 1,
}  # fmt: skip

OURS = {"title": "t", "description": None, "completed": True}


def written(tasks: list[dict[str, Any]], kind: Format) -> bytes:
    parts: list[str] = []
    write_tasks(tasks, kind, parts.append)
    return "".join(parts).encode()


def read(
    content: bytes | str, kind: str | None = None, name: str = "tasks", **names: str
) -> tuple[list[dict[str, Any]], Findings]:
    """Return the tasks in a file, and what there is to tell of it. Raises what reading raises."""
    findings, options = Findings(), Options(names, "Europe/Berlin")
    source = source_of(name, io.BytesIO(content.encode() if isinstance(content, str) else content))
    found = found_in(source, kind or recognise(source, names), options, findings)
    return [each.task for each in found], findings


def problems(content: bytes | str, kind: str | None = None, **names: str) -> list[str]:
    """Return all that is wrong with a file."""
    findings, options = Findings(), Options(names)
    try:
        source = source_of("tasks", io.BytesIO(content.encode() if isinstance(content, str) else content))
        for _ in found_in(source, kind or recognise(source, names), options, findings):
            pass
    except ClientError as error:
        return [*(f"row {row}: {sentence}" for row, sentence in findings.refused), str(error)]
    return [f"row {row}: {sentence}" for row, sentence in findings.refused]


class Counting(io.BytesIO):
    """A file that knows how much of it has been read."""

    read_so_far = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.read_so_far += len(found)
        return found


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_row_is_there_before_the_file_is_read(kind: Format) -> None:
    file = Counting(written([TASK] * 10_000, kind))
    source = source_of("tasks", file)
    file.read_so_far = 0  # looking for the encoding has read all of it, piece by piece
    rows = found_in(source, kind, Options(), Findings())
    assert next(rows).task.items() >= OURS.items()
    assert file.read_so_far <= 3 * CHUNK
    assert sum(1 for _ in rows) == 9_999


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_no_tasks_are_a_file_as_well(kind: Format) -> None:
    assert read(written([], kind), kind)[0] == []
    assert kind != "json" or json.loads(written([], kind)) == []


TAKEN = "Names that are taken: uid, title, description, completed, due_date, due_time, due_zone, priority, tags"
CUT = "the file ends in the middle of it. Was it copied or downloaded whole?"


@pytest.mark.parametrize(
    ("kind", "text", "sentences"),
    [
        ("json", '[{"title": "a"}, {"title": }]', ["row 2: this is no JSON: expecting value"]),
        ("json", '[{"title": "a"}, {"title": "b"', [f"row 2: {CUT}"]),
        ("json", '[{"title": "a"}', [f"row 2: {CUT}"]),
        ("json", '[{"title": "a"}, 7]', ["row 2: this is no JSON object"]),
        ("json", '[{"title": "a"}] [', ["row 2: there is something after the end"]),
        ("json", '[{"title": "a"} {"title": "b"}]', ["row 2: there is '{' where ',' or ']' has to be"]),
        ("json", '[{"title": "a", "title": "b"}]', ["row 1: it has the name 'title' more than once"]),
        ("json", '[{"titel": "a"}]', [f"row 1: 'titel' is no field. {TAKEN}"]),
        ("json", "[" * 100_000, ["row 1: this is no JSON that has an end: it is nested too deep"]),
        ("json", '{"tasks": [{"title": "a"}, {"ti', [f"row 2: {CUT}"]),
        ("json", '{"tasks": [{"title": "a"}]', [f"row 2: {CUT}"]),
        ("jsonl", "{}\n", ["row 1: it has no title"]),
        ("jsonl", '{"title": "a"}\n{"title": "b', [f"row 2: {CUT}"]),
        ("jsonl", '{"title": "a"}\n{"title" 1}\n{"title": "c"}\n', [
            "row 2: this is no JSON: expecting ':' delimiter",
        ]),
        ("jsonl", "7", ["row 1: this is no JSON object"]),
        (None, "", ["the file is empty"]),
        (None, " \n\n", ["there is nothing in the file but white space"]),
        (None, "<!DOCTYPE html>\n<title>", ["this is web page or XML"]),
        ("csv", "title,completed\na,true\nb\n", ["row 2: it has 1 cell, and the first line has 2"]),
        ("csv", "title,completed\na,true\nb", [f"row 2: {CUT}"]),
        ("csv", "title\na,b\n", ["row 1: it has 2 cells, and the first line has 1"]),
        ("csv", 'title\n"a\n', ["row 1: a quotation mark that stands before its text is never closed, or one in it"
         " is not doubled"]),
        ("csv", "title,\na,b\n", ["row 1: there is something in column 2, which has no name in the first line"]),
        ("csv", "title,completed\na,perhaps\n,no\nb,maybe\n", [
            "row 1: completed: 'perhaps' is not understood. Understood are true, 1, yes, false, 0, no and an empty"
            " cell",
            "row 3: completed: 'maybe' is not understood. Understood are true, 1, yes, false, 0, no and an empty"
            " cell",
        ]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_a_file_is_told_with_its_rows(
    kind: str | None, text: str, sentences: list[str]
) -> None:
    found = problems(text, kind)
    if text.startswith("<!"):
        assert found[0].startswith("this is a web page or XML.")
    else:
        assert found == sentences


def test_all_that_is_wrong_with_a_first_line_is_told_at_once() -> None:
    (sentence,) = problems("Titel;Prio;note;NOTE\na;b;c;d\n", "csv")
    assert "the name 'note' stands there more than once" in sentence
    assert "no fields: 'Titel', 'Prio', 'note', 'NOTE'" in sentence
    assert TAKEN in sentence
    assert "no column is called title" in sentence
    assert "--map title=" in sentence


@pytest.mark.parametrize(
    "text",
    [
        "title,due_date,tags\nMilk,2028-02-29,a\n",
        "Title;Due Date;TAGS\nMilk;2028-02-29;a\n",
        "title\tdue-date\ttags\nMilk\t2028-02-29\ta\n",
        "sep=;\r\n title ; due_date;tags;\r\nMilk; 2028-02-29 ;a;\r\n;;;\r\n",
        "sep=,\n\ntitle,due_date,tags,,\nMilk,2028-02-29,a,,\n\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_tables_are_read_as_they_are_in_the_world(text: str, encoding: str) -> None:
    (task,), findings = read(text.replace("Milk", "Café").encode(encoding))
    assert (task["title"], task["due_date"], task["tags"]) == ("Café", "2028-02-29", ["a"])
    assert findings.refused == []


def test_an_ending_that_is_late_and_not_utf8_is_seen() -> None:
    text = b"title\n" + b"x\n" * 500_000 + b"caf\xe9\n"
    assert read(text)[0][-1]["title"] == "café"


def test_a_character_that_is_cut_is_the_end_of_the_file_and_no_other_encoding() -> None:
    (sentence,) = problems("title\nMilk\ncafé".encode()[:-1], "csv")
    assert sentence == "the file ends in the middle of a character. Was it copied whole?"


def test_bytes_that_are_no_text_are_refused() -> None:
    assert problems(b"\x7fELF\0\0\1") == ["this is no text, nor an archive that is known"]
    assert problems(b"title\n\x81\xff\n") == ["this is no text in UTF-8, UTF-16 or Windows-1252"]
    assert problems(b'[{"title": "caf\xe9"}]') == ["the file is not in UTF-8, as JSON is"]


def test_columns_may_have_other_names_and_the_others_go_to_the_description() -> None:
    text = "Subject;Wann;Betreuer;description\nMilk;2028-02-29;bob;fresh\nBread;;;\n"
    (milk, bread), _ = read(text, title="subject", due_date="WANN")
    assert milk == {"title": "Milk", "due_date": "2028-02-29", "description": "fresh\n\nBetreuer: bob"}
    assert bread["title"] == "Bread"
    assert bread.get("description") is None
    assert read('[{"Subject": "Milk"}]', title="Subject")[0][0]["title"] == "Milk"
    (sentence,) = problems(text, title="Thema")
    assert sentence == "no column is called 'Thema'. There are: Subject, Wann, Betreuer, description"


def test_a_row_that_never_ends_does_not_fill_the_memory() -> None:
    file = Counting(b'{"title": "' + b"x" * 10_000_000)
    source = source_of("tasks", file)
    file.read_so_far = 0
    with pytest.raises(ClientError):
        list(found_in(source, "jsonl", Options(), Findings()))
    assert file.read_so_far < 4_000_000


@pytest.mark.parametrize(("cell", "completed"), [("yes", True), ("TRUE", True), ("0", False), ("", False)])
def test_spreadsheets_write_booleans_in_many_ways(cell: str, completed: object) -> None:
    assert read(f"title,completed\na,{cell}\n", "csv")[0][0]["completed"] == completed


def test_spreadsheets_write_priorities_in_any_case() -> None:
    assert [task.get("priority") for task in read("title,priority\na,High\nb, low \nc,\nd,urgent\n")[0]] == [
        "high", "low", None, "urgent",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("home,plants", ["home", "plants"]),
        (" home , plants ", ["home", "plants"]),
        ('["home", "plants"]', ["home", "plants"]),  # as versions wrote it that did not know tags
        ("[1]", ["[1]"]),
        ("[", ["["]),
    ],
)
def test_tags_are_a_cell_with_commas(cell: str, tags: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["title", "tags"], ["a", cell]])
    assert read(file.getvalue(), "csv")[0][0]["tags"] == tags


@pytest.mark.parametrize(
    "tags", [[], ["home"], ["home", "plants"], ['["home"]'], ['["home"]', "b"], ["[", "]"], ['say "hi"']]
)
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_tags_come_back_as_they_were_written(kind: Format, tags: list[str]) -> None:
    (row,), _ = read(written([{**TASK, "tags": tags}], kind), kind)
    assert row.get("tags", []) == tags


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_of_later_fields_that_are_empty_nothing_is_said_as_an_older_service_does_not_know_them(
    kind: Format,
) -> None:
    assert read(written([dict(whole(TASK))], kind), kind)[0] == [OURS]


NEWER = {**TASK, "estimate": "2 h", "people": ["bob", "charlie"], "started_at": None}


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_newer_services_export_is_read_and_what_is_left_out_is_counted(kind: Format) -> None:
    rows, findings = read(written([NEWER, {**NEWER, "people": []}, {**NEWER, "estimate": None}], kind), kind)
    assert [row | OURS for row in rows] == rows
    assert len(rows) == 3
    assert all(row.keys() <= SETTABLE.keys() for row in rows)
    left_out: Counter[str] = findings.left_out
    assert left_out["estimate"] == 2
    assert left_out.keys() == {"estimate", "people"}  # nothing was started


def test_a_newer_services_tasks_lose_nothing_in_csv() -> None:
    (row,) = csv.DictReader(io.StringIO(written([NEWER], "csv").decode(), newline=""))
    assert list(row) == list(dict.fromkeys([*FIELDS, *NEWER]))
    assert (row["estimate"], row["started_at"], json.loads(row["people"])) == ("2 h", "", ["bob", "charlie"])


def test_a_list_of_the_command_line_is_a_file_and_one_page_says_so() -> None:
    page = {"tasks": [dict(whole(TASK))], "count": 1, "next_cursor": None}
    assert read(json.dumps(page, indent=2))[0] == [OURS]
    (remark,) = read(json.dumps({**page, "count": 7, "next_cursor": "x"}))[1].remarks
    assert remark.startswith("This is a list of 1 tasks of 7.")


def test_everything_that_is_kept_about_a_person_has_their_tasks() -> None:
    """As `GET /auth/me/export` gives it."""
    kept = {"account": {"id": "alice"}, "log_ins": [], "tasks": [dict(whole(TASK))], "idempotency_keys": []}
    assert read(json.dumps(kept))[0] == [OURS]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large.csv").write_text("title\n" + "x" * 2000)
    monkeypatch.setattr("taskward.client.imports.files.LARGEST_FILE", 1000)
    with pytest.raises(ClientError, match="Import it in parts"), opened(str(tmp_path / "large.csv")):
        pass
