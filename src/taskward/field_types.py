"""What values of a request may be, wherever they come from: strict types, text that can be stored, numbers."""

import re

from pydantic import BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

STRICT = ConfigDict(extra="forbid", strict=True)

# For the published description, as JSON Schema has them. What is trimmed is Unicode's White_Space, spelt out here,
# as every dialect of regular expressions means something else by `\s`.
WHITE_SPACE = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
WITHOUT_NUL = r"^[^\u0000]*$"
WITHOUT_NUL_NOR_BLANK = rf"^[^\u0000]*[^\u0000{WHITE_SPACE}][^\u0000]*$"
# Nobody sees any of these: white space, controls, formats (joiners, marks of direction), fillers and variation
# selectors (Unicode's Default_Ignorable_Code_Point, below U+10000). A fixed list, the same for every Python.
INVISIBLE = (
    r"\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
WITH_A_VISIBLE_CHARACTER = rf"^[^\u0000]*[^{INVISIBLE}][^\u0000]*$"
CONTROLS = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
PRINTABLE = rf"^[^{CONTROLS}]+$"

MAX_EMAIL = 254  # RFC 5321, 4.5.3.1.3: the longest path, without its angle brackets
# What browsers take for an address (WHATWG HTML, "valid email address"), with a local part of at most 64
# characters (RFC 5321, 4.5.3.1.1). ASCII, so that "the same but for case" has one meaning.
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
ADDRESS = re.compile(rf"[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(?:\.{LABEL})*\Z", re.ASCII | re.IGNORECASE)

_VISIBLE = re.compile(rf"[^{INVISIBLE}]")
_CONTROL = re.compile(rf"[{CONTROLS}]")
DIGITS = re.compile(r"[1-9][0-9]*\Z", re.ASCII)
MAX_INT64 = 2**63 - 1


def without_nul(value: str) -> str:
    """Return the text; raise ValueError for the one character that PostgreSQL's text cannot hold."""
    if "\0" in value:
        raise ValueError("cannot contain the character U+0000")
    return value


def an_address(value: str) -> str:
    """Return an e-mail address as it is; raise ValueError for what is none."""
    if not ADDRESS.match(value):
        raise ValueError("must be an e-mail address, such as alice@example.com")
    return value


def is_visible(text: str) -> bool:
    """Tell whether there is anything to see of a text."""
    return _VISIBLE.search(text) is not None


def is_printable(text: str) -> bool:
    """Tell whether a text has neither control characters nor ends of lines."""
    return _CONTROL.search(text) is None


def in_digits(least: int, most: int) -> BeforeValidator:
    """Return what reads a number from `least` (0 or more) to `most` of its digits, as a query has it.

    The other spellings that `int()` takes are refused: `+1`, ` 1`, `01`, `1_0`, `1.0`.
    """

    def number(value: object) -> object:
        if isinstance(value, str):
            digits = value == "0" or DIGITS.match(value)
            if not digits or len(value) > len(str(most)) or not least <= int(value) <= most:
                raise ValueError(f"must be a whole number from {least} to {most}")
            return int(value)
        return value

    return BeforeValidator(number)


def wrong_field(name: str, message: str, *, within: tuple[str | int, ...] = ()) -> ValidationError:
    """Return what a validator of the whole raises about one of its fields, or about one of a part `within` it."""
    problem = PydanticCustomError("value_error", "{message}", {"message": message})
    return ValidationError.from_exception_data("body", [{"type": problem, "loc": (*within, name), "input": None}])


def without_tag(error: ValidationError) -> ValidationError:
    """Return what a validator around a tagged union raises: the same findings, in places that clients know.

    pydantic has the tag as a step on the way to each field.
    """
    found = error.errors(include_url=False, include_input=False)
    problems = [PydanticCustomError(each["type"], each["msg"], each.get("ctx")) for each in found]
    return ValidationError.from_exception_data(
        "body",
        [
            {"type": problem, "loc": each["loc"][1:], "input": None}
            for problem, each in zip(problems, found, strict=True)
        ],
    )
