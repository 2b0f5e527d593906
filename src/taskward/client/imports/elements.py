"""JSON, value by value: arrays and lines of any length in little memory, and nothing passed over."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from taskward.client.imports.found import BrokenFileError

CHUNK = 64 * 1024
LONGEST_ROW = 1024 * 1024
UNSURE = 12  # characters at the end of what was read that may be half of something
TOO_DEEP = "this is no JSON that has an end: it is nested too deep"
TOO_MANY_DIGITS = "this is no JSON that can be read: a number has too many digits"
ENDS_EARLY = "the file ends in the middle of it. Was it copied or downloaded whole?"


class Members(dict[str, Any]):
    """A JSON object, and the names that it has twice."""

    repeated: tuple[str, ...] = ()


def members(pairs: list[tuple[str, Any]]) -> Members:
    """Return an object of these pairs."""
    found = Members(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found.repeated = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    return found


class MalformedError(ValueError):
    """What is there is no JSON, or none that is read in one way alone."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> Members:
    found = members(pairs)
    if found.repeated:
        raise MalformedError(f"the name {found.repeated[0]!r} stands more than once in one object")
    return found


class JsonText:
    """A text that is read value by value."""

    def __init__(self, text: TextIO, longest: int = LONGEST_ROW) -> None:
        """Take the text, and how many characters one value may have."""
        self._text = text
        self._longest = longest
        self._decode = json.JSONDecoder(object_pairs_hook=members).raw_decode
        self._buffer, self._place, self._at_end = "", 0, False

    def next(self) -> str:
        """Return the next character that is no white space, without taking it; nothing at the end."""
        while True:
            rest = len(self._buffer)
            while self._place < rest and self._buffer[self._place] in " \t\r\n":
                self._place += 1
            if self._place < rest or not self._more(CHUNK):
                return self._buffer[self._place : self._place + 1]

    def take(self, characters: str) -> str:
        """Take the next character, which has to be one of these; raise BrokenFileError at the end."""
        found = self.next()
        if not found:
            raise BrokenFileError(ENDS_EARLY)
        if found not in characters:
            raise MalformedError(f"there is {found!r} where {' or '.join(map(repr, characters))} has to be")
        self._place += 1
        return found

    def value(self) -> Any:
        """Take the next value. Raises MalformedError, and BrokenFileError where the file ends in it."""
        self.next()
        size = CHUNK
        while True:
            found, end = self._decoded()
            is_whole = end is not None and end < len(self._buffer)  # what ends where the text does may go on
            if is_whole or not self._more(size):
                found, end = self._decoded()  # knowing that nothing follows
                if end is None:
                    raise BrokenFileError(ENDS_EARLY)
                self._place = end
                return found
            if len(self._buffer) - self._place > self._longest + CHUNK:
                raise BrokenFileError(f"it has more than {self._longest // 1024:,} KiB, as no task has")
            size = min(2 * size, self._longest)

    def _decoded(self) -> tuple[Any, int | None]:
        """Return the value that begins here, and where it ends; None where it does not end yet."""
        try:
            return self._decode(self._buffer, self._place)
        except json.JSONDecodeError as error:
            if self._is_wrong(error):
                raise MalformedError(f"this is no JSON: {error.msg[0].lower()}{error.msg[1:]}") from None
            return None, None
        except RecursionError:
            raise MalformedError(TOO_DEEP) from None
        except ValueError:
            raise MalformedError(TOO_MANY_DIGITS) from None

    def skip_line(self) -> None:
        """Go to the end of the line."""
        while (end := self._buffer.find("\n", self._place)) < 0:
            self._place = len(self._buffer)
            if not self._more(CHUNK):
                return
        self._place = end + 1

    def _is_wrong(self, error: json.JSONDecodeError) -> bool:
        """Tell whether more of the file could not make it right."""
        if error.msg.startswith("Unterminated string"):
            return False
        return error.pos < len(self._buffer) - (0 if self._at_end else UNSURE)

    def _more(self, size: int) -> bool:
        found = self._text.read(size)
        self._at_end = not found
        if found:
            self._buffer, self._place = self._buffer[self._place :] + found, 0
        return bool(found)


def array(text: JsonText) -> Iterator[Any]:
    """Yield what an array has in it, which begins here."""
    text.take("[")
    if text.next() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


def document(text: str) -> Any:
    """Return all of a JSON text; raise BrokenFileError for what is none, or not whole."""
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Unterminated string") or error.pos >= len(text.rstrip()):
            raise BrokenFileError("the file ends too early. Was it copied or downloaded whole?") from None
        if error.msg == "Extra data":
            raise BrokenFileError(f"there is something after the end, in line {error.lineno}") from None
        raise BrokenFileError(f"line {error.lineno} is no JSON: {error.msg}") from None
    except MalformedError as error:
        raise BrokenFileError(str(error)) from None
    except RecursionError:
        raise BrokenFileError(TOO_DEEP) from None
    except ValueError:
        raise BrokenFileError(TOO_MANY_DIGITS) from None
