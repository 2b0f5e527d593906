"""What values of a request may be, wherever they come from: strict types, text that can be stored, numbers."""

import re

from pydantic import BeforeValidator, ConfigDict

STRICT = ConfigDict(extra="forbid", strict=True)

# For the published description, as JSON Schema has them. What is trimmed is Unicode's White_Space, spelt out here,
# as every dialect of regular expressions means something else by `\s`.
WHITE_SPACE = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
WITHOUT_NUL = r"^[^\u0000]*$"
WITHOUT_NUL_NOR_BLANK = rf"^[^\u0000]*[^\u0000{WHITE_SPACE}][^\u0000]*$"

DIGITS = re.compile(r"[1-9][0-9]*\Z", re.ASCII)
MAX_INT64 = 2**63 - 1
NOT_DIGITS = "Write this number in digits, such as 42"


def without_nul(value: str) -> str:
    """Return the text; raise ValueError for the one character that PostgreSQL's text cannot hold."""
    if "\0" in value:
        raise ValueError("String should not contain U+0000")
    return value


def _digits_only(value: object) -> object:
    """Refuse the other spellings that `int()` takes: `+1`, ` 1`, `01`, `1_0`, `1.0`."""
    if isinstance(value, str) and not DIGITS.match(value):
        raise ValueError(NOT_DIGITS)
    return value


InDigits = BeforeValidator(_digits_only)
