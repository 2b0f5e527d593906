"""todo.txt: a task on each line. https://github.com/todotxt/todo.txt has its rules."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from taskward.client.days import TIME
from taskward.client.imports import times
from taskward.client.imports.files import Source
from taskward.client.imports.found import Draft, Findings, Found, Options, Uids, own_of

LETTERS = {"A": "high", "B": "medium", "C": "low"}
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
BEGIN = re.compile(rf"(?:(x) )?(?:\(([A-Z])\) )?((?:{DATE} ){{0,2}})", re.ASCII)
KEY = re.compile(r"(due|at|zone|note|tags|title|pri|uid):(\S+)\Z")
LONGEST_LINE = 64 * 1024


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks."""
    uids = Uids("todotxt")
    for row, line in enumerate(_lines(source), 1):
        if not line.strip():
            continue
        if len(line) >= LONGEST_LINE:
            findings.refuse(row, "this line is longer than any task")
            continue
        draft = read_line(line.strip())
        begin = BEGIN.match(line.strip())
        if begin and begin[3] and not draft.uid:
            findings.left_out["dates of creation and completion"] += 1
        draft.uid = draft.uid or uids.of_content(draft.title, *sorted(draft.tags))
        draft.tags += options.tags
        if task := draft.found(row, findings):
            yield Found(row, *own_of(task.task))


def _lines(source: Source) -> Iterator[str]:
    text = source.text()
    while line := text.readline(LONGEST_LINE):
        yield line.rstrip("\r\n")


def read_line(line: str) -> Draft:
    """Return what a line says, without a uid where it has none."""
    begin = BEGIN.match(line)
    assert begin is not None  # it may be nothing
    draft = Draft(title="", uid="", completed=bool(begin[1]))
    _prioritise(draft, begin[2])
    words = [word for word in line[begin.end() :].split(" ") if not _is_taken(word, draft)]
    draft.title = draft.title or " ".join(words)
    if "due_date" not in draft.due:
        draft.due = {}
    return draft


def _prioritise(draft: Draft, letter: str | None) -> None:
    draft.priority = LETTERS.get(letter or "", draft.priority)
    if letter and letter not in LETTERS:
        draft.add("Priority", letter)


def _is_taken(word: str, draft: Draft) -> bool:
    """Take what a word says of the task; tell whether it did, or is a part of the title."""
    if len(word) > 1 and word[0] in "@+" and "," not in word:
        draft.tags.append(word[1:])
        return True
    found = KEY.match(word)
    return found is not None and _is_said(found[1], unquote(found[2]), draft)


def _is_said(key: str, value: str, draft: Draft) -> bool:
    if key == "due" and times.read_day(value):
        draft.due = {**draft.due, "due_date": value}
    elif key == "at" and TIME.fullmatch(value):
        draft.due = {**draft.due, "due_time": f"{value:0>5}"}
    elif key == "zone" and times.zone_called(value):
        draft.due = {**draft.due, "due_zone": value}
    elif key == "pri" and len(value) == 1 and value.isupper():
        _prioritise(draft, value)
    elif key == "tags":
        draft.tags += value.split(",")
    elif key == "note":
        draft.description = value
    elif key in ("title", "uid"):
        setattr(draft, key, value)
    else:
        return False
    return True
