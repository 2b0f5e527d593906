"""Microsoft To Do, as Microsoft Graph has it: tasks of a list, or lists with their tasks."""

from collections.abc import Iterator, Mapping
from typing import Any

from taskward.client.imports import times
from taskward.client.imports.drafts import Draft, Uids, drafted
from taskward.client.imports.elements import document
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.parts import an_object, list_in, object_in, objects_in

PRIORITIES = {"high": "high", "low": "low"}  # normal is what all have of whom nothing was said
STATES = {"inProgress": "in progress", "waitingOnOthers": "waiting on others", "deferred": "deferred"}
NOT_KEPT = {
    "createdDateTime": "times of creation",
    "lastModifiedDateTime": "times of the last change",
    "completedDateTime": "times of completion",
    "hasAttachments": "attachments",
}
KNOWN = {
    "id", "title", "status", "importance", "isReminderOn", "dueDateTime", "body", "categories", "checklistItems",
    "linkedResources", "recurrence", "reminderDateTime", "startDateTime", "bodyLastModifiedDateTime", "parentList",
    *NOT_KEPT,
}  # fmt: skip


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks of all lists. Raises BrokenFileError."""
    uids = Uids("microsoft")
    yield from drafted(
        _tasks(document(source.document()), findings),
        lambda row, each: _draft(row, each, uids, options, findings),
        findings,
    )


def _tasks(found: Any, findings: Findings) -> Iterator[tuple[Any, str]]:
    """Yield each task with the name of its list. Raises BrokenFileError."""
    pages = found if isinstance(found, list) and any(map(_is_page, found)) else [found]
    for page in pages:
        entries = page
        if isinstance(page, dict):
            if "@odata.nextLink" in page:
                findings.remark("This is one page of several, as '@odata.nextLink' says. Import the others, too.")
            entries = next((page[name] for name in ("value", "lists", "tasks") if name in page), None)
        if not isinstance(entries, list):
            raise BrokenFileError("there is no list under 'value', as Microsoft Graph has it")
        for entry in entries:
            yield from _of_entry(entry, findings)


def _is_page(found: Any) -> bool:
    return isinstance(found, dict) and "value" in found


def _of_entry(entry: Any, findings: Findings) -> Iterator[tuple[Any, str]]:
    """Yield the tasks of a list, or the task that the entry is. Raises BrokenFileError."""
    if not isinstance(entry, dict) or "displayName" not in entry:
        yield entry, ""
        return
    name = str(entry["displayName"])
    if not isinstance(entry.get("tasks"), list):
        raise BrokenFileError(f"the list {name!r} is there without its tasks. Ask Graph for $expand=tasks.")
    if "tasks@odata.nextLink" in entry:
        findings.remark(f"The list {name!r} has more tasks than are in the file. Import the others, too.")
    for task in entry["tasks"]:
        yield task, name


def _draft(row: int, entry: tuple[Any, str], uids: Uids, options: Options, findings: Findings) -> Draft:
    task, name = an_object(entry[0]), entry[1]
    body = object_in(task, "body")
    draft = Draft(
        title=str(task.get("title") or ""),
        uid=uids.of_id(task["id"]) if task.get("id") else uids.of_content(name, task.get("title")),
        description=str(body.get("content") or ""),
        completed=task.get("status") == "completed",
        tags=[name, *map(str, list_in(task, "categories")), *options.tags],
    )
    draft.prioritise(task.get("importance"), PRIORITIES, none=("None", "normal"))
    draft.due = _due(row, object_in(task, "dueDateTime"), draft, options, findings)
    if task.get("status") not in (None, "notStarted", "completed"):
        draft.add("Status", STATES.get(str(task["status"]), task["status"]))
    draft.add("Start", object_in(task, "startDateTime").get("dateTime"))
    if task.get("isReminderOn"):
        reminder = object_in(task, "reminderDateTime")
        draft.add("Reminder", " ".join(str(reminder.get(key, "")) for key in ("dateTime", "timeZone")))
    draft.add("Repeat", task.get("recurrence"))
    for item in objects_in(task, "checklistItems"):
        draft.add("Step", f"[{'x' if item.get('isChecked') else ' '}] {item.get('displayName', '')}")
    for link in objects_in(task, "linkedResources"):
        draft.add("Link", " ".join(str(link[key]) for key in ("displayName", "webUrl") if link.get(key)))
    for key, value in task.items():
        if key not in KNOWN and not key.startswith("@odata") and "@odata" not in key:
            draft.add(key, value)
    findings.left_out.update(what for key, what in NOT_KEPT.items() if task.get(key))
    return draft


def _due(row: int, due: Mapping[str, Any], draft: Draft, options: Options, findings: Findings) -> dict[str, str]:
    """Return a day: what stands there is midnight in the zone of the mailbox, mostly told in UTC."""
    if not due:
        return {}
    moment, zone = times.read_moment(due.get("dateTime")), times.zone_called(due.get("timeZone"))
    if moment is None or zone is None:
        draft.add("Due", f"{due.get('dateTime')} {due.get('timeZone')}")
        return {}
    day, is_sure = times.day_of_midnight(
        moment if moment.tzinfo else moment.replace(tzinfo=zone),
        times.users_zone(options) if zone.key in ("UTC", "Etc/UTC", "GMT", "Etc/GMT") else zone,
    )
    if not is_sure:
        findings.remark(
            "due when it is no midnight in your zone: the nearest day was taken. If that is wrong, say the zone of"
            " the mailbox with --zone.",
            row,
        )
    return times.on(day)
