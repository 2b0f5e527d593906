"""Times where the user is, also on the days when clocks change."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from taskward.client.fields import Task, whole
from taskward.client.local_time import due_here, due_in_words, is_overdue, now, to_the_minute

pytestmark = pytest.mark.quick

Live = Callable[[str], None]


@pytest.fixture
def live_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


def due(day: str | None, at: str | None = None, zone: str | None = None, **more: Any) -> Task:
    return whole({"id": 1, "completed": False, "due_date": day, "due_time": at, "due_zone": zone, **more})


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("UTC", "2026-01-09 23:30"), ("Europe/Berlin", "2026-01-10 00:30"), ("America/New_York", "2026-01-09 18:30")],
)
def test_times_are_shown_to_the_minute_where_the_user_is(live_in: Live, zone: str, shown: str) -> None:
    live_in(zone)
    assert to_the_minute("2026-01-09T23:30:59.123456Z") == shown


def test_an_hour_that_comes_twice_is_shown_twice(live_in: Live) -> None:
    live_in("Europe/Berlin")
    assert to_the_minute("2026-10-25T00:30:00Z") == to_the_minute("2026-10-25T01:30:00Z") == "2026-10-25 02:30"
    assert to_the_minute("2026-03-29T00:59:00Z") == "2026-03-29 01:59"
    assert to_the_minute("2026-03-29T01:00:00Z") == "2026-03-29 03:00"


@pytest.mark.parametrize(
    ("task", "here", "words"),
    [
        (due(None), "", ""),
        (due("2028-02-29"), "2028-02-29", "Tuesday 2028-02-29"),
        (due("2026-11-27", "18:00"), "2026-11-27 18:00", "Friday 2026-11-27 18:00"),
        (due("2026-11-27", "18:00", "Europe/Berlin"), "2026-11-27 18:00", "Friday 2026-11-27 18:00 Europe/Berlin"),
        (
            due("2028-02-29", "20:00", "America/New_York"),
            "2028-03-01 02:00",
            "Tuesday 2028-02-29 20:00 America/New_York (here 2028-03-01 02:00)",
        ),
        # Clocks go from 02:00 to 03:00 here: this is no time there is. Without a zone it is left as it was said.
        (due("2026-03-29", "02:30"), "2026-03-29 02:30", "Sunday 2026-03-29 02:30"),
        (
            due("2026-03-29", "02:30", "Europe/Berlin"),
            "2026-03-29 03:30",
            "Sunday 2026-03-29 02:30 Europe/Berlin (here 2026-03-29 03:30)",
        ),
        (
            due("2026-03-08", "02:30", "America/New_York"),
            "2026-03-08 08:30",
            "Sunday 2026-03-08 02:30 America/New_York (here 2026-03-08 08:30)",
        ),
        (
            due("2026-10-25", "02:30", "Europe/Berlin"),
            "2026-10-25 02:30",
            "Sunday 2026-10-25 02:30 Europe/Berlin",
        ),
        # No zone that this machine has, and no day after the last one.
        (due("2026-11-27", "18:00", "Mars/Olympus"), "2026-11-27 18:00", "Friday 2026-11-27 18:00 Mars/Olympus"),
        (due("2026-11-27", "18:00", "../etc/x"), "2026-11-27 18:00", "Friday 2026-11-27 18:00 ../etc/x"),
        (due("2026-11-27", "18:00", "Europe"), "2026-11-27 18:00", "Friday 2026-11-27 18:00 Europe"),
        (
            due("9999-12-31", "23:59", "Pacific/Pago_Pago"),
            "9999-12-31 23:59",
            "Friday 9999-12-31 23:59 Pacific/Pago_Pago",
        ),
        (due("1900-01-01", "00:00"), "1900-01-01 00:00", "Monday 1900-01-01 00:00"),
    ],
)
def test_a_task_is_due_where_the_user_is(live_in: Live, task: Task, here: str, words: str) -> None:
    live_in("Europe/Berlin")
    assert due_here(task) == here
    assert due_in_words(task) == words


@pytest.mark.parametrize(
    ("task", "late"),
    [
        (due("2026-11-26"), True),
        (due("2026-11-27"), False),  # the day has not ended
        (due("2026-11-27", "17:59"), True),
        (due("2026-11-27", "18:00"), False),
        (due("2026-11-28", "01:59", "Asia/Tokyo"), True),  # a later day there
        (due("2026-11-28", "02:00", "Asia/Tokyo"), False),
        (due("2026-11-26", "23:00", "Pacific/Pago_Pago"), True),
        (due("2026-11-27", "07:00", "Pacific/Pago_Pago"), False),
        (due("2026-11-26", completed=True), False),
        (due(None), False),
    ],
)
def test_a_task_is_overdue_where_the_user_is(live_in: Live, task: Task, late: bool) -> None:
    live_in("Europe/Berlin")
    assert is_overdue(task, datetime.fromisoformat("2026-11-27T17:00:00Z").astimezone()) is late


def test_now_has_the_offset_of_the_user(live_in: Live) -> None:
    live_in("Asia/Tokyo")
    offset = now().utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 9 * 3600
