"""A page of a list as JSON, encoded only as far as it goes.

A client that reads slowly holds its page in a worker's memory for as long as it likes. So a page has an end in
bytes as well as in tasks. And whoever reads many of the largest takes a worker's time from all others, so they are
encoded as their rows are made (`database/driver/results.py`): in pieces, between which others are answered, and
one page at a time.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from taskward.strict_json import encode

Entry = Mapping[str, object]  # a task, or what is left of one
Row = TypeVar("Row")
Piece = tuple[bytes, int]  # one or more members of an array, and how many they are

MAX_PAGE_BYTES = 2**20
BOUNDED_FROM = 100  # tasks; fewer of the largest are hardly more than a page, so that nobody need add them up
AT_ONCE = 50  # tasks that are encoded together: as cheap as all of them, and the largest are less than a page


class Pages:
    """Encodes the pages of a service."""

    def __init__(self) -> None:
        """Begin with none."""
        self._turn = asyncio.Lock()

    async def encode(self, rows: Sequence[Row], entry: Callable[[Row], Entry]) -> tuple[list[bytes], int]:
        """Return what `encode_page` does, letting others go on where there are many rows."""
        if len(rows) <= BOUNDED_FROM:
            return encode_page(rows, entry)
        async with self._turn:
            pieces = []
            for piece in _pieces(rows, entry, AT_ONCE, MAX_PAGE_BYTES):
                pieces.append(piece)
                await asyncio.sleep(0)
        return _page(pieces, rows, entry)


def encode_page(
    rows: Sequence[Row], entry: Callable[[Row], Entry], max_bytes: int = MAX_PAGE_BYTES
) -> tuple[list[bytes], int]:
    """Return the first rows that fit into `max_bytes`, and how many these are; `entry` says what is told of a row.

    As pieces of JSON, each one or more members of an array. They are not joined here: large texts cost more to
    copy than to make. One row always fits, so that whoever reads page by page gets to the end.
    """
    return _page(list(_pieces(rows, entry, AT_ONCE, max_bytes)), rows, entry)


def _page(pieces: list[Piece], rows: Sequence[Row], entry: Callable[[Row], Entry]) -> tuple[list[bytes], int]:
    pieces = pieces or [(_members(rows[:1], entry), 1) for _ in rows[:1]]
    return [members for members, _ in pieces], sum(count for _, count in pieces)


def _pieces(rows: Sequence[Row], entry: Callable[[Row], Entry], at_once: int, room: int) -> Iterator[Piece]:
    """Yield pieces until the next one does not fit."""
    for start in range(0, len(rows), at_once):
        together = rows[start : start + at_once]
        members = _members(together, entry)
        room -= len(members) + 1  # with a comma or a bracket
        if room < 1:  # nor would the other bracket
            if at_once > 1:
                yield from _pieces(together, entry, 1, room + len(members) + 1)
            return
        yield members, len(together)


def _members(rows: Sequence[Row], entry: Callable[[Row], Entry]) -> bytes:
    return encode([entry(row) for row in rows])[1:-1]
