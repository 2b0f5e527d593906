"""Todoist's API: everything as `/sync` has it, or a list of tasks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from taskward.client.imports import times
from taskward.client.imports.drafts import Draft, Uids, drafted
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.parts import an_object, list_in, object_in

PRIORITIES = {"4": "high", "3": "medium", "2": "low"}  # counted up; the CSV counts down, as the page shows it
NOT_KEPT = {
    "added_at": "times of creation", "date_added": "times of creation", "created_at": "times of creation",
    "updated_at": "times of the last change", "completed_at": "times of completion",
    "date_completed": "times of completion",
}  # fmt: skip
KNOWN = {
    "id", "content", "description", "checked", "is_completed", "priority", "due", "labels", "project_id",
    "section_id", "parent_id", "deadline", "duration", "responsible_uid", "assignee_id", "is_deleted", "user_id",
    "added_by_uid", "assigned_by_uid", "creator_id", "assigner_id", "child_order", "day_order", "order",
    "collapsed", "is_collapsed", "sync_id", "v2_id", "v2_project_id", "v2_section_id", "v2_parent_id",
    "in_history", "url",
    "comment_count", "note_count", "goal_ids", "completed_by_uid", *NOT_KEPT,
}  # fmt: skip


@dataclass(slots=True)
class _Around:
    """What is around the tasks, by id: names of projects and so on, and what is said of a task elsewhere."""

    names: dict[str, dict[str, str]]
    said: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def say(self, entry: Mapping[str, Any], name: str, text: object) -> None:
        """Keep what an entry says of the task that it is for."""
        self.said.setdefault(str(entry.get("item_id")), []).append((name, str(text or "")))


def read(found: Any, options: Options, findings: Findings, uids: Uids) -> Iterator[Found]:
    """Yield the tasks of an answer of the API. Raises BrokenFileError."""
    whole = found if isinstance(found, dict) else {"items": found}
    items = whole.get("items", whole.get("results"))
    if not isinstance(items, list):
        raise BrokenFileError("there is no list under 'items', as Todoist's API has it")
    if whole.get("next_cursor"):
        findings.remark("This is one page of several, as 'next_cursor' says. Import the others, too.")
    around = _around({**whole, "items": items}, findings)
    yield from drafted(items, lambda _, item: _draft(an_object(item), around, uids, options, findings), findings)


def _around(whole: Mapping[str, Any], findings: Findings) -> _Around:
    names = {kind: _by_id(whole, kind, "name") for kind in ("projects", "sections", "labels")}
    around = _Around({**names, "items": _by_id(whole, "items", "content")})
    for note in _entries(whole, "notes"):
        around.say(note, "Note", note.get("content"))
        if isinstance(file := note.get("file_attachment"), dict):
            around.say(note, "Attachment", " ".join(str(file.get(key) or "") for key in ("file_name", "file_url")))
    for reminder in _entries(whole, "reminders"):
        due = reminder.get("due")
        minutes = f"{reminder.get('minute_offset')} minutes before"
        around.say(reminder, "Reminder", due.get("date") if isinstance(due, dict) else minutes)
    if count := len(_entries(whole, "project_notes")):
        findings.left_out["notes of a project"] += count
    return around


def _entries(whole: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    found = whole.get(kind) or []
    if not isinstance(found, list):
        raise BrokenFileError(f"there is no list under {kind!r}, as Todoist's API has it")
    return [each for each in found if isinstance(each, dict) and not each.get("is_deleted")]


def _by_id(whole: Mapping[str, Any], kind: str, name: str) -> dict[str, str]:
    return {str(each.get("id")): str(each.get(name) or "") for each in _entries(whole, kind)}


def _draft(
    item: Mapping[str, Any], around: _Around, uids: Uids, options: Options, findings: Findings
) -> Draft | None:
    if item.get("is_deleted"):
        findings.left_out["tasks that are deleted there"] += 1
        return None
    names = around.names
    labels = [names["labels"].get(str(each), str(each)) for each in list_in(item, "labels")]
    draft = Draft(
        title=str(item.get("content") or ""),
        uid=uids.of_id(item["id"]) if item.get("id") else uids.of_content(item.get("content")),
        description=str(item.get("description") or ""),
        completed=bool(item.get("checked") or item.get("is_completed")),
        tags=[names["projects"].get(str(item.get("project_id")), ""), *labels, *options.tags],
    )
    draft.prioritise(item.get("priority"), PRIORITIES, none=("None", "1"))
    draft.due = _due(object_in(item, "due"), draft, options)
    draft.add("Section", names["sections"].get(str(item.get("section_id"))))
    draft.add("Parent", names["items"].get(str(item.get("parent_id")), item.get("parent_id")))
    draft.add("Deadline", object_in(item, "deadline").get("date"))
    if duration := object_in(item, "duration"):
        draft.add("Duration", f"{duration.get('amount')} {duration.get('unit')}")
    draft.add("Assigned to", str(item.get("responsible_uid") or item.get("assignee_id") or ""))
    for name, text in around.said.get(str(item.get("id")), ()):
        draft.add(name, text)
    for name, value in item.items():
        if name not in KNOWN:
            draft.add(name, value)
    findings.left_out.update({what for name, what in NOT_KEPT.items() if item.get(name)})
    return draft


def _due(due: Mapping[str, Any], draft: Draft, options: Options) -> dict[str, str]:
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


def _zone(due: Mapping[str, Any], options: Options) -> ZoneInfo | None:
    return times.zone_called(due.get("timezone")) or times.users_zone(options)
