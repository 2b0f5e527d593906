"""A page of a list as JSON, encoded only as far as it goes.

A client that reads slowly holds its page in a worker's memory for as long as it likes. So a page has an end in
bytes as well as in tasks.
"""

from collections.abc import Iterator, Mapping, Sequence

from taskward.strict_json import encode

Entries = Sequence[Mapping[str, object]]  # tasks, or what is left of them

MAX_PAGE_BYTES = 2**20
BOUNDED_FROM = 100  # tasks; fewer of the largest are hardly more than a page, so that nobody need add them up
AT_ONCE = 50  # tasks that are encoded together: as cheap as all of them, and the largest are less than a page


def encode_page(tasks: Entries, max_bytes: int = MAX_PAGE_BYTES) -> tuple[list[bytes], int]:
    """Return the first tasks that fit into `max_bytes`, and how many these are.

    As pieces of JSON, each one or more members of an array. They are not joined here: large texts cost more to
    copy than to make. One task always fits, so that whoever reads page by page gets to the end.
    """
    pieces = list(_pieces(tasks, AT_ONCE, max_bytes)) or [(_members(tasks[:1]), 1) for _ in tasks[:1]]
    return [members for members, _ in pieces], sum(count for _, count in pieces)


def _pieces(tasks: Entries, at_once: int, room: int) -> Iterator[tuple[bytes, int]]:
    """Yield members of the array, and how many they are, until the next ones do not fit."""
    for start in range(0, len(tasks), at_once):
        together = tasks[start : start + at_once]
        members = _members(together)
        room -= len(members) + 1  # with a comma or a bracket
        if room < 1:  # nor would the other bracket
            if at_once > 1:
                yield from _pieces(together, 1, room + len(members) + 1)
            return
        yield members, len(together)


def _members(tasks: Entries) -> bytes:
    return encode(tasks)[1:-1]
