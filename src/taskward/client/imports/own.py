"""What our own files have in common: their names, and what of a row is to be created."""

from collections.abc import Mapping, Sequence
from typing import Any

from taskward.client.fields import FIELDS, FIRST_FIELDS, NOT_SAID, SETTABLE
from taskward.client.imports.found import Findings, Found, Options
from taskward.client.imports.parts import shown

# Whatever else a row with these has, it comes from an export and is no slip of somebody's pen.
OF_AN_EXPORT = {"id", "user_id", "revision"}
NOTHING: tuple[object, ...] = (None, "", [])
TAKEN = f"Names that are taken: {', '.join(SETTABLE)}"
LARGEST_ID = 2**63 - 1


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
    if isinstance(wrong := row.get("completed", False), Unknown):
        findings.refuse(number, str(wrong))
        return None
    if deep := [name for name in SETTABLE if _is_deep(row.get(name))]:
        findings.refuse(number, f"{deep[0]!r} is {shown(row[deep[0]])}, and no field has objects in it")
        return None
    for name in strange:
        if row[name] not in NOTHING:
            findings.left_out[name] += 1
            findings.remark(f"A newer taskward knows {name!r}, which this version leaves out.")
    return {name: row[name] for name in SETTABLE if name in row and _is_said(name, row[name])}


def _is_deep(value: object) -> bool:
    """Tell whether a value has more levels than those of a list of texts."""
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(part, dict | list) for part in parts)


def _is_said(name: str, value: object) -> bool:
    return name in FIRST_FIELDS or value not in NOT_SAID


def _own(number: object, created: object) -> tuple[int, str] | None:
    """Return which task of an export this was."""
    digits = str(number) if isinstance(number, int | str) else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(LARGEST_ID))):
        return None
    return (int(digits), created) if isinstance(created, str) and created else None
