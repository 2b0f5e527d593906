"""What readers of files have in common: the tasks that they find, and what they have to say about a file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taskward.client.errors import ClientError

TOLD_ROWS = 10


class BrokenFileError(ClientError):
    """The file cannot be read, or not from here on."""


@dataclass(frozen=True, slots=True)
class Found:
    """A task in a file: where it stands, the first being 1, and what is to be created.

    `own` is the id and the time of creation of a task that comes from an export of ours: it may be there already.
    """

    row: int
    task: dict[str, Any]
    own: tuple[int, str] | None = None


@dataclass(slots=True)
class Findings:
    """What is to be told of a file: rows that are no tasks, what is left out and how often, and remarks."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    _remarks: dict[str, list[int]] = field(default_factory=dict)

    def refuse(self, row: int, sentence: str) -> None:
        """Say why a row is no task."""
        self.refused.append((row, sentence))

    def remark(self, sentence: str, row: int | None = None) -> None:
        """Say something once: of the file, or of all rows that it is true of."""
        rows = self._remarks.setdefault(sentence, [])
        if row is not None:
            rows.append(row)

    @property
    def remarks(self) -> list[str]:
        """What is to be remarked, with the rows that it is about."""
        return [f"{in_rows(rows)}: {said}" if rows else said for said, rows in self._remarks.items()]


@dataclass(frozen=True, slots=True)
class Options:
    """What was typed: names of the file for fields of ours, the user's time zone, and tags for every task."""

    names: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    tags: Sequence[str] = ()


def in_rows(rows: Sequence[int]) -> str:
    """Return numbers of rows in words: `row 3`, `rows 3, 5-9 and 12 more`."""
    spans: list[list[int]] = []
    for row in rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:TOLD_ROWS]]
    more = sum(last - first + 1 for first, last in spans[TOLD_ROWS:])
    return f"{'row' if len(rows) == 1 else 'rows'} {', '.join(told)}{f' and {more} more' if more else ''}"
