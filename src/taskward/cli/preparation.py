"""What a start does with its database, while the workers load."""

import asyncio
import logging
import os
import signal
import threading
import time

import psycopg

from taskward.cli.migrate import migrate_where_needed
from taskward.database.driver.causes import cause_of
from taskward.database.startup_check import (
    check_isolation_at,
    warn_of_a_server_that_only_reads,
    warn_of_an_old_server,
)
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError
from taskward.features import TABLES
from taskward.settings import Settings

RETRY_SECONDS = 0.5
AWAY = (psycopg.OperationalError, DatabaseUnavailableError)

logger = logging.getLogger(__name__)


class Preparation:
    """Migrates the database and runs the startup check, before the workers begin or once there is a database."""

    def __init__(self, settings: Settings, url: str) -> None:
        """Take the database's URL; `failure` is what went wrong in the background."""
        self._settings = settings
        self._url = url
        self.failure: Exception | None = None

    def begin(self) -> None:
        """Prepare the database; when it is away, do so in the background, and return."""
        try:
            self._prepare()
        except AWAY as error:
            logger.warning("the database cannot be reached, starting without it: %s", cause_of(error))
            threading.Thread(target=self._prepare_when_it_is_there, daemon=True).start()

    def _prepare_when_it_is_there(self) -> None:
        while True:
            time.sleep(RETRY_SECONDS)
            try:
                self._prepare()
            except AWAY:
                continue
            except Exception as error:
                self.failure = error  # told by the main thread, when the workers have ended
                os.kill(os.getpid(), signal.SIGTERM)
            else:
                logger.warning("the database is there, and ready")
            return

    def _prepare(self) -> None:
        migrate_where_needed(self._settings, self._url)
        embedded = self._settings.database_url is None  # nobody can upgrade it but by a newer Taskward
        also = [warn_of_a_server_that_only_reads, *([] if embedded else [warn_of_an_old_server])]
        asyncio.run(check_isolation_at(conninfo(self._url), TABLES, also=also))
