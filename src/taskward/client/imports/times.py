"""Moments of other products as days and times of ours. A day is a day, never an instant."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taskward.client.imports.found import Options
from taskward.client.local_time import zone_name

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
LAST_SECONDS = time(23, 59)  # what some write for the end of a day


def read_moment(text: object) -> datetime | None:
    """Return a time written as ISO 8601 has it, with or without a zone; None for what is none."""
    if not isinstance(text, str) or len(text) < len("20261127"):
        return None
    # Seconds with seven digits, as Microsoft writes them, are more than Python keeps.
    clean = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text.strip())
    try:
        return datetime.fromisoformat(clean)
    except ValueError:
        return None


def read_day(text: object) -> date | None:
    """Return a day written as YYYY-MM-DD; None for what is none."""
    if not isinstance(text, str) or not DAY.match(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def zone_called(name: object) -> ZoneInfo | None:
    """Return a time zone by its IANA name, or by the name that Windows has for it."""
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    olson = WINDOWS_TO_OLSON.get(name)
    return ZoneInfo(olson) if olson else None


def users_zone(options: Options) -> ZoneInfo | None:
    """Return the user's zone, if it has a name."""
    return zone_called(options.zone or zone_name())


def on(day: date | None) -> dict[str, str]:
    """Return the fields of what is due on a day."""
    return {} if day is None else {"due_date": day.isoformat()}


def at(moment: datetime, zone: ZoneInfo | None = None) -> dict[str, str]:
    """Return the fields of what is due at a moment, in a zone; without a zone, wherever the user is.

    A moment with an offset and no zone is told in UTC.
    """
    if moment.tzinfo is not None:
        zone = zone or ZoneInfo("UTC")
        moment = _there(moment, zone)
    fields = {"due_date": moment.date().isoformat(), "due_time": f"{moment:%H:%M}"}
    return fields if zone is None else {**fields, "due_zone": zone.key}


def at_or_on(moment: datetime, zone: ZoneInfo | None) -> dict[str, str]:
    """Return the fields of a moment, which is a day where the day begins or ends at it for the user."""
    there = _there(moment, zone)  # None is the system's, which has no name
    if there.time() == time(0) or (there.time().replace(second=0) == LAST_SECONDS and there.second == 59):
        return on(there.date())
    return at(moment, zone)


def in_words(moment: datetime, zone: ZoneInfo | None) -> str:
    """Return a moment as the user's clock showed it."""
    return f"{_there(moment, zone):%Y-%m-%d %H:%M}"


def day_of_midnight(moment: datetime, zone: ZoneInfo | None) -> tuple[date, bool]:
    """Return the day that a midnight somewhere means, and whether it is one in the user's zone.

    What is no midnight for the user is one somewhere else. The nearest in UTC is right from UTC-11:59 to +12.
    """
    there, in_utc = _there(moment, zone), _there(moment, UTC)
    if there.time() == time(0):
        return there.date(), True
    nearest = in_utc.date() if in_utc.hour < 12 or in_utc.date() == date.max else in_utc.date() + timedelta(1)
    return nearest, in_utc.time() == time(0)


def _there(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return a moment as clocks of a zone show it; as it was said where the calendar ends before."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment
