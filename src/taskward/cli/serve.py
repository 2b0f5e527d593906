"""`taskward serve`: the supervisor. Owns the port, the embedded PostgreSQL and the workers."""

import asyncio
import logging
import os
import shlex
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from ipaddress import ip_address

import psycopg

from taskward.addresses import without_query
from taskward.cli.config import check_addresses
from taskward.cli.configuration_warnings import warnings
from taskward.cli.migrate import migrate_where_needed
from taskward.cli.postgres import database_of
from taskward.database.driver.causes import cause_of
from taskward.database.startup_check import (
    check_isolation_at,
    warn_of_a_server_that_only_reads,
    warn_of_an_old_server,
)
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError
from taskward.features import TABLES
from taskward.hints.siblings import hints_between_workers
from taskward.loopback import is_loopback
from taskward.observability.audit import check_file
from taskward.observability.logging import log_config
from taskward.observability.shared import shared_metrics
from taskward.server.loading import loading_workers
from taskward.server.shares import Shares
from taskward.server.worker_config import WorkerConfig
from taskward.server.workers import Workers
from taskward.settings import Settings

DRAIN_SECONDS = 10
PATIENCE_SECONDS = 20  # for a worker to start or to say that it lives, also on a machine with too much to do
BACKLOG = 2048
RETRY_SECONDS = 0.5
AWAY = (psycopg.OperationalError, DatabaseUnavailableError)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would ask its own 127.0.0.1

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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with (
        listen(settings.host, settings.port) as listener,
        shared_metrics(),
        hints_between_workers(),
        _metrics_beside(settings) as metrics_port,
        loading_workers(config, [listener]) as loading,
        database_of(settings) as url,
    ):
        preparation = _Preparation(settings, url)
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

    listener = listen(settings.host, settings.metrics_port, "METRICS_PORT")
    with serving_metrics(listener, settings.metrics_bearer) as port:
        yield port


def listen(host: str, port: int, name: str = "PORT") -> socket.socket:
    """Return a socket that listens there; raise OSError, which says what to set."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (socket.gaierror, ValueError):  # the second is Python's, for what cannot be a host's name
        raise OSError(f"cannot listen on {host}:{port}: that is not a valid address. Set HOST.") from None
    try:
        return socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=_serves_both(host)
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # without what Python appends to it
        raise OSError(f"cannot listen on {host}:{port}: {reason}. Set HOST or {name}.") from error


def _serves_both(host: str) -> bool:
    """Return whether a socket of this host takes IPv4 as well as IPv6: that of `::`, where the system can."""
    return ":" in host and ip_address(host).is_unspecified and socket.has_dualstack_ipv6()


class _Preparation:
    """Migrates the database and runs the startup check, before the workers begin or once there is a database."""

    def __init__(self, settings: Settings, url: str) -> None:
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


def announce(settings: Settings, bound: str, port: int, metrics_port: int | None = None) -> None:
    """Print where the service is, once it answers. Connections queue until the first worker accepts them."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bound, f"[{bound}]" if ":" in bound else bound)  # noqa: S104
    address = f"http://{host}:{port}"
    try:
        _DIRECT.open(f"{address}/health/live", timeout=60).close()
    except (OSError, HTTPException):
        return  # the workers could not start, and have said why
    lines = [
        f"Taskward is running at {address}",
        *reachable(bound),
        *who_may_register(settings, bound),
    ]
    if metrics_port is not None:
        lines.append(f"  metrics: http://{host}:{metrics_port}/metrics")
    if settings.api_docs:
        lines.append(f"  documentation: {address}/docs")
    if settings.database_url is None:
        lines.append(f"  data: {settings.data_dir.resolve()} (embedded PostgreSQL)")
    if settings.development and is_loopback(bound):  # others may read the log of the rest
        if settings.has_secret:
            from taskward.cli.token import token  # loads what signs, when the service answers already

            header = shlex.quote(f"Authorization: Bearer {token('user_123')}")
        else:
            lines.append(f"  tokens: those of the keys at {without_query(settings.jwt_jwks_url or '')}")
            header = '"Authorization: Bearer $TOKEN"'
        lines.append(f"  try it: curl -H {header} {address}/tasks")
    print("\n".join(lines), flush=True)


def reachable(bound: str) -> Iterator[str]:
    """Yield what whoever asked for more than this machine should know about it."""
    if is_loopback(bound):
        return
    address = ip_address(bound)
    versions = "IPv4 and IPv6" if _serves_both(bound) else f"IPv{address.version}"
    where = f"every {versions} address of this machine" if address.is_unspecified else "this address"
    yield f"  listening on {where}: other machines can reach it"


def who_may_register(settings: Settings, bound: str) -> Iterator[str]:
    """Yield who may have an account here, where that is more than a matter of this machine."""
    if not settings.accounts_enabled or (settings.development and is_loopback(bound)):
        return
    if settings.oidc_only:
        lets_in = "whoever the provider lets in has one, unless you set REGISTRATION=closed"
        keeps_out = "only who has one already can log in, as REGISTRATION is not open"
        yield f"  accounts: {lets_in if settings.registration == 'open' else keeps_out}"
        return
    yield {
        "open": "  accounts: anybody who can reach it can register, unless you set REGISTRATION=invite or closed",
        "invite": "  accounts: who has a link from 'taskward user invite EMAIL' can register",
        "closed": "  accounts: nobody can register, as REGISTRATION is closed",
    }[settings.registration]
