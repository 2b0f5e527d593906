"""`taskward user`: accounts, as whoever runs the service sees and changes them."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from taskward.database.url import conninfo
from tests.accounts.people import PASSWORD
from tests.cli.client.people import Person
from tests.cli.command import refusal, taskward
from tests.conftest import SECRET
from tests.service import Service

EMAIL = "alice@example.com"
LOG_IN = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
PUBLIC = "https://tasks.example.com"
LINE = re.compile(r"event=(\S+) user=(\S+) email=(\S+) address=-")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with its embedded database, beside which the operator works."""
    with Service(tmp_path_factory.mktemp("here") / "data") as service:
        account = {"email": "Alice@Example.com", "password": PASSWORD, "name": "A\u202elice"}
        assert httpx2.post(f"{service.url}/auth/register", json=account, timeout=30).status_code == 201
        yield service


class Operator:
    """Whoever runs the service, in its folder."""

    def __init__(self, service: Service) -> None:
        self.folder = service.data_dir.parent
        self.settings = {
            "DATA_DIR": str(service.data_dir), "PUBLIC_URL": PUBLIC,
            "AUDIT_LOG_FILE": str(self.folder / "audit.log"),
        }  # fmt: skip

    def run(self, *arguments: str) -> str:
        done = taskward("user", *arguments, settings=self.settings, folder=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        return refusal("user", *arguments, settings=self.settings, folder=self.folder)

    def audited(self) -> list[str]:
        """Return the events of the audit log, and empty it."""
        path = self.folder / "audit.log"
        found = [LINE.search(line) for line in path.read_text().splitlines()]
        path.write_text("")
        return [match[1] for match in found if match]


@pytest.fixture
def operator(service: Service) -> Operator:
    return Operator(service)


def log_in(service: Service, **changes: str) -> httpx2.Response:
    return httpx2.post(f"{service.url}/auth/token", data=LOG_IN | changes, timeout=30)


def test_the_operator_sees_accounts_and_no_password(service: Service, operator: Operator) -> None:
    log_in(service)
    (account,) = operator.read("list")
    assert account == operator.read("show", EMAIL)
    assert account.keys() == {
        "id", "email", "name", "created_at", "email_verified_at", "disabled_at", "log_ins", "last_used_at",
        "provider",
    }  # fmt: skip
    assert (account["email"], account["name"], account["disabled_at"]) == (
        "Alice@Example.com",
        "A\u202elice",
        None,
    )
    assert account["created_at"].endswith("Z")
    assert account["log_ins"] >= 1
    assert operator.run("list").startswith(f"Alice@Example.com\t{account['id']}\t{account['created_at']}\t")
    shown = operator.run("show", EMAIL)
    assert "\u202e" not in shown
    assert "argon2" not in shown + json.dumps(account)


def test_a_disabled_account_is_out_within_five_seconds(service: Service, operator: Operator) -> None:
    tokens = log_in(service).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert httpx2.get(f"{service.url}/tasks", headers=headers).status_code == 200
    assert operator.read("disable", EMAIL)["disabled_at"]
    disabled = time.monotonic()
    while httpx2.get(f"{service.url}/tasks", headers=headers).status_code != 401:
        assert time.monotonic() - disabled < 5
    assert log_in(service).status_code == 401
    refreshed = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert httpx2.post(f"{service.url}/auth/token", data=refreshed).status_code == 401
    assert "disabled" in operator.run("list")
    assert "this account is disabled" in operator.refused("reset-link", EMAIL)
    assert operator.read("enable", EMAIL)["disabled_at"] is None
    assert log_in(service).status_code == 200
    assert operator.audited()[-2:] == ["disabled", "enabled"]


def test_all_log_ins_end_and_others_can_begin(service: Service, operator: Operator) -> None:
    log_in(service)
    assert operator.read("sign-out", EMAIL)["log_ins"] == 0
    assert log_in(service).status_code == 200
    assert operator.audited() == ["log_ins_ended"]


def test_a_link_resets_the_password_and_is_printed_alone(service: Service, operator: Operator) -> None:
    link = operator.run("reset-link", EMAIL)
    address, _, token = link.rstrip("\n").partition("#reset=")
    assert address == f"{PUBLIC}/"
    body = {"token": token, "password": PASSWORD + "!"}
    assert httpx2.post(f"{service.url}/auth/password/reset", json=body).status_code == 204
    assert httpx2.post(f"{service.url}/auth/password/reset", json=body).status_code == 401
    assert log_in(service).status_code == 401
    again = operator.read("reset-link", EMAIL)
    assert again.keys() == {"link", "expires_at"}
    body = {"token": again["link"].partition("=")[2], "password": PASSWORD}
    assert httpx2.post(f"{service.url}/auth/password/reset", json=body).status_code == 204
    assert log_in(service).status_code == 200
    assert operator.audited() == ["reset_link_made"] * 2
    assert token not in (operator.folder / "audit.log").read_text()


def test_an_invitation_is_for_who_has_no_account(operator: Operator) -> None:
    assert operator.run("invite", "bob@example.com").startswith(f"{PUBLIC}/#invitation=")
    assert "there is an account with this e-mail address" in operator.refused("invite", EMAIL)
    done = taskward("user", "invite", "bob", settings=operator.settings, folder=operator.folder)
    assert done.returncode == 2
    assert "must be an e-mail address" in " ".join(done.stderr.split())
    assert operator.audited() == ["invited"]


def test_where_it_takes_one_people_register_with_an_invitation(tmp_path: Path) -> None:
    settings = {"REGISTRATION": "invite", "ENVIRONMENT": "production", "JWT_SECRET_KEY": SECRET}
    with Service(tmp_path / "data", settings) as service:
        assert "who has a link from 'taskward user invite EMAIL' can register" in service.banner
        operator = Operator(service)
        operator.settings |= settings
        alice = Person(tmp_path, service.url)
        register = ("login", EMAIL, "--register", "--password-stdin")
        refused = alice(*register, stdin=PASSWORD)
        assert refused.code != 0
        assert "People register by invitation here" in refused.stderr
        link = operator.run("invite", EMAIL).strip()
        assert "the link is missing" in alice(*register, "--invitation", stdin=link).stderr
        assert "is for --register" in alice("login", EMAIL, "--invitation", "--password-stdin", stdin="x").stderr
        assert alice(*register, "--invitation", stdin=f"{PASSWORD}\n{link}\n").code == 0
        assert alice("whoami", "--json").json["email"] == EMAIL
        link = operator.run("invite", "bob@example.com").strip()
        terminal = alice.at_a_terminal("login", "bob@example.com", "--register", "--invitation")
        for prompt, typed in (("Password: ", PASSWORD), ("confirmation: ", PASSWORD), ("invitation: ", link)):
            terminal.wait_for(prompt)
            assert not terminal.echoes
            terminal.type(typed)
        assert terminal.end() == 0, terminal.output
        assert link not in terminal.output


def test_what_nobody_has_is_told_in_one_line(operator: Operator) -> None:
    for command in ("show", "disable", "enable", "sign-out", "reset-link"):
        assert "there is no account with this e-mail address" in operator.refused(command, "charlie@example.com")


def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    line = refusal("user", "list", settings={}, folder=tmp_path)
    assert f"there is no database in {tmp_path / 'taskward-data'}" in line
    assert list(tmp_path.iterdir()) == []


def test_no_link_is_printed_that_the_service_would_refuse(operator: Operator) -> None:
    closed = {"REGISTRATION": "closed"}
    provider = {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "x"}
    for command, email, more, why in (
        ("invite", "bob@example.com", closed, "REGISTRATION is closed"),
        ("invite", "bob@example.com", provider | {"OIDC_ONLY": "true"}, "OIDC_ONLY is set"),
        ("reset-link", EMAIL, provider | {"OIDC_ONLY": "true"}, "OIDC_ONLY is set"),
    ):
        settings = operator.settings | more
        assert why in refusal("user", command, email, settings=settings, folder=operator.folder)


def test_a_database_elsewhere_is_asked_the_same_way(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(conninfo(database_url)) as connection:
        connection.execute("SET ROLE taskward_accounts")
        connection.execute(
            "INSERT INTO accounts (id, email, password_hash) VALUES (%s, %s, 'x')", ["usr_" + "a" * 28, EMAIL]
        )
    settings = {"DATABASE_URL": database_url, "ENVIRONMENT": "production", "JWT_SECRET_KEY": SECRET}
    done = taskward("user", "list", "--json", settings=settings, folder=tmp_path)
    assert [account["email"] for account in json.loads(done.stdout)] == [EMAIL]
    assert "PUBLIC_URL must be set" in refusal("user", "reset-link", EMAIL, settings=settings, folder=tmp_path)
    asked = taskward("user", "delete", EMAIL, settings=settings, folder=tmp_path)
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    deleted = taskward("user", "delete", EMAIL, "--yes", "--json", settings=settings, folder=tmp_path)
    assert json.loads(deleted.stdout)["deleted"] is True
    assert "event=user_deleted" in deleted.stderr
    done = taskward("user", "list", settings=settings, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
