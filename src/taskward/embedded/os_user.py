"""Under whose name the embedded PostgreSQL runs.

PostgreSQL refuses to run as root, for good reasons, so a service that runs as root needs another name for it.

On Linux that is root itself, seen from inside a user namespace where it is nobody in particular: no account is
made and no permission is changed. Where namespaces are not allowed (in many containers), it is the account
`nobody`, which must then be able to reach the programs and the data.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

from taskward.embedded.server_log import reason_in


class EmbeddedPostgresError(Exception):
    """The embedded database cannot run here; the message says why and what to do, in one line."""


class ServerAccount:
    """Starts programs under the name that PostgreSQL accepts."""

    def __init__(self, *, prefix: Sequence[str] = (), user: str | None = None) -> None:
        """Take a command to put before each program, and the account to switch to."""
        self._prefix = list(prefix)
        self._user = user

    @classmethod
    def choose(cls, data_dir: Path, program: Path) -> Self:
        """Return the account to use for `program` on `data_dir`; raise EmbeddedPostgresError if none will do."""
        if os.geteuid() != 0:
            return cls()
        unshare = shutil.which("unshare")
        if (
            unshare
            and subprocess.run([unshare, "--user", "true"], capture_output=True, check=False).returncode == 0
        ):
            return cls(prefix=[unshare, "--user"])
        return cls.nobody(data_dir, program)

    @classmethod
    def nobody(cls, data_dir: Path, program: Path) -> Self:
        """Return the account `nobody`, after handing it the cluster in `data_dir`."""
        for folder in (*data_dir.parents, *program.parents):
            if not folder.stat().st_mode & 0o001:
                raise EmbeddedPostgresError(
                    f"PostgreSQL does not run as root, and the account 'nobody' cannot enter {folder}: run as an"
                    " ordinary user, or from a folder that everybody can enter, or set DATABASE_URL"
                )
        account = cls(user="nobody")
        data_dir.chmod(0o711)
        cluster = data_dir / "postgres"
        if cluster.exists() and cluster.owner() != "nobody":  # made by another account before
            for path in (cluster, *cluster.rglob("*")):
                account.give(path)
        return account

    def check(self, cluster: Path) -> None:
        """Raise EmbeddedPostgresError when PostgreSQL would refuse this cluster for its owner or its mode."""
        status = cluster.stat()
        wanted = pwd.getpwnam(self._user).pw_uid if self._user else os.geteuid()
        if status.st_uid != wanted:
            owner, us = _name(status.st_uid), _name(wanted)
            raise EmbeddedPostgresError(
                f"{cluster} belongs to {owner}, but PostgreSQL would run as {us}: run this as {owner}, or change"
                f" the owner: chown -R {us} {cluster}"
            )
        if status.st_mode & (stat.S_IWGRP | stat.S_IRWXO):
            raise EmbeddedPostgresError(
                f"{cluster} is open to other users, so PostgreSQL will not start. Run: chmod 700 {cluster}"
            )

    def give(self, path: Path) -> None:
        """Make the account the owner of `path`."""
        if self._user:
            account = pwd.getpwnam(self._user)
            # Not through links: in a folder of its own, the account could have made one to a file of root's.
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def run(self, *command: str) -> None:
        """Run a program to its end; raise EmbeddedPostgresError with what it says when it fails."""
        done = subprocess.run(
            [*self._prefix, *command],
            user=self._user,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"{Path(command[0]).name} failed: {reason_in(done.stderr)}")

    def start(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a server in a session of its own, so that Ctrl-C reaches the service first, not its database."""
        return subprocess.Popen(
            [*self._prefix, *command],
            user=self._user,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)  # of another machine, or of none


def _environment() -> dict[str, str]:
    """Return what PostgreSQL needs of our environment. The rest holds secrets that are not its business."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "TZ") if name in os.environ}
