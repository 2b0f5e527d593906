"""Parts of what another product has written, which may be laid out in another way than its documents say."""

import json
import re
from collections.abc import Mapping
from typing import Any

# As the service has them (taskward.field_types).
CONTROLS = re.compile(r"[\u0000-\u001f\u007f-\u009f\u2028\u2029]")
VISIBLE = re.compile(
    r"[^\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]"
)
LONGEST_SHOWN = 60


class OddPartError(ValueError):
    """A part is something else than it has to be; the message says which, what it is, and what is understood."""


def object_in(entry: Any, name: str) -> Mapping[str, Any]:
    """Return an object, empty where there is none; raise OddPartError for what is something else."""
    found = entry.get(name)
    if found is not None and not isinstance(found, dict):
        raise OddPartError(f"{name!r} is {shown(found)}. Understood is an object, as in {{…}}")
    return found or {}


def list_in(entry: Any, name: str) -> list[Any]:
    """Return a list, empty where there is none; raise OddPartError for what is something else."""
    found = entry.get(name)
    if found is not None and not isinstance(found, list):
        raise OddPartError(f"{name!r} is {shown(found)}. Understood is a list, as in […]")
    return found or []


def objects_in(entry: Any, name: str) -> list[Mapping[str, Any]]:
    """Return a list of objects; raise OddPartError for what is something else."""
    return [an_object(each, f"in {name!r}") for each in list_in(entry, name)]


def an_object(found: Any, where: str = "it") -> Mapping[str, Any]:
    """Return what has to be an object; raise OddPartError for what is something else."""
    if not isinstance(found, dict):
        raise OddPartError(f"{where} is {shown(found)}. Understood is an object, as in {{…}}")
    return found


def shown(found: object, longest: int | None = LONGEST_SHOWN) -> str:
    """Return a value as JSON, as far as it can be and is not too long."""
    try:
        text = json.dumps(found, ensure_ascii=False)
    except RecursionError:
        return "nested too deep"
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…"


def is_visible(text: str) -> bool:
    """Tell whether there is anything to see of a text."""
    return VISIBLE.search(text) is not None


def without_controls(text: str) -> str:
    """Return a text without the characters that no field takes, U+0000 and halves of pairs; line ends are \\n."""
    clean = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return clean.encode("utf-8", "replace").decode()
