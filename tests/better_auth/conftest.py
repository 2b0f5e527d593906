"""A real Better Auth server and Taskward behind a real HTTP server, which talk to each other."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from taskward.app import create_app
from taskward.settings import Settings
from tests.better_auth.node import HERE, NodeServer, install_packages
from tests.better_auth.people import Person
from tests.client import check_response, openapi_of

Serve = Callable[..., httpx2.Client]


@pytest.fixture(scope="session")
def packages() -> Path:
    return install_packages()


@pytest.fixture
def node_folder(packages: Path, tmp_path: Path) -> Path:
    """A folder in which Node finds Better Auth."""
    (tmp_path / "node_modules").symlink_to(packages)
    return tmp_path


@pytest.fixture
def better_auth(node_folder: Path, request: pytest.FixtureRequest) -> Iterator[NodeServer]:
    """A Better Auth server; with the options that a test is parametrised with."""
    with NodeServer(node_folder, HERE / "server.mjs", getattr(request, "param", {})) as server:
        yield server


@pytest.fixture
def alice(better_auth: NodeServer) -> Iterator[Person]:
    with Person(better_auth.url, "alice") as person:
        yield person


@pytest.fixture
def bob(better_auth: NodeServer) -> Iterator[Person]:
    with Person(better_auth.url, "bob") as person:
        yield person


@pytest.fixture
def serve(database_url: str) -> Iterator[Serve]:
    """A function that starts Taskward with the given settings, and returns a client of it."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(_serving(Settings(DATABASE_URL=database_url, **settings)))


@pytest.fixture
def taskward(serve: Serve, better_auth: NodeServer) -> httpx2.Client:
    """Taskward in development, with the settings that the documents recommend."""
    # Better Auth makes its key when first asked for keys or a token, and two keys when asked for both at a time.
    httpx2.get(f"{better_auth.url}/api/auth/jwks").raise_for_status()
    return serve(**public_keys_of(better_auth))


def public_keys_of(better_auth: NodeServer) -> dict[str, Any]:
    url = better_auth.url
    return {"jwt_jwks_url": f"{url}/api/auth/jwks", "jwt_issuer": url, "jwt_audience": url}


@contextmanager
def _serving(settings: Settings) -> Iterator[httpx2.Client]:
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="none", log_config=None))

    def hold_against_the_schema(response: httpx2.Response) -> None:
        response.read()
        check_response(openapi_of(app), response)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()  # who connects before it accepts waits in the queue of the listener
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with httpx2.Client(base_url=url, event_hooks={"response": [hold_against_the_schema]}) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()
