"""Which database the settings mean: somebody else's, or our own for as long as it is needed."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from taskward.settings import Settings


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """Give the URL of the database; without DATABASE_URL, of the embedded one, which runs inside the block."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    from taskward.database.embedded import EmbeddedPostgres  # not needed, nor installed, elsewhere

    for sort in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sort, lambda *_: sys.exit(0))  # leaves through every `finally`, which stops the server
    connections = settings.workers * (settings.db_pool_size + settings.db_max_overflow)
    with EmbeddedPostgres(settings.data_dir, max_connections=connections) as postgres:
        yield postgres.url
