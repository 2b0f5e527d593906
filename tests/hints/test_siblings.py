"""Hints between the workers of a machine: sockets that come, go, are full, or are left behind."""

import errno
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from taskward.hints import siblings
from taskward.hints.siblings import FOLDER, Siblings, hints_between_workers
from taskward.hints.waiters import HINT_BYTES, Hint, hint_of
from tests.hints.waiting import until

pytestmark = pytest.mark.quick


class Worker:
    """One worker, and what it has heard."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[Hint] = []
        self.siblings = Siblings(folder, self.heard.append)

    async def hears(self, hints: int) -> list[Hint]:
        await until(lambda: len(self.heard) >= hints)
        return self.heard


@pytest.fixture
def folder() -> Iterator[Path]:
    with hints_between_workers():
        yield Path(os.environ[FOLDER])


@pytest.fixture
async def workers(folder: Path) -> AsyncIterator[list[Worker]]:
    workers = [Worker(folder) for _ in range(3)]
    yield workers
    for worker in workers:
        worker.siblings.close_all()
    assert sockets(folder) == []


def sockets(folder: Path) -> list[Path]:
    found = list(folder.iterdir())
    assert all(stat.S_ISSOCK(path.stat().st_mode) for path in found)
    return found


def mode_of(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


async def test_those_hear_who_listen_and_never_the_sender(workers: list[Worker]) -> None:
    first, second, third = workers
    first.siblings.open()
    second.siblings.open()
    hints = {hint_of(f"user {number}") for number in range(200)}
    assert not first.siblings.send(hints)
    assert set(await second.hears(200)) == hints
    assert (first.heard, third.heard) == ([], [])
    assert not third.siblings.send([hint_of("alice")])
    assert await first.hears(1) == [hint_of("alice")]


async def test_a_socket_is_there_while_somebody_waits_and_open_to_its_user_alone(
    folder: Path, workers: list[Worker]
) -> None:
    assert mode_of(folder) == 0o700
    for _ in range(2):
        workers[0].siblings.open()
        assert len(sockets(folder)) == 1
        workers[0].siblings.close()
        assert sockets(folder) == []


async def test_no_name_is_used_again(folder: Path, workers: list[Worker]) -> None:
    """Else another worker, which found it closed and was held up, would remove the next one's."""
    names = set()
    for _ in range(2):
        workers[0].siblings.open()
        names |= {path.name for path in sockets(folder)}
        workers[0].siblings.close()
    assert len(names) == 2


async def test_a_full_socket_holds_up_nobody_and_gets_its_hints_when_there_is_room(workers: list[Worker]) -> None:
    full, healthy, writer = workers
    full.siblings.open()
    healthy.siblings.open()
    sent = 0
    while not writer.siblings.send([hint_of(str(sent))]):  # as nothing is read while this does not wait
        sent += 1
        assert sent < 10_000
    await full.hears(sent)
    assert not writer.siblings.send([]), "there is room now"
    hints = [hint_of(str(number)) for number in range(sent + 1)]
    assert await full.hears(sent + 1) == hints
    assert set(await healthy.hears(sent + 1)) == set(hints)


async def test_what_a_worker_that_hangs_does_not_read_is_bounded(workers: list[Worker]) -> None:
    hanging, _, writer = workers
    hanging.siblings.open()
    for number in range(1000):
        writer.siblings.send([hint_of(f"{number}/{each}") for each in range(64)])
    kept = sum(map(len, writer.siblings._unsent.values()))  # noqa: SLF001
    assert kept == siblings.MOST_UNSENT
    hanging.siblings.close()
    assert not writer.siblings.send([])


async def test_what_a_killed_worker_left_behind_disturbs_nobody_and_goes(
    folder: Path, workers: list[Worker]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(folder / "0123456789abcdef"))
    workers[0].siblings.open()
    assert not workers[1].siblings.send([hint_of("alice")])
    assert await workers[0].hears(1) == [hint_of("alice")]
    assert len(sockets(folder)) == 1


async def test_what_is_no_hint_wakes_nobody_and_breaks_nothing(folder: Path, workers: list[Worker]) -> None:
    workers[0].siblings.open()
    (path,) = sockets(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        for datagram in (b"", b"x", b"y" * 5000):
            stranger.sendto(datagram, str(path))
    workers[1].siblings.send([hint_of("alice")])
    await until(lambda: hint_of("alice") in workers[0].heard)
    assert all(len(hint) <= HINT_BYTES for hint in workers[0].heard)


async def test_a_folder_that_was_removed_is_made_again(folder: Path, workers: list[Worker]) -> None:
    folder.rmdir()  # noqa: ASYNC240
    assert not workers[1].siblings.send([hint_of("alice")])
    workers[0].siblings.open()
    workers[1].siblings.send([hint_of("alice")])
    assert await workers[0].hears(1)
    assert mode_of(folder) == 0o700


async def test_a_folder_that_others_may_write_to_is_not_used(
    folder: Path, workers: list[Worker], caplog: pytest.LogCaptureFixture
) -> None:
    folder.chmod(0o777)  # noqa: ASYNC240
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            workers[0].siblings.open()
            workers[0].siblings.close()
    assert sockets(folder) == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("this worker does not hear of what others write, and sees it later: ")


async def test_without_a_file_for_a_socket_the_request_waits_all_the_same(
    workers: list[Worker], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def too_many(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("taskward.hints.siblings.socket.socket", too_many)
    workers[0].siblings.open()
    workers[0].siblings.close()
    assert "Too many open files" in caplog.text


def test_the_folder_goes_with_the_service_and_is_short_enough_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 60)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with hints_between_workers():
        folder = os.environ[FOLDER]
        assert len(folder) <= siblings.LONGEST_FOLDER
        assert Path(folder).is_dir()
    assert FOLDER not in os.environ
    assert not Path(folder).exists()
