import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from taskward.atomic_files import written_whole

pytestmark = pytest.mark.quick

COMES: dict[str, Callable[[Path], None]] = {
    "file": Path.touch,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "folder": Path.mkdir,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture(params=["with hard links", "without"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if request.param == "without":
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.usefixtures("file_system")
def test_a_new_file_is_there_when_it_is_complete_and_for_its_owner_alone(path: Path, overwrite: bool) -> None:
    with written_whole(path, overwrite=overwrite) as draft:
        draft.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_it_as_far_as_the_umask_lets_them(path: Path) -> None:
    before = os.umask(0o027)
    try:
        with written_whole(path, overwrite=True, mode=0o666):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_old_file_stays_until_the_new_one_is_complete(path: Path) -> None:
    path.write_text("old")
    with written_whole(path, overwrite=True) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("failure", [OSError("the disk is full"), KeyboardInterrupt()])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    path: Path, overwrite: bool, failure: BaseException
) -> None:
    def fail() -> None:
        with written_whole(path, overwrite=overwrite) as draft:
            draft.write_text("half")
            raise failure

    path.write_text("old")
    with pytest.raises(type(failure)):
        fail()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("there", COMES)
@pytest.mark.usefixtures("file_system")
def test_what_came_meanwhile_is_not_overwritten(path: Path, there: str) -> None:
    with pytest.raises(FileExistsError) as refusal, written_whole(path, overwrite=False):
        COMES[there](path)
    assert refusal.value.filename == str(path)
    assert (path.is_symlink(), path.is_dir()) == (there == "dangling link", there == "folder")
    assert list(path.parent.iterdir()) == [path]


def test_an_error_names_the_file_or_its_folder_and_never_the_draft(path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing, written_whole(path / "x", overwrite=True):
        raise AssertionError("there is no such folder")
    assert missing.value.filename == str(path)
    path.mkdir()
    with pytest.raises(IsADirectoryError) as folder, written_whole(path, overwrite=True):
        pass
    assert folder.value.filename == str(path)


@pytest.fixture
def synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """What was synced, in order: whether it was a folder, and whether the file was in its place by then."""
    seen: list[tuple[bool, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        seen.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    return seen


@pytest.mark.parametrize("overwrite", [True, False])
def test_content_is_on_the_disk_before_its_name_and_its_name_before_the_end(
    path: Path, synced: list[tuple[bool, bool]], overwrite: bool
) -> None:
    with written_whole(path, overwrite=overwrite) as draft:
        draft.write_text("whole")
    assert synced == [(False, False), (True, True)]


def refuse_to_sync_folders(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)


def test_a_file_system_that_cannot_sync_folders_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_sync_folders(monkeypatch, errno.EINVAL)
    with written_whole(path, overwrite=True) as draft:
        draft.write_text("whole")
    assert path.read_text() == "whole"


def test_a_disk_that_fails_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_sync_folders(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"), written_whole(path, overwrite=True):
        pass
