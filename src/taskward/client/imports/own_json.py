"""Our own JSON: an array, lines, `taskward list --json`, and everything that is kept about a person."""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from taskward.client.fields import FIELDS
from taskward.client.imports.elements import JsonText, MalformedError, Members, array, members
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.own import Unknown, found_in_row, with_rest
from taskward.client.imports.parts import shown

NO_OBJECT = "this is no JSON object"
MOST_KEPT = 1000  # elements of a list that is no list of tasks
OF_A_PAGE = ("tasks", "count", "next_cursor")

Row = tuple[int, Any]


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks of an array, of lines, or of `tasks` in an object, one by one. Raises BrokenFileError."""
    if source.encoding == "cp1252":
        raise BrokenFileError("the file is not in UTF-8, as JSON is")
    ours = {name: field for field, name in options.names.items()}
    for number, row in _numbered(JsonText(source.text()), findings):
        if isinstance(row, Unknown):
            findings.refuse(number, str(row))
        elif not isinstance(row, dict):
            findings.refuse(number, NO_OBJECT)
        elif isinstance(row, Members) and row.repeated:
            findings.refuse(number, f"it has the name {', '.join(map(repr, row.repeated))} more than once")
        elif found := found_in_row(number, _renamed(row, ours), options, findings):
            yield found


def _renamed(row: Mapping[str, Any], ours: Mapping[str, str]) -> dict[str, Any]:
    """Return a row with the names of fields for those that were given; then others go to the description."""
    if not ours:
        return dict(row)
    values = {ours[name]: value for name, value in row.items() if name in ours}
    rest = []
    for name, value in row.items():
        if name in FIELDS and name not in values and name not in ours:
            values[name] = value
        elif name not in ours and value not in (None, "", [], {}):
            rest.append(f"{name}: {value if isinstance(value, str) else shown(value, None)}")
    return with_rest(values, rest)


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
    whole: dict[str, Any] = {}
    try:
        yield from _of_object(text, whole)
    except MalformedError as error:
        if "tasks" in whole:
            raise
        yield _rest_of_line(text, error)
    if "tasks" in whole:
        _tell_of_page(whole, findings)
    while text.next():
        try:
            yield text.value()
        except MalformedError as error:
            yield _rest_of_line(text, error)


def _rest_of_line(text: JsonText, error: MalformedError) -> Unknown:
    """Pass over the line of an error, where an object begins the next; else raise it."""
    text.skip_line()
    if text.next() not in ("{", ""):
        raise error
    return Unknown(error)


def _of_object(text: JsonText, whole: dict[str, Any]) -> Iterator[Any]:
    """Yield the tasks that an object has under `tasks`, one by one; or else the object.

    What else there is in it goes to `whole`, and of long lists the first elements: none is held in memory.
    """
    pairs: list[tuple[str, Any]] = []
    for name in _names(text):
        if name == "tasks" and text.next() == "[":
            if "tasks" in whole:
                raise MalformedError("it has the name 'tasks' more than once")
            whole["tasks"] = 0
            for task in array(text):
                whole["tasks"] += 1
                yield task
        else:
            pairs.append((name, _some_of_value(text)))
    if "tasks" not in whole:
        yield members(pairs)
    whole.update(pairs)


def _names(text: JsonText) -> Iterator[str]:
    """Yield the names of an object, whose values are to be taken one by one."""
    text.take("{")
    if text.next() == "}":
        text.take("}")
        return
    while True:
        if text.next() != '"':
            text.take('"')
        name: str = text.value()
        text.take(":")
        yield name
        if text.take(",}") == "}":
            return


def _some_of_value(text: JsonText) -> Any:
    """Return a value, and of a long list its first elements."""
    if text.next() != "[":
        return text.value()
    elements = array(text)
    first = list(islice(elements, MOST_KEPT))
    deque(elements, maxlen=0)
    return first


def _tell_of_page(whole: Mapping[str, Any], findings: Findings) -> None:
    """Say what is not in the tasks."""
    if whole.get("next_cursor"):
        findings.remark(
            f"This is a list of {whole['tasks']} tasks of {whole.get('count')}. `taskward list --all --json` has"
            " all of them."
        )
    if others := [name for name in whole if name not in OF_A_PAGE]:
        findings.remark(f"Only the tasks of this document are imported, and not {', '.join(others)}.")
