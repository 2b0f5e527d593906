"""todo.txt: a task on each line. https://github.com/todotxt/todo.txt has its rules."""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from taskward.client.days import TIME
from taskward.client.imports import times
from taskward.client.imports.drafts import Draft, Uids, own_of
from taskward.client.imports.files import Source
from taskward.client.imports.found import Findings, Found, Options
from taskward.client.imports.tables import CUT

LETTERS = {"A": "high", "B": "medium", "C": "low"}
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TAG = re.compile(r"[@+]([^,\s]+)\Z")
BEGIN = re.compile(rf"(?:(x) )?(?:\(([A-Z])\) )?((?:{DATE} ){{0,2}})", re.ASCII)
KEY = re.compile(r"(due|at|zone|note|tags|title|pri|uid):(\S+)\Z")
NEEDS = {"at": "due", "zone": "at"}


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks. Raises BrokenFileError for a line that is longer than any."""
    uids, has_names = Uids("todotxt"), False
    for row, line in enumerate(source.lines(), 1):
        if not line.strip():
            continue
        draft = read_line(line.strip())
        # Written by us, as other programs have no such names, and we end each line.
        has_names = has_names or bool(draft.uid)
        if has_names and line[-1] not in "\r\n":
            findings.refuse(row, CUT)
            continue
        begin = BEGIN.match(line.strip())
        if begin and begin[3] and not draft.uid:
            findings.left_out["dates of creation and completion"] += 1
        draft.uid = draft.uid or uids.of_content(draft.title, *sorted(draft.tags))
        draft.tags += options.tags
        if task := draft.found(row, findings):
            yield Found(row, *own_of(task.task))


def read_line(line: str) -> Draft:
    """Return what a line says, without a uid where it has none. What is said twice stays in the title."""
    begin = BEGIN.match(line)
    assert begin is not None  # it may be nothing
    words = line[begin.end() :].split(" ")
    tags = [word for word in words if TAG.match(word)]
    keys = _keys_in(words, has_priority=bool(begin[2]))
    title = " ".join(word for word in words if word not in tags and word not in keys.values())
    if "title" in keys and title:  # it is no name for all of it
        title = " ".join(word for word in words if word not in tags and word not in {**keys, "title": ""}.values())
        del keys["title"]
    values = {key: unquote(word.partition(":")[2]) for key, word in keys.items()}
    draft = Draft(
        title=values.get("title", title),
        uid=values.get("uid", ""),
        description=values.get("note", ""),
        completed=bool(begin[1]),
        due=_due(values),
        tags=[tag[1:] for tag in tags] + values.get("tags", "").split(","),
    )
    draft.prioritise(begin[2] or values.get("pri", ""), LETTERS)
    return draft


def _keys_in(words: Iterable[str], *, has_priority: bool) -> dict[str, str]:
    """Return the words that say something of the task, by their keys: the first of each."""
    keys: dict[str, str] = {}
    for word in words:
        found = KEY.match(word)
        if found and found[1] not in keys and _is_understood(found[1], unquote(found[2])):
            keys[found[1]] = word
    if has_priority:
        keys.pop("pri", None)
    for key, needed in NEEDS.items():
        if needed not in keys:
            keys.pop(key, None)
    return keys


def _is_understood(key: str, value: str) -> bool:
    if key == "due":
        return times.read_day(value) is not None
    if key == "at":
        return TIME.fullmatch(value) is not None
    if key == "zone":
        return times.zone_called(value) is not None
    return key != "pri" or (len(value) == 1 and "A" <= value <= "Z")


def _due(values: Mapping[str, str]) -> dict[str, str]:
    """Return when a task is due, as far as it is said."""
    if "due" not in values:
        return {}
    at = {"due_time": f"{values['at']:0>5}"} if "at" in values else {}
    zone = {"due_zone": values["zone"]} if "zone" in values else {}
    return {"due_date": values["due"], **at, **zone}
