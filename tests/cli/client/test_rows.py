"""Files of tasks, read row by row."""

import csv
import io
import json
from collections import Counter

import pytest

from taskward.client.errors import ClientError
from taskward.client.fields import FIELDS, SETTABLE, whole
from taskward.client.rows import CHUNK, Format, read_rows, write_rows

pytestmark = pytest.mark.quick

TASK = {
    "id": 1, "user_id": "alice", "title": "t", "description": None, "completed": True,
    "created_at": "2026-01-09T08:30:00.123456Z", "updated_at": "2026-01-09T08:30:00.123456Z", "revision": 1,
}  # fmt: skip

OURS = {"title": "t", "description": None, "completed": True}


class Counting(io.StringIO):
    """A file that knows how much of it has been read."""

    read_so_far = 0

    def read(self, size: int | None = -1) -> str:
        found = super().read(size)
        self.read_so_far += len(found)
        return found

    def __next__(self) -> str:  # type: ignore[override]  # the stubs take every file for one of bytes
        found = super().__next__()
        self.read_so_far += len(found)
        return found


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_row_is_there_before_the_file_is_read(kind: Format) -> None:
    written: list[str] = []
    write_rows([TASK] * 10_000, kind, written.append)
    file = Counting("".join(written), newline="")
    rows = read_rows(file, kind)
    assert next(rows).items() >= OURS.items()
    assert file.read_so_far <= CHUNK
    assert sum(1 for _ in rows) == 9_999


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_no_tasks_are_a_file_as_well(kind: Format) -> None:
    written: list[str] = []
    write_rows([], kind, written.append)
    assert list(read_rows(io.StringIO("".join(written), newline=""), kind)) == []
    assert kind != "json" or json.loads("".join(written)) == []


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("json", '[{"title": "a"}, {"title": }]', "row 2: this is no JSON object"),
        ("json", '[{"title": "a"}, {"title": "b"', "row 2: this is no JSON object"),
        ("json", '[{"title": "a"}, 7]', "row 2: this is no JSON object"),
        ("json", '[{"titel": "a"}]', "row 1: there is no field 'titel'"),
        ("jsonl", "{}\n", "row 1: it has no title"),
        ("json", "[" * 100_000, None),
        ("csv", "titel\na\n", "row 1: there is no field 'titel'"),
        ("csv", "title,completed\na,true\nb\n", "row 2: it has not as many fields as the first line"),
        ("csv", "title\na,b\n", "row 1: it has not as many fields as the first line"),
        ("csv", 'title\n"a\n', "row 1: unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_row(kind: Format, text: str, sentence: str | None) -> None:
    rows = read_rows(io.StringIO(text, newline=""), kind)
    if sentence is None:
        assert list(rows) == []
    else:
        with pytest.raises(ClientError) as error:
            list(rows)
        assert str(error.value) == sentence


def test_a_row_that_never_ends_does_not_fill_the_memory() -> None:
    file = Counting('{"title": "' + "x" * 10_000_000)
    with pytest.raises(ClientError):
        list(read_rows(file, "jsonl"))
    assert file.read_so_far < 2_000_000


@pytest.mark.parametrize(
    ("written", "read"), [("yes", True), ("TRUE", True), ("0", False), ("", False), ("x", "x")]
)
def test_spreadsheets_write_booleans_in_many_ways(written: str, read: object) -> None:
    (row,) = read_rows(io.StringIO(f"title,completed\na,{written}\n", newline=""), "csv")
    assert row["completed"] == read


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
    file.seek(0)
    (row,) = read_rows(file, "csv")
    assert row["tags"] == tags


@pytest.mark.parametrize(
    "tags", [[], ["home"], ["home", "plants"], ['["home"]'], ['["home"]', "b"], ["[", "]"], ['say "hi"']]
)
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_tags_come_back_as_they_were_written(kind: Format, tags: list[str]) -> None:
    written: list[str] = []
    write_rows([{**TASK, "tags": tags}], kind, written.append)
    (row,) = read_rows(io.StringIO("".join(written), newline=""), kind)
    assert row.get("tags", []) == tags


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_of_later_fields_that_are_empty_nothing_is_said_as_an_older_service_does_not_know_them(
    kind: Format,
) -> None:
    written: list[str] = []
    write_rows([whole(TASK)], kind, written.append)
    assert list(read_rows(io.StringIO("".join(written), newline=""), kind)) == [OURS]


NEWER = {**TASK, "estimate": "2 h", "people": ["bob", "charlie"], "started_at": None}


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_newer_services_export_is_read_and_what_is_left_out_is_counted(kind: Format) -> None:
    written: list[str] = []
    write_rows([NEWER, {**NEWER, "people": []}, {**NEWER, "estimate": None}], kind, written.append)
    left_out: Counter[str] = Counter()
    rows = list(read_rows(io.StringIO("".join(written), newline=""), kind, left_out))
    assert [row | OURS for row in rows] == rows
    assert len(rows) == 3
    assert all(row.keys() <= SETTABLE.keys() for row in rows)
    assert left_out["estimate"] == 2
    assert left_out.keys() == {"estimate", "people"}  # nothing was started


def test_a_newer_services_tasks_lose_nothing_in_csv() -> None:
    written: list[str] = []
    write_rows([NEWER], "csv", written.append)
    (row,) = csv.DictReader(io.StringIO("".join(written), newline=""))
    assert list(row) == list(dict.fromkeys([*FIELDS, *NEWER]))
    assert (row["estimate"], row["started_at"], json.loads(row["people"])) == ("2 h", "", ["bob", "charlie"])


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_slip_in_a_file_of_ones_own_is_no_field_of_a_newer_service(kind: Format) -> None:
    text = '{"title": "a", "descripton": "b"}' if kind == "jsonl" else "title,descripton\na,b\n"
    with pytest.raises(ClientError, match="row 1: there is no field 'descripton'"):
        list(read_rows(io.StringIO(text, newline=""), kind))
