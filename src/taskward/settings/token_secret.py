"""Secrets that anybody could guess, and the secret that is made up where none is given."""

import re
import secrets
from contextlib import suppress
from pathlib import Path

from taskward.atomic_files import written_whole
from taskward.settings.errors import InvalidSettingsError

MIN_SECRET_LENGTH = 32  # RFC 7518, 3.2: an HS256 key is at least as long as the hash
MIN_DIFFERENT_CHARACTERS = 8  # 32 random hexadecimal digits have fewer once in many millions
SHORT_REST = 8  # characters that make a repeated piece no better
MAKE_ONE = "Make one with: openssl rand -base64 48"

ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)  # fmt: skip
RUNS = {way[at : at + 4] for row in ROWS for way in (row, row[::-1]) for at in range(len(row) - 3)}

# What placeholders are made of. Short words also occur in random secrets, which still have enough characters left.
WORDS = """
    admin and application at auth base64 better bit bits changeit changeme changethis change char characters chars
    default demo dev development do example fixme foobar generate generic hello here hex hs256 insecure insert it
    jwt key least local long me must my not openssl output passphrase passwd password placeholder please private
    prod production put rand random really replace replaceme safe sample secret secure should signing some string
    super taskward test testing that the this todo token unsafe use value very with world you your
"""
SEPARATOR = re.compile(r"[\s_.,:;!<>()\"'-]")
WORD = re.compile("|".join(sorted(re.findall(r"\w+", WORDS), key=len, reverse=True)))

# The beginnings of keys in tutorials that many have copied: FastAPI's, Spring's, Django's.
COPIED = ("09d25e094faa6ca2", "404e635266556a58", "djangoinsecure")


def weakness(secret: str) -> str | None:
    """Say why anybody could guess a secret, None where nothing speaks for it. No part of it is repeated."""
    text = SEPARATOR.sub("", secret.lower())
    if len(set(secret)) < MIN_DIFFERENT_CHARACTERS:
        return f"it has fewer than {MIN_DIFFERENT_CHARACTERS} different characters"
    if _is_one_piece_repeated(text):
        return "it is the same text repeated"
    if text.startswith(COPIED):
        return "it is from a tutorial"
    if len(set(WORD.sub("", _without_runs(text)))) < MIN_DIFFERENT_CHARACTERS:
        return "it is made of placeholder words or keyboard rows"
    return None


def _is_one_piece_repeated(text: str) -> bool:
    """Tell whether a text is a piece, twice or more in a row, with next to nothing before and behind."""
    for size in range(1, len(text) // 2 + 1):
        alike = "".join("=" if here == there else " " for here, there in zip(text, text[size:], strict=False))
        longest = max(map(len, alike.split(" ")))
        if longest >= size and len(text) - size - longest <= min(SHORT_REST, len(text) // 4):
            return True
    return False


def _without_runs(text: str) -> str:
    starts = [at for at in range(len(text) - 3) if text[at : at + 4] in RUNS or len(set(text[at : at + 4])) == 1]
    in_runs = {start + offset for start in starts for offset in range(4)}
    return "".join(character for at, character in enumerate(text) if at not in in_runs)


def secret_kept_in(path: Path) -> bytes:
    """Return the secret in a file, which is made with a new one where there is none.

    Raises InvalidSettingsError when what is kept there cannot be one.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another process may be first, and then its secret is the one.
        with suppress(FileExistsError), written_whole(path, overwrite=False) as draft:
            draft.write_text(secrets.token_urlsafe(48))
    secret = path.read_bytes()
    if len(secret) < MIN_SECRET_LENGTH:  # a file cut short, by a full disk or by hand, would be a key to guess
        raise InvalidSettingsError(f"{path} is too short to be a secret. Delete it, and a new one will be made.")
    return secret
