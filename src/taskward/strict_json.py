"""JSON as RFC 8259 recommends it: written in one form, and refused where two parsers could read it differently."""

import json
from typing import Any

import orjson

MAX_DEPTH = 32


class MalformedJsonError(ValueError):
    """The bytes are not JSON, or JSON that parsers disagree about; the message says which and where."""


def encode(value: Any) -> bytes:
    """Return JSON for dicts, lists, text, numbers, booleans, None and datetimes.

    Datetimes are in UTC, also those without a zone, and end in Z (RFC 3339).
    """
    return orjson.dumps(value, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)


def decode(data: bytes) -> Any:
    """Return what `data` says.

    Refused with MalformedJsonError, beyond a syntax error: encodings other than UTF-8, a byte order mark,
    NaN and Infinity, numbers too large for a double, lone surrogates (RFC 8259, 8.2), a name that occurs
    twice in one object (section 4), and more than 32 levels of nesting.
    """
    try:
        orjson.loads(data)  # the strict grammar; it takes repeated names, and turns huge integers to floats
        value = json.loads(data, object_pairs_hook=_object_without_repeats)
    except orjson.JSONDecodeError as error:
        raise MalformedJsonError(_place(error)) from None
    except RecursionError:
        raise MalformedJsonError(f"nested deeper than {MAX_DEPTH} levels") from None
    except MalformedJsonError:
        raise
    except ValueError as error:  # an integer beyond the interpreter's limit of digits
        raise MalformedJsonError("a number has too many digits") from error
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise MalformedJsonError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def _place(error: orjson.JSONDecodeError) -> str:
    """Say from where on it cannot be read; the parser has words of its own, and a limit of depth above ours."""
    read = error.doc[: error.pos]
    if read.count("[") + read.count("{") - read.count("]") - read.count("}") > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH} levels"
    return f"line {error.lineno}, column {error.colno} cannot be read"


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJsonError("a name occurs twice in one object")
    return members


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth
