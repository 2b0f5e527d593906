"""Microsoft To Do, as Microsoft Graph has it: tasks of a list, or lists with their tasks."""

from collections.abc import Iterator, Mapping
from typing import Any

from taskward.client.imports import times
from taskward.client.imports.elements import document
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Draft, Findings, Found, Options, Uids, drafted

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
    pages = found if isinstance(found, list) and any("value" in each for each in found) else [found]
    for page in pages:
        each = page
        if isinstance(page, dict):
            if "@odata.nextLink" in page:
                findings.remark("This is one page of several, as '@odata.nextLink' says. Import the others, too.")
            each = page.get("value") or page.get("lists") or page.get("tasks")
        if not isinstance(each, list):
            raise BrokenFileError("there is no list under 'value', as Microsoft Graph has it")
        for entry in each:
            if not isinstance(entry, dict):
                raise BrokenFileError("there is something under 'value' that is no task")
            yield from _of_entry(entry)


def _of_entry(entry: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """Yield the tasks of a list, or the task that the entry is."""
    if "displayName" in entry:
        for task in entry.get("tasks") or ():
            yield task, str(entry["displayName"])
    else:
        yield entry, ""


def _draft(row: int, entry: tuple[Any, str], uids: Uids, options: Options, findings: Findings) -> Draft:
    task, name = entry
    body = task.get("body") or {}
    draft = Draft(
        title=str(task.get("title") or ""),
        uid=uids.of_id(task["id"]) if task.get("id") else uids.of_content(name, task.get("title")),
        description=str(body.get("content") or ""),
        completed=task.get("status") == "completed",
        priority=PRIORITIES.get(str(task.get("importance"))),
        tags=[name, *map(str, task.get("categories") or ()), *options.tags],
    )
    draft.due = _due(row, task.get("dueDateTime"), draft, options, findings)
    draft.add("Status", STATES.get(str(task.get("status"))))
    draft.add("Start", (task.get("startDateTime") or {}).get("dateTime"))
    if task.get("isReminderOn"):
        reminder = task.get("reminderDateTime") or {}
        draft.add("Reminder", " ".join(str(reminder.get(key, "")) for key in ("dateTime", "timeZone")))
    draft.add("Repeat", task.get("recurrence"))
    for item in task.get("checklistItems") or ():
        draft.add("Step", f"[{'x' if item.get('isChecked') else ' '}] {item.get('displayName', '')}")
    for link in task.get("linkedResources") or ():
        draft.add("Link", " ".join(str(link[key]) for key in ("displayName", "webUrl") if link.get(key)))
    for key, value in task.items():
        if key not in KNOWN and not key.startswith("@odata") and "@odata" not in key:
            draft.add(key, value)
    findings.left_out.update(what for key, what in NOT_KEPT.items() if task.get(key))
    return draft


def _due(row: int, due: Any, draft: Draft, options: Options, findings: Findings) -> dict[str, str]:
    """Return a day: what stands there is midnight in the zone of the mailbox, mostly told in UTC."""
    if not isinstance(due, dict):
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
            f"Row {row} is due when it is no midnight in your zone: {day} was taken. If that is wrong,"
            " say the zone of the mailbox with --zone."
        )
    return times.on(day)
