"""Todoist: the CSV of a project, the archive of a backup with one for each, and the JSON of its API."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

from taskward.client.imports import tables, times
from taskward.client.imports.archives import member, members_of
from taskward.client.imports.elements import document
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Draft, Findings, Found, Options, Uids, drafted

# The CSV counts priority down, as the page shows it; the API counts it up.
CSV_PRIORITIES = {"1": "high", "2": "medium", "3": "low"}
API_PRIORITIES = {4: "high", 3: "medium", 2: "low"}
PROJECT_ID = re.compile(r"\s*\[[0-9A-Za-z]+\]\Z")
LABEL = re.compile(r"(?:^|\s)@([^\s@,]+)")
DAY_AND_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-2][0-9]:[0-5][0-9]))?\Z", re.ASCII)
KNOWN_IN_CSV = {
    "TYPE", "CONTENT", "DESCRIPTION", "PRIORITY", "INDENT", "AUTHOR", "RESPONSIBLE", "DATE", "DATE_LANG",
    "TIMEZONE", "DURATION", "DURATION_UNIT", "DEADLINE", "DEADLINE_LANG",
}  # fmt: skip
NOT_KEPT = {
    "added_at": "times of creation", "date_added": "times of creation", "created_at": "times of creation",
    "updated_at": "times of the last change", "completed_at": "times of completion",
    "date_completed": "times of completion",
}  # fmt: skip
KNOWN_IN_API = {
    "id", "content", "description", "checked", "is_completed", "priority", "due", "labels", "project_id",
    "section_id", "parent_id", "deadline", "duration", "responsible_uid", "assignee_id", "is_deleted", "user_id",
    "added_by_uid", "assigned_by_uid", "creator_id", "assigner_id", "child_order", "day_order", "order",
    "collapsed", "is_collapsed", "sync_id", "v2_id", "v2_project_id", "v2_section_id", "v2_parent_id",
    "in_history", "url",
    "comment_count", "note_count", "goal_ids", "completed_by_uid", *NOT_KEPT,
}  # fmt: skip


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks. Raises BrokenFileError."""
    uids = Uids("todoist")
    if source.is_zip:
        yield from _of_backup(source, options, findings, uids)
    elif source.head().lstrip()[:1] in ("{", "["):
        yield from _of_api(document(source.document()), options, findings, uids)
    else:
        yield from _of_csv(source, "", 0, options, findings, uids)


def _of_backup(source: Source, options: Options, findings: Findings, uids: Uids) -> Iterator[Found]:
    row = 0
    for name in sorted(members_of(source, ".csv")):
        project = PROJECT_ID.sub("", PurePosixPath(name.replace("\\", "/")).stem)
        inner = member(source, name)
        yield from _of_csv(inner, project, row, options, findings, uids)
        row += inner.text().read().count("\n")


def _of_csv(
    source: Source, project: str, before: int, options: Options, findings: Findings, uids: Uids
) -> Iterator[Found]:
    """Yield the tasks of a table. A task is there when the next one begins: its notes stand below it."""
    names, rows = tables.table(source.text())
    if not {"TYPE", "CONTENT"} <= set(names):
        raise BrokenFileError("there are no columns TYPE and CONTENT, as Todoist has them")
    project_so_far = Project(project, uids, options, findings)
    for number, cells in chain(rows, [(0, "")]):
        row = {} if isinstance(cells, str) else tables.cells_of(names, cells)
        if cells and isinstance(cells, str):
            findings.refuse(before + number, cells)
        if found := project_so_far.take(before + number, row):
            yield found


class Project:
    """A project, read row by row: the section and the tasks above the row at hand."""

    def __init__(self, name: str, uids: Uids, options: Options, findings: Findings) -> None:
        """Take its name, which may be unknown."""
        self._name, self._uids, self._options, self._findings = name, uids, options, findings
        self._section = ""
        self._parents = [""]
        self._last: tuple[int, Draft] | None = None

    def take(self, number: int, row: Mapping[str, str]) -> Found | None:
        """Take a row; return the task above it, when it has all its notes."""
        kind = row.get("TYPE", "").strip().lower()
        if kind == "note" and self._last:
            self._last[1].add("Note", row["CONTENT"])
            return None
        done = self._last
        self._last = (number, self._task(row)) if kind == "task" else None
        if kind == "section":
            self._section = row["CONTENT"]
        elif kind == "note":
            self._findings.left_out["notes of a project"] += 1
        elif kind and kind != "task" and not kind.startswith("meta"):
            self._findings.left_out[f"rows of the type {kind}"] += 1
        return done[1].found(done[0], self._findings) if done else None

    def _task(self, row: Mapping[str, str]) -> Draft:
        draft = _draft_of_row(row, (self._name, self._section), self._uids, self._options)
        level = int(row["INDENT"]) if row.get("INDENT", "").isdecimal() else 1
        self._parents[level:] = [draft.title]
        if 1 < level <= len(self._parents):
            draft.add("Parent", self._parents[level - 1])
        return draft


def _draft_of_row(row: Mapping[str, str], place: tuple[str, str], uids: Uids, options: Options) -> Draft:
    project, section = place
    title, labels = _without_labels(row["CONTENT"])
    draft = Draft(
        title=title,
        uid=uids.of_content(project, row["CONTENT"]),
        description=row.get("DESCRIPTION", ""),
        priority=CSV_PRIORITIES.get(row.get("PRIORITY", "").strip()),
        tags=[project, *labels, *options.tags],
    )
    draft.due = _due_of_words(row.get("DATE", ""), row.get("TIMEZONE", ""), draft)
    draft.add("Section", section)
    draft.add("Deadline", row.get("DEADLINE"))
    duration = row.get("DURATION", "").strip()
    draft.add("Duration", f"{duration} {row.get('DURATION_UNIT', '')}" if duration not in ("", "None") else "")
    draft.add("Assigned to", row.get("RESPONSIBLE"))
    for name, cell in row.items():
        if name not in KNOWN_IN_CSV:
            draft.add(name, cell)
    return draft


def _without_labels(content: str) -> tuple[str, list[str]]:
    """Return a text without its labels, such as `@home`, and these; a text that is nothing else stays."""
    text = LABEL.sub("", content).strip()
    return (text, LABEL.findall(content)) if text else (content, [])


def _due_of_words(words: str, zone: str, draft: Draft) -> dict[str, str]:
    """Return a date that is written as one. All other words are kept: what they mean, only Todoist knows."""
    found = DAY_AND_TIME.match(words.strip())
    day = times.read_day(found[1]) if found else None
    if found is None or day is None:
        draft.add("Date", words.strip())
        return {}
    if not found[2]:
        return times.on(day)
    there = times.zone_called(zone.strip())
    return {**times.on(day), "due_time": found[2], **({"due_zone": there.key} if there else {})}


def _of_api(found: Any, options: Options, findings: Findings, uids: Uids) -> Iterator[Found]:
    everything = found if isinstance(found, dict) else {"items": found}
    items = everything.get("items", everything.get("results"))
    if not isinstance(items, list):
        raise BrokenFileError("there is no list under 'items', as Todoist's API has it")
    names = {kind: _by_id(everything, kind, "name") for kind in ("projects", "sections", "labels")}
    names["items"] = _by_id({"items": items}, "items", "content")
    notes: dict[str, list[str]] = {}
    for each in everything.get("notes") or ():
        if isinstance(each, dict) and not each.get("is_deleted"):
            notes.setdefault(str(each.get("item_id")), []).append(str(each.get("content") or ""))
    yield from drafted(items, partial(_draft_of_item, names, notes, uids, options, findings), findings)


def _by_id(everything: Mapping[str, Any], kind: str, name: str) -> dict[str, str]:
    found = everything.get(kind) or ()
    return {str(each.get("id")): str(each.get(name) or "") for each in found if isinstance(each, dict)}


def _draft_of_item(
    names: Mapping[str, Mapping[str, str]],
    notes: Mapping[str, list[str]],
    uids: Uids,
    options: Options,
    findings: Findings,
    _: int,
    item: dict[str, Any],
) -> Draft | None:
    if item.get("is_deleted"):
        findings.left_out["tasks that are deleted there"] += 1
        return None
    labels = [names["labels"].get(str(each), str(each)) for each in item.get("labels") or ()]
    draft = Draft(
        title=str(item.get("content") or ""),
        uid=uids.of_id(item["id"]) if item.get("id") else uids.of_content(item.get("content")),
        description=str(item.get("description") or ""),
        completed=bool(item.get("checked") or item.get("is_completed")),
        priority=API_PRIORITIES.get(item.get("priority") or 1),
        tags=[names["projects"].get(str(item.get("project_id")), ""), *labels, *options.tags],
    )
    draft.due = _due_of_api(item.get("due") or {}, draft, options)
    draft.add("Section", names["sections"].get(str(item.get("section_id"))))
    draft.add("Parent", names["items"].get(str(item.get("parent_id"))))
    draft.add("Deadline", (item.get("deadline") or {}).get("date"))
    if duration := item.get("duration"):
        draft.add("Duration", f"{duration.get('amount')} {duration.get('unit')}")
    draft.add("Assigned to", str(item.get("responsible_uid") or item.get("assignee_id") or ""))
    for note in notes.get(str(item.get("id")), ()):
        draft.add("Note", note)
    for name, value in item.items():
        if name not in KNOWN_IN_API:
            draft.add(name, value)
    findings.left_out.update({what for name, what in NOT_KEPT.items() if item.get(name)})
    return draft


def _due_of_api(due: Mapping[str, Any], draft: Draft, options: Options) -> dict[str, str]:
    if due.get("is_recurring") or due.get("recurring"):
        draft.add("Repeat", due.get("string"))
    text = due.get("datetime") or due.get("date")
    if day := times.read_day(text):
        return times.on(day)
    moment = times.read_moment(text)
    if moment is None:
        draft.add("Date", due.get("string") or text)
        return {}
    return times.at(moment, None if moment.tzinfo is None else _zone(due, options))


def _zone(due: Mapping[str, Any], options: Options) -> Any:
    return times.zone_called(due.get("timezone")) or times.users_zone(options)
