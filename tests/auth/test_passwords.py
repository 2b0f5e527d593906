import asyncio
import threading

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from taskward.auth.passwords import Passwords, normalised
from taskward.errors import ServerBusyError

pytestmark = pytest.mark.quick

QUICK = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)


class Gated(Argon2Hasher):
    """Hashes when the test lets it, and counts how many are at it."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.running = self.most_at_once = self.calls = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.lock:
            self.calls += 1
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
        assert self.gate.acquire(timeout=10), "the event loop never came to open the gate"
        with self.lock:
            self.running -= 1
        return super().hash(password, salt=salt)


async def test_a_hash_is_argon2id_with_64_mib_three_passes_and_one_lane() -> None:
    assert (await Passwords().hash("correct horse")).startswith("$argon2id$v=19$m=65536,t=3,p=1$")


async def test_a_password_is_verified() -> None:
    passwords = Passwords(QUICK)
    stored = await passwords.hash("correct horse")
    assert await passwords.verify("correct horse", stored) == (True, None)
    assert await passwords.verify("battery staple", stored) == (False, None)
    assert await passwords.verify("correct horse", None) == (False, None)
    assert await passwords.hash("correct horse") != stored


async def test_a_hash_with_other_parameters_is_to_be_replaced_once_it_was_right() -> None:
    old = await Passwords(QUICK).hash("correct horse")
    passwords = Passwords(Argon2Hasher(time_cost=2, memory_cost=8, parallelism=1))
    assert await passwords.verify("battery staple", old) == (False, None)
    right, new = await passwords.verify("correct horse", old)
    assert right
    assert new is not None
    assert await passwords.verify("correct horse", new) == (True, None)


@pytest.mark.parametrize(
    ("typed", "also"),
    [
        ("caf\u00e9 tables", "cafe\u0301 tables"),
        ("\uff41\uff42\uff43", "abc"),
        ("\u2460\u2461", "12"),
        ("\u212b", "\u00c5"),
    ],
)
async def test_what_looks_the_same_is_the_same(typed: str, also: str) -> None:
    assert normalised(typed) == normalised(also)
    passwords = Passwords(QUICK)
    assert (await passwords.verify(also, await passwords.hash(typed)))[0]


@pytest.mark.parametrize(("one", "other"), [("abc", "ABC"), ("abc", " abc"), ("abc", "abc "), ("a c", "a  c")])
async def test_what_looks_different_is_different(one: str, other: str) -> None:
    passwords = Passwords(QUICK)
    assert not (await passwords.verify(other, await passwords.hash(one)))[0]


async def test_hashing_blocks_nothing_and_no_more_run_at_once_than_there_are_threads() -> None:
    hasher = Gated()
    passwords = Passwords(hasher, threads=2)
    hashes = [asyncio.create_task(passwords.hash(f"password {number}")) for number in range(6)]
    for _ in hashes:
        await asyncio.sleep(0)  # the loop runs while they hash
        hasher.gate.release()
    assert len(set(await asyncio.gather(*hashes))) == 6
    assert 1 <= hasher.most_at_once <= 2


async def test_whoever_is_beyond_the_queue_is_refused_and_those_in_it_are_not() -> None:
    hasher = Gated()
    passwords = Passwords(hasher, threads=1, max_pending=3)
    queue = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(ServerBusyError):
        await passwords.hash("correct horse")
    with pytest.raises(ServerBusyError):
        await passwords.verify("correct horse", None)
    for _ in queue:
        hasher.gate.release()
    assert len(await asyncio.gather(*queue)) == 3
    hasher.gate.release()
    await passwords.hash("correct horse")


async def test_a_known_device_waits_for_no_stranger() -> None:
    hasher = Gated()
    passwords = Passwords(hasher, threads=1, max_pending=1)
    hasher.gate.release()
    await passwords.verify("battery staple", None)
    stranger = asyncio.create_task(passwords.hash("correct horse"))
    await asyncio.sleep(0)
    with pytest.raises(ServerBusyError):
        await passwords.verify("battery staple", None)
    assert await passwords.verify("battery staple", None, known_device=True) == (False, None)
    assert not stranger.done()
    hasher.gate.release()
    await stranger


async def test_a_password_that_failed_to_hash_leaves_the_queue() -> None:
    passwords = Passwords(QUICK, max_pending=1)
    for _ in range(3):
        with pytest.raises(UnicodeEncodeError):
            await passwords.hash("\ud800")
    assert await passwords.hash("correct horse")


async def test_the_first_log_in_of_all_costs_the_same_whoever_it_is() -> None:
    """The hash that nobody has is made by it, also where it is not needed."""
    stored = await Passwords(QUICK).hash("correct horse")
    for first in (stored, None):
        hasher = Gated()
        hasher.gate.release()
        passwords = Passwords(hasher)
        assert hasher.calls == 0
        await passwords.verify("battery staple", first)
        assert hasher.calls == 1
        await passwords.verify("battery staple", None)
        assert hasher.calls == 1
