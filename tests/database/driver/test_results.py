"""Results of many rows: made in pieces, one result at a time, and whole."""

import asyncio
from itertools import pairwise

from taskward.database.driver.results import AT_ONCE, LargeResult, LargeResults, Row
from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import Database

NUMBERS = Statement("SELECT generate_series(1, %(count)s::int) AS number", effect=Effect.READ_ONLY)
MANY = 10 * AT_ONCE + 1


async def test_others_go_on_between_the_pieces_of_large_results_and_these_come_one_by_one() -> None:
    made: list[int] = []
    seen: list[int] = []  # how many rows had been made, at each turn of somebody else

    def make(start: int, end: int) -> list[Row]:
        made.extend(range(start, end))
        return [{"number": number} for number in range(start, end)]

    results = LargeResults()
    loading = asyncio.gather(*(results.load([LargeResult(MANY, make), [{"number": 1}]]) for _ in range(3)))
    while not loading.done():
        seen.append(len(made))
        await asyncio.sleep(0)
    assert loading.result() == [[[{"number": number} for number in range(MANY)], [{"number": 1}]]] * 3
    assert made == [*range(MANY)] * 3
    assert max(after - before for before, after in pairwise(seen)) == AT_ONCE


async def test_all_rows_of_a_transaction_are_there_however_many_they_are(database: Database) -> None:
    async with database.acting_as("alice") as transaction:
        found = [transaction.execute(NUMBERS, count=count) for count in (0, 1, AT_ONCE, AT_ONCE + 1, MANY)]
    for rows, count in zip(found, (0, 1, AT_ONCE, AT_ONCE + 1, MANY), strict=True):
        assert [row["number"] for row in rows.all] == [*range(1, count + 1)]


async def test_the_rows_of_a_large_result_are_not_made_at_once(database: Database) -> None:
    async with database.acting_as("alice") as transaction:
        transaction.execute(NUMBERS, count=1)
    connection = await database.pool.acquire()
    small, large = await connection.exchange([(NUMBERS, {"count": AT_ONCE}), (NUMBERS, {"count": AT_ONCE + 1})])
    database.pool.release(connection)
    assert isinstance(small, list)
    assert isinstance(large, LargeResult)
