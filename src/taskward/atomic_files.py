"""Files that are written whole or not at all, also when the process is killed or the power fails."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Of a folder that may not be read, and of file systems that do not sync folders. PostgreSQL goes on as well.
CANNOT_SYNC = {errno.EACCES, errno.EBADF, errno.EINVAL}


@contextmanager
def written_whole(path: Path, *, overwrite: bool, mode: int = 0o600) -> Iterator[Path]:
    """Give an empty file to write to, which becomes `path` at the end, and is then on the disk.

    It has the permissions `mode` less the umask, and is removed when anything fails. Raises OSError, which names
    `path` or its folder; it is FileExistsError when there is something to `overwrite` that must stay.
    """
    draft = path.parent / f".taskward-{secrets.token_hex(8)}"
    with _told_of(path.parent):
        draft.touch(mode, exist_ok=False)
    try:
        yield draft
        _sync(draft)
        with _told_of(path):
            if overwrite:
                draft.replace(path)
            else:
                _add(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where that can be had. Raises OSError."""
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise


def _add(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)  # fails where a rename would overwrite
    except FileExistsError:
        raise
    except OSError:  # not every file system has links: there, two writers at one moment are not told apart
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        draft.rename(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Let errors name what the client knows, which the draft is not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
