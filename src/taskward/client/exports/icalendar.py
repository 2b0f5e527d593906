"""iCalendar (RFC 5545): each task as a VTODO, and at the end the time zones that they name."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Timezone, Todo
from icalendar.prop import vDDDTypes, vText

from taskward.client.exports import uid_of

PRIORITIES = {"high": 1, "medium": 5, "low": 9}
BEGIN = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Taskward//taskward export//EN\r\n"
END = "END:VCALENDAR\r\n"


class Escaped(vText):
    """A text that is escaped already: the library makes a line break of a typed `\\N`."""

    def to_ical(self) -> bytes:
        """Return it with the mark that the library takes off, so that it takes off none of the text's."""
        return self.encode("utf-8-sig")


def write_tasks(tasks: Iterable[Mapping[str, Any]], _: str, write: Callable[[str], object]) -> None:
    """Write tasks as they come."""
    zones: set[str] = set()
    write(BEGIN)
    for task in tasks:
        write(_todo(task).to_ical().decode())
        if task["due_zone"]:
            zones.add(task["due_zone"])
    for zone in sorted(zones - {"UTC"}):
        write(Timezone.from_tzid(zone).to_ical().decode())
    write(END)


def _todo(task: Mapping[str, Any]) -> Todo:
    todo = Todo()
    todo["UID"] = _text(uid_of(task))
    todo["SUMMARY"] = _text(task["title"])
    todo.add("STATUS", "COMPLETED" if task["completed"] else "NEEDS-ACTION")
    for name, value in (("DTSTAMP", "updated_at"), ("CREATED", "created_at"), ("LAST-MODIFIED", "updated_at")):
        todo.add(name, datetime.fromisoformat(task[value]))
    if task["completed_at"]:
        todo.add("COMPLETED", datetime.fromisoformat(task["completed_at"]))
    if task["description"]:
        todo["DESCRIPTION"] = _text(task["description"])
    if task["due_date"]:
        todo["DUE"] = _due(task)
    if task["priority"]:
        todo.add("PRIORITY", PRIORITIES[task["priority"]])
    if task["tags"]:
        todo["CATEGORIES"] = Escaped(",".join(map(_text, task["tags"])))
    return todo


def _text(value: str) -> Escaped:
    """Return a text, escaped (RFC 5545, 3.3.11)."""
    escaped = value.replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,")
    return Escaped(re.sub(r"\r\n|\r|\n", r"\\n", escaped))


def _due(task: Mapping[str, Any]) -> vDDDTypes:
    day = date.fromisoformat(task["due_date"])
    if not task["due_time"]:
        return vDDDTypes(day)
    moment = datetime.combine(day, time.fromisoformat(task["due_time"]))
    if not task["due_zone"]:
        return vDDDTypes(moment)
    return vDDDTypes(moment.replace(tzinfo=ZoneInfo(task["due_zone"])))
