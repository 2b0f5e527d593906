"""A Citus cluster on this machine: a coordinator and two workers, from an installation that has Citus."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Self

import psycopg
import pytest

from taskward.database.distribute import distribute
from taskward.database.migrate import migrate
from taskward.database.url import conninfo
from taskward.embedded.os_user import ServerAccount
from taskward.features import TABLES

INSTALLATION = os.environ.get("TASKWARD_CITUS")
ON_CITUS = INSTALLATION is not None and os.environ.get("TASKWARD_ON_CITUS") == "1"  # all tests of this run
WITHOUT = "TASKWARD_CITUS does not name a PostgreSQL installation with Citus"
needs_citus = pytest.mark.skipif(INSTALLATION is None, reason=WITHOUT)

OWNER = "taskward"
OURS = ("taskward_app", "taskward_accounts", "taskward_witness", "taskward_janitor")

# The time-outs are those that docs/scaling.md tells of; tests end processes, never the machine.
SETTINGS = """
    shared_preload_libraries = 'citus'
    listen_addresses = '127.0.0.1'
    unix_socket_directories = ''
    wal_level = logical
    max_connections = 200
    max_prepared_transactions = 400
    citus.node_connection_timeout = '1500ms'
    citus.recover_2pc_interval = '1s'
    log_error_verbosity = terse
    fsync = off
"""

EMPTY_CLUSTER = """
    DO $$
    BEGIN
        TRUNCATE users, tasks, deleted_tasks, idempotency_keys, personal_tokens, ended_tokens, accounts,
                 identities, refresh_tokens;
        PERFORM setval('tasks_id_seq', 1, false);
    END
    $$
"""

# What docs/scaling.md has a superuser do, on the coordinator.
PREPARE = [
    f"CREATE ROLE {OWNER} LOGIN CREATEROLE BYPASSRLS",
    *(f"CREATE ROLE {role} NOLOGIN NOINHERIT" for role in OURS),
    f"GRANT {', '.join(OURS)} TO {OWNER} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
]


class Node:
    """One server of the cluster."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that is there and empty."""
        assert INSTALLATION is not None
        self._programs = Path(INSTALLATION).resolve() / "bin"
        self._data = folder / "postgres"
        self._data.mkdir(mode=0o700)
        self.log = folder / "log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._account = ServerAccount.choose(folder, self._programs / "postgres")
        self._account.give(self._data)
        self._account.run(
            str(self._programs / "initdb"), f"--pgdata={self._data}", "--username=postgres", "--auth=trust",
            "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync",
        )  # fmt: skip
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        with self.log.open("ab") as log:
            self.process = self._account.start(command, log)
        until = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)  # PostgreSQL offers no event to wait for

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.conninfo("postgres", "postgres")).close()
            return True
        return False

    def kill(self) -> None:
        """End it as a power failure would, as far as its memory goes."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop it."""
        self.process.terminate()
        with suppress(TimeoutExpired):
            self.process.wait(5)
            return
        self.kill()

    def conninfo(self, user: str, database: str = OWNER) -> str:
        """Return where it is, for libpq."""
        return f"host=127.0.0.1 port={self.port} user={user} dbname={database}"

    def superuser(self) -> psycopg.Connection:
        """Connect to the database as somebody who sees everything."""
        return psycopg.connect(self.conninfo("postgres"), autocommit=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Cluster:
    """A coordinator and its workers, as docs/scaling.md has them prepared, before anything of ours is there."""

    def __init__(self, coordinator: Node, workers: list[Node]) -> None:
        self.coordinator = coordinator
        self.workers = workers
        self.url = f"postgresql://{OWNER}@127.0.0.1:{coordinator.port}/{OWNER}"
        self.superuser_conninfo = f"host=127.0.0.1 port={coordinator.port} user=postgres"

    @property
    def nodes(self) -> list[Node]:
        """All of its servers."""
        return [self.coordinator, *self.workers]

    def prepare(self) -> None:
        """Do what a superuser does."""
        for node in self.nodes:
            _install(node)
        with self.coordinator.superuser() as superuser:
            superuser.execute("SELECT citus_set_coordinator_host('127.0.0.1', %s)", [self.coordinator.port])
            for worker in self.workers:
                superuser.execute("SELECT citus_add_node('127.0.0.1', %s)", [worker.port])
            for statement in PREPARE:
                superuser.execute(statement.encode())
        for node in self.nodes:
            _hand_over(node)

    def add(self, worker: Node) -> None:
        """Do what a superuser does for one more server."""
        _install(worker)
        with self.coordinator.superuser() as superuser:
            superuser.execute("SELECT citus_add_node('127.0.0.1', %s)", [worker.port])
        _hand_over(worker)
        self.workers.append(worker)


def _install(node: Node) -> None:
    with psycopg.connect(node.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {OWNER}".encode())
    with node.superuser() as superuser:
        superuser.execute("CREATE EXTENSION citus")


def _hand_over(node: Node) -> None:
    with node.superuser() as superuser:
        superuser.execute("SET citus.enable_ddl_propagation = off")
        superuser.execute(f"ALTER DATABASE {OWNER} OWNER TO {OWNER}".encode())


@contextmanager
def cluster_on_this_machine(*, workers: int = 2) -> Iterator[Cluster]:
    """Give a cluster that is prepared, and empty."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-citus-")))
        nodes = []
        for number in range(workers + 1):
            (folder / str(number)).mkdir()
            nodes.append(stack.enter_context(Node(folder / str(number))))
        cluster = Cluster(nodes[0], nodes[1:])
        cluster.prepare()
        yield cluster


@contextmanager
def spread_cluster() -> Iterator[Cluster]:
    """Give a cluster over which an empty database is spread."""
    with cluster_on_this_machine() as running:
        migrate(conninfo(running.url))
        distribute(conninfo(running.url), TABLES)
        yield running
