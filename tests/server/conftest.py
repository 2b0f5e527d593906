from collections.abc import Iterator

import pytest

from tests.conftest import SECRET
from tests.server.wire import JSON, Wire, request
from tests.service import Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in a process of its own. alice and bob have one task each; tests leave it so."""
    folder = tmp_path_factory.mktemp("wire") / "data"
    with Service(folder, {"JWT_SECRET_KEY": SECRET, "DB_POOL_SIZE": "4"}) as running:
        with Wire(running.url) as wire:
            for user in ("alice", "bob"):
                body = b'{"title":"Secret of %s"}' % user.encode()
                wire.send(request("POST", "/tasks", user, JSON, body))
                created = wire.read()
                assert created is not None
                assert created.status == 201
        yield running


@pytest.fixture(scope="session")
def battered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in a process of its own, on which tests may do what they like."""
    with Service(tmp_path_factory.mktemp("battered") / "data", {"JWT_SECRET_KEY": SECRET}) as running:
        yield running
