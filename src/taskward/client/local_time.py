"""Times where the user is: the zone in `TZ`, or the system's. The service has no today."""

import os
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taskward.client.fields import Task

# A task in another zone may be late already on a day that begins here later: zones are up to 26 hours apart.
FARTHEST_ZONE = timedelta(days=2)
MINUTE = "%Y-%m-%d %H:%M"


def now() -> datetime:
    """Return this moment, with the user's offset from UTC."""
    return datetime.now().astimezone()


def zone_name() -> str | None:
    """Return the IANA name of the user's zone: that in `TZ`, or the system's. None where that says none."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named:
        named = os.path.realpath("/etc/localtime").rpartition("/zoneinfo/")[2]
    try:
        return ZoneInfo(named).key if named else None
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return None


def today() -> date:
    """Return the day that it is for the user."""
    return now().date()


def to_the_minute(instant: str) -> str:
    """Return a time of the API (RFC 3339) as the user's clock showed it."""
    return f"{datetime.fromisoformat(instant).astimezone():{MINUTE}}"


def due_here(task: Task) -> str:
    """Return when a task is due: its day, or day and time where the user is. Empty where it is never."""
    if task["due_date"] is None or task["due_time"] is None:
        return task["due_date"] or ""
    return f"{_clock_here(task):{MINUTE}}"


def due_in_words(task: Task) -> str:
    """Return when a task is due, with the weekday: as it was said, and what that is where the user is."""
    if task["due_date"] is None:
        return ""
    weekday = f"{date.fromisoformat(task['due_date']):%A}"
    said = " ".join(part for part in (task["due_date"], task["due_time"], task["due_zone"]) if part)
    here = due_here(task)
    return f"{weekday} {said}" + ("" if said.startswith(here) else f" (here {here})")


def is_overdue(task: Task, moment: datetime) -> bool:
    """Tell whether an open task should have been done before `moment`, which is the user's."""
    if task["completed"] or task["due_date"] is None:
        return False
    if task["due_time"] is None:
        return date.fromisoformat(task["due_date"]) < moment.date()
    return _clock_here(task) < moment.replace(tzinfo=None)


def _clock_here(task: Task) -> datetime:
    """Return what the user's clock shows when a task with a time is due; without a zone, that is what was said.

    A time that a day of another zone leaves out, as clocks go forward, is as much later as they go (PEP 495).
    Where the calendar ends here, or this machine does not know the zone, it is shown as it was said.
    """
    said = datetime.combine(date.fromisoformat(task["due_date"] or ""), time.fromisoformat(task["due_time"] or ""))
    if task["due_zone"] is None:
        return said
    try:
        return said.replace(tzinfo=ZoneInfo(task["due_zone"])).astimezone().replace(tzinfo=None)
    except (ZoneInfoNotFoundError, OSError, OverflowError, ValueError):
        return said
