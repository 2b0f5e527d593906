"""taskwarrior: what `task export` prints, an array or a task on each line."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from taskward.client.imports import times
from taskward.client.imports.drafts import Draft, Uids, drafted
from taskward.client.imports.elements import JsonText, MalformedError, Members, array
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.parts import OddPartError, an_object, list_in, objects_in

PRIORITIES = {"H": "high", "M": "medium", "L": "low"}
LEFT_OUT = {
    "deleted": "tasks that are deleted there",
    "recurring": "templates of repeating tasks, whose next task is taken",
}
STATES = (None, "pending", "waiting", "completed")
NAMES = {
    "wait": "Wait until", "scheduled": "Scheduled", "start": "Started", "until": "Until", "recur": "Repeat",
}  # fmt: skip
NOT_KEPT = {"entry": "times of creation", "modified": "times of the last change", "end": "times of completion"}
KNOWN = {
    "id", "uuid", "description", "status", "due", "priority", "project", "tags", "annotations", "depends",
    "urgency", "mask", "imask", "parent", "rtype", *NAMES, *NOT_KEPT,
}  # fmt: skip
MOMENT = re.compile(r"([0-9]{8}T[0-9]{6})Z\Z", re.ASCII)


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks, one by one. Raises BrokenFileError."""
    uids = Uids("taskwarrior")
    yield from drafted(
        _tasks(JsonText(source.text())), lambda _, each: _draft(each, uids, options, findings), findings
    )


def _tasks(text: JsonText) -> Iterator[Any]:
    row = 1
    try:
        for row, task in enumerate(array(text) if text.next() == "[" else _in_lines(text), 1):
            yield task
            row += 1  # of the next one, of which the error is
        if text.next():
            raise MalformedError("there is something after the end")
    except (MalformedError, BrokenFileError) as error:
        raise BrokenFileError(f"row {row}: {error}") from None


def _in_lines(text: JsonText) -> Iterator[Any]:
    while text.next():
        yield text.value()
        if text.next() == ",":  # as older versions ended a line
            text.take(",")


def _task(entry: Any) -> Mapping[str, Any]:
    task = an_object(entry)
    if isinstance(task, Members) and task.repeated:
        raise OddPartError(f"it has the name {', '.join(map(repr, task.repeated))} more than once")
    if "description" not in task:
        raise OddPartError("it has no 'description', as tasks of taskwarrior have")
    return task


def _draft(entry: Any, uids: Uids, options: Options, findings: Findings) -> Draft | None:
    task = _task(entry)
    if reason := LEFT_OUT.get(str(task.get("status"))):
        findings.left_out[reason] += 1
        return None
    draft = Draft(
        title=str(task.get("description") or ""),
        uid=uids.of_id(task["uuid"]) if task.get("uuid") else uids.of_content(task.get("description")),
        completed=task.get("status") == "completed",
        tags=[str(task.get("project") or ""), *map(str, list_in(task, "tags")), *options.tags],
    )
    notes = [str(each.get("description", "")) for each in objects_in(task, "annotations")]
    draft.description = "\n".join(notes)
    zone = times.users_zone(options)
    if moment := _moment(task.get("due")):
        draft.due = times.at_or_on(moment, zone)
    else:
        draft.add("Due", task.get("due"))
    draft.prioritise(task.get("priority"), PRIORITIES)
    for name, ours in NAMES.items():
        there = _moment(task.get(name))
        draft.add(ours, times.in_words(there, zone) if there else task.get(name))
    depends = task.get("depends") or []
    draft.add("Depends on", depends if isinstance(depends, str) else ", ".join(map(str, depends)))
    if task.get("status") not in STATES:
        draft.add("Status", task.get("status"))
    for name, value in task.items():
        if name not in KNOWN:
            draft.add(name, value)
    findings.left_out.update(what for name, what in NOT_KEPT.items() if task.get(name))
    return draft


def _moment(text: object) -> datetime | None:
    """Return a time as taskwarrior writes it, always in UTC."""
    found = MOMENT.match(text) if isinstance(text, str) else None
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None
