"""Days and times as people write them. What could be read in two ways is refused, never guessed.

A library that understands more, such as dateparser, guesses where it does not: "11/12" is a day to it.
"""

import re
from datetime import date, timedelta

from taskward.client.errors import UsageError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NEAR = {"yesterday": -1, "today": 0, "tomorrow": 1}
FIRST_YEAR = 1900  # as the API has it
EXAMPLES = "today, tomorrow, a weekday such as friday, +3d, 'in 3 days', or a date such as 2026-11-27"

ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
AHEAD = re.compile(r"(?:\+|in )([0-9]{1,7}) ?(d|days?|w|weeks?)")
TWO_WAYS = re.compile(r"(?:next|this|last) .+|[0-9]{1,4}[./][0-9]{1,2}[./]?(?:[0-9]{2,4})?")
TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def read_day(text: str, today: date) -> date:
    """Return the day that a word or a date means for somebody whose day is `today`.

    A weekday is the next one, and never today. Raises UsageError.
    """
    word = " ".join(text.lower().split())
    if ISO.fullmatch(word):
        return _of_the_calendar(word)
    days = _days_ahead(word, today)
    if days is None:
        raise UsageError(_refusal(text, word))
    return later(today, days)


def later(day: date, days: int) -> date:
    """Return another day; raise UsageError where the calendar has none."""
    try:
        found = day + timedelta(days)
    except OverflowError:
        raise UsageError("That day is after the year 9999.") from None
    if found.year < FIRST_YEAR:
        raise UsageError(f"That day is before the year {FIRST_YEAR}.")
    return found


def read_time(text: str) -> str:
    """Return a time of day as the API has it, `HH:MM`; raise UsageError."""
    found = TIME.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no time. Write it from 00:00 to 23:59, such as 18:00.")
    return f"{found[1]:0>2}:{found[2]}"


def _of_the_calendar(text: str) -> date:
    try:
        return later(date.fromisoformat(text), 0)
    except ValueError:
        raise UsageError(f"There is no {text} in the calendar.") from None


def _days_ahead(word: str, today: date) -> int | None:
    if word in NEAR:
        return NEAR[word]
    if found := AHEAD.fullmatch(word):
        return int(found[1]) * (7 if found[2].startswith("w") else 1)
    for number, weekday in enumerate(WEEKDAYS):
        if word in (weekday, weekday[:3]):
            return (number - today.weekday() - 1) % 7 + 1
    return None


def _refusal(text: str, word: str) -> str:
    if TWO_WAYS.fullmatch(word):
        return f"{text!r} can be read in two ways. Write {EXAMPLES}."
    return f"{text!r} is no day. Write {EXAMPLES}."
