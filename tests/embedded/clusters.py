"""Embedded PostgreSQLs with something to lose, here and in another process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres
from tests.cli.command import command_line

RUN_ONE = [sys.executable, "-c", """
import sys
from pathlib import Path
from taskward.embedded.server import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1]), max_connections=5) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""]  # fmt: skip


def embedded(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, max_connections=5)


@contextmanager
def owner_of(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Another process that runs a PostgreSQL on `data_dir`, and its server."""
    with subprocess.Popen(
        [*RUN_ONE, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        yield owner, psutil.Process(int(owner.stdout.readline()))


def write_a_note(data_dir: Path) -> None:
    with embedded(data_dir) as server, psycopg.connect(conninfo(server.url)) as connection:
        connection.execute("CREATE TABLE notes AS SELECT 'Buy milk' AS note")


def read_the_note(server: EmbeddedPostgres) -> None:
    with psycopg.connect(conninfo(server.url)) as connection:
        assert connection.execute("SELECT note FROM notes").fetchall() == [("Buy milk",)]


def servers_of(data_dir: Path) -> list[psutil.Process]:
    cluster = str(data_dir / "postgres")
    return [process for process in psutil.process_iter() if cluster in " ".join(command_line(process))]
