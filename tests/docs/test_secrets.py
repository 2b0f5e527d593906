"""The secret scanner of the hooks: it finds secrets, and there are none here."""

import os
import secrets
import string
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, files
from tests.docs.test_scaffolding import hooks

CLEAN, FOUND = 0, 200  # what the scanner exits with


def scan(cache: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Do what the hook does, and return how it ended."""
    program, *arguments = hooks()["secrets"]
    return subprocess.run(
        [Path(sys.prefix) / program.removeprefix(".venv/"), *arguments, *paths], cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(cache), "KF_RULE_CACHE_DIR": str(cache)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the scanner keeps its rules, compiled, from one scan to the next."""
    return tmp_path_factory.mktemp("rules")


def test_no_file_of_the_repository_has_a_secret(cache: Path) -> None:
    done = scan(cache, *files())
    assert done.returncode == CLEAN, done.stdout + done.stderr


def of(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def planted() -> dict[str, tuple[str, str]]:
    """Secrets that are made up here and now, each with the line that it stands in."""
    letters = string.ascii_letters + string.digits
    password, token = of(letters, 24), "ghp_" + of(letters, 36)
    signing, also = secrets.token_urlsafe(36), secrets.token_hex(32)
    return {
        "database": (password, f"DATABASE_URL=postgresql://app:{password}@db.acme.net/app"),
        "signing": (signing, f"JWT_SECRET_KEY={signing}"),
        "code": (also, f'jwt_secret_key = "{also}"'),
        "yaml": (also, f'  BETTER_AUTH_SECRET: "{also}"'),
        "github": (token, f'TOKEN = "{token}"'),
    }


@pytest.mark.parametrize("kind", planted())
def test_a_secret_is_found_and_not_printed(cache: Path, tmp_path: Path, kind: str) -> None:
    secret, line = planted()[kind]
    (tmp_path / "settings.py").write_text(f"# Nothing to see.\n{line}\n")
    done = scan(cache, tmp_path / "settings.py")
    assert done.returncode == FOUND, done.stderr
    assert "settings.py" in done.stdout
    assert secret not in done.stdout + done.stderr


def test_the_example_of_the_documents_is_none(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("postgresql://user:password@host/dbname\n")
    assert scan(cache, tmp_path / "notes.md").returncode == CLEAN
