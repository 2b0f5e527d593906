import shlex
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx2
import psycopg
import pytest

from taskward.cli.announcement import announce, reachable, who_may_register
from taskward.database.startup_check import mended_in
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.service import Service, start


def test_in_development_the_banner_has_all_that_is_needed_to_try_it(tmp_path: Path, database_url: str) -> None:
    with Service(tmp_path / "data", {"DATABASE_URL": database_url}) as service:
        assert httpx2.get(service.url + "/docs").status_code == 200
        assert f"documentation: {service.url}/docs" in service.banner
        (line,) = (line for line in service.banner.splitlines() if "curl" in line)
        command, option, header, address = shlex.split(line.removeprefix("  try it: "))
        assert (command, option) == ("curl", "-H")
        response = httpx2.get(address, headers=dict([header.split(": ", 1)]))
        assert response.status_code == 200
        assert response.json()["tasks"] == []


@pytest.mark.parametrize("proxy", ["http://u:S3cret", "http://127.0.0.1:1"])
def test_a_proxy_of_the_environment_is_not_asked_whether_the_service_runs(
    proxy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    with HTTPServer(("127.0.0.1", 0), Alive) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        announce(Settings(ENVIRONMENT="staging", JWT_SECRET_KEY=SECRET), "127.0.0.1", server.server_port)
    assert f"running at http://127.0.0.1:{server.server_port}" in capsys.readouterr().out


class Alive(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_the_banner_names_the_folder_of_the_embedded_database(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        pass
    assert f"data: {tmp_path / 'data'}" in service.banner


def test_a_first_start_with_the_embedded_database_begins_without_an_alarm(tmp_path: Path) -> None:
    with Service(tmp_path / "data", first_start=True) as service:
        pass
    assert "WARNING" not in service.banner + service.rest_of_output


def test_who_has_a_server_with_a_known_gap_is_told_to_upgrade_it(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection
) -> None:
    with Service(tmp_path / "data", {"DATABASE_URL": database_url}) as service:
        pass
    assert ("Upgrade the server" in service.banner) is bool(mended_in(superuser.info.server_version))


def test_in_production_the_banner_has_no_token(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "ENVIRONMENT": "production", "JWT_SECRET_KEY": SECRET}
    output = banner(tmp_path, **settings)
    assert "/docs" in output
    assert "Bearer" not in output
    assert "eyJ" not in output
    assert list(tmp_path.iterdir()) == []


def banner(folder: Path, **settings: str) -> str:
    """Start a service, wait for its banner, stop it, and return all that it said."""
    with start({"PORT": "0", **settings}, folder) as service:
        assert service.stdout is not None
        output = ""
        for line in service.stdout:
            output += line
            if "documentation: " in line:
                service.terminate()
    assert service.returncode == 0, output
    return output


def test_who_listens_for_others_is_told_where_and_that_anybody_may_register(
    tmp_path: Path, database_url: str
) -> None:
    told = banner(tmp_path, DATABASE_URL=database_url, HOST="0.0.0.0")
    assert "listening on every IPv4 address of this machine" in told
    assert "anybody who can reach it can register, unless you set REGISTRATION=invite or closed" in told
    assert "Bearer" not in told


@pytest.mark.parametrize(
    ("registration", "sentence"),
    [
        ("open", "accounts: anybody who can reach it can register, unless you set REGISTRATION=invite or closed"),
        ("invite", "accounts: who has a link from 'taskward user invite EMAIL' can register"),
        ("closed", "accounts: nobody can register, as REGISTRATION is closed"),
    ],
)
@pytest.mark.parametrize(("environment", "bound"), [("production", "127.0.0.1"), ("development", "192.0.2.1")])
def test_one_line_says_who_may_register(registration: str, sentence: str, environment: str, bound: str) -> None:
    settings = Settings(ENVIRONMENT=environment, JWT_SECRET_KEY=SECRET, REGISTRATION=registration.upper())
    assert list(who_may_register(settings, bound)) == [f"  {sentence}"]


@pytest.mark.parametrize(
    ("registration", "sentence"),
    [
        ("open", "whoever the provider lets in has one, unless you set REGISTRATION=closed"),
        ("invite", "only who has one already can log in, as REGISTRATION is not open"),
        ("closed", "only who has one already can log in, as REGISTRATION is not open"),
    ],
)
def test_with_a_provider_alone_it_says_who_may_come(registration: str, sentence: str) -> None:
    settings = Settings.model_validate(
        {
            "ENVIRONMENT": "production", "JWT_SECRET_KEY": SECRET, "PUBLIC_URL": "https://tasks.example.com",
            "OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": SECRET,
            "OIDC_ONLY": "true", "REGISTRATION": registration,
        }
    )  # fmt: skip
    assert list(who_may_register(settings, "192.0.2.1")) == [f"  accounts: {sentence}"]


def test_where_accounts_are_off_nobody_can_register(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "ENVIRONMENT": "production", "JWT_SECRET_KEY": SECRET}
    told = banner(tmp_path, HOST="::", LOCAL_ACCOUNTS="false", **settings)
    assert "listening on every IPv4 and IPv6 address of this machine" in told
    assert "register" not in told


def test_every_ipv6_address_is_every_ipv4_one_as_well(tmp_path: Path, database_url: str) -> None:
    with Service(tmp_path / "data", {"DATABASE_URL": database_url, "HOST": "::"}) as service:
        port = service.url.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            assert httpx2.get(f"http://{host}:{port}/health/live").status_code == 200


def test_who_listens_for_this_machine_alone_is_not_told_of_others(tmp_path: Path, database_url: str) -> None:
    told = banner(tmp_path, DATABASE_URL=database_url, HOST="127.0.0.2")
    assert "listening on" not in told
    assert "register" not in told


def test_another_address_of_this_machine_is_reachable() -> None:
    assert list(reachable("192.0.2.1")) == ["  listening on this address: other machines can reach it"]


def test_a_slip_in_the_environment_is_logged_at_the_start_without_its_value(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / ".env").write_text("NEXT_PUBLIC_URL=S3cretValue\n")
    told = banner(tmp_path, DATABASE_URL=database_url, LOCAL_ACOUNTS="S3cretValue")
    assert "LOCAL_ACOUNTS in the environment is ignored. Did you mean LOCAL_ACCOUNTS?" in told
    assert "NEXT_PUBLIC_URL in .env: ignored, because Taskward has no such setting" in told
    assert "S3cretValue" not in told
