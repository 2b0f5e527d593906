"""Which secrets anybody could guess, and that no other is called one."""

import base64
import re
import secrets

import pytest

from taskward.cli.configuration_warnings import configuration_warnings
from taskward.settings import Settings
from taskward.settings.token_secret import MAKE_ONE, weakness
from tests.conftest import SECRET
from tests.docs.documents import ROOT
from tests.test_settings import refusal

GUESSED = [
    "change-me-change-me-change-me-change-me", "changeme-changeme-changeme-changeme-32chars",
    "secret" * 7, "secret1secret2secret3secret4secret5", "abcdefgh12345678abcdefgh12345678",
    "0123456789abcdef0123456789abcdef", "your-secret-key-at-least-32-characters-long",
    "your-256-bit-secret-your-256-bit", "a-string-secret-at-least-256-bits-long",
    "better-auth-secret-12345678901234567890", "super-secret-jwt-token-with-at-least-32-characters-long",
    "reallyreallyreallyreallyverysafe", "the output of: openssl rand -base64 48",
    "<at least 32 characters>........",
    "this-is-a-generic-HS256-secret-key-and-you-should-really-change-it", "qwertyuiopasdfghjklzxcvbnm123456",
    "1234567890qwertyuiopasdfghjklzxc", "abcdefghijklmnopqrstuvwxyz0123456789",
    "aaaaaaaabbbbbbbbccccccccdddddddd12345678", "09d25e094faa6ca2556c818166b7a9563b93f709",
    "YOUR_SUPER_SECRET_KEY_CHANGE_THIS_IN_PRODUCTION", "password123password123password123!",
    "insecure-secret-for-local-development-only", "replace-with-a-long-random-string-of-32",
    "Passw0rd!Passw0rd!Passw0rd!Passw0rd!1", "1Passw0rd!Passw0rd!Passw0rd!Passw0rd!", "xKq7Zp2mWv4N" * 3 + "2026",
    "2026" + "xKq7Zp2mWv4NbR9t" * 2, "xKq7Zp2mWv4NbR9t" * 2 + "xKq7Zp2mWv4Nb",
]  # fmt: skip


@pytest.mark.parametrize("secret", GUESSED)
@pytest.mark.parametrize("name", ["JWT_SECRET_KEY", "BETTER_AUTH_SECRET"])
def test_a_secret_that_anybody_can_guess_is_refused_outside_development_and_told_of_in_it(
    name: str, secret: str
) -> None:
    for environment in ("staging", "production"):
        (line,) = refusal(ENVIRONMENT=environment, **{name: secret})
        assert line.startswith(f"{name}: this secret is easy to guess: it ")
        assert line.endswith(MAKE_ONE)
        assert secret not in line
    (warning,) = configuration_warnings(Settings.model_validate({name: secret}))
    assert MAKE_ONE in warning
    assert secret not in warning


def test_what_is_random_is_never_called_a_guess() -> None:
    for _ in range(2000):
        assert weakness(secrets.token_hex(16)) is None
        assert weakness(secrets.token_urlsafe(24)) is None
        assert weakness(base64.b64encode(secrets.token_bytes(48)).decode()) is None


@pytest.mark.parametrize(
    "secret", [SECRET, "correct-horse-battery-staple-and-a-parrot", "Zürich! 7 gelbe Boote & 1 Mond"]
)
def test_a_sentence_of_somebodys_own_is_not_called_one(secret: str) -> None:
    assert weakness(secret) is None


def test_no_secret_that_the_documents_show_is_good_in_production() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*"), ROOT / ".env.example"]
    text = "\n".join(page.read_text() for page in pages if page.is_file())
    shown = {value.strip("\"'` ") for value in re.findall(r"(?:JWT_SECRET_KEY|BETTER_AUTH_SECRET)[=:](.*)", text)}
    assert "the output of: openssl rand -base64 48" in shown
    for value in shown:
        assert len(value) < 32 or "$" in value or weakness(value), value
