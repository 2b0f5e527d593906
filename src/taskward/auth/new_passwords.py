"""Which passwords nobody may choose: those that are guessed first.

The list is the 3,000 commonest of at least 8 characters, the commonest first, in small letters. They are from
Django's `common-passwords.txt`, whose licence stands beside it. OWASP ASVS 5.0, 6.2.4; NIST SP 800-63B, 3.1.1.2.
"""

from functools import cache
from importlib.resources import files

from taskward.auth.passwords import normalised

COMMON = "Many people have this password, so it is guessed first. Choose another one"
OWN_ADDRESS = "A password cannot be your e-mail address. Choose another one"


def is_common(password: str) -> bool:
    """Tell whether a password is one of the commonest, in any case and any way to type it."""
    return f"\n{_folded(password)}\n" in _commonest()


def is_address(password: str, email: str) -> bool:
    """Tell whether a password is an e-mail address, in any case."""
    return _folded(password) == email.casefold()


def _folded(password: str) -> str:
    return normalised(password).casefold()


@cache
def _commonest() -> str:
    """Return the list, each between two ends of lines: as one text it takes 30 KB, as a set ten times as much."""
    return "\n" + files("taskward.auth").joinpath("common_passwords.txt").read_text(encoding="utf-8")
