"""Personal tokens, which people make for scripts: their form, and what they are good for.

`twp_`, 43 base62 characters that hold 256 random bits, and 6 of a CRC-32 of these, as GitHub's have it: scanners
find them, and a typo is refused without a question to the database.
"""

import re
import secrets
import zlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from taskward.errors import TokenInvalidError

PREFIX = "twp_"
TASKS_READ = "tasks:read"
TASKS_WRITE = "tasks:write"
CALENDAR = "calendar"
SCOPES = (TASKS_READ, TASKS_WRITE, CALENDAR)

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_DIGITS = 43  # 62 ** 43 is more than 2 ** 256
CHECK_DIGITS = 6  # 62 ** 6 is more than 2 ** 32
FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_DIGITS}}})([0-9A-Za-z]{{{CHECK_DIGITS}}})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A personal token that there is: whose, for how many seconds yet, which may be none, and for what."""

    user_id: str
    seconds_left: float
    scopes: frozenset[str]


FindToken = Callable[[bytes], Awaitable[FoundToken | None]]  # by the SHA-256 of a token


def new_token() -> str:
    """Return a token that nobody has."""
    digits = _base62(secrets.randbits(256), RANDOM_DIGITS)
    return PREFIX + digits + _checksum(digits)


def check_form(token: str) -> None:
    """Raise TokenInvalidError for what was mistyped, or is a part of a token."""
    form = FORM.match(token)
    if form is None or form[2] != _checksum(form[1]):
        raise TokenInvalidError("The personal token is not whole, or mistyped. Copy all of it.")


def implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return what a token of these scopes is good for: who may write may read."""
    given = frozenset(scopes)
    return given | {TASKS_READ} if TASKS_WRITE in given else given


def _checksum(digits: str) -> str:
    return _base62(zlib.crc32(digits.encode()), CHECK_DIGITS)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
