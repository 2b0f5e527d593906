"""`taskward serve`: the supervisor. Owns the port, the embedded PostgreSQL and the workers."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from taskward.cli.config import check_addresses
from taskward.cli.configuration_warnings import warnings
from taskward.cli.listening import BACKLOG, listen
from taskward.hints.siblings import hints_between_workers
from taskward.observability.audit import check_file
from taskward.observability.logging import log_config
from taskward.observability.shared import shared_metrics
from taskward.server.loading import loading_workers
from taskward.server.shares import Shares
from taskward.server.worker_config import WorkerConfig
from taskward.settings import Settings

DRAIN_SECONDS = 10
PATIENCE_SECONDS = 20  # for a worker to start or to say that it lives, also on a machine with too much to do

logger = logging.getLogger(__name__)


def serve() -> None:
    """Run until SIGTERM or SIGINT; SIGHUP replaces the workers one by one.

    Raises InvalidSettingsError, EmbeddedPostgresError, IsolationError, OperationalError, OSError.
    """
    settings = Settings.load()
    check_addresses(settings)
    if settings.audit_log_file is not None:
        check_file(settings.audit_log_file)
    config = _uvicorn_config(settings)  # sets up logging as well
    if settings.has_secret:
        _ = settings.signing_secret  # made up before there are several workers to do so
    for warning in warnings(settings):
        logger.warning("%s", warning)
    # Until the workers begin; it leaves through every `finally`.
    for sort in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sort, lambda *_: sys.exit(0))
    with (
        listen(settings.host, settings.port) as listener,
        shared_metrics(),
        hints_between_workers(),
        loading_workers(config, [listener]) as loading,
    ):
        # Only here, so that the workers load meanwhile.
        from taskward.cli.announcement import announce
        from taskward.cli.postgres import database_of
        from taskward.cli.preparation import Preparation
        from taskward.server.workers import Workers

        with _metrics_beside(settings) as metrics_port, database_of(settings) as url:
            preparation = Preparation(settings, url)
            preparation.begin()
            os.environ["DATABASE_URL"] = url  # the workers get it at their gates and read the settings themselves
            share_cursor_secret(settings)
            if settings.database_url is None:
                os.environ["CHANGES_POLL_SECONDS"] = "0"  # nobody else writes to the embedded one
            workers = Workers(config, [listener], loading)
            bound, port = listener.getsockname()[:2]
            threading.Thread(target=announce, args=(settings, bound, port, metrics_port), daemon=True).start()
            workers.run()
    if preparation.failure:
        raise preparation.failure
    if workers.failed_to_start:
        sys.exit(1)


def share_cursor_secret(settings: Settings) -> None:
    """Give the workers, by their environment, one secret for cursors where each would make up its own."""
    if not settings.has_secret and settings.cursor_secret_key is None:
        os.environ["CURSOR_SECRET_KEY"] = settings.cursor_secret.hex()


@contextmanager
def _metrics_beside(settings: Settings) -> Iterator[int | None]:
    """Serve `/metrics` on `METRICS_PORT` and give the port, or None where there is no such thing."""
    if settings.metrics_port is None:
        yield None
        return
    from taskward.operations.metrics_listener import serving_metrics  # with the framework, for those who want it

    with (
        listen(settings.host, settings.metrics_port, "METRICS_PORT") as listener,
        serving_metrics(listener, settings.metrics_bearer) as port,
    ):
        yield port


def _uvicorn_config(settings: Settings) -> WorkerConfig:
    config = WorkerConfig(
        "taskward.app:create_app",
        factory=True,
        workers=settings.workers,
        lifespan="on",
        http="taskward.server.protocol:BoundedProtocol",  # by name: the supervisor needs no framework
        ws="none",
        log_config=log_config(settings.log_level, settings.log_format, settings.audit_log_file),
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_worker_healthcheck=PATIENCE_SECONDS,
    )
    config.shares = Shares()
    return config
