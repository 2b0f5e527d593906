"""JSON as RFC 8259 recommends it: written in one form, and refused where two parsers could read it differently."""

import json
from itertools import count
from typing import Any

import orjson

MAX_DEPTH = 32
MAX_CONTAINERS = 1000  # objects and lists; each is a step in Python, which half a megabyte of them would make long
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


class MalformedJsonError(ValueError):
    """The bytes are not JSON, or JSON that parsers disagree about; the message says which and where."""


def encode(value: Any) -> bytes:
    """Return JSON for dicts, lists, text, numbers, booleans, None and datetimes.

    Datetimes are in UTC, also those without a zone, and end in Z (RFC 3339).
    """
    return orjson.dumps(value, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)


def decode(data: bytes, *, most: int = MAX_CONTAINERS) -> Any:
    """Return what `data` says.

    Refused with MalformedJsonError, beyond a syntax error: encodings other than UTF-8, a byte order mark,
    NaN and Infinity, numbers too large for a double, lone surrogates (RFC 8259, 8.2), a name that occurs
    twice in one object (section 4), more than 32 levels of nesting, and more than `most` objects and lists.
    """
    brackets = data.count(b"[") + data.count(b"{")  # no fewer than objects and lists
    try:
        orjson.loads(data)  # the strict grammar; it takes repeated names, and turns huge integers to floats
        value = (_WITHOUT_REPEATS if brackets <= most else _counting(most)).decode(data.decode())
    except orjson.JSONDecodeError as error:
        raise MalformedJsonError(_place(error)) from None
    except RecursionError:
        raise MalformedJsonError(TOO_DEEP) from None
    except MalformedJsonError:
        raise
    except ValueError as error:  # an integer beyond the interpreter's limit of digits
        raise MalformedJsonError("a number has too many digits") from error
    if brackets > MAX_DEPTH:
        _check_nesting(value, most)
    return value


def _place(error: orjson.JSONDecodeError) -> str:
    """Say from where on it cannot be read; the parser has words of its own, and a limit of depth above ours."""
    read = error.doc[: error.pos]
    if read.count("[") + read.count("{") - read.count("]") - read.count("}") > MAX_DEPTH:
        return TOO_DEEP
    return f"line {error.lineno}, column {error.colno} cannot be read"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJsonError("a name occurs twice in one object")
    return found


# Made once: to make one takes three times as long as to read a task with it.
_WITHOUT_REPEATS = json.JSONDecoder(object_pairs_hook=_without_repeats)


def _counting(most: int) -> json.JSONDecoder:
    """Return a decoder that gives up at one object too many."""
    objects = count(1)

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if next(objects) > most:
            raise MalformedJsonError(_too_many(most))
        return _without_repeats(pairs)

    return json.JSONDecoder(object_pairs_hook=members)


def _check_nesting(value: Any, most: int) -> None:
    depth, containers, level = 0, 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth, containers = depth + 1, containers + len(level)
        if depth > MAX_DEPTH or containers > most:
            raise MalformedJsonError(TOO_DEEP if depth > MAX_DEPTH else _too_many(most))
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]


def _too_many(most: int) -> str:
    return f"more than {most:,} objects and lists"
