"""What is typed after options and commands, read strictly, and refused in a sentence that says what to type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

PRIORITIES = ("high", "medium", "low")
MAX_INT64 = 2**63 - 1


def task_id(text: str) -> int:
    """Return the number of a task."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= MAX_INT64):
        raise typer.BadParameter(
            f"{text!r} is no task number. Those are digits, such as 42; `taskward list` has them"
        )
    return int(text)


def whole_number(least: int, most: int | None = None) -> Callable[[object], int]:
    """Return what reads a number from `least` to `most`, or without an end."""
    wanted = f"from {least} to {most}" if most is not None else f"from {least} on"

    def read(given: object) -> int:  # also the default, which is a number already
        text = str(given)
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= (most or MAX_INT64)):
            raise typer.BadParameter(f"{text!r} is no whole number {wanted}")
        return int(text)

    return read


def seconds(given: object) -> float:
    """Return a time in seconds, which may have a fraction."""
    text = str(given)
    whole, _, fraction = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (not fraction or fraction.isdigit())):
        raise typer.BadParameter(f"{text!r} is no number of seconds, such as 120")
    return float(text)


def day(text: str) -> str:
    """Return the day that a word or a date means here and now, as the API has it."""
    from taskward.client.days import read_day
    from taskward.client.local_time import today

    with _as_bad_parameter():
        return read_day(text, today()).isoformat()


def day_if_any(text: str) -> str:
    """Return a day, or the words for any and for none."""
    return text if text in ("any", "none") else day(text)


def day_before(text: str) -> str:
    """Return the last day before another."""
    return _moved(day(text), -1)


def day_after(text: str) -> str:
    """Return the first day after another."""
    return _moved(day(text), 1)


def time_of_day(text: str) -> str:
    """Return a time of day as the API has it."""
    from taskward.client.days import read_time

    with _as_bad_parameter():
        return read_time(text)


def priority(text: str) -> str:
    """Return one of the priorities."""
    if text not in PRIORITIES:
        raise typer.BadParameter(f"{text!r} is no priority. Those are high, medium and low")
    return text


def priorities() -> list[str]:
    """Return what a shell may complete a priority to."""
    return list(PRIORITIES)


def tags(given: list[str] | None) -> list[str] | None:
    """Return the tags of all options, each of which may have several with commas between."""
    from taskward.client.fields import split_tags

    if not given:
        return None
    found = [tag for text in given for tag in split_tags(text)]
    if not found or "" in found:
        raise typer.BadParameter("a tag needs at least one character", param_hint="--tag")
    return found


def field_and_name(text: str) -> str:
    """Return which field is called what in a file, `FIELD=NAME`."""
    from taskward.client.fields import SETTABLE

    field, equals, name = text.partition("=")
    if not (equals and name.strip()):
        raise typer.BadParameter(f"{text!r} is no FIELD=NAME, such as title=CONTENT")
    if field not in SETTABLE:
        raise typer.BadParameter(f"{field!r} is no field. Those are {', '.join(SETTABLE)}")
    return text


def map_of(given: list[str] | None) -> dict[str, str]:
    """Return the names of a file by field, of what was read by `field_and_name`."""
    pairs = [text.split("=", 1) for text in given or ()]
    found = dict(pairs)
    names = {name.strip().casefold() for name in found.values()}
    if len(found) < len(pairs) or len(names) < len(found):
        raise typer.BadParameter("a field, or a name of the file, is given twice", param_hint="--map")
    return found


def time_zone(name: str) -> str:
    """Return the IANA name of a time zone."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise typer.BadParameter(f"{name!r} is no time zone. Its name is one such as Europe/Berlin") from None


def _moved(text: str, days: int) -> str:
    from datetime import date

    from taskward.client.days import later

    with _as_bad_parameter():
        return later(date.fromisoformat(text), days).isoformat()


@contextmanager
def _as_bad_parameter() -> Iterator[None]:
    """Have the option named before the sentence."""
    from taskward.client.errors import UsageError

    try:
        yield
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
