"""Files as they are in the world: from a pipe or not, in one of four encodings, and too large at some point."""

import codecs
import io
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from taskward.client.imports.found import BrokenFileError
from taskward.os_errors import in_words

HEAD = 64 * 1024
CHUNK = 1024 * 1024
LARGEST_FILE = 2 * 1024**3  # of those that are read row by row
LARGEST_DOCUMENT = 32 * 1024**2  # of those that have to be held whole
LONGEST_LINE = 1024**2  # in characters
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CUT_IN_TWO = ("unexpected end of data", "truncated data")  # in Python's words
WEB_PAGE = re.compile(r"<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read more than once: its name, its bytes, how many they are, and their encoding."""

    name: str
    raw: BinaryIO
    size: int
    encoding: str

    @property
    def base_name(self) -> str:
        """What the file is called, without its folder."""
        return Path(self.name).name

    @property
    def is_zip(self) -> bool:
        """Whether it is an archive."""
        self.raw.seek(0)
        return self.raw.read(4) == b"PK\x03\x04"

    @property
    def is_ended(self) -> bool:
        """Whether the last line has an end."""
        self.raw.seek(max(0, self.size - 2))
        return self.raw.read().rstrip(b"\0").endswith((b"\n", b"\r"))

    def text(self) -> TextIO:
        """Return the text from its beginning, with its line ends as they are."""
        self.raw.seek(0)
        return io.TextIOWrapper(io.BufferedReader(_Unclosed(self.raw)), encoding=self.encoding, newline="")

    def lines(self) -> Iterator[str]:
        """Yield lines with their ends. Raises BrokenFileError for one that is longer than any text of a task."""
        text = self.text()
        number = 0
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
                raise BrokenFileError(f"line {number} has more than {LONGEST_LINE:,} characters, as no task has")
            yield line

    def head(self) -> str:
        """Return how the text begins, without white space; raise BrokenFileError for no text, or a web page."""
        with readable():
            head = self.text().read(HEAD).lstrip("\ufeff \t\r\n")
        if not head:
            raise BrokenFileError("there is nothing in the file but white space")
        if WEB_PAGE.match(head):
            raise BrokenFileError("this is a web page or XML. Was an error page saved instead of the file?")
        return head

    def document(self) -> str:
        """Return all of the text; raise BrokenFileError where that is too much to hold."""
        if self.size > LARGEST_DOCUMENT:
            raise BrokenFileError(
                f"this file has {self.size // 1024**2} MiB, and of its kind {LARGEST_DOCUMENT // 1024**2} MiB are"
                " taken. Export it in parts, such as list by list."
            )
        return self.text().read()


class _Unclosed(io.RawIOBase):
    """Bytes that stay open when the text that was read from them goes."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._raw.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


@contextmanager
def readable() -> Iterator[None]:
    """Turn what goes wrong while a file is read into BrokenFileError."""
    try:
        yield
    except UnicodeDecodeError as error:
        if error.reason in CUT_IN_TWO:
            raise BrokenFileError("the file ends in the middle of a character. Was it copied whole?") from None
        raise BrokenFileError("there are bytes in the file that are no text, as it begins") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise BrokenFileError(f"the file cannot be read on: {in_words(error)}") from None


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """Give a file, or what comes through the pipe where `path` is a hyphen.

    Raises OSError, and BrokenFileError for what is empty, too large or no text.
    """
    with _bytes_of(path) as raw:
        yield source_of(path, raw)


def source_of(name: str, raw: BinaryIO) -> Source:
    """Return bytes that can be read more than once as a file; raises as `opened` does."""
    size = raw.seek(0, io.SEEK_END)
    if not size:
        raise BrokenFileError("the file is empty")
    if size > LARGEST_FILE:
        raise BrokenFileError(f"the file has more than {LARGEST_FILE // 1024**3} GiB. Import it in parts.")
    return Source(name, raw, size, encoding_of(raw))


@contextmanager
def _bytes_of(path: str) -> Iterator[BinaryIO]:
    with io.FileIO(0, closefd=False) if path == "-" else Path(path).open("rb") as file:
        if path != "-" and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            yield file
            return
        with tempfile.TemporaryFile() as kept:
            while kept.tell() <= LARGEST_FILE and (chunk := file.read(CHUNK)):
                kept.write(chunk)
            yield kept


def encoding_of(raw: BinaryIO) -> str:
    """Return how bytes are to be read: UTF-8, UTF-16, or Windows-1252 where they are neither.

    Raises BrokenFileError for what is no text in any of these. An archive needs no encoding.
    """
    raw.seek(0)
    head = raw.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return "utf-8"
    for bom, encoding in BOMS.items():
        if head.startswith(bom):
            return encoding
    if b"\0" in head:
        return _without_bom(head)
    return "utf-8" if _is(raw, "utf-8") else _other(raw)


def _without_bom(head: bytes) -> str:
    """Tell UTF-16 without a mark by the zeros of its first letters, which are ASCII in all that we read."""
    if not any(head[1:64:2]) and all(head[0:64:2]):
        return "utf-16-le"
    if not any(head[0:64:2]) and all(head[1:64:2]):
        return "utf-16-be"
    raise BrokenFileError("this is no text, nor an archive that is known")


def _other(raw: BinaryIO) -> str:
    if _is(raw, "cp1252"):
        return "cp1252"
    raise BrokenFileError("this is no text in UTF-8, UTF-16 or Windows-1252")


def _is(raw: BinaryIO, encoding: str) -> bool:
    raw.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := raw.read(CHUNK):
            decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    # A character that the end of the file cuts in two is no other encoding: the file ends too early.
    return True
