"""Vikunja: the archive of its export, whose `data.json` has the projects with their tasks."""

from collections.abc import Iterator, Mapping
from typing import Any

from taskward.client.imports import times
from taskward.client.imports.archives import only
from taskward.client.imports.drafts import Draft, Uids, drafted
from taskward.client.imports.elements import document
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.parts import an_object, list_in, object_in, objects_in

# Low, medium, high, urgent, do now.
PRIORITIES = {"1": "low", "2": "medium", "3": "high", "4": "high", "5": "high"}
NEVER = "0001-01-01T00:00:00Z"
NOT_KEPT = {
    "created": "times of creation",
    "updated": "times of the last change",
    "done_at": "times of completion",
}
NAMES = {"start_date": "Start", "end_date": "End", "percent_done": "Done so far", "repeats": "Repeat"}
# What is of no use elsewhere: places on boards, colours, and what is told in another way.
KNOWN = {
    "id", "title", "description", "done", "due_date", "priority", "labels", "comments", "attachments", "assignees",
    "related_tasks", "reminders", "reminder_dates", "repeat_after", "repeat_mode", "project_id", "list_id",
    "hex_color", "identifier", "index", "cover_image_attachment_id", "is_favorite", "bucket_id", "buckets",
    "position", "kanban_position", "created_by", "subscription", "reactions", "is_unread", "positions",
    *NAMES, *NOT_KEPT,
}  # fmt: skip


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks of all projects. Raises BrokenFileError."""
    if source.is_zip:
        source = only(source, "data.json")
    uids = Uids("vikunja")
    yield from drafted(
        _tasks(document(source.document())),
        lambda _, each: _draft(each, uids, options, findings),
        findings,
    )


def _tasks(found: Any) -> Iterator[tuple[Any, str]]:
    if not isinstance(found, list):
        raise BrokenFileError("there is no list of projects, as Vikunja has it")
    for each in found:
        if not isinstance(each, dict):
            raise BrokenFileError("there is something in the list of projects that is none")
        tasks = each.get("tasks") or []
        if not isinstance(tasks, list):
            raise BrokenFileError(f"the tasks of the project {each.get('title')!r} are no list")
        for task in tasks:
            yield task, str(each.get("title") or "")
        for inner in ("child_projects", "lists"):  # before projects were in each other, lists were in namespaces
            yield from _tasks(each.get(inner) or [])


def _draft(entry: tuple[Any, str], uids: Uids, options: Options, findings: Findings) -> Draft:
    task, name = an_object(entry[0]), entry[1]
    draft = Draft(
        title=str(task.get("title") or ""),
        uid=uids.of_id(task["id"]) if task.get("id") else uids.of_content(name, task.get("title")),
        description=str(task.get("description") or ""),
        completed=task.get("done") is True,
        tags=[name, *(str(label.get("title") or "") for label in objects_in(task, "labels")), *options.tags],
    )
    zone = times.users_zone(options)
    draft.prioritise(task.get("priority"), PRIORITIES, none=("None", "0"))
    moment = _moment(task.get("due_date"))
    if moment is not None:
        draft.due = times.at_or_on(moment, zone)
    elif task.get("due_date") != NEVER:
        draft.add("Due", task.get("due_date"))
    for key, ours in NAMES.items():
        if task.get(key) != NEVER:
            draft.add(ours, task.get(key))
    if task.get("repeat_after"):
        draft.add("Repeat", f"every {task['repeat_after']} seconds")
    _add_rest(task, draft)
    _add_people_and_files(task, draft)
    findings.left_out.update("attachments, but for their names" for _ in list_in(task, "attachments"))
    findings.left_out.update(what for key, what in NOT_KEPT.items() if task.get(key) not in (None, NEVER))
    return draft


def _add_rest(task: Mapping[str, Any], draft: Draft) -> None:
    """Keep what has no field, each thing in a line of its own."""
    for each in list_in(task, "reminders") or list_in(task, "reminder_dates"):
        draft.add("Reminder", each.get("reminder") if isinstance(each, dict) else each)
    for key, value in task.items():
        if key not in KNOWN:
            draft.add(key, value)


def _add_people_and_files(task: Mapping[str, Any], draft: Draft) -> None:
    for each in objects_in(task, "assignees"):
        draft.add("Assigned to", each.get("name") or each.get("username"))
    related = object_in(task, "related_tasks")
    for kind in related:
        for other in objects_in(related, kind):
            draft.add(kind.capitalize(), other.get("title") or other.get("id"))
    for each in objects_in(task, "comments"):
        draft.add("Comment", each.get("comment"))
    for each in objects_in(task, "attachments"):
        draft.add("Attachment", object_in(each, "file").get("name"))


def _moment(text: object) -> Any:
    return None if text in (None, NEVER) else times.read_moment(text)
