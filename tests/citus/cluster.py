"""A Citus cluster on this machine: a coordinator and two workers, from an installation that has Citus."""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import TimeoutExpired, run
from typing import Self
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskward.database.distribute import distribute
from taskward.database.migrate import migrate
from taskward.database.url import conninfo
from taskward.embedded.os_user import ServerAccount
from taskward.features import TABLES

INSTALLATION = os.environ.get("TASKWARD_CITUS")
ON_CITUS = INSTALLATION is not None and os.environ.get("TASKWARD_ON_CITUS") == "1"  # all tests of this run
WITHOUT = "TASKWARD_CITUS does not name a PostgreSQL installation with Citus"


def one_server(why: str) -> pytest.MarkDecorator:
    """Leave a test out, and say so, in a run of all tests on a cluster."""
    return pytest.mark.skipif(ON_CITUS, reason=f"on one server alone: {why}")


needs_citus = pytest.mark.skipif(INSTALLATION is None, reason=WITHOUT)

OWNER = "taskward"
OURS = ("taskward_app", "taskward_accounts", "taskward_witness", "taskward_janitor")

# The time-outs are those that docs/scaling.md tells of; tests end processes, never the machine.
SETTINGS = """
    shared_preload_libraries = 'citus'
    listen_addresses = '127.0.0.1'
    unix_socket_directories = '{sockets}'
    wal_level = logical
    max_connections = 200
    max_prepared_transactions = 400
    citus.node_connection_timeout = '1500ms'
    citus.recover_2pc_interval = '1s'
    log_error_verbosity = terse
    fsync = off
    citus.shard_count = {shards}
"""
SHARDS = 4 if ON_CITUS else 32  # of each table; 32 is what Citus makes, and takes its time to empty

EMPTY_CLUSTER = """
    DO $$
    BEGIN
        TRUNCATE users, tasks, deleted_tasks, idempotency_keys, personal_tokens, ended_tokens, accounts,
                 identities, refresh_tokens;
        PERFORM setval('tasks_id_seq', 1, false);
    END
    $$
"""

# What a test may have altered: everything but rows, and where and how many they are.
SCHEMA = """
    SELECT md5(string_agg(part, ' ' ORDER BY part))
      FROM (SELECT (to_jsonb(c) - 'relfilenode' - 'relpages' - 'reltuples' - 'relallvisible' - 'relallfrozen'
                                - 'relfrozenxid' - 'relminmxid')::text
              FROM pg_class AS c WHERE oid >= 16384
            UNION ALL SELECT to_jsonb(a)::text FROM pg_attribute AS a WHERE attrelid >= 16384
            UNION ALL SELECT to_jsonb(p)::text FROM pg_proc AS p WHERE oid >= 16384
            UNION ALL SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
            UNION ALL SELECT to_jsonb(c)::text FROM pg_constraint AS c
            UNION ALL SELECT to_jsonb(p)::text FROM pg_policy AS p
            UNION ALL SELECT to_jsonb(t)::text FROM pg_trigger AS t
            UNION ALL SELECT to_jsonb(n)::text FROM pg_namespace AS n
            UNION ALL SELECT to_jsonb(r)::text FROM pg_authid AS r
            UNION ALL SELECT to_jsonb(m)::text FROM pg_auth_members AS m
            UNION ALL SELECT to_jsonb(s)::text FROM pg_db_role_setting AS s
            UNION ALL SELECT concat_ws(' ', datname, datallowconn, datconnlimit) FROM pg_database) AS parts (part)
"""

# For tests that write tasks by hand, as a superuser, who alone finds this function: it asks the coordinator for an
# id, as the service does before it writes. Where the rows are there is no sequence.
IDS_BY_HAND = """
    SET citus.enable_ddl_propagation = off;
    CREATE SCHEMA by_hand;
    CREATE FUNCTION by_hand.nextval(sequence text) RETURNS bigint LANGUAGE sql AS $$
        SELECT result::bigint FROM run_command_on_coordinator(format('SELECT nextval(%L)', sequence))
    $$;
    ALTER ROLE postgres IN DATABASE taskward SET search_path = by_hand, pg_catalog, public
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
        self.data = folder / "postgres"
        self.data.mkdir(mode=0o700)
        self.log = folder / "log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._account = ServerAccount.choose(folder, self._programs / "postgres")
        self._account.give(self.data)
        self.folder = folder  # of its socket, too
        (folder / ".s.PGSQL.5432").symlink_to(f".s.PGSQL.{self.port}")  # where those look who name no port
        self.run(
            "initdb", f"--pgdata={self.data}", "--username=postgres", "--auth=trust",
            "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync",
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS.format(sockets=self.folder, shards=SHARDS))
        self.start()

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL under the name of the server."""
        self._account.run(str(self._programs / program), *arguments)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(self._programs / "postgres"), "-D", str(self.data), "-p", str(self.port)]
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

    def back_up(self, name: str) -> None:
        """Copy all that it has, while it is stopped."""
        self.stop()
        _copy(self.data, self.data.with_name(name))
        self.start()

    def restore(self, name: str) -> None:
        """Have everything as it was when it was backed up."""
        self.kill()
        _copy(self.data.with_name(name), self.data)
        self.start()

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self.process.send_signal(signal.SIGINT)
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
        self.url = f"postgresql://{OWNER}@/{OWNER}?host={quote(str(coordinator.folder), safe='')}"
        self.superuser_conninfo = make_conninfo(host=str(coordinator.folder), user="postgres", dbname="postgres")
        self._schema: object = None

    @property
    def nodes(self) -> list[Node]:
        """All of its servers."""
        return [self.coordinator, *self.workers]

    @property
    def pid(self) -> int:
        """The process id of the coordinator."""
        return self.coordinator.process.pid

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

    def back_up(self, name: str) -> None:
        """Back all servers up, at one moment: nobody writes meanwhile."""
        for node in self.nodes:
            node.back_up(name)

    def restore(self, name: str) -> None:
        """Have all servers as they were then."""
        for node in self.nodes:
            node.restore(name)

    def prepare_for_tests(self) -> None:
        """Let tests write tasks by hand, and keep what it is, for those that will alter it."""
        for worker in self.workers:
            with worker.superuser() as superuser:
                superuser.execute(IDS_BY_HAND)
        self.back_up("for tests")
        self._schema = self._schema_now()

    def make_good(self) -> None:
        """Empty it, and have it as it was kept where somebody has altered more than rows."""
        if self._schema_now() != self._schema:
            self.restore("for tests")
            return
        with self.coordinator.superuser() as superuser:
            superuser.execute(EMPTY_CLUSTER)

    def _schema_now(self) -> object:
        try:
            with self.coordinator.superuser() as superuser:
                return superuser.execute(SCHEMA).fetchone()
        except psycopg.OperationalError:  # a test has taken the database away
            return None


def _copy(folder: Path, to: Path) -> None:
    if to.exists():
        shutil.rmtree(to)
    run(["cp", "-a", folder, to], check=True)


def _install(node: Node) -> None:
    with psycopg.connect(node.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {OWNER}".encode())
    with node.superuser() as superuser:
        superuser.execute("CREATE EXTENSION citus")


def _hand_over(node: Node) -> None:
    with node.superuser() as superuser:
        superuser.execute("SET citus.enable_ddl_propagation = off")
        superuser.execute(f"ALTER DATABASE {OWNER} OWNER TO {OWNER}".encode())


def on_all_servers(count: str) -> str:
    """Return the statement that counts this on all servers of the cluster that tests run on, or on the one."""
    return f"SELECT sum(result::int)::int FROM run_command_on_all_nodes($${count}$$)" if ON_CITUS else count


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
