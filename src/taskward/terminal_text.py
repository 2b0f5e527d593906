"""Text that a terminal, a log or an editor can only show, and not obey."""

import re
import unicodedata
from collections.abc import Callable

# Control characters and line ends, what turns the direction of text or cannot be seen (Unicode TR 36, 3.8), and
# halves of surrogate pairs, which cannot be written.
UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
JOINERS = "\u200c\u200d"  # make one picture, or one letter, of several characters
CANDIDATE = re.compile(r"[^ -~]")
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(character: str) -> str:
    """Return a character as Python writes it, in ASCII."""
    number = ord(character)
    if number < 0x100:
        return SHORT.get(character, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def harmless(text: str, escape: Callable[[str], str] = escaped) -> str:
    """Return text in which what could do more than be shown is escaped."""

    def shown(found: re.Match[str]) -> str:
        character = found[0]
        safe = unicodedata.category(character) not in UNSAFE or character in JOINERS
        return character if safe else escape(character)

    return CANDIDATE.sub(shown, text)
