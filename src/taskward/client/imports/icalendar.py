"""iCalendar (RFC 5545): each VTODO, one by one. Events and whatever else a calendar has are left out."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from icalendar import Component, Todo

from taskward.client.imports import times
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Draft, Findings, Found, Options, Uids, own_of

LONGEST_COMPONENT = 20_000  # lines
LONGEST_LINE = 1024 * 1024
OF_THE_CALENDAR = ("PRODID", "X-WR-CALNAME", "NAME")
NOT_READ = {"VEVENT": "events of the calendar", "VJOURNAL": "journal entries", "VALARM": "reminders"}
STATES = {"IN-PROCESS": "in process", "CANCELLED": "cancelled"}
NAMES = {
    "DTSTART": "Start", "LOCATION": "Location", "URL": "Link", "RRULE": "Repeat", "RDATE": "Repeat",
    "GEO": "Place", "DURATION": "Duration", "RELATED-TO": "Related to", "COMMENT": "Comment", "CONTACT": "Contact",
    "ORGANIZER": "Organizer", "ATTENDEE": "Attendee", "ATTACH": "Attachment", "RESOURCES": "Resources",
    "PERCENT-COMPLETE": "Percent done", "CONFERENCE": "Conference", "EXDATE": "But not",
}  # fmt: skip
NOT_KEPT = {
    "CREATED": "times of creation", "LAST-MODIFIED": "times of the last change",
    "COMPLETED": "times of completion",
}  # fmt: skip
KNOWN = {
    "SUMMARY", "DESCRIPTION", "UID", "DUE", "STATUS", "PRIORITY", "CATEGORIES", "DTSTAMP", "SEQUENCE", "CLASS",
    *NOT_KEPT,
}  # fmt: skip


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks. Raises BrokenFileError where the calendar has no end."""
    calendar: dict[str, str] = {}
    uids = Uids("icalendar")
    for row, lines in enumerate(_components(source, calendar, findings), 1):
        try:
            todo = Todo.from_ical("\r\n".join(lines) + "\r\n")
            draft = _draft(todo, calendar, uids, options, findings)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError):
            findings.refuse(row, f"this VTODO cannot be read: {_summary(lines)}")
            continue
        if found := draft.found(row, findings):
            yield Found(row, *own_of(found.task))


def _components(source: Source, calendar: dict[str, str], findings: Findings) -> Iterator[list[str]]:
    """Yield the lines of each VTODO; put what is said of the calendar into `calendar`."""
    around: list[str] = []
    todo: list[str] = []
    for line in source.text():
        text = line.rstrip("\r\n")
        name, _, value = text.partition(":")
        if (name := name.upper()) == "BEGIN":
            around.append(value.strip().upper())
            _note(around, findings)
        if "VTODO" in around:
            _keep(text, todo)
        elif around == ["VCALENDAR"] and name in OF_THE_CALENDAR:
            calendar[name] = value
        if name == "END" and around and around.pop() == "VTODO":
            yield _without_alarms(todo)
            todo = []
    if around:
        raise BrokenFileError(
            f"the file ends too early: there is no END:{around[-1]}. Was it copied or downloaded whole?"
        )


def _note(around: list[str], findings: Findings) -> None:
    """Count what has no place here."""
    if what := NOT_READ.get(around[-1]):
        findings.left_out[what] += 1


def _keep(text: str, todo: list[str]) -> None:
    todo.append(text)
    if len(todo) > LONGEST_COMPONENT or len(text) > LONGEST_LINE:
        raise BrokenFileError(f"a VTODO is larger than any task: {_summary(todo)}")


def _without_alarms(lines: list[str]) -> list[str]:
    kept, inside = [], False
    for line in lines:
        inside = inside or line.upper() == "BEGIN:VALARM"
        if not inside:
            kept.append(line)
        inside = inside and line.upper() != "END:VALARM"
    return kept


def _summary(lines: list[str]) -> str:
    return next((line for line in lines if line.upper().startswith("SUMMARY")), "it has no SUMMARY")[:200]


def _draft(todo: Component, calendar: dict[str, str], uids: Uids, options: Options, findings: Findings) -> Draft:
    summary, uid, status = str(todo.get("SUMMARY", "")), str(todo.get("UID", "")), str(todo.get("STATUS", ""))
    is_ours = "//Taskward//" in calendar.get("PRODID", "")
    draft = Draft(
        title=summary,
        uid=uid if is_ours and uid else uids.of_id(uid) if uid else uids.of_content(summary),
        description=str(todo.get("DESCRIPTION", "")),
        completed=status.upper() == "COMPLETED" or "COMPLETED" in todo,
        priority=_priority(int(todo.get("PRIORITY", 0))),
        tags=[calendar.get("X-WR-CALNAME", calendar.get("NAME", "")), *_categories(todo), *options.tags],
    )
    if "DUE" in todo:
        draft.due = _due(todo["DUE"], draft)
    draft.add("Status", STATES.get(status.upper()))
    for name, value in todo.items():
        for each in value if isinstance(value, list) else [value]:
            if name not in KNOWN and not _is_of_a_program(name):
                draft.add(NAMES.get(name, name), _in_words(each))
    findings.left_out.update(what for name, what in NOT_KEPT.items() if name in todo and not is_ours)
    findings.left_out.update(f"{name}, of the program that wrote it" for name in todo if _is_of_a_program(name))
    return draft


def _is_of_a_program(name: str) -> bool:
    return name.upper().startswith("X-")


def _priority(number: int) -> str | None:
    """Return a word for a number from 1, the highest, to 9 (RFC 5545, 3.8.1.9)."""
    if not 1 <= number <= 9:
        return None
    return "high" if number < 5 else "medium" if number == 5 else "low"


def _categories(todo: Component) -> list[str]:
    found = todo.get("CATEGORIES", [])
    return [str(tag) for each in (found if isinstance(found, list) else [found]) for tag in each.cats]


def _due(value: Any, draft: Draft) -> dict[str, str]:
    due = value.dt
    if isinstance(due, date) and not isinstance(due, datetime):
        return times.on(due)
    name = str(value.params.get("TZID", ""))
    zone = times.zone_called(name) or times.zone_called("/".join(name.split("/")[-2:]))
    if name and zone is None:
        draft.add("Due", f"{due:%Y-%m-%d %H:%M} {name}")
        return times.on(due.date())
    if zone is not None:
        due = due.replace(tzinfo=None).replace(tzinfo=zone)
    return times.at(due, zone)


def _in_words(value: Any) -> str:
    if hasattr(value, "dt"):
        return str(value.dt)
    if hasattr(value, "to_ical") and not isinstance(value, str):
        found = value.to_ical()
        return found.decode() if isinstance(found, bytes) else str(found)
    return str(value)
