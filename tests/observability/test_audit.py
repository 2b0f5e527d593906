"""The audit log: one line for each thing that happens to an account, here or in a file of its own."""

import asyncio
import errno
import logging
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import pairwise
from logging.config import dictConfig
from pathlib import Path

import httpx2
import orjson
import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.administration import Administration
from taskward.api.state import state_of
from taskward.observability import audit
from taskward.observability.audit import AuditFile, Event, record
from taskward.observability.current import CurrentRequest, current_request
from taskward.observability.logging import JsonFormatter, log_config
from tests.accounts.conftest import logged_in, quick_passwords
from tests.accounts.people import PASSWORD, ask, delete_me, log_in, refresh, register
from tests.cli.command import refusal
from tests.client import Client
from tests.conftest import SECRET
from tests.docs.documents import ROOT, code, rows, section
from tests.observability.lines import fields, written_to_the_log
from tests.service import Service

__all__ = ["quick_passwords"]

LINE = re.compile(r"event=(\S+) user=(\S+) email=(\S+) address=(\S+)(?: \(request \S+\))?")
LATER = "UPDATE refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'"
WRITERS, LINES = 4, 500

Read = Callable[[], list[tuple[str, ...]]]


@pytest.fixture
def read() -> Iterator[Read]:
    """Return a function for the lines since it was called last: event, user, email and address."""
    with written_to_the_log() as log:

        def read() -> list[tuple[str, ...]]:
            messages = [fields(line)["message"] for line in log.getvalue().splitlines()]
            log.truncate(0)
            log.seek(0)
            return [found.groups() for message in messages if (found := LINE.fullmatch(message))]

        yield read


@pytest.mark.usefixtures("quick_passwords")
async def test_everything_that_happens_to_an_account_has_its_line(
    app: FastAPI, anonymous: Client, superuser: psycopg.Connection, read: Read
) -> None:
    alice = (await register(anonymous, "alice"))["id"]
    assert read() == [("registered", alice, "-", "127.0.0.1")]
    tokens, other = await log_in(anonymous, "alice"), await log_in(anonymous, "alice")
    assert read() == [("logged_in", alice, "-", "127.0.0.1")] * 2
    await ask(anonymous, grant_type="password", username="ALICE@example.com", password="wrong horse")
    assert read() == [("log_in_failed", alice, "-", "127.0.0.1")]
    await refresh(anonymous, tokens["refresh_token"])
    assert read() == []
    superuser.execute(LATER)
    await refresh(anonymous, tokens["refresh_token"])
    assert read() == [("refresh_token_reused", alice, "-", "127.0.0.1")]
    for _ in range(2):
        await anonymous.post("/auth/revoke", data={"token": other["refresh_token"]})
    assert read() == [("log_in_revoked", alice, "-", "127.0.0.1")]
    third = await log_in(anonymous, "alice")
    assert read() == [("logged_in", alice, "-", "127.0.0.1")]
    async with logged_in(app, third) as client:
        for current in ("wrong horse", PASSWORD):
            await client.post("/auth/password", json={"current": current, "new": "a new long password"})
        assert read() == [(f"password_{what}", alice, "-", "127.0.0.1") for what in ("refused", "changed")]
        for _ in range(2):
            await delete_me(client, "a new long password")
    assert read() == [("user_deleted", alice, "-", "127.0.0.1")]


@pytest.mark.usefixtures("quick_passwords")
async def test_a_link_that_is_refused_has_a_line_of_the_account_that_it_names(
    app: FastAPI, anonymous: Client, read: Read
) -> None:
    alice = (await register(anonymous, "alice"))["id"]
    operator = Administration(state_of(app).database)
    link = await operator.reset_link("alice@example.com", SECRET.encode(), "https://tasks.example.com")
    token = link.address.partition("=")[2]
    read()
    for sent in (token, token, token[:-1], "x", token.replace(alice, "usr_" + "a" * 28)):
        body = {"token": sent, "password": "a new long password"}
        await anonymous.post("/auth/password/reset", json=body)
    assert [line[:2] for line in read()] == [("password_reset", alice), ("password_reset_refused", alice)]
    altered = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    await anonymous.post("/auth/password/reset", json={"token": altered, "password": "a new long password"})
    assert read() == [("password_reset_refused", alice, "-", "127.0.0.1")]


@pytest.mark.usefixtures("quick_passwords")
async def test_an_address_of_nobody_has_a_name_and_is_not_written(anonymous: Client, read: Read) -> None:
    for username in ("canary@example.com", "Canary@Example.com", "another canary\n"):
        await ask(anonymous, grant_type="password", username=username, password=PASSWORD)
    lines = read()
    assert {line[:2] for line in lines} == {("log_in_failed", "-")}
    assert all(re.fullmatch(r"[0-9a-f]{16}", email) for _, _, email, _ in lines)
    assert [one[2] == other[2] for one, other in pairwise(lines)] == [True, False]


def test_a_user_of_a_provider_is_written_so_that_nothing_can_be_forged(read: Read) -> None:
    request = CurrentRequest("a-request", "DELETE")
    request.address = "2001:db8::/64"
    enclosing = current_request.set(request)
    with written_to_the_log(formatter=JsonFormatter()) as log:
        record(Event.USER_DELETED, user="x email=- é]%\u2028")
    current_request.reset(enclosing)
    (line,) = read()
    assert line == ("user_deleted", "x%20email%3D-%20%C3%A9%5D%25%E2%80%A8", "-", "2001:db8::/64")
    found = orjson.loads(log.getvalue())
    assert {name: found[name] for name in ("logger", "level", "event", "user", "email", "address")} == {
        "logger": "taskward.audit", "level": "INFO", "event": "user_deleted", "user": "x email=- é]%\u2028",
        "email": None, "address": "2001:db8::/64",
    }  # fmt: skip


def test_the_document_has_every_event_and_no_other() -> None:
    table = rows(section((ROOT / "docs" / "operations.md").read_text(), "Audit log"), "event")
    assert [code(name) for name, _ in table] == [[event.value] for event in Event]


@pytest.fixture
def audit_file(tmp_path: Path) -> Iterator[Path]:
    """A file that the lines of this process go to."""
    (tmp_path / "audit").mkdir()
    path = tmp_path / "audit" / "audit.log"
    logger = logging.getLogger(audit.NAME)
    logger.addHandler(handler := AuditFile(path))
    logger.setLevel("INFO")
    logger.propagate = False
    yield path
    logger.removeHandler(handler)
    with suppress(OSError):  # of a disk that is still full
        handler.close()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def test_a_file_that_was_moved_away_is_made_anew(audit_file: Path) -> None:
    record(Event.REGISTERED, user="alice")
    rotated = audit_file.rename(audit_file.with_suffix(".1"))
    record(Event.REGISTERED, user="bob")
    assert ["user=alice" in rotated.read_text(), "user=bob" in rotated.read_text()] == [True, False]
    assert ["user=alice" in audit_file.read_text(), "user=bob" in audit_file.read_text()] == [False, True]


def elsewhere(event: Event, user: str) -> list[tuple[str, str]]:
    """Record something, and return levels and messages of what is on standard error."""
    with written_to_the_log() as log:
        record(event, user=user)
    lines = [fields(line) for line in log.getvalue().splitlines()]
    return [(line["level"], line["message"]) for line in lines]


UNWRITTEN = "AUDIT_LOG_FILE cannot be written, so its next line is here: "


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_root_makes_is_its_folders_owners(audit_file: Path) -> None:
    """As `taskward user` would, run with sudo: the service could not write another line."""
    os.chown(audit_file.parent, 12345, 23456)
    audit_file.unlink()
    record(Event.USER_DELETED, user="alice")
    assert (audit_file.stat().st_uid, audit_file.stat().st_gid) == (12345, 23456)


def test_lines_that_the_file_does_not_take_are_on_standard_error(audit_file: Path) -> None:
    shutil.rmtree(audit_file.parent)
    assert elsewhere(Event.REGISTERED, "alice") == [
        ("ERROR", f"{UNWRITTEN}no such file or folder: {audit_file}"),
        ("INFO", "event=registered user=alice email=- address=-"),
    ]
    audit_file.parent.mkdir()
    assert elsewhere(Event.REGISTERED, "bob") == []
    assert "user=bob" in audit_file.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
def test_a_full_disk_fails_nobody(audit_file: Path) -> None:
    audit_file.unlink()
    audit_file.symlink_to("/dev/full")
    assert elsewhere(Event.REGISTERED, "alice") == [
        ("ERROR", f"{UNWRITTEN}{os.strerror(errno.ENOSPC)}"),
        ("INFO", "event=registered user=alice email=- address=-"),
    ]


def write_many(writer: int, path: str) -> None:
    dictConfig(log_config("warning", audit_file=Path(path)))
    for number in range(LINES):
        record(Event.REGISTERED, user=f"{writer}-{number}-{'x' * 255}")


def test_lines_of_many_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    with ProcessPoolExecutor(WRITERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(write_many, range(WRITERS), [str(path)] * WRITERS))
    users = [LINE.fullmatch(fields(line)["message"])[2] for line in path.read_text().splitlines()]  # type: ignore[index]
    assert len(users) == len(set(users)) == WRITERS * LINES
    assert all(user.endswith("-" + "x" * 255) for user in users)


async def test_the_workers_of_a_service_write_to_one_file_at_any_level(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    settings = {"WORKERS": "2", "AUDIT_LOG_FILE": str(path), "LOG_LEVEL": "error", "LOG_FORMAT": "json"}
    with Service(tmp_path / "data", settings) as service:

        async def registered(number: int) -> str:
            async with httpx2.AsyncClient(base_url=service.url, timeout=60) as client:
                account = {"email": f"person{number}@example.com", "password": PASSWORD}
                return str((await client.post("/auth/register", json=account)).json()["id"])

        ids = await asyncio.gather(*(registered(number) for number in range(8)))
    lines = [orjson.loads(line) for line in path.read_text().splitlines()]
    assert {(line["event"], line["user"]) for line in lines} == {("registered", user_id) for user_id in ids}
    assert "event=" not in service.rest_of_output


def test_a_file_that_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path / "data"), "PORT": "0", "AUDIT_LOG_FILE": str(tmp_path)}
    line = refusal("serve", settings=settings, folder=tmp_path)
    assert line == f"taskward: AUDIT_LOG_FILE cannot be {tmp_path}: {tmp_path} is a folder"
