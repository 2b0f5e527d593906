"""Passwords that nobody may choose."""

import subprocess
import sys
import tomllib
import tracemalloc
from importlib.resources import files

import pytest

from taskward.auth.new_passwords import is_address, is_common
from tests.docs.documents import ROOT

pytestmark = pytest.mark.quick

LIST = files("taskward.auth").joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines()
MOST_BYTES = 100_000
ONCE = """
import sys
from taskward.accounts import routes
from taskward.auth import new_passwords
assert not new_passwords._commonest.cache_info().currsize
assert new_passwords.is_common("password")
assert new_passwords._commonest.cache_info().currsize
"""


def test_the_list_has_3000_passwords_that_could_be_chosen() -> None:
    assert len(set(LIST)) == len(LIST) == 3000
    assert min(map(len, LIST)) == 8
    assert {"password", "12345678", "iloveyou", "qwerty123"} <= set(LIST)


def test_its_licence_stands_beside_it_and_in_what_is_installed() -> None:
    """BSD, 2: with the list, wherever it goes."""
    licence = files("taskward.auth").joinpath("common_passwords.license.txt")
    assert "Django Software Foundation" in licence.read_text()
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license-files"]
    assert "src/taskward/auth/common_passwords.license.txt" in named


def test_each_of_the_list_is_refused_in_any_case() -> None:
    assert all(is_common(password) and is_common(password.upper()) for password in LIST)


@pytest.mark.parametrize(
    "password", ["", "\n", " password", "password ", "passwor", "assword1", "correct horse battery staple"]
)
def test_what_only_looks_like_one_is_not(password: str) -> None:
    assert not is_common(password)


def test_an_address_is_known_in_any_case_and_nothing_else_is() -> None:
    assert is_address("Alice@Example.com", "alice@example.COM")
    assert not is_address("alice@example.com.", "alice@example.com")


def test_the_list_is_read_when_it_is_needed() -> None:
    subprocess.run([sys.executable, "-c", ONCE], check=True)


def test_the_list_takes_little_memory() -> None:
    tracemalloc.start()
    is_common("password")
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < MOST_BYTES
