"""A real OpenID provider, and the service as its client."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from tests.better_auth.node import NodeServer, install_packages
from tests.client import Client, connect
from tests.conftest import SECRET, UNLIMITED

HERE = Path(__file__).parent
PUBLIC_URL = "http://127.0.0.1:8000"
CALLBACK = "/auth/oidc/callback"
CLIENT = {"OIDC_CLIENT_ID": "taskward", "OIDC_CLIENT_SECRET": "a secret of the tests"}


def start_provider(folder: Path, **options: Any) -> NodeServer:
    """Return a provider to be entered, in a folder of its own; the options are those of its one client."""
    (folder / "node_modules").symlink_to(install_packages(HERE))
    return NodeServer(folder, HERE / "provider.mjs", {"redirect_uris": [PUBLIC_URL + CALLBACK], **options})


@pytest.fixture(scope="session")
def started_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeServer]:
    with start_provider(tmp_path_factory.mktemp("provider")) as server:
        yield server


@pytest.fixture
def provider(started_provider: NodeServer) -> Iterator[NodeServer]:
    """A provider, one for all of these tests, that knows of people what the test tells it."""
    yield started_provider
    started_provider.tell("forget")


@pytest.fixture
def more_settings() -> dict[str, Any]:
    """What a test sets besides the rest."""
    return {}


@pytest.fixture
def settings(served_url: str, provider: NodeServer, more_settings: dict[str, Any]) -> Settings:
    return Settings.model_validate(
        {
            "DATABASE_URL": served_url, "JWT_SECRET_KEY": SECRET, "DB_POOL_SIZE": 2, "DB_MAX_OVERFLOW": 6,
            "RATE_LIMIT": UNLIMITED, "AUTH_RATE_LIMIT": UNLIMITED, "PUBLIC_URL": PUBLIC_URL,
            "OIDC_ISSUER": provider.url, **CLIENT, **more_settings,
        }
    )  # fmt: skip


@pytest.fixture
async def other_browser(app: FastAPI) -> AsyncIterator[Client]:
    async with connect(app) as client:
        yield client
