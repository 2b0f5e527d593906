"""Which database the settings mean: somebody else's, or our own for as long as it is needed."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from taskward.database.url import conninfo
from taskward.settings import Settings


@contextmanager
def database_of(settings: Settings, *, beside_a_service: bool = False) -> Iterator[str]:
    """Give the URL of the database; without DATABASE_URL, of the embedded one, which runs inside the block.

    With `beside_a_service`, that is the server of the service which runs on it, if there is one.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    from taskward.embedded.server import EmbeddedPostgres, url_of_running  # not needed, nor installed, elsewhere

    running = url_of_running(settings.data_dir) if beside_a_service else None
    if running is not None and _answers(running):
        yield running
        return
    for sort in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sort, lambda *_: sys.exit(0))  # leaves through every `finally`, which stops the server
    connections = settings.workers * (settings.db_pool_size + settings.db_max_overflow)
    with EmbeddedPostgres(settings.data_dir, max_connections=connections) as postgres:
        yield postgres.url


def _answers(url: str) -> bool:
    try:
        psycopg.connect(conninfo(url)).close()
    except psycopg.OperationalError:
        return False  # the service was killed, or is starting; the lock of the folder knows which
    return True
