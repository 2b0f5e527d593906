"""A page of rows as JSON, encoded only as far as it goes.

A client that reads slowly holds its page in a worker's memory for as long as it likes. So a page has an end in
bytes as well as in tasks. And whoever reads many of the largest takes a worker's time from all others, so their
rows are made and encoded in pieces, between which others are answered, and one page at a time.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from taskward.strict_json import encode

Entry = Mapping[str, object]  # a task, or what is left of one
Row = TypeVar("Row")
Members = tuple[bytes, ...]  # of each array of a page one or more members, as JSON has them; or none
Piece = tuple[Members, int]  # and of how many rows they are

MAX_PAGE_BYTES = 2**20
BOUNDED_FROM = 100  # tasks; fewer of the largest are hardly more than a page, so that nobody need add them up
AT_ONCE = 50  # tasks that are encoded together: as cheap as all of them, and the largest are less than a page


class Pages:
    """Encodes the pages of a service."""

    def __init__(self) -> None:
        """Begin with none."""
        self._turn = asyncio.Lock()

    async def encode(
        self, rows: Sequence[Row], write: Callable[[Sequence[Row]], Members], most: int
    ) -> tuple[list[Members], int]:
        """Return what `encode_page` does, letting others go on where there are many rows."""
        if len(rows) <= BOUNDED_FROM:
            return encode_page(rows, write, most)
        async with self._turn:
            pieces = []
            for piece in _pieces(rows, write, most, MAX_PAGE_BYTES):
                pieces.append(piece)
                await asyncio.sleep(0)
        return _page(pieces, rows, write)


def encode_page(
    rows: Sequence[Row], write: Callable[[Sequence[Row]], Members], most: int, max_bytes: int = MAX_PAGE_BYTES
) -> tuple[list[Members], int]:
    """Return the first rows, `most` at most, that fit into `max_bytes`, and how many these are.

    `write` makes members of one or more arrays of some rows, with `members`. They are not joined here: large texts
    cost more to copy than to make. One row always fits, so that whoever reads page by page gets to the end.
    """
    return _page(list(_pieces(rows, write, most, max_bytes)), rows, write)


def members(entries: Iterable[Entry]) -> bytes:
    """Return the members of a JSON array, without its brackets."""
    return encode([*entries])[1:-1]


def _page(
    pieces: list[Piece], rows: Sequence[Row], write: Callable[[Sequence[Row]], Members]
) -> tuple[list[Members], int]:
    pieces = pieces or [(write(rows[:1]), 1) for _ in rows[:1]]
    return [written for written, _ in pieces], sum(count for _, count in pieces)


def _pieces(
    rows: Sequence[Row],
    write: Callable[[Sequence[Row]], Members],
    most: int,
    room: int,
    at_once: int = AT_ONCE,
) -> Iterator[Piece]:
    """Yield pieces until the next one does not fit."""
    for start in range(0, min(most, len(rows)), at_once):
        together = rows[start : min(start + at_once, most)]
        written = write(together)
        taken = sum(len(some) + 1 for some in written if some)  # with a comma or a bracket
        if taken >= room:  # nor would the other bracket fit
            if at_once > 1:
                yield from _pieces(together, write, most, room, at_once=1)
            return
        room -= taken
        yield written, len(together)
