"""Our own CSV, and any other table with a title."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from taskward.client.errors import UsageError
from taskward.client.fields import BOOLEANS, FIELDS, PRIORITIES, SETTABLE
from taskward.client.imports import tables
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.own import OF_AN_EXPORT, TAKEN, Unknown, found_in_row, with_rest


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks of a table. Raises BrokenFileError for all that is wrong with its first line."""
    names, rows = tables.table(source)
    fields = _fields_of(names, options)
    for number, cells in rows:
        if isinstance(cells, str):
            findings.refuse(number, cells)
            continue
        row = tables.cells_of(fields, cells)
        strange = [name for name in row if name.startswith("column ")]
        if strange:
            findings.refuse(number, f"there is something in {strange[0]}, which has no name in the first line")
        elif found := found_in_row(number, _values(row, mapped=bool(options.names)), options, findings):
            yield found


def _fields_of(names: list[str], options: Options) -> list[str]:
    """Return the names of columns, as fields where they are some; raise BrokenFileError with all that is wrong."""
    given = {tables.folded(name): field for field, name in options.names.items()}
    if missing := [
        name for name in options.names.values() if tables.folded(name) not in map(tables.folded, names)
    ]:
        raise UsageError(f"no column is called {', '.join(map(repr, missing))}. There are: {', '.join(names)}")
    known = {tables.folded(name): name for name in FIELDS if name not in options.names}
    fields = [given.get(tables.folded(name)) or known.get(tables.folded(name), name) for name in names]
    problems = [f"the name {name!r} stands there more than once" for name in tables.repeated(fields)]
    strange = [name for name in fields if name and name not in FIELDS]
    if strange and not options.names and not set(fields) >= OF_AN_EXPORT:
        problems.append(f"no fields: {', '.join(map(repr, strange))}. {TAKEN}")
    if "title" not in fields:
        problems.append("no column is called title")
    if problems:
        raise BrokenFileError(
            f"the first line cannot be taken: {'; '.join(problems)}. Say which column is which field, as in"
            " --map title=SUBJECT: then all others go to the description"
        )
    return fields


def _values(row: Mapping[str, str], *, mapped: bool) -> dict[str, Any]:
    """Return what cells mean. With `mapped`, columns that are no fields go to the description."""
    values: dict[str, Any] = {}
    rest = []
    for name, cell in row.items():
        if name in FIELDS or not mapped:
            values[name] = CELLS.get(name, str)(cell)
        elif cell.strip():
            rest.append(f"{name}: {cell.strip()}")
    return with_rest(values, rest)


def _completed(cell: str) -> bool | str:
    found = BOOLEANS.get(cell.strip().lower())
    understood = ", ".join(filter(None, BOOLEANS))
    said = f"completed: {cell!r} is not understood. Understood are {understood} and an empty cell"
    return Unknown(said) if found is None else found


def _trimmed(cell: str) -> str | None:
    return cell.strip() or None


def _priority(cell: str) -> str | None:
    word = cell.strip().lower()
    return word if word in PRIORITIES else cell.strip() or None


CELLS: dict[str, Callable[[str], object]] = {
    **SETTABLE,
    "completed": _completed,
    "due_date": _trimmed,
    "due_time": _trimmed,
    "due_zone": _trimmed,
    "priority": _priority,
}
