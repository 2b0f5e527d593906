"""Tasks in files: JSON, JSON lines and CSV, read and written one by one."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Literal, TextIO

from taskward.client.errors import ClientError, UsageError
from taskward.client.fields import FIELDS, FIRST_FIELDS, NOT_SAID, SETTABLE, tags_in_a_cell

Format = Literal["json", "jsonl", "csv"]

# Whatever else a row with these has, it comes from an export and is no slip of somebody's pen.
OF_AN_EXPORT = {"id", "user_id", "revision"}
NOTHING: tuple[object, ...] = (None, "", [])
CHUNK = 64 * 1024
LONGEST_ROW = 1024 * 1024


def format_of(name: str, default: Format | None = None) -> Format:
    """Return the format that a file's name ends in. Raises UsageError where that says nothing."""
    endings: dict[str, Format] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
    found = next((kind for ending, kind in endings.items() if name.lower().endswith(ending)), default)
    if found is None:
        raise UsageError(f"{name} ends neither in .json, .jsonl nor .csv. Say what it is with --format.")
    return found


def read_rows(file: TextIO, kind: Format, left_out: Counter[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield what is to be created, row by row, without checking its values: the service does.

    `file` is to be opened with `newline=""`. Raises ClientError, with the number of the row, where the file is not
    what its format says, or has fields that nobody knows. The export of a newer Taskward may have such fields:
    they are not read, and `left_out` counts, by field, the rows that say something there.
    """
    number = 1
    left_out = Counter() if left_out is None else left_out
    try:
        for row in _from_csv(file) if kind == "csv" else _from_json(file):
            strange = [str(name) for name in row if name not in FIELDS]
            if strange and not row.keys() >= OF_AN_EXPORT:
                raise ValueError(f"there is no field {strange[0]!r}")
            left_out.update(name for name in strange if row[name] not in NOTHING)
            if "title" not in row:
                raise ValueError("it has no title")
            yield {name: row[name] for name in SETTABLE if name in row and _is_said(name, row[name])}
            number += 1
    except UnicodeDecodeError as error:
        raise ClientError("the file is not in UTF-8") from error
    except (ValueError, csv.Error, RecursionError) as error:
        raise ClientError(f"row {number}: {error}") from error


def _is_said(name: str, value: object) -> bool:
    return name in FIRST_FIELDS or value not in NOT_SAID


def _from_json(file: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the objects of an array, or of lines; both are objects with brackets and commas around them.

    An object that is not complete cannot be decoded, so the end of what was read cuts none in two.
    """
    decode, buffer, at_end = json.JSONDecoder().raw_decode, "", False
    while True:
        buffer = buffer.lstrip(" \t\r\n,[]")
        if not buffer and at_end:
            return
        try:
            row, end = decode(buffer)
        except json.JSONDecodeError as error:
            if at_end or len(buffer) > LONGEST_ROW or buffer[:1] not in ("", "{"):
                raise ValueError("this is no JSON object") from error
            more = file.read(CHUNK)
            buffer, at_end = buffer + more, not more
            continue
        if not isinstance(row, dict):
            raise ValueError("this is no JSON object")
        yield row
        buffer = buffer[end:]


def _from_csv(file: TextIO) -> Iterator[dict[str, Any]]:
    for row in csv.DictReader(file, strict=True):
        if None in row or None in row.values():
            raise ValueError("it has not as many fields as the first line")
        yield {name: SETTABLE.get(name, str)(cell) for name, cell in row.items()}


def write_rows(tasks: Iterable[Mapping[str, Any]], kind: Format, write: Callable[[str], object]) -> None:
    """Write tasks as they come, with all their fields."""
    if kind == "csv":
        _to_csv(iter(tasks), write)
        return
    before, between, after = ("[\n", ",\n", "\n]\n") if kind == "json" else ("", "\n", "\n")
    separator = before
    for task in tasks:
        write(separator + json.dumps(task))
        separator = between
    write(after if separator is between else before + after.lstrip("\n"))


def _to_csv(tasks: Iterator[Mapping[str, Any]], write: Callable[[str], object]) -> None:
    first = list(islice(tasks, 1))
    names = dict.fromkeys(chain(FIELDS, *first))  # a newer service's tasks have fields that are not known here
    writer = csv.DictWriter(_Writer(write), list(names))
    writer.writeheader()
    for task in chain(first, tasks):
        writer.writerow({name: _cell(name, value) for name, value in task.items()})


def _cell(name: str, value: Any) -> str:
    if name == "tags":
        return tags_in_a_cell(value)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


class _Writer:
    """What the csv module takes for a file."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write
