"""Tasks as calendars see them, read by another library than the one that wrote them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

from taskward.client.exports import uid_of
from taskward.tasks.calendar_statements import PAGE
from tests.calendars.reading import Component, ReadCalendar, read
from tests.client import Client, connect

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
DAY = {"due_date": "2026-11-27"}
HOSTILE = [
    "a\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:b", "a\nb", "a\rb", "a\r\n b", "a\x0bb\x0cc\x1cd\x1de\x1ef",
    "a\x85b\u2028c\u2029d", "a;b,c:d", "\\", "\\n", "\\N", "C:\\Notes\\new", "a\\;b\\,c", '"a"', "a\tb", "\\\\\\",
    "BEGIN:VEVENT", "X" * 200, "x" * 66 + "\N{GRINNING FACE}" * 50, "ü" * 200, "\\" * 200, ",;" * 100,
    "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}" * 20, "e\N{COMBINING ACUTE ACCENT}" * 60, "\x1b[31mred",
    "^n^^^'", "%0D%0A", "\N{RIGHT-TO-LEFT OVERRIDE}abc", "\ufeffabc", "a\x7fb\x80c\x9fd", "\x01x\x02",
]  # fmt: skip
# Days on which clocks are changed: what is left out (as if it had not begun), what comes twice (the first time).
INSTANTS = {
    ("2026-03-29", "01:59", BERLIN): "2026-03-29T00:59:00Z",
    ("2026-03-29", "02:00", BERLIN): "2026-03-29T01:00:00Z",
    ("2026-03-29", "02:30", BERLIN): "2026-03-29T01:30:00Z",
    ("2026-03-29", "03:00", BERLIN): "2026-03-29T01:00:00Z",
    ("2026-10-25", "01:59", BERLIN): "2026-10-24T23:59:00Z",
    ("2026-10-25", "02:30", BERLIN): "2026-10-25T00:30:00Z",
    ("2026-10-25", "03:00", BERLIN): "2026-10-25T02:00:00Z",
    ("2007-03-11", "02:30", NEW_YORK): "2007-03-11T07:30:00Z",  # RFC 5545's own example
    ("2007-11-04", "01:30", NEW_YORK): "2007-11-04T05:30:00Z",
    ("2026-04-05", "01:45", "Australia/Lord_Howe"): "2026-04-04T14:45:00Z",
    ("2011-12-30", "12:00", "Pacific/Apia"): "2011-12-30T22:00:00Z",  # a day that was left out
    ("2026-06-30", "00:00", "UTC"): "2026-06-30T00:00:00Z",
    ("2026-06-30", "00:00", "Asia/Kathmandu"): "2026-06-29T18:15:00Z",
    ("1900-01-01", "00:00", "Asia/Tokyo"): "1899-12-31T15:00:00Z",
    ("9999-12-31", "23:59", "Asia/Tokyo"): "9999-12-31T14:59:00Z",
}


async def address_of(owner: Client, **more: Any) -> str:
    """Make a token for a calendar, and return the path of the calendar."""
    made = await owner.post("/auth/tokens", json={"name": "Calendar", "scopes": ["calendar"], **more})
    return f"/calendar/{made.json()['token']}.ics"


@asynccontextmanager
async def subscribed(app: FastAPI, owner: Client) -> AsyncIterator["Subscriber"]:
    async with connect(app) as client:
        yield Subscriber(client, await address_of(owner))


class Subscriber:
    def __init__(self, client: Client, path: str) -> None:
        self.client, self.path = client, path

    async def read(self, query: str = "") -> ReadCalendar:
        response = await self.client.get(self.path + query)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/calendar; charset=utf-8"
        return read(response.content)


@pytest.fixture
async def calendar(app: FastAPI, alice: Client) -> AsyncIterator[Subscriber]:
    async with subscribed(app, alice) as subscriber:
        yield subscriber


async def create(client: Client, title: str, **more: Any) -> dict[str, Any]:
    response = await client.post("/tasks", json={"title": title, **more})
    assert response.status_code == 201, response.text
    task: dict[str, Any] = response.json()
    return task


async def test_it_has_the_open_tasks_with_a_day_and_no_others(
    alice: Client, bob: Client, calendar: Subscriber
) -> None:
    assert (await calendar.read()).components == []
    await create(alice, "Open", **DAY)
    await create(alice, "Some day")
    await create(alice, "Done", completed=True, **DAY)
    await create(bob, "Of bob", **DAY)
    found = await calendar.read()
    assert [each["summary"] for each in found.components] == ["Open"]
    properties = {name: found.properties[name] for name in ("version", "prodid", "x-wr-calname")}
    assert properties == {"version": "2.0", "prodid": "-//Taskward//calendar//EN", "x-wr-calname": "Tasks"}
    assert found.properties["refresh-interval"] == found.properties["x-published-ttl"] == "PT1H"


async def test_everything_that_is_known_of_a_task_is_there(alice: Client, calendar: Subscriber) -> None:
    more = {"description": "Two; litres,\nand more", "priority": "high", "tags": ["a;b", "c\\d"], "uid": "mine"}
    task = await create(alice, "Buy milk", due_time="18:00", **DAY, **more)
    task = (await alice.patch(f"/tasks/{task['id']}", json={"title": "Buy bread"})).json()
    event = (await calendar.read()).titled("Buy bread")
    (alarm,) = event.pop("inside")
    assert event == {
        "component": "vevent", "summary": "Buy bread", "description": more["description"], "priority": "1",
        "categories": more["tags"], "transp": "TRANSPARENT", "sequence": str(task["revision"]),
        "uid": uid_of({**task, "uid": None}), "dtstart": {"type": "date-time", "time": "2026-11-27T18:00:00"},
        "created": to_the_second(task["created_at"]), "dtstamp": to_the_second(task["updated_at"]),
        "last-modified": to_the_second(task["updated_at"]),
    }  # fmt: skip
    expected = {"action": "DISPLAY", "description": "Buy bread", "trigger": "PT0S", "inside": []}
    assert alarm == {"component": "valarm", **expected}


def to_the_second(time: str) -> dict[str, str]:
    return {"type": "date-time", "time": f"{time[:19]}Z"}


async def test_as_todo_each_is_a_task_for_calendars_that_know_tasks(alice: Client, calendar: Subscriber) -> None:
    await create(alice, "Day", priority="medium", **DAY)
    await create(alice, "Time", priority="low", due_time="18:00", **DAY)
    found = await calendar.read("?as=todo")
    day, time = found.titled("Day"), found.titled("Time")
    assert [each["component"] for each in (day, time)] == ["vtodo", "vtodo"]
    assert [each["due"]["time"] for each in (day, time)] == ["2026-11-27", "2026-11-27T18:00:00"]
    assert [each["status"] for each in (day, time)] == ["NEEDS-ACTION"] * 2
    assert [each["priority"] for each in (day, time)] == ["5", "9"]
    assert [len(each["inside"]) for each in (day, time)] == [0, 1]
    assert "dtstart" not in day.keys() | time.keys()
    assert (await calendar.read("?as=event")).components == (await calendar.read()).components != found.components


async def test_an_event_without_a_time_is_all_of_its_day_and_a_time_without_a_zone_is_anywhere(
    alice: Client, calendar: Subscriber
) -> None:
    days = ["1900-01-01", "2024-02-29", "2026-03-29", "9999-12-31"]
    for day in days:
        await create(alice, day, due_date=day)
        await create(alice, f"{day} at night", due_date=day, due_time="02:30")
    found = await calendar.read()
    assert [found.titled(day)["dtstart"] for day in days] == [{"type": "date", "time": day} for day in days]
    for day in days:
        at_night = found.titled(f"{day} at night")
        assert at_night["dtstart"] == {"type": "date-time", "time": f"{day}T02:30:00"}
        assert not at_night.keys() & {"dtend", "duration"}


async def test_a_time_with_a_zone_is_the_right_instant_also_when_clocks_change(
    alice: Client, calendar: Subscriber
) -> None:
    for day, time, zone in INSTANTS:
        await create(alice, f"{day} {time} {zone}", due_date=day, due_time=time, due_zone=zone)
    for query, name in (("", "dtstart"), ("?as=todo", "due")):
        found = await calendar.read(query)
        times = {key: found.titled(" ".join(key))[name]["time"] for key in INSTANTS}
        assert times == INSTANTS


async def test_an_instant_that_no_calendar_can_write_is_a_time_anywhere(
    alice: Client, calendar: Subscriber, superuser: psycopg.Connection
) -> None:
    await create(alice, "Late", due_date="9999-12-31", due_time="23:59", due_zone=NEW_YORK)
    await create(alice, "Nowhere", due_time="12:00", due_zone=BERLIN, **DAY)
    superuser.execute("UPDATE tasks SET due_zone = 'Moon/Tranquillity' WHERE title = 'Nowhere'")
    found = await calendar.read()
    assert found.titled("Late")["dtstart"]["time"] == "9999-12-31T23:59:00"
    assert found.titled("Nowhere")["dtstart"]["time"] == "2026-11-27T12:00:00"


async def test_a_hostile_text_is_a_text_and_nothing_else(alice: Client, calendar: Subscriber) -> None:
    tasks = [await create(alice, f"[{text[:190]}]", description=f"[{text}]", **DAY) for text in HOSTILE]
    for text in HOSTILE:
        tag = "".join(" " if character < " " or character in ",\x7f\x85" else character for character in text)
        await alice.post("/tasks", json={"title": "Tagged", "tags": [f"[{tag[:48]}]"], "due_time": "18:00", **DAY})
    for query in ("", "?as=todo"):
        found = await calendar.read(query)
        by_uid = {each["uid"]: each for each in found.components}
        assert len(by_uid) == len(found.components)
        for task in tasks:
            event = by_uid[uid_of(task)]
            assert event["summary"] == shown(task["title"])
            assert event["description"] == shown(task["description"])
            assert event["inside"] == []


def shown(text: str) -> str:
    """A text without its control characters, of which those that end lines are line breaks."""
    for line_break in ("\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"):
        text = text.replace(line_break, "\n")
    return "".join(each for each in text if each in "\n\t" or not (each < " " or "\x7f" <= each < "\xa0"))


async def test_a_name_stays_with_its_task_and_is_no_other_tasks(
    alice: Client, calendar: Subscriber, superuser: psycopg.Connection
) -> None:
    task = await create(alice, "Buy milk", **DAY)
    before = (await calendar.read()).titled("Buy milk")
    await alice.patch(f"/tasks/{task['id']}", json={"due_date": "2027-01-01", "description": "x"})
    after = (await calendar.read()).titled("Buy milk")
    assert after["uid"] == before["uid"]
    assert int(after["sequence"]) > int(before["sequence"])
    # A service that has just been set up counts from one as well, but not in the same microsecond.
    superuser.execute(LATER)
    elsewhere = (await calendar.read()).titled("Buy milk")
    assert elsewhere["uid"] != before["uid"]


LATER = (
    "UPDATE tasks SET created_at = (created_at AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC'"
)
MANY = """
    INSERT INTO tasks (user_id, title, description, due_date, due_time, due_zone, tags)
    SELECT 'alice', 'Task ' || n, repeat('Grüße, ', 20), date '2026-01-01' + n,
           CASE mod(n, 2) WHEN 0 THEN time '18:00' END,
           CASE mod(n, 4) WHEN 0 THEN 'Europe/Berlin' END, '{home,plants}'
      FROM generate_series(1, %s) AS n
"""


@pytest.mark.parametrize("number", [1, PAGE - 1, PAGE, PAGE + 1, 1000])
async def test_all_of_many_tasks_are_there_each_once(
    alice: Client, calendar: Subscriber, superuser: psycopg.Connection, number: int
) -> None:
    superuser.execute(MANY, [number])
    superuser.execute("UPDATE tasks SET completed = true WHERE title LIKE '%3'")
    found = await calendar.read()
    expected = [n for n in range(1, number + 1) if n % 10 != 3]
    assert [each["summary"] for each in found.components] == [f"Task {n}" for n in expected]
    assert len({each["uid"] for each in found.components}) == len(expected)
    days = [date(2026, 1, 1) + timedelta(n) for n in expected]
    assert [day_of(each) for each in found.components] == days


def day_of(event: Component) -> date:
    """Its day in Berlin, where it has a zone: at 18:00 that of UTC as well."""
    return datetime.fromisoformat(event["dtstart"]["time"]).replace(tzinfo=UTC).date()
