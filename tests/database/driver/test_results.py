"""Results of many rows: whole, and never made at once."""

import pytest

from taskward.database.driver.connection import Connection
from taskward.database.driver.exchange import PendingTransaction
from taskward.database.driver.results import AT_ONCE, LazyResult, Row
from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import Database
from taskward.database.url import conninfo

SQL = "SELECT generate_series(1, %(count)s::int) AS number"
NUMBERS = Statement(SQL, effect=Effect.READ_ONLY)
MANY_NUMBERS = Statement(SQL, effect=Effect.READ_ONLY, lazy=True)
MANY = 10 * AT_ONCE + 1
MANY_DAYS = Statement(
    "SELECT date '2026-11-27' AS day, now() AS time, timezone('UTC', now()) AS utc"
    " FROM generate_series(1, %(count)s::int)",
    effect=Effect.READ_ONLY,
    lazy=True,
)


def test_rows_are_made_as_somebody_goes_through_them() -> None:
    made: list[tuple[int, int]] = []

    def make(start: int, end: int) -> list[Row]:
        made.append((start, end))
        return [{"number": number} for number in range(start, end)]

    rows = LazyResult(MANY, make)
    assert (len(rows), bool(rows), made) == (MANY, True, [])
    assert rows[2:4] == [{"number": 2}, {"number": 3}]
    assert rows[-1] == {"number": MANY - 1}
    assert rows[MANY:] == []
    with pytest.raises(IndexError):
        rows[MANY]
    made.clear()
    assert [row["number"] for row in rows] == [*range(MANY)]
    assert max(end - start for start, end in made) == AT_ONCE


@pytest.mark.parametrize("statement", [NUMBERS, MANY_NUMBERS], ids=["all at once", "in pieces"])
async def test_all_rows_of_a_transaction_are_there_however_many_they_are(
    database: Database, statement: Statement
) -> None:
    counts = (0, 1, AT_ONCE, AT_ONCE + 1, MANY)
    async with database.acting_as("alice") as transaction:
        found = [transaction.execute(statement, count=count) for count in counts]
    assert [isinstance(rows.all, LazyResult) for rows in found] == [statement.lazy for _ in counts]
    for _ in range(2):
        assert [[row["number"] for row in rows.all] for rows in found] == [
            [*range(1, count + 1)] for count in counts
        ]


async def test_what_the_rows_are_made_of_is_let_go_before_anybody_has_them(database_url: str) -> None:
    connection = await Connection.connect(conninfo(database_url))
    transaction = PendingTransaction([(NUMBERS, {"count": 3})])
    kept: list[int] = []
    transaction.answer.add_done_callback(lambda _: kept.append(len(transaction.results)))
    await connection.exchange_all([transaction])
    assert await transaction.outcome() == [[{"number": 1}, {"number": 2}, {"number": 3}]]
    assert kept == [0]
    connection.close()


async def test_rows_can_be_made_when_the_connection_is_closed(database_url: str) -> None:
    connection = await Connection.connect(conninfo(database_url))
    (rows,) = await connection.exchange([(MANY_DAYS, {"count": MANY})])
    connection.close()
    assert {row["day"].isoformat() for row in rows} == {"2026-11-27"}
