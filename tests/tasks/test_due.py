"""A day is a day: merging by field, what needs what, and that no clock or zone of a server moves it."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.client import Client

DUE = {"due_date": "2026-11-27", "due_time": "18:00", "due_zone": "Europe/Berlin"}

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another day keeps time and zone": ({"due_date": "2026-12-01"}, {**DUE, "due_date": "2026-12-01"}),
    "no day is no time and no zone": ({"due_date": None}, dict.fromkeys(DUE)),
    "no time is no zone": ({"due_time": None}, {**DUE, "due_time": None, "due_zone": None}),
    "no zone is just that": ({"due_zone": None}, {**DUE, "due_zone": None}),
    "all at once": (
        {"due_date": "2028-02-29", "due_time": "00:00", "due_zone": None},
        {"due_date": "2028-02-29", "due_time": "00:00", "due_zone": None},
    ),
    "a time that a zone skips": (
        {"due_date": "2026-03-29", "due_time": "02:30"},
        {**DUE, "due_date": "2026-03-29", "due_time": "02:30"},
    ),
}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "day in another order": ({"due_date": "27.11.2026"}, "due_date"),
    "day with a time": ({"due_date": "2026-11-27T18:00:00Z"}, "due_date"),
    "no leap year": ({"due_date": "2026-02-29"}, "due_date"),
    "before 1900": ({"due_date": "1899-12-31"}, "due_date"),
    "five digits": ({"due_date": "10000-01-01"}, "due_date"),
    "a number": ({"due_date": 20261127}, "due_date"),
    "other digits": ({"due_date": "\N{FULLWIDTH DIGIT TWO}026-11-27"}, "due_date"),
    "seconds": ({"due_date": "2026-11-27", "due_time": "18:00:00"}, "due_time"),
    "24:00": ({"due_date": "2026-11-27", "due_time": "24:00"}, "due_time"),
    "one digit": ({"due_date": "2026-11-27", "due_time": "6:00"}, "due_time"),
    "time without a day": ({"due_time": "18:00"}, "due_time"),
    "zone without a time": ({"due_date": "2026-11-27", "due_zone": "UTC"}, "due_zone"),
    "no zone": ({**DUE, "due_zone": "Europe/Atlantis"}, "due_zone"),
    "a path": ({**DUE, "due_zone": "../../../etc/passwd"}, "due_zone"),
    "an absolute path": ({**DUE, "due_zone": "/etc/passwd"}, "due_zone"),
    "a path in the folder of zones": ({**DUE, "due_zone": "Europe/../Europe/Berlin"}, "due_zone"),
    "another case": ({**DUE, "due_zone": "europe/berlin"}, "due_zone"),
    "this machine's": ({**DUE, "due_zone": "localtime"}, "due_zone"),
    "an offset": ({**DUE, "due_zone": "+01:00"}, "due_zone"),
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_change_moves_what_it_names(alice: Client, case: str, method: str) -> None:
    change, expected = CHANGES[case]
    task = (await alice.post("/tasks", json={"title": "Buy milk", **DUE})).json()
    changed = (await alice.request(method, f"/tasks/{task['id']}", json=change)).json()
    assert {name: changed[name] for name in DUE} == expected
    assert (await alice.get(f"/tasks/{task['id']}")).json() == changed


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_day_time_or_zone_is_400_and_named(alice: Client, case: str) -> None:
    body, field = REFUSED[case]
    response = await alice.post("/tasks", json={"title": "Buy milk", **body})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}])
async def test_a_change_that_lacks_what_it_needs_is_400_and_writes_nothing(
    alice: Client, headers: dict[str, str]
) -> None:
    task = (await alice.post("/tasks", json={"title": "Buy milk"})).json()
    dated = (await alice.post("/tasks", json={"title": "Buy milk", "due_date": "2026-11-27"})).json()
    for body, of, field in (
        ({"due_time": "18:00"}, task, "due_time"),
        ({"due_zone": "UTC"}, dated, "due_zone"),
        ({"due_date": None, "due_time": "18:00"}, dated, "due_time"),
        ({"due_time": None, "due_zone": "UTC", "title": "x"}, dated, "due_zone"),
    ):
        response = await alice.patch(f"/tasks/{of['id']}", json=body, headers=headers)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)
        assert (await alice.get(f"/tasks/{of['id']}")).json() == of


@pytest.fixture(params=["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
def elsewhere(request: pytest.FixtureRequest, superuser: psycopg.Connection) -> None:
    """A database that is in another time zone, and writes days in another order."""
    for setting, value in (("TimeZone", request.param), ("DateStyle", "SQL, DMY")):
        change = sql.SQL("ALTER DATABASE {} SET {} TO {}")
        database = sql.Identifier(superuser.info.dbname)
        superuser.execute(change.format(database, sql.Identifier(setting), sql.Literal(value)))


@pytest.mark.usefixtures("elsewhere")
async def test_the_time_zone_of_the_database_moves_no_day(alice: Client) -> None:
    made = (await alice.post("/tasks", json={"title": "Buy milk", **DUE})).json()
    assert {name: made[name] for name in DUE} == DUE
    for query in ("due_from=2026-11-27&due_to=2026-11-27", "due_from=2026-11-27&due_to=2026-11-27&sort=due"):
        assert (await alice.get(f"/tasks?{query}")).json()["tasks"] == [made]


async def test_when_a_task_was_completed_is_told_until_it_is_open_again(alice: Client) -> None:
    task = (await alice.post("/tasks", json={"title": "Buy milk"})).json()
    done = (await alice.patch(f"/tasks/{task['id']}/complete")).json()
    assert done["completed_at"] == done["updated_at"]
    renamed = (await alice.patch(f"/tasks/{task['id']}", json={"title": "Buy bread", "completed": True})).json()
    assert renamed["completed_at"] == done["completed_at"] < renamed["updated_at"]
    assert (await alice.patch(f"/tasks/{task['id']}/toggle")).json()["completed_at"] is None
    born_done = (await alice.post("/tasks", json={"title": "Done", "completed": True})).json()
    assert born_done["completed_at"] == born_done["created_at"]
