"""What days and times mean that people write."""

from datetime import date, timedelta

import pytest

from taskward.client.days import WEEKDAYS, later, read_day, read_time
from taskward.client.errors import UsageError

pytestmark = pytest.mark.quick

FRIDAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-11-27"),
        ("Tomorrow", "2026-11-28"),
        ("yesterday", "2026-11-26"),
        ("saturday", "2026-11-28"),
        ("thu", "2026-12-03"),
        ("friday", "2026-12-04"),  # the next one, and not today
        ("+3d", "2026-11-30"),
        ("+1w", "2026-12-04"),
        ("in 1 day", "2026-11-28"),
        (" in  3   days ", "2026-11-30"),
        ("in 2 weeks", "2026-12-11"),
        ("2028-02-29", "2028-02-29"),
        ("1900-01-01", "1900-01-01"),
        ("9999-12-31", "9999-12-31"),
    ],
)
def test_a_day_is_a_word_or_a_date(text: str, day: str) -> None:
    assert read_day(text, FRIDAY).isoformat() == day


@pytest.mark.parametrize("days", range(7))
def test_a_weekday_is_the_next_one_whatever_day_it_is(days: int) -> None:
    today = FRIDAY + timedelta(days)
    for number, weekday in enumerate(WEEKDAYS):
        found = read_day(weekday, today)
        assert found.weekday() == number
        assert 1 <= (found - today).days <= 7


def test_words_count_days_over_the_end_of_february() -> None:
    assert read_day("tomorrow", date(2028, 2, 28)) == date(2028, 2, 29)
    assert read_day("tomorrow", date(2027, 2, 28)) == date(2027, 3, 1)
    assert read_day("+1w", date(2028, 2, 29)) == date(2028, 3, 7)


@pytest.mark.parametrize(
    "text", ["11/12", "11/12/2026", "27.11.", "27.11.2026", "next friday", "this week", "Last may"]
)
def test_what_can_be_read_in_two_ways_is_not_guessed(text: str) -> None:
    with pytest.raises(UsageError, match=r"can be read in two ways\. Write today, tomorrow"):
        read_day(text, FRIDAY)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("soon", "'soon' is no day. Write today"),
        ("", "'' is no day"),
        ("+3", "'+3' is no day"),
        ("+3m", "'+3m' is no day"),  # minutes, or months, and of how many days
        ("2026-1-2", "'2026-1-2' is no day"),
        ("\u0662\u0660\u0662\u0666-01-01", "is no day"),
        ("+\u0663d", "is no day"),
        ("20261127", "is no day"),
        ("2026-02-29", "There is no 2026-02-29 in the calendar."),
        ("0000-01-01", "There is no 0000-01-01 in the calendar."),
        ("1899-12-31", "That day is before the year 1900."),
        ("+9999999d", "That day is after the year 9999."),
        ("in 99999999999999999999 days", "is no day"),
    ],
)
def test_what_is_no_day_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        read_day(text, FRIDAY)
    assert sentence in str(error.value)


def test_the_calendar_of_tasks_has_two_ends() -> None:
    for day, step in ((date(1900, 1, 1), -1), (date(9999, 12, 31), 1)):
        with pytest.raises(UsageError, match="That day is "):
            later(day, step)


@pytest.mark.parametrize(
    ("text", "time"), [("18:00", "18:00"), ("9:30", "09:30"), ("00:00", "00:00"), ("23:59", "23:59")]
)
def test_a_time_is_hours_and_minutes(text: str, time: str) -> None:
    assert read_time(text) == time


@pytest.mark.parametrize("text", ["6", "6pm", "24:00", "12:60", "18:00:00", "1800", "\u0661\u0668:00", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no time\. Write it from 00:00 to 23:59"):
        read_time(text)
