"""`taskward login --provider`: a browser does it, and the command goes on by itself."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.cli.client.people import Person
from tests.conftest import SECRET
from tests.oidc.conftest import CALLBACK, CLIENT, start_provider
from tests.oidc.people import AtProvider
from tests.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with start_provider(tmp_path_factory.mktemp("provider"), redirect_uris=[url + CALLBACK]) as provider:
        settings = {
            "JWT_SECRET_KEY": SECRET, "PORT": str(port), "WORKERS": "2", "PUBLIC_URL": url,
            "OIDC_ISSUER": provider.url, **CLIENT,
        }  # fmt: skip
        with Service(tmp_path_factory.mktemp("service") / "data", settings) as running:
            yield running


def at_browser(name: str, address: str, *, agree: bool = True) -> httpx2.Response:
    """Open an address, log in at the provider, and follow it to the end."""
    with httpx2.Client(trust_env=False) as browser, AtProvider(name) as provider:
        begun = browser.get(address)
        back = browser.get(provider.log_in(begun.headers["location"], agree=agree))
        return browser.get(back.headers["location"])


def told_address(line: Iterator[str]) -> str:
    return next(found[1] for each in line if (found := re.search(r"(http://\S+/auth/oidc/login\S+)", each)))


def test_the_browser_logs_in_and_the_command_is_logged_in(tmp_path: Path, service: Service) -> None:
    alice = Person(tmp_path, service.url)
    with alice.start("login", "--provider") as command:
        assert command.stderr is not None
        address = told_address(iter(command.stderr))
        port, state = (parse_qs(urlsplit(address).query)[name][0] for name in ("port", "state"))
        for query in ("", "?code=x", "?code=x&state=another"):  # whatever else asks on this machine
            stray = httpx2.get(f"http://127.0.0.1:{port}/{query}", trust_env=False)
            assert stray.status_code == 404
            assert state not in stray.text
        done = at_browser("alice", address)
        assert done.text == "You can close this window, and go back to the command line."
        out, _ = command.communicate(timeout=60)
    assert (command.returncode, out.startswith("Logged in at ")) == (0, True)
    assert alice.run("whoami", "--json").json["id"].startswith("usr_")


def test_who_does_not_agree_is_told_why(tmp_path: Path, service: Service) -> None:
    with Person(tmp_path, service.url).start("login", "--provider") as command:
        assert command.stderr is not None
        at_browser("bob", told_address(iter(command.stderr)), agree=False)
        _, errors = command.communicate(timeout=60)
    assert command.returncode == 1
    assert "You have not let the provider say who you are." in errors


def test_a_code_that_is_slipped_in_is_of_no_use(tmp_path: Path, service: Service) -> None:
    """Somebody who can read the state, but not the verifier, hands over a code of their own."""
    with Person(tmp_path, service.url).start("login", "--provider") as command:
        assert command.stderr is not None
        query = parse_qs(urlsplit(told_address(iter(command.stderr))).query)
        httpx2.get(
            f"http://127.0.0.1:{query['port'][0]}/",
            params={"code": "x", "state": query["state"][0]},
            trust_env=False,
        )
        _, errors = command.communicate(timeout=60)
    assert command.returncode != 0
    assert "log in again" in errors


def test_with_a_service_without_a_provider_it_says_so(tmp_path: Path) -> None:
    with Service(tmp_path / "data", {"JWT_SECRET_KEY": SECRET}) as service:
        done = Person(tmp_path, service.url).run("login", "--provider")
    assert done.code == 1
    assert "has no provider to log in with" in done.stderr
