from pathlib import Path

import httpx2
import pytest

from taskward.auth.verify import TokenVerifier
from taskward.cli.token import token
from taskward.settings import Settings
from tests.auth.tokens import at_once
from tests.cli.command import refusal, taskward
from tests.conftest import SECRET
from tests.service import Service


def test_the_service_with_the_same_data_directory_accepts_the_token(tmp_path: Path, database_url: str) -> None:
    settings = {"DATA_DIR": str(tmp_path / "data")}
    with Service(tmp_path / "data", {"DATABASE_URL": database_url}) as service:
        token = taskward("token", "alice", settings=settings, folder=tmp_path).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        response = httpx2.post(f"{service.url}/tasks", json={"title": "Buy milk"}, headers=headers)
        assert response.status_code == 201
        assert response.json()["user_id"] == "alice"
    assert taskward("token", "alice", settings=settings, folder=tmp_path).returncode == 0  # while it rests, too


def test_where_no_service_has_a_secret_none_is_made_up(tmp_path: Path) -> None:
    line = refusal("token", "alice", settings={}, folder=tmp_path)
    assert f"there is no secret in {tmp_path / 'taskward-data'}" in line
    assert "DATA_DIR or JWT_SECRET_KEY" in line
    assert list(tmp_path.iterdir()) == []


def test_the_secret_that_the_service_made_up_is_for_its_owner_alone(tmp_path: Path, database_url: str) -> None:
    with Service(tmp_path / "data", {"DATABASE_URL": database_url}):
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        (secret,) = (tmp_path / "data").iterdir()
        assert secret.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("user_id", ["a" * 255, "é🙂 with spaces"])
def test_any_user_id_that_a_token_may_name_is_accepted(tmp_path: Path, user_id: str) -> None:
    done = taskward("token", user_id, settings={"JWT_SECRET_KEY": SECRET}, folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.count(".") == 2


def test_the_token_says_what_the_settings_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SECRET_KEY", SECRET), ("ISSUER", "i"), ("AUDIENCE", "a"), ("USER_ID_CLAIM", "uid")):
        monkeypatch.setenv(f"JWT_{name}", value)
    assert at_once(TokenVerifier.from_settings(Settings.load()).verify(token("alice"))).user_id == "alice"


@pytest.mark.parametrize("user_id", ["", "a" * 256, "alice\n"], ids=["empty", "too long", "a control character"])
def test_a_user_id_that_no_token_may_name_is_refused(tmp_path: Path, user_id: str) -> None:
    line = refusal("token", user_id, settings={"JWT_SECRET_KEY": SECRET}, folder=tmp_path)
    assert "eyJ" not in line
    assert "'sub'" in line
