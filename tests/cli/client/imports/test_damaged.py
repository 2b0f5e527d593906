"""Files that are damaged, hostile or of no such kind: refused in a sentence, and never taken for a success."""

import copy
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from taskward.client.errors import ClientError
from taskward.client.exports import Format
from taskward.client.imports import archives, files
from taskward.client.imports.files import source_of
from taskward.client.imports.found import Findings, Found, Options
from taskward.client.imports.recognise import FORMATS, found_in, recognise
from taskward.tasks.schemas import TaskCreate
from tests.cli.client.imports import test_products as products
from tests.cli.client.imports.test_products import archive
from tests.cli.client.test_export import WELL_LAID
from tests.cli.client.test_rows import TASK, written

pytestmark = pytest.mark.quick

OURS = [
    {**TASK, "completed_at": None, "due_date": None, "due_time": None, "due_zone": None, "priority": None,
     "tags": [], **WELL_LAID, "id": number, "title": f"Über {number}", "uid": f"u{number}"}
    for number in (1, 2)
]  # fmt: skip
KINDS: tuple[Format, ...] = ("json", "jsonl", "csv", "icalendar", "todo.txt", "markdown")
# By what `--from` says: a file of each kind, ours as "own".
WHOLE: dict[str, bytes] = {
    "todoist csv": products.TODOIST_CSV.encode(),
    "todoist json": json.dumps(products.TODOIST_JSON).encode(),
    "todoist zip": archive(**{"Garden [1].csv": products.TODOIST_CSV}),
    "google-tasks": json.dumps(products.GOOGLE).encode(),
    "microsoft-todo": products.microsoft("2026-11-26T23:00:00.0000000").encode(),
    "ticktick": products.TICKTICK.encode(),
    "taskwarrior": products.TASKWARRIOR.encode(),
    "vikunja": archive(**{"data.json": json.dumps(products.VIKUNJA)}),
    "icalendar": products.ICALENDAR.encode(),
    **{f"{kind} own": written(OURS, kind) for kind in KINDS},
}
# What has an end of its own, so that no cut of it can be taken for the whole.
WITH_AN_END = (
    "todoist json", "todoist zip", "google-tasks", "microsoft-todo", "taskwarrior", "vikunja", "icalendar",
    "json own", "icalendar own",
)  # fmt: skip


def read(
    content: bytes, kind: str | None = None, name: str = "file", **names: str
) -> tuple[list[Found], Findings]:
    findings, source = Findings(), source_of(name, io.BytesIO(content))
    options = Options(names, "Europe/Berlin")
    return list(found_in(source, kind or recognise(source, names), options, findings)), findings


def refusal(content: bytes, kind: str | None = None, **names: str) -> str:
    with pytest.raises(ClientError) as error:
        read(content, kind, **names)
    return str(error.value)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_that_is_cut_anywhere_is_told_of_and_what_is_whole_is_as_it_was(name: str, encoding: str) -> None:
    kind, whole = name.split()[0], WHOLE[name]
    if encoding != "utf-8":
        if whole.startswith(b"PK"):
            return
        whole = whole.decode().encode(encoding)
    tasks = [found.task for found in read(whole, kind)[0]]
    for cut in range(1, len(whole) - 2, 10):
        for asked in (kind, None):
            try:
                found, findings = read(whole[:cut], asked)
            except ClientError:
                continue
            assert asked is None or name not in WITH_AN_END or findings.refused, cut
            assert len(found) <= len(tasks) or asked is None, cut


@pytest.mark.parametrize("kind", ["todo.txt", "markdown"])
def test_a_line_of_our_export_that_is_cut_is_no_other_task(kind: Format) -> None:
    whole = written(OURS, kind)
    names = {found.task["uid"] for found in read(whole, kind)[0]}
    begin = whole.index(b"uid:u1" if kind == "todo.txt" else b"Uid: u1") + 8
    for cut in (cut for cut in range(begin, len(whole)) if whole[cut - 1 : cut] != b"\n"):
        try:
            found, findings = read(whole[:cut], kind)
        except ClientError:
            continue  # in the middle of a character
        assert {each.task["uid"] for each in found} <= names, whole[:cut]
        assert len(found) + len(findings.refused) in (1, 2, 3)


def test_a_first_line_alone_is_a_table_only_with_its_end() -> None:
    assert read(b"title,tags\n", "csv")[0] == []
    assert refusal(b"title,ta", "csv").startswith("the first line has no end")


ODD: list[Any] = [
    None, 7, -1.5, True, "", "x", [], {}, [7], ["x"], [None], {"x": 7}, [[]], "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z", "99991231T235959Z", "00010101T000000Z", 10**30, "\ud800", "a\0b", "\u200b", "a\x07b",
]  # fmt: skip
DOCUMENTS: dict[str, Any] = {
    "todoist": products.TODOIST_JSON,
    "google-tasks": products.GOOGLE,
    "microsoft-todo": json.loads(
        products.microsoft(
            "2026-11-26T23:00:00.0000000", checklistItems=[{"displayName": "Oat", "isChecked": True}],
            linkedResources=[{"displayName": "Mail", "webUrl": "x"}], isReminderOn=True,
            reminderDateTime={"dateTime": "2026-11-27T08:00:00", "timeZone": "UTC"},
        )
    ),
    "taskwarrior": json.loads(products.TASKWARRIOR),
    "vikunja": products.VIKUNJA,
    "json": {"tasks": OURS, "count": 2, "next_cursor": None},
    "jsonl": OURS[0],
}  # fmt: skip


def paths(found: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield before
    pairs = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, value in pairs:
        yield from paths(value, (*before, key))


def with_value(found: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.copy(found)
    changed[path[0]] = with_value(found[path[0]], path[1:], value)
    return changed


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_whatever_stands_in_whatever_place_is_read_or_refused_in_a_sentence(kind: str) -> None:
    """And what another product's file becomes, the service takes."""
    for path in paths(DOCUMENTS[kind]):
        for value in ODD:
            try:
                found, _ = read(json.dumps(with_value(DOCUMENTS[kind], path, value)).encode(), kind)
            except ClientError:
                continue
            for each in () if kind in ("json", "jsonl") else found:
                try:
                    TaskCreate.model_validate_json(json.dumps(each.task))
                except ValidationError as error:
                    pytest.fail(f"{path} {value!r}: {error}")


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "markdown"])
@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>\n",
        b"\n <HTML>\n<title>Log in</title>\n- [ ] x\n",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>\n',
        b'{"error": {"code": 401, "message": "Request had invalid authentication credentials."}}\n',
        b'{"detail": "Not authenticated"}\n',
        b"502 Bad Gateway\n",
        b" \n\n",
        b"\xef\xbb\xbf",
    ],
    ids=["html", "upper", "xml", "google", "detail", "text", "blank", "bom"],
)
def test_an_error_page_is_no_file_whatever_it_is_said_to_be(kind: str, page: bytes) -> None:
    if kind == "todo.txt" and page[:1] in (b"{", b"5"):
        return  # each line is a task
    try:
        found, findings = read(page, kind)
    except ClientError:
        return
    assert (found, bool(findings.refused)) == ([], True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'[{"title": ' + b"7" * 5000 + b"}]", "row 1: this is no JSON that can be read: a number has too many"),
        (b'{"sync_token": "x", "items": [' + b"7" * 5000 + b"]}", "a number has too many digits"),
        (b'{"sync_token": "x", "items": ' + b"[" * 100_000, "it is nested too deep"),
        (b'{"sync_token": "x", "items": [], "items": []}', "the name 'items' stands more than once in one object"),
        (b'{"tasks": [], "tasks": []}', "it has the name 'tasks' more than once"),
        (b"title\n" + b"x" * 1_100_000 + b"\n", "line 2 has more than 1,048,576 characters, as no task has"),
        (b"x " + b"y" * 1_100_000 + b" due:2026-11-27\nx\n", "line 1 has more than 1,048,576 characters"),
        (b"- [ ] a\n- [ ] " + b"y" * 1_100_000, "line 2 has more than 1,048,576 characters"),
        (b"title,tags\n" + b"x" * 200_000 + b",a\n", "row 1: it has a cell with more than 128 KiB"),
        (b'title,"' + b"x" * 200_000 + b'"\n', "the first line cannot be read: it has a cell with more than"),
        (b"BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:a\nEND:VTODO\nEND:VCALENDAR\n<p>\n", "something after the end"),
        (b"BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:a\nEND:VEVENT\n", "END:VEVENT where END:VTODO has to be"),
        ("title\nx\n".encode("utf-16")[:-1], "the file ends in the middle of a character"),
        ("title\nx".encode("utf-16") + b"\x00\xdc\n\x00", "there are bytes in the file that are no text"),
        (b'{"results": [{"id": "1", "content": "a", "project_id": "p"}], "results": []}', "more than once"),
    ],
    ids=range(15),
)  # fmt: skip
def test_what_is_hostile_is_refused_in_a_sentence(content: bytes, sentence: str) -> None:
    assert sentence in refusal(content)


def test_values_of_our_own_rows_with_levels_are_refused_by_row() -> None:
    deep = b'{"title": "a", "tags": ' + b"[" * 400 + b"]" * 400 + b'}\n{"title": "b"}\n{"title": {"x": 1}}\n'
    found, findings = read(deep, "jsonl")
    assert [each.task["title"] for each in found] == ["b"]
    assert [row for row, _ in findings.refused] == [1, 3]
    assert findings.refused[1][1] == "'title' is {\"x\": 1}, and no field has objects in it"


def test_a_bad_first_line_hides_no_other() -> None:
    found, findings = read(b'{"title" 1}\n{"title": "b"}\n', "jsonl")
    assert [each.task["title"] for each in found] == ["b"]
    assert findings.refused == [(1, "there is '1' where ':' has to be")]


def test_a_long_id_is_no_id() -> None:
    text = f"id,title,created_at\n{'7' * 5000},a,2026-01-09T08:30:00Z\n1,b,2026-01-09T08:30:00Z\n"
    assert [found.own for found in read(text.encode(), "csv")[0]] == [None, (1, "2026-01-09T08:30:00Z")]


def zipped(*members: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_are_taken_as_people_have_them_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    again = zipped(
        ("Todoist/Garden [1].csv", products.TODOIST_CSV), ("__MACOSX/Todoist/._Garden [1].csv", "\0\1\2"),
    )  # fmt: skip
    assert [found.task["tags"][0] for found in read(again)[0]] == ["Garden"] * 3
    assert len(read(zipped(("export/data.json", json.dumps(products.VIKUNJA))))[0]) == 1
    assert len(read(zipped(("../../etc/Tasks.json", json.dumps(products.GOOGLE))))[0]) == 3
    twice = zipped(("a.csv", products.TODOIST_CSV), ("a.csv", products.TODOIST_CSV))
    assert refusal(twice) == "the archive has 'a.csv' in it more than once"
    encrypted = bytearray(zipped(("Tasks.json", "{}")))
    encrypted[encrypted.index(b"PK\1\2") + 8] |= archives.ENCRYPTED
    assert refusal(bytes(encrypted)) == "'Tasks.json' in the archive is encrypted. Unpack it first."
    assert refusal(zipped(("a.csv", "x")), "vikunja") == "there is no data.json in the archive"
    assert refusal(zipped(("a.csv", "x")), "google-tasks") == "there is no Tasks.json in the archive"
    monkeypatch.setattr(archives, "LARGEST_IN_ALL", 1000)
    many = zipped(*((f"{number}.csv", " " * 600) for number in range(2)))
    assert "Unpack it, and import file by file" in refusal(many)


def test_a_project_that_cannot_be_read_hides_no_other() -> None:
    backup = zipped(
        ("A.csv", "TYPE,CONTENT\ntask,a\ntask,b,c\n"), ("B.csv", "title\n"), ("C.csv", 'TYPE,CONTENT\ntask,"c\n'),
        ("D.csv", "TYPE,CONTENT\ntask,d\n"),
    )  # fmt: skip
    source, findings = source_of("backup.zip", io.BytesIO(backup)), Findings()
    found: list[str] = []
    with pytest.raises(ClientError) as error:
        found.extend(each.task["title"] for each in found_in(source, "todoist", Options(), findings))
    assert str(error.value).startswith(
        "in 'B.csv': there are no columns TYPE and CONTENT, as Todoist has them; in 'C"
    )
    assert findings.refused == [(2, "in 'A.csv', it has 3 cells, and the first line has 2")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"value": [{"displayName": "Shopping", "wellknownListName": "none"}]}, "'Shopping' is there without"),
        ({"kind": "tasks#taskLists", "items": [{"kind": "tasks#taskList", "title": "a"}]}, "without their tasks"),
    ],
)  # fmt: skip
def test_lists_without_their_tasks_are_no_success(content: Any, sentence: str) -> None:
    assert sentence in refusal(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("microsoft-todo", {"value": []}),
        ("google-tasks", {"kind": "tasks#tasks", "etag": "x"}),
        ("google-tasks", {"kind": "tasks#taskLists", "items": []}),
        ("todoist", {"items": [], "sync_token": "x"}),
        ("vikunja", []),
    ],
)
def test_an_empty_list_is_a_list(kind: str, content: Any) -> None:
    assert read(json.dumps(content).encode(), kind)[0] == []


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"kind": "tasks#tasks", "items": [], "nextPageToken": "x"}, "nextPageToken"),
        ({"results": [{"id": "1", "content": "a", "project_id": "p"}], "next_cursor": "x"}, "next_cursor"),
        ({"value": [{"importance": "low", "title": "a"}], "@odata.nextLink": "x"}, "@odata.nextLink"),
    ],
)
def test_one_page_of_several_says_so(content: Any, word: str) -> None:
    _, findings = read(json.dumps(content).encode())
    assert any(word in remark for remark in findings.remarks)


def test_no_more_of_a_file_is_copied_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as of a pipe that never ends."""
    monkeypatch.setattr(files, "LARGEST_FILE", 3 * files.CHUNK)
    with pytest.raises(ClientError, match="Import it in parts"), files.opened("/dev/zero"):
        pass
