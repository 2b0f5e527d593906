"""Our own files: JSON as an array, as lines or as `taskward list --json` has it, and CSV."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from taskward.client.errors import UsageError
from taskward.client.fields import BOOLEANS, FIELDS, FIRST_FIELDS, NOT_SAID, PRIORITIES, SETTABLE
from taskward.client.imports import tables
from taskward.client.imports.elements import JsonText, MalformedError, Members, array, members
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options

# Whatever else a row with these has, it comes from an export and is no slip of somebody's pen.
OF_AN_EXPORT = {"id", "user_id", "revision"}
NOTHING: tuple[object, ...] = (None, "", [])
TAKEN = f"Names that are taken: {', '.join(SETTABLE)}"
NO_OBJECT = "this is no JSON object"

Row = tuple[int, Any]


def read_json(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks of an array, of lines, or of `tasks` in an object, one by one."""
    if source.encoding == "cp1252":
        raise BrokenFileError("the file is not in UTF-8, as JSON is")
    ours = {name: field for field, name in options.names.items()}
    for number, row in _numbered(JsonText(source.text()), findings):
        if isinstance(row, _Unknown):
            findings.refuse(number, str(row))
        elif not isinstance(row, dict):
            findings.refuse(number, NO_OBJECT)
        elif isinstance(row, Members) and row.repeated:
            findings.refuse(number, f"it has the name {', '.join(map(repr, row.repeated))} more than once")
        elif task := _task(number, _renamed(row, ours), findings):
            yield _found(number, task, row, options)


def _renamed(row: Mapping[str, Any], ours: Mapping[str, str]) -> dict[str, Any]:
    return {ours.get(name, name): value for name, value in row.items()}


def read_csv(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks of a table. Raises BrokenFileError for all that is wrong with its first line."""
    names, rows = tables.table(source.text())
    fields = _fields_of(names, options)
    for number, cells in rows:
        if isinstance(cells, str):
            findings.refuse(number, cells)
            continue
        row = tables.cells_of(fields, cells)
        strange = [name for name in row if name.startswith("column ")]
        if strange:
            findings.refuse(number, f"there is something in {strange[0]}, which has no name in the first line")
        elif task := _task(number, _values(row, mapped=bool(options.names)), findings):
            yield _found(number, task, row, options)


def _numbered(text: JsonText, findings: Findings) -> Iterator[Row]:
    """Yield rows with their numbers. Raises BrokenFileError, with the number of the row, where it breaks off."""
    number = 1
    try:
        for number, row in enumerate(_rows(text, findings), 1):
            yield number, row
            number += 1  # of the next one, of which the error is
        if text.next():
            raise MalformedError("there is something after the end")
    except (BrokenFileError, MalformedError) as error:
        raise BrokenFileError(f"row {number}: {error}") from None


def _rows(text: JsonText, findings: Findings) -> Iterator[Any]:
    if text.next() == "[":
        yield from array(text)
        return
    if text.next() != "{":
        raise MalformedError(NO_OBJECT)
    yield from _of_object(text, findings)
    while text.next():
        try:
            yield text.value()
        except MalformedError as error:
            text.skip_line()
            if text.next() not in ("{", ""):
                raise
            yield _Unknown(error)


def _of_object(text: JsonText, findings: Findings) -> Iterator[Any]:
    """Yield the tasks that an object has under `tasks`, one by one; or else the object."""
    pairs: list[tuple[str, Any]] = []
    is_page, number = False, 0
    text.take("{")
    while text.next() == '"' or pairs or is_page:
        name = text.value()
        text.take(":")
        if name == "tasks" and text.next() == "[":
            is_page = True
            for number, task in enumerate(array(text), 1):  # noqa: B007
                yield task
        else:
            pairs.append((name, text.value()))
        if text.take(",}") == "}":
            break
    else:
        text.take("}")
    if not is_page:
        yield members(pairs)
    elif dict(pairs).get("next_cursor"):
        findings.remark(
            f"This is a list of {number} tasks of {dict(pairs).get('count')}. `taskward list --all --json` has all"
            " of them."
        )


def _task(number: int, row: Mapping[str, Any], findings: Findings) -> dict[str, Any] | None:
    """Return what is to be created, without checking more than its names: the service looks at the values."""
    strange = [str(name) for name in row if name not in FIELDS]
    if strange and not row.keys() >= OF_AN_EXPORT:
        is_are = "is no field" if len(strange) == 1 else "are no fields"
        findings.refuse(number, f"{', '.join(map(repr, strange))} {is_are}. {TAKEN}")
        return None
    for name in strange:
        if row[name] not in NOTHING:
            findings.left_out[name] += 1
            findings.remark(f"A newer taskward knows {name!r}, which this version leaves out.")
    if "title" not in row:
        findings.refuse(number, "it has no title")
        return None
    if isinstance(wrong := row.get("completed", False), _Unknown):
        findings.refuse(number, str(wrong))
        return None
    return {name: row[name] for name in SETTABLE if name in row and _is_said(name, row[name])}


def _is_said(name: str, value: object) -> bool:
    return name in FIRST_FIELDS or value not in NOT_SAID


def _found(number: int, task: dict[str, Any], row: Mapping[str, Any], options: Options) -> Found:
    if options.tags:
        task["tags"] = [*(task.get("tags") or ()), *options.tags]
    if "uid" in task:
        return Found(number, task)
    own_id, created = row.get("id"), row.get("created_at")
    is_known = str(own_id).isdecimal() and isinstance(created, str) and created
    return Found(number, task, (int(str(own_id)), str(created)) if is_known else None)


class _Unknown(str):
    """What is wrong with a value."""

    __slots__ = ()


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
    if rest:
        values["description"] = "\n\n".join(filter(None, (values.get("description"), "\n".join(rest))))
    return values


def _completed(cell: str) -> bool | str:
    found = BOOLEANS.get(cell.strip().lower())
    understood = ", ".join(filter(None, BOOLEANS))
    said = f"completed: {cell!r} is not understood. Understood are {understood} and an empty cell"
    return _Unknown(said) if found is None else found


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
