"""What is counted and measured, in the form of Prometheus.

A scrape is up to a second old, and so are the gauges of the workers that do not answer it.
"""

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager, suppress
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)

import taskward
from taskward.database.transaction import Database
from taskward.observability.exposition import Exposition, collect_from_all
from taskward.observability.shared import FOLDER

SAMPLE_SECONDS = 1.0
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
DATABASE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
TOKEN_RESULTS = ("cached", "verified", "TOKEN_MISSING", "TOKEN_EXPIRED", "TOKEN_INVALID", "KEYS_UNAVAILABLE")
CLOSED = ("address", "full", "unsent")
MAILS = ("sent", "failed", "dropped")
LEVELS = ("WARNING", "ERROR", "CRITICAL")

if FOLDER in os.environ:
    # At each count the library asks the system which process it is, in case it forked since. A worker never does.
    values.ValueClass = values.MultiProcessValue(partial(int, os.getpid()))  # type: ignore[no-untyped-call]

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for every counter, which nobody asks for


class Metrics:
    """The metrics of one worker. Where several share a folder, an exposition has the sums of all."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.exposition = Exposition(self._collect)
        self._registry = registry = CollectorRegistry()
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

        self._requests = Counter(
            "taskward_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "taskward_request_duration_seconds",
            "Time from the first byte of a request to the last of its response, both inside the service.",
            ("method", "route"),
            registry=registry,
            buckets=REQUEST_SECONDS,
        )
        self._database = Histogram(
            "taskward_database_duration_seconds",
            "Time of a transaction in the database, the wait for a connection included.",
            registry=registry,
            buckets=DATABASE_SECONDS,
        )
        tokens = Counter(
            "taskward_token_verifications", "Tokens looked at, by what came of it.", ("result",), registry=registry
        )
        self._tokens = {result: tokens.labels(result) for result in TOKEN_RESULTS}
        self._all_tokens = tokens
        self._refusals = Counter(
            "taskward_rate_limit_refusals", "Requests over a rate limit, by limit.", ("limit",), registry=registry
        )
        closed = Counter(
            "taskward_connections_closed", "Connections closed for want of room.", ("reason",), registry=registry
        )
        self._closed = {reason: closed.labels(reason) for reason in CLOSED}
        mails = Counter("taskward_mails", "Mails, by what came of them.", ("outcome",), registry=registry)
        self._mails = {outcome: mails.labels(outcome) for outcome in MAILS}
        lines = Counter("taskward_log_lines", "Lines of the log, by level.", ("level",), registry=registry)
        self._lines = {level: lines.labels(level) for level in LEVELS}

        self._in_flight = self._gauge("taskward_requests_in_flight", "Requests being answered.")
        self._standing_by = self._gauge("taskward_requests_waiting", "Requests that wait for a change.")
        self._open = self._gauge("taskward_database_connections", "Connections to the database, used or not.")
        self._in_use = self._gauge("taskward_database_connections_in_use", "Connections that a request has.")
        self._limit = self._gauge("taskward_database_connections_limit", "Connections there may be.")
        self._waiting = self._gauge("taskward_database_waiting", "transactions that wait for a connection.")
        build = Gauge(
            "taskward_build_info", "Always 1; the labels tell.", ("version", "python"), registry=registry,
            multiprocess_mode="livemax",
        )  # fmt: skip
        build.labels(taskward.__version__, platform.python_version()).set(1)

    def _gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(name, documentation, registry=self._registry, multiprocess_mode="livesum")

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a response. Method and route are labels and come from `CurrentRequest`, which bounds them."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:  # `labels()` alone costs as much as the counting
            children = (self._requests.labels(method, route, status), self._seconds.labels(method, route))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def transaction(self, seconds: float) -> None:
        """Count a transaction."""
        self._database.observe(seconds)

    def token(self, result: str) -> None:
        """Count a token: `cached`, `verified`, or the code of the refusal."""
        (self._tokens.get(result) or self._all_tokens.labels(result)).inc()

    def rate_limited(self, limit: str) -> None:
        """Count a refusal by the limit of this name."""
        self._refusals.labels(limit).inc()

    def connection_closed(self, reason: str) -> None:
        """Count a connection that had to go: too many of its `address`, the worker `full`, too much `unsent`."""
        self._closed[reason].inc()

    def mailed(self, outcome: str) -> None:
        """Count a mail: `sent`, `failed` for good, or `dropped` for want of room or time. Any thread may."""
        self._mails[outcome].inc()

    def logged(self, level: str) -> None:
        """Count a line of the log, if it is at least a warning."""
        if counter := self._lines.get(level):
            counter.inc()

    def sample(self, database: Database, waiters: Sized) -> None:
        """Read the gauges. Belongs to the event loop, as the database's pool does."""
        self._standing_by.set(len(waiters))
        self._in_flight.set(self.in_flight - len(waiters))
        self._open.set(database.pool.open)
        self._in_use.set(database.pool.in_use)
        self._limit.set(database.pool.limit)
        self._waiting.set(database.waiting)

    @asynccontextmanager
    async def running(self, database: Database, waiters: Sized) -> AsyncIterator[None]:
        """Read the gauges every second and count the log's lines, for as long as the block runs."""
        counter = _LineCounter(self)
        logging.getLogger().addHandler(counter)
        sampling = asyncio.create_task(self._keep_sampling(database, waiters))
        try:
            yield
        finally:
            logging.getLogger().removeHandler(counter)
            sampling.cancel()
            with suppress(asyncio.CancelledError):
                await sampling

    async def _keep_sampling(self, database: Database, waiters: Sized) -> None:
        while True:
            self.sample(database, waiters)
            await asyncio.sleep(SAMPLE_SECONDS)

    def _collect(self) -> bytes:
        return collect_from_all() if FOLDER in os.environ else generate_latest(self._registry)


class _LineCounter(logging.Handler):
    def __init__(self, metrics: Metrics) -> None:
        super().__init__(logging.WARNING)
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        self._metrics.logged(record.levelname)
