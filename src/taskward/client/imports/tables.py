"""CSV as spreadsheets write it: with commas, semicolons or tabs, and names in whatever spelling."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError

DELIMITERS = ",;\t"
MANY = 64 * 1024  # characters in which a first line has its cells
NEVER_CLOSED = "a quotation mark that stands before its text is never closed, or one in it is not doubled"
TOO_LARGE = "it has a cell with more than 128 KiB, as no task has. Is a quotation mark never closed?"
CUT = "the file ends in the middle of it. Was it copied or downloaded whole?"


class Lines:
    """The lines of a text, of which it is known whether the last one was ended."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Take the lines, with their ends."""
        self._lines = lines
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        """Yield line by line."""
        for line in self._lines:
            self.last = line
            yield line

    @property
    def is_cut(self) -> bool:
        """Whether the last line that was read has no end."""
        return not self.last.endswith(("\n", "\r"))


def table(source: Source, begins_with: str = "") -> tuple[list[str], Iterator[tuple[int, list[str] | str]]]:
    """Return the names in the first line, and the rows with their numbers: cells, or what is wrong.

    What stands before the line that has the name `begins_with` is passed over. Empty rows are left out, and keep
    their number. Raises BrokenFileError where there is no such line.
    """
    lines = Lines(source.lines())
    every = iter(lines)
    first = next((line for line in every if begins_with in cells_in(line)), "") if begins_with else next(every, "")
    delimiter = first.strip()[4:5] if first.lower().startswith("sep=") else ""
    if delimiter or first.lower().strip() == "sep=":
        first = next(every, "")
        delimiter = delimiter or "\t"
    rows = csv.reader(chain([first], every), delimiter=delimiter or delimiter_of(first), strict=True)
    names = _names(rows)
    if lines.is_cut:
        raise BrokenFileError(f"the first line has no end: {CUT}")
    return names, _rows(rows, names, lines)


def cells_in(line: str) -> list[str]:
    """Return the cells of a line that has no line ends in them, without the white space around each."""
    return [cell.strip().strip('"') for cell in line.split(delimiter_of(line))]


def delimiter_of(line: str) -> str:
    """Return what separates the most cells in a line; a comma where nothing does."""
    counted = {each: len(next(csv.reader([line[:MANY]], delimiter=each), [])) for each in DELIMITERS}
    return max(DELIMITERS, key=lambda each: counted[each])


def folded(name: str) -> str:
    """Return a name as it is compared: without case and blanks around, blanks and hyphens in it as underscores."""
    return "_".join(name.replace("-", " ").replace("_", " ").split()).casefold()


def repeated(names: Sequence[str]) -> list[str]:
    """Return the names that a line has more than once. Columns without a name have none."""
    return [name for name, count in Counter(map(folded, names)).items() if name and count > 1]


def cells_of(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Return the cells of a row by name; what stands in a column without one is under the number of the column."""
    pairs = zip(names, cells, strict=True)
    return {name or f"column {n}": cell for n, (name, cell) in enumerate(pairs, 1) if name or cell.strip()}


def _names(rows: Iterator[list[str]]) -> list[str]:
    try:
        for row in rows:
            if any(map(str.strip, row)):
                return [name.strip() for name in row]
    except csv.Error as error:
        raise BrokenFileError(f"the first line cannot be read: {_what_is_wrong(error)}") from None
    raise BrokenFileError("there is no first line with the names of the columns")


def _rows(rows: Iterator[list[str]], names: Sequence[str], lines: Lines) -> Iterator[tuple[int, list[str] | str]]:
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            if any(map(str.strip, row)):
                yield number, _fitted(row, len(names), lines)
    except csv.Error as error:
        raise BrokenFileError(f"row {number + 1}: {_what_is_wrong(error)}") from None


def _what_is_wrong(error: csv.Error) -> str:
    return TOO_LARGE if "field limit" in str(error) else NEVER_CLOSED


def _fitted(row: list[str], wanted: int, lines: Lines) -> list[str] | str:
    while len(row) > wanted and not row[-1].strip():
        row.pop()
    if len(row) < wanted and lines.is_cut:
        return CUT
    if len(row) != wanted:
        return f"it has {len(row)} {'cell' if len(row) == 1 else 'cells'}, and the first line has {wanted}"
    return row
