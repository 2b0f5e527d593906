"""iCalendar (RFC 5545): each VTODO, one by one. Events and whatever else a calendar has are left out."""

import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Component, Todo

from taskward.client.imports import times
from taskward.client.imports.drafts import Draft, Uids, own_of
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options

LONGEST_COMPONENT = 20_000  # lines
STAND_INS = range(0xE000, 0x110000)  # first those for private use (Unicode, 23.5)
NO_CALENDAR = "there is no BEGIN:VCALENDAR, as iCalendar has it"
WHOLE = "Was it copied or downloaded whole?"
OF_THE_CALENDAR = ("PRODID", "X-WR-CALNAME", "NAME")
NOT_READ = {"VEVENT": "events of the calendar", "VJOURNAL": "journal entries", "VALARM": "reminders"}
# From 1, the highest, to 9 (RFC 5545, 3.8.1.9).
PRIORITIES = dict.fromkeys("1234", "high") | {"5": "medium"} | dict.fromkeys("6789", "low")
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
            todo, stand_in = _parsed(lines)
            draft = _draft(todo, calendar, uids, options, findings)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError):
            findings.refuse(row, f"this VTODO cannot be read: {_summary(lines)}")
            continue
        if found := draft.found(row, findings):
            task = {name: _with_backslashes(value, stand_in) for name, value in found.task.items()}
            yield Found(row, *own_of(task))


def _parsed(lines: list[str]) -> tuple[Component, str]:
    """Return a VTODO, and the character that stands in it for an escaped backslash.

    The library would take what follows a backslash for an escape again. The character is one that the component
    does not have, so that none is mistaken for it.
    """
    unfolded = re.sub(r"\r\n[ \t]", "", "\r\n".join(lines) + "\r\n")
    stand_in = next(character for character in map(chr, STAND_INS) if character not in unfolded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zones that it had to guess: what comes of them is looked at below
        return Todo.from_ical(unfolded.replace("\\\\", stand_in)), stand_in


def _with_backslashes(value: Any, stand_in: str) -> Any:
    if isinstance(value, str):
        return value.replace(stand_in, "\\")
    return [_with_backslashes(each, stand_in) for each in value] if isinstance(value, list) else value


def _components(source: Source, calendar: dict[str, str], findings: Findings) -> Iterator[list[str]]:
    """Yield the lines of each VTODO; put what is said of the calendar into `calendar`."""
    todo: list[str] = []
    for around, line in _placed(source):
        if line.upper().startswith("BEGIN:"):
            _note(around, findings)
        if "VTODO" in around:
            _keep(line, todo)
        elif around == ["VCALENDAR"]:
            _keep_of_calendar(line, calendar)
        if around[-1] == "VTODO" and line.upper().startswith("END:"):
            yield _without_alarms(todo)
            todo = []


def _placed(source: Source) -> Iterator[tuple[list[str], str]]:
    """Yield each line with the components that it is in. Raises BrokenFileError where they do not end."""
    around: list[str] = []
    is_begun = False
    for line in (line.rstrip("\r\n") for line in source.lines()):
        if not line.strip():
            continue
        name, _, value = line.upper().rstrip().partition(":")
        if name == "BEGIN":
            around.append(value)
        if around[:1] != ["VCALENDAR"]:
            raise BrokenFileError("there is something after the end" if is_begun else NO_CALENDAR)
        is_begun = True
        yield around, line
        if name == "END" and (begun := around.pop()) != value:
            raise BrokenFileError(f"there is END:{value} where END:{begun} has to be. {WHOLE}")
    if around or not is_begun:
        early = f"the file ends too early: there is no END:{around[-1]}. {WHOLE}" if around else NO_CALENDAR
        raise BrokenFileError(early)


def _keep_of_calendar(line: str, calendar: dict[str, str]) -> None:
    """Keep what is said of the calendar: its name, and the program that wrote it."""
    name = line.partition(":")[0].partition(";")[0].upper()
    if name in OF_THE_CALENDAR:
        value = line.partition(":")[2]
        todo, stand_in = _parsed(["BEGIN:VTODO", f"SUMMARY:{value}", "END:VTODO"])
        calendar[name] = _with_backslashes(str(todo["SUMMARY"]), stand_in)


def _note(around: list[str], findings: Findings) -> None:
    """Count what has no place here."""
    if what := NOT_READ.get(around[-1]):
        findings.left_out[what] += 1


def _keep(text: str, todo: list[str]) -> None:
    todo.append(text)
    if len(todo) > LONGEST_COMPONENT:
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
    if "RECURRENCE-ID" in todo:  # one of a repeating task, which shares its UID (RFC 5545, 3.8.4.4)
        uid = f"{uid}/{_in_words(todo['RECURRENCE-ID'])}"
    is_ours = "//Taskward//" in calendar.get("PRODID", "")
    draft = Draft(
        title=summary,
        uid=uid if is_ours and uid else uids.of_id(uid) if uid else uids.of_content(summary),
        description=str(todo.get("DESCRIPTION", "")),
        completed=status.upper() == "COMPLETED" or "COMPLETED" in todo,
        tags=[calendar.get("X-WR-CALNAME", calendar.get("NAME", "")), *_categories(todo), *options.tags],
    )
    draft.prioritise(str(todo.get("PRIORITY", "")), PRIORITIES, none=("", "0"))
    if "DUE" in todo:
        draft.due = _due(todo["DUE"], draft)
    if status.upper() not in ("", "NEEDS-ACTION", "COMPLETED"):
        draft.add("Status", STATES.get(status.upper(), status))
    for name, value in todo.items():
        for each in value if isinstance(value, list) else [value]:
            if name not in KNOWN and not _is_of_a_program(name):
                draft.add(NAMES.get(name, name), _in_words(each))
    findings.left_out.update(what for name, what in NOT_KEPT.items() if name in todo and not is_ours)
    findings.left_out.update(f"{name}, of the program that wrote it" for name in todo if _is_of_a_program(name))
    return draft


def _is_of_a_program(name: str) -> bool:
    return name.upper().startswith("X-")


def _categories(todo: Component) -> list[str]:
    found = todo.get("CATEGORIES", [])
    return [str(tag) for each in (found if isinstance(found, list) else [found]) for tag in each.cats]


def _due(value: Any, draft: Draft) -> dict[str, str]:
    due = value.dt
    if isinstance(due, date) and not isinstance(due, datetime):
        return times.on(due)
    name = str(value.params.get("TZID", ""))
    zone = _zone(name)
    if name and zone is None:
        draft.add("Due", f"{due:%Y-%m-%d %H:%M} {name}")
        return times.on(due.date())
    if zone is not None:
        due = due.replace(tzinfo=None).replace(tzinfo=zone)
    return times.at(due, zone)


def _zone(name: str) -> ZoneInfo | None:
    """Return a zone by its name, before which some programs put their own (RFC 5545, 3.8.3.1)."""
    parts = name.split("/")
    return next(filter(None, (times.zone_called("/".join(parts[n:])) for n in range(len(parts)))), None)


def _in_words(value: Any) -> str:
    if hasattr(value, "dt"):
        return str(value.dt)
    if hasattr(value, "to_ical") and not isinstance(value, str):
        found = value.to_ical()
        return found.decode() if isinstance(found, bytes) else str(found)
    return str(value)
