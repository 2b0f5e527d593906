"""A script with an access token in `TASKWARD_TOKEN`, and where commands go that name no server."""

import httpx2
import pytest

from taskward.auth.issue import issue_token
from taskward.cli.options import SERVER
from tests.cli.client.people import Done, Person
from tests.cli.client.test_login import PASSWORD
from tests.conftest import SECRET

pytestmark = pytest.mark.quick


def token_of(user_id: str, seconds: int = 600) -> str:
    return issue_token(user_id, SECRET.encode(), "HS256", seconds)


def test_a_script_needs_no_log_in(stranger: Person) -> None:
    stranger.env["TASKWARD_TOKEN"] = token_of("scripted")
    assert stranger("whoami").stdout == "scripted\n"
    assert stranger("add", "Buy milk").code == 0
    assert list(stranger.home.rglob("credentials*")) == []


def test_the_token_of_a_script_goes_before_a_log_in(alice: Person) -> None:
    alice.env["TASKWARD_TOKEN"] = token_of("scripted-too")
    assert alice("whoami").stdout == "scripted-too\n"
    done = alice("login", "--token-stdin", stdin=token_of("another"))
    assert done.stderr == "taskward: TASKWARD_TOKEN is set, and goes before this log-in\n"
    assert alice("whoami").stdout == "scripted-too\n"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "é", "no.jwt.atall"])
def test_a_token_that_is_none_is_told_and_nobody_else_is_meant(alice: Person, token: str) -> None:
    alice.env["TASKWARD_TOKEN"] = token
    done = alice("list")
    assert done.code == (3 if token == "no.jwt.atall" else 1)
    assert done.stdout == ""
    assert "TASKWARD_TOKEN" in done.stderr
    assert not token or token not in done.stderr


def test_a_token_that_has_ended_is_told_and_not_shown(stranger: Person) -> None:
    ended = stranger.env["TASKWARD_TOKEN"] = token_of("scripted", -600)
    done = stranger("list")
    assert done.code == 3
    assert done.stderr.endswith("Set TASKWARD_TOKEN to another.\n")
    assert all(part not in done.stderr for part in ended.split("."))


def test_it_crosses_no_network_in_plain_text(stranger: Person) -> None:
    stranger.env["TASKWARD_TOKEN"] = secret = token_of("scripted")
    done = stranger("list", "--server", stranger.server.replace("127.0.0.1", "0.0.0.0"))
    assert done.code == 1
    assert "is not encrypted" in done.stderr
    assert secret not in done.stderr


def without_a_server(person: Person, *arguments: str) -> Done:
    """Run a command that is told of no server. In a process, or the environment of the tests would tell it."""
    del person.env["TASKWARD_SERVER"]
    try:
        return person.run(*arguments)
    finally:
        person.env["TASKWARD_SERVER"] = person.server


def test_commands_go_to_the_server_of_the_last_log_in(stranger: Person) -> None:
    stranger("login", "remembered@example.com", "--register", "--password-stdin", stdin=PASSWORD)
    assert "remembered@example.com" in without_a_server(stranger, "whoami").stdout
    assert without_a_server(stranger, "logout").stdout == f"Logged out at {stranger.server}.\n"
    done = without_a_server(stranger, "whoami")
    assert (done.code, stranger.server in done.stderr) == (3, True)


def test_the_token_of_a_script_goes_to_no_server_of_an_earlier_log_in(stranger: Person) -> None:
    stranger("login", "--token-stdin", stdin=token_of("alice"))
    assert stranger.store.last_server() == stranger.server
    stranger.env["TASKWARD_TOKEN"] = token_of("scripted")
    done = without_a_server(stranger, "whoami", "--server", "http://127.0.0.1:1")
    assert (done.code, "127.0.0.1:1:" in done.stderr) == (4, True)
    done = without_a_server(stranger, "whoami")
    assert (done.code, SERVER in done.stderr) == (4, True)


def test_a_log_in_keeps_what_another_version_keeps_beside_it(stranger: Person) -> None:
    stranger("login", "--token-stdin", stdin=token_of("alice"))
    (file,) = stranger.home.rglob("credentials.json")
    file.write_text(file.read_text().replace('"servers"', '"later": {"a": 1}, "servers"'))
    stranger("login", "--token-stdin", stdin=token_of("bob"))
    assert '"later": {' in file.read_text()


def test_a_personal_token_is_made_listed_used_and_revoked(alice: Person) -> None:
    token = alice("tokens", "create", "Backup script").stdout.removesuffix("\n")
    assert token.startswith("twp_")
    writing = alice("tokens", "create", "Home", "--scope", "tasks:write", "--days", "1", "--json").json
    assert writing["scopes"] == ["tasks:write"]
    alice.env["TASKWARD_TOKEN"] = token
    assert alice("list").code == 0
    refused = alice("add", "Buy milk")
    assert (refused.code, "another scope" in refused.stderr) == (1, True)
    alice.env["TASKWARD_TOKEN"] = writing["token"]
    assert alice("add", "Buy milk").code == 0
    for command in (("whoami",), ("tokens", "list"), ("tokens", "create", "x")):
        assert alice(*command).code == 1
    del alice.env["TASKWARD_TOKEN"]
    listed = alice("tokens", "list").stdout
    assert "Backup script" in listed
    assert token not in listed
    assert writing["token"] not in listed
    assert alice("tokens", "revoke", writing["id"]).stdout == "Revoked.\n"
    assert alice("tokens", "revoke", writing["id"]).code == 1
    assert alice("tokens", "create", "x", "--scope", "admin").code == 1
    assert "Home" not in alice("tokens", "list").stdout


def test_below_the_token_of_a_calendar_is_its_address(alice: Person) -> None:
    assert alice("add", "Buy milk", "--due", "2026-11-27").code == 0
    token, address = alice("tokens", "create", "Calendar", "--scope", "calendar").stdout.splitlines()
    assert address == f"{alice.env['TASKWARD_SERVER']}/calendar/{token}.ics"
    assert "SUMMARY:Buy milk" in httpx2.get(address).text
    refused = alice("tokens", "create", "x", "--scope", "calendar", "--scope", "tasks:read")
    assert (refused.code, refused.stdout) == (1, "")
