"""What our own files have in common: their names, and what of a row is to be created."""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from taskward.client.fields import FIELDS, FIRST_FIELDS, NOT_SAID, SETTABLE
from taskward.client.imports.found import Findings, Found, Options
from taskward.client.imports.parts import shown

# Whatever else a row with these has, it comes from an export and is no slip of somebody's pen.
OF_AN_EXPORT = {"id", "user_id", "revision"}
NOTHING: tuple[object, ...] = (None, "", [])
TAKEN = f"Names that are taken: {', '.join(SETTABLE)}"
LARGEST_ID = 2**63 - 1
SURROGATE = re.compile("[\ud800-\udfff]")


class Unknown(str):
    """What is wrong with a value."""

    __slots__ = ()


def found_in_row(number: int, row: Mapping[str, Any], options: Options, findings: Findings) -> Found | None:
    """Return the task of a row; None where it is none, which is said in `findings`."""
    task = _task(number, row, findings)
    if task is None:
        return None
    tags = task.get("tags") or []
    if options.tags and isinstance(tags, list):  # what is no list, the service will say something of
        known = {str(tag).casefold() for tag in tags}
        task["tags"] = [*tags, *(tag for tag in options.tags if tag.casefold() not in known)]
    if "uid" in task:
        return Found(number, task)
    return Found(number, task, _own(row.get("id"), row.get("created_at")))


def with_rest(values: dict[str, Any], rest: Sequence[str]) -> dict[str, Any]:
    """Return the values with what is no field below the description."""
    said = values.get("description")
    if rest and (said is None or isinstance(said, str)):
        values["description"] = "\n\n".join(filter(None, (said, "\n".join(rest))))
    return values


def _task(number: int, row: Mapping[str, Any], findings: Findings) -> dict[str, Any] | None:
    """Return what is to be created, without checking more than its names: the service looks at the values."""
    strange = [str(name) for name in row if name not in FIELDS]
    if strange and not row.keys() >= OF_AN_EXPORT:
        is_are = "is no field" if len(strange) == 1 else "are no fields"
        findings.refuse(number, f"{', '.join(map(repr, strange))} {is_are}. {TAKEN}")
        return None
    if "title" not in row:
        findings.refuse(number, "it has no title")
        return None
    if isinstance(unknown := row.get("completed", False), Unknown):
        findings.refuse(number, str(unknown))
        return None
    if wrong := [said for name in SETTABLE if (said := _what_cannot_be_sent(name, row.get(name)))]:
        findings.refuse(number, "; ".join(wrong))
        return None
    for name in strange:
        if row[name] not in NOTHING:
            findings.left_out[name] += 1
            findings.remark(f"A newer taskward knows {name!r}, which this version leaves out.")
    return {name: row[name] for name in SETTABLE if name in row and _is_said(name, row[name])}


def _what_cannot_be_sent(name: str, value: object) -> str:
    """Return what is wrong with a value that is not even JSON as the service reads it; nothing where it is."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict | list):
            return f"{name!r} is {shown(value)}, and no field has objects in it"
        if isinstance(part, float) and not isfinite(part):
            return f"{name!r} is {part}, which is no number"
        if isinstance(part, str) and SURROGATE.search(part):
            return f"{name!r} has half of a character in it: {shown(SURROGATE.sub('?', part))}"
    return ""


def _is_said(name: str, value: object) -> bool:
    return name in FIRST_FIELDS or value not in NOT_SAID


def _own(number: object, created: object) -> tuple[int, str] | None:
    """Return which task of an export this was."""
    digits = str(number) if isinstance(number, int | str) else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(LARGEST_ID))):
        return None
    return (int(digits), created) if isinstance(created, str) and created else None
