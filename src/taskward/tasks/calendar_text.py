"""A calendar as text (RFC 5545): each task as an event, or as a to-do.

Imported by the first response that needs it, as the library takes 4 MB of a worker. Of it come the content lines,
folded. Its components take half a millisecond for each task, and its escapes make a line break of a `\\N` that
somebody has typed.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.parser import Contentline

from taskward.tasks.calendar_service import ShownAs
from taskward.tasks.fields import TaskRead

COMPONENTS: dict[ShownAs, str] = {"event": "VEVENT", "todo": "VTODO"}
PRIORITIES = {"high": 1, "medium": 5, "low": 9}  # RFC 5545, 3.8.1.9
MAX_OCTETS = 75  # of a line (RFC 5545, 3.1)
MAX_SEQUENCE = 2**31 - 1

# Of control characters, those that end a line for one parser or another are line breaks, and all others are no
# part of a text (RFC 5545, 3.1 "CONTROL").
LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\t"]
ESCAPES = str.maketrans(
    dict.fromkeys(CONTROLS, "")
    | dict.fromkeys(LINE_BREAKS, r"\n")
    | {character: f"\\{character}" for character in "\\;,"}
)

# A calendar has at least one component (RFC 5545, 3.6), also where there is no task: this one.
UTC_ZONE = """\
BEGIN:VTIMEZONE
TZID:UTC
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0000
TZOFFSETTO:+0000
TZNAME:UTC
END:STANDARD
END:VTIMEZONE
"""
BEGIN = f"""\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Taskward//calendar//EN
CALSCALE:GREGORIAN
NAME:Tasks
X-WR-CALNAME:Tasks
REFRESH-INTERVAL;VALUE=DURATION:PT1H
X-PUBLISHED-TTL:PT1H
{UTC_ZONE}""".replace("\n", "\r\n").encode()
END = b"END:VCALENDAR\r\n"


def written(tasks: Iterable[TaskRead], shown_as: ShownAs) -> bytes:
    """Return the components of some tasks, all of which have a day."""
    lines = (line for task in tasks for line in _lines(task, shown_as))
    return b"".join(_folded(line) + b"\r\n" for line in lines)


def _folded(line: str) -> bytes:
    """Return the octets of a line: most are short enough, and the library looks at each character."""
    octets = line.encode()
    if len(octets) < MAX_OCTETS:
        return octets
    folded: bytes = Contentline(line).to_ical()  # type: ignore[no-untyped-call]
    return folded


def _lines(task: TaskRead, shown_as: ShownAs) -> Iterator[str]:
    yield f"BEGIN:{COMPONENTS[shown_as]}"
    yield f"UID:{_uid(task)}"
    yield f"DTSTAMP:{_instant(task['updated_at'])}"
    yield f"CREATED:{_instant(task['created_at'])}"
    yield f"LAST-MODIFIED:{_instant(task['updated_at'])}"
    yield f"SEQUENCE:{min(task['revision'], MAX_SEQUENCE)}"
    yield f"SUMMARY:{_text(task['title'])}"
    yield from _lines_of_event(task) if shown_as == "event" else _lines_of_todo(task)
    if task["description"]:
        yield f"DESCRIPTION:{_text(task['description'])}"
    if task["priority"]:
        yield f"PRIORITY:{PRIORITIES[task['priority']]}"
    if task["tags"]:
        yield f"CATEGORIES:{','.join(map(_text, task['tags']))}"
    if task["due_time"]:
        yield from _lines_of_alarm(task, shown_as)
    yield f"END:{COMPONENTS[shown_as]}"


def _lines_of_event(task: TaskRead) -> Iterator[str]:
    """Yield when it is: without an end, that is all of a day, or a moment (RFC 5545, 3.6.1)."""
    yield f"DTSTART{_when(task)}"
    yield "TRANSP:TRANSPARENT"  # nobody is busy with it at that time


def _lines_of_todo(task: TaskRead) -> Iterator[str]:
    yield f"DUE{_when(task)}"
    yield "STATUS:NEEDS-ACTION"


def _lines_of_alarm(task: TaskRead, shown_as: ShownAs) -> Iterator[str]:
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"DESCRIPTION:{_text(task['title'])}"
    yield "TRIGGER:PT0S" if shown_as == "event" else "TRIGGER;RELATED=END:PT0S"
    yield "END:VALARM"


def _uid(task: TaskRead) -> str:
    """Return a name that no task of another service has: its number and the microsecond it was made.

    Not its `uid`, which people choose: another user, or another service, may have the same.
    """
    return f"taskward-{task['id']}-{task['created_at'].isoformat()}Z"


def _when(task: TaskRead) -> str:
    """Return parameters and value of the property that tells when: a day, a time anywhere, or an instant.

    An instant is told in UTC (decision 30). A time that daylight saving leaves out is as if it had not begun, and
    of one that comes twice it is the first (RFC 5545, 3.3.5; PEP 495, `fold=0`).
    """
    day = task["due_date"]
    assert day is not None
    if task["due_time"] is None:
        return f";VALUE=DATE:{day:%Y%m%d}"
    moment = datetime.combine(day, time.fromisoformat(task["due_time"]))
    if task["due_zone"]:
        try:
            return f":{_instant(moment.replace(tzinfo=ZoneInfo(task['due_zone'])).astimezone(UTC))}"
        except (ZoneInfoNotFoundError, OverflowError):
            pass  # a zone that only another machine knows, or the first hours of the year 10000: the time as it is
    return f":{moment:%Y%m%dT%H%M%S}"


def _instant(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}Z"


def _text(value: str) -> str:
    return value.replace("\r\n", "\n").translate(ESCAPES)
