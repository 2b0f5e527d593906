"""The ids of accounts that are kept here, in a form that no identity provider is known to use."""

import re
import secrets

PREFIX = "usr_"
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
LENGTH = 28  # of 5 bits each: 140, which nobody guesses
FORM = re.compile(rf"{PREFIX}[a-z2-7]{{{LENGTH}}}")
SQL_PATTERN = f"^{FORM.pattern}$"  # as the migrations have it


def new_account_id() -> str:
    """Return an id that nobody has had."""
    return PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def is_account_id(user_id: str) -> bool:
    """Return whether a user id is in the form of an account's; every other one is a provider's."""
    return FORM.fullmatch(user_id) is not None
