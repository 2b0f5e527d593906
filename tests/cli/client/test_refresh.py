"""Access tokens end after minutes; who is logged in does not notice."""

import json
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from taskward.auth.issue import issue_token
from taskward.client.address import Address
from taskward.client.api import Api
from taskward.client.credentials import Credentials
from taskward.client.session import Session
from tests.cli.client.people import Person
from tests.cli.client.proxy import Proxy
from tests.cli.command import until
from tests.conftest import SECRET

PASSWORD = "correct horse battery staple"


@pytest.fixture
def alice(stranger: Person) -> Person:
    """Somebody with an account, and tokens that can be renewed."""
    email = f"{stranger.home.name.strip('_')[-60:]}@example.com"
    assert stranger("login", email, "--register", "--password-stdin", stdin=PASSWORD).code == 0
    return stranger


def kept(person: Person) -> Credentials:
    found = person.store.read(Address(person.server))
    assert found is not None
    return found


def keep(person: Person, **changes: Any) -> None:
    (file,) = person.home.rglob("credentials.json")
    entries = json.loads(file.read_text())
    entries["servers"][person.server] |= changes
    file.write_text(json.dumps(entries))


def test_a_token_that_is_about_to_end_is_renewed_before_it_is_used(alice: Person) -> None:
    before = kept(alice)
    keep(alice, expires_at=time.time() + 10)
    assert alice("whoami").code == 0
    after = kept(alice)
    assert after.refresh_token != before.refresh_token
    assert after.expires_at is not None
    assert after.expires_at > time.time() + 60
    assert alice("whoami").code == 0
    assert kept(alice) == after


def test_a_token_that_the_service_finds_expired_is_renewed(alice: Person) -> None:
    ended = issue_token(kept(alice).user_id, SECRET.encode(), "HS256", -60)
    keep(alice, access_token=ended)
    assert alice("whoami").code == 0
    assert kept(alice).access_token != ended


def test_two_commands_at_once_renew_it_once(alice: Person) -> None:
    keep(alice, expires_at=0)
    with Proxy(alice.server) as proxy:
        both = alice.by_way_of(proxy.url)
        with alice.store.locked():  # neither gets past this before both are there
            commands = [both.start("whoami") for _ in range(2)]
            (folder,) = {file.parent for file in alice.home.rglob("credentials.lock")}
            until(lambda: sum(waits_for(command.pid, folder) for command in commands) == 2)
        for command in commands:
            _, errors = command.communicate(timeout=60)
            assert command.returncode == 0, errors
        assert [path for _, path, _ in proxy.requests].count("/auth/token") == 1
        assert both("whoami").code == 0


def test_tokens_that_somebody_else_renewed_are_taken_even_if_the_access_token_is_the_same(alice: Person) -> None:
    keep(alice, expires_at=0)
    with Api(Address(alice.server)) as api:
        session = Session(api, alice.store)
        keep(alice, expires_at=time.time() + 600, refresh_token="would be refused")
        assert session.request("GET", "/auth/me").body["id"] == kept(alice).user_id


def waits_for(pid: int, folder: Path) -> bool:
    return str(folder / "credentials.lock") in [file.path for file in psutil.Process(pid).open_files()]


def test_a_lost_response_does_not_end_the_log_in(alice: Person) -> None:
    keep(alice, expires_at=0)
    with Proxy(alice.server, "lose") as proxy:
        at_proxy = alice.by_way_of(proxy.url)
        assert at_proxy("whoami").code == 0
        assert [path for _, path, _ in proxy.requests] == ["/auth/token", "/auth/token", "/auth/me"]
        with alice.store.locked():
            tokens = at_proxy.store.read(Address(proxy.url))
            assert tokens is not None
            alice.store.write(Address(alice.server), tokens)
    keep(alice, expires_at=0)
    assert alice("whoami").code == 0


def test_a_log_in_that_was_ended_elsewhere_is_over_and_forgotten(
    alice: Person, superuser_there: psycopg.Connection
) -> None:
    keep(alice, expires_at=0)
    superuser_there.execute("DELETE FROM refresh_tokens WHERE account_id = %s", [kept(alice).user_id])
    done = alice("list")
    assert done.code == 3
    assert "has ended" in done.stderr
    assert alice.store.read(Address(alice.server)) is None


def test_a_token_from_elsewhere_that_has_ended_asks_for_another(alice: Person) -> None:
    keep(
        alice,
        access_token=issue_token("alice", SECRET.encode(), "HS256", -60),
        refresh_token=None,
        expires_at=None,
    )
    done = alice("list")
    assert done.code == 3
    assert "Log in again" in done.stderr
