"""JSON, JSON lines and CSV, with all fields."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from taskward.client.fields import FIELDS, tags_in_a_cell


def write_tasks(tasks: Iterable[Mapping[str, Any]], kind: str, write: Callable[[str], object]) -> None:
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
