"""A server in a thread of the test's process, for limits that a test makes smaller than they are."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from taskward.app import create_app
from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings


@contextmanager
def running(settings: Settings, protocol: type[BoundedProtocol]) -> Iterator[str]:
    """Serve the application with `protocol`; give its URL."""
    config = uvicorn.Config(
        create_app(settings),
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"  # connections queue until it is up
        finally:
            server.should_exit = True
            thread.join()
