"""The service with an identity provider's keys, and without a secret."""

import time
from pathlib import Path

import httpx2
import pytest

from tests.auth.provider import KeyServer, Pair
from tests.cli.command import refusal
from tests.service import Service


def test_the_service_takes_the_tokens_of_a_provider_and_makes_up_no_secret(
    tmp_path: Path, database_url: str
) -> None:
    pair = Pair("EdDSA")
    token = pair.token({"sub": "alice", "exp": int(time.time()) + 60})
    with KeyServer(pair) as keys:
        settings = {"DATABASE_URL": database_url, "JWT_JWKS_URL": f"{keys.url}?key=S3cret"}
        with Service(tmp_path / "data", settings) as service:
            response = httpx2.get(f"{service.url}/tasks", headers={"Authorization": f"Bearer {token}"})
            assert (response.status_code, response.json()["count"]) == (200, 0)
            assert f"tokens: those of the keys at {keys.url}" in service.banner
            assert "S3cret" not in service.banner
            assert "eyJ" not in service.banner
            assert "JWT_AUDIENCE is not set" in service.banner
    assert not (tmp_path / "data").exists()


def test_the_service_lives_without_its_provider(tmp_path: Path, database_url: str) -> None:
    with KeyServer() as gone:
        pass
    settings = {"DATABASE_URL": database_url, "JWT_JWKS_URL": f"{gone.url}?key=S3cret", "JWT_AUDIENCE": "x"}
    with Service(tmp_path / "data", settings) as service:
        assert httpx2.get(f"{service.url}/health/ready").status_code == 200
        response = httpx2.get(f"{service.url}/tasks", headers={"Authorization": f"Bearer {Pair('ES256').token()}"})
        assert (response.status_code, response.json()["code"]) == (503, "KEYS_UNAVAILABLE")
        assert "JWT_AUDIENCE is not set" not in service.banner
    output = service.banner + service.rest_of_output
    assert f"The keys at {gone.url} could not be fetched" in output
    assert "S3cret" not in output


@pytest.mark.parametrize("environment", ["development", "production"])
def test_where_tokens_come_from_a_provider_none_is_made_here(tmp_path: Path, environment: str) -> None:
    settings = {"JWT_JWKS_URL": "https://example.com/jwks", "ENVIRONMENT": environment}
    assert "JWT_JWKS_URL" in refusal("token", "alice", settings=settings, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
