"""Proxies of the environment: read strictly, told of without a part of them, and never asked for this machine."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx2
import pytest

from taskward.auth.keys import ProviderKeys
from taskward.client.address import Address
from taskward.client.api import Api
from taskward.client.errors import UsageError
from taskward.proxies import BadProxyError, check_proxies, keep_loopback_direct, open_client
from taskward.settings import InvalidSettingsError

pytestmark = pytest.mark.quick

FAR = "https://192.0.2.1/jwks"
NAMES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "Http_Proxy"]
UNREADABLE = [
    "http://u:S3cr/et@127.0.0.1:1", "http://u:S3cret", "u:S3cr@et@h:1", "http://u:S3cr?et@h", "S3cret://h:1",
    "http://:S3cret", "http://u:S3cret@", "http://h:1,S3cret:2", "http://u:%S3cret@h:1",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*NAMES, "no_proxy", "NO_PROXY"]:
        monkeypatch.setenv(name, "")  # whatever a test makes of it is undone
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("proxy", UNREADABLE)
def test_a_proxy_that_cannot_be_read_is_named_and_not_repeated(
    name: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy)
    with pytest.raises(BadProxyError, match=f"^{name}: ") as refused:
        check_proxies()
    assert "S3c" not in str(refused.value)


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5"])
def test_socks_is_named_wherever_a_client_is_made(name: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, f"{scheme}://u:S3cret@h:1")
    with pytest.raises(InvalidSettingsError, match=f"^{name}: SOCKS is not supported"):
        ProviderKeys(FAR)
    with pytest.raises(UsageError, match=f"^{name}: SOCKS is not supported") as refused:
        Api(Address("https://192.0.2.1"))
    assert "S3c" not in str(refused.value)


@pytest.mark.parametrize("proxy", ["proxy:3128", "http://proxy.example:3128", "https://u:p%40ss@[::1]:1/", ""])
def test_a_sound_proxy_is_used(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    open_client(httpx2.Client, FAR).close()


def test_what_only_the_library_cannot_read_is_told_in_our_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("httpx2._client.get_environment_proxies", lambda: {"all://": "socks5://S3cret:1"})
    with pytest.raises(BadProxyError, match="cannot be read") as refused:
        open_client(httpx2.Client, FAR)
    assert "S3c" not in str(refused.value)


class Counting(BaseHTTPRequestHandler):
    seen: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://h:1", "http://u:S3cret"])
def test_what_is_for_this_machine_goes_to_no_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with HTTPServer(("127.0.0.1", 0), Counting) as server:
        Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/here"
        with open_client(httpx2.Client, url) as client:
            assert client.get(url).status_code == 204
    with open_client(httpx2.Client, "https://localhost/jwks") as client:
        assert not client.trust_env


def test_libraries_that_read_the_environment_themselves_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from requests.utils import get_environ_proxies

    keep_loopback_direct()
    assert "no_proxy" not in os.environ, "there is no proxy that it could be kept from"
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert get_environ_proxies("http://127.0.0.1:4318") != {}
    keep_loopback_direct()
    for host in ("127.0.0.1:4318", "localhost:4318", "[::1]:4318", "example.com"):
        assert get_environ_proxies(f"http://{host}") == {}
    assert get_environ_proxies("http://192.0.2.1") != {}
