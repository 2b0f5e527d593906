"""Which prefix is believed, and what becomes of it."""

from typing import Any

import httpx2
import pytest

from taskward.app import create_app
from taskward.settings import Settings
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

PROXY = "10.1.2.3"


async def servers(*headers: tuple[str, str], peer: str = PROXY, **settings: Any) -> str:
    """Return with which path the addresses in a response begin."""
    given = {"DATABASE_URL": "postgresql://127.0.0.1:1/nothing", "JWT_SECRET_KEY": SECRET, **settings}
    app = create_app(Settings.model_validate(given))
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    transport = httpx2.ASGITransport(app, client=(peer, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://taskward.test") as client:
        response = await client.get("/openapi.json", headers=sent)
        assert response.status_code == 200
        assert (await client.get("/health/live", headers=sent)).status_code == 200
        (server,) = response.json()["servers"]
        return str(server["url"])


BEHIND_A_PROXY = {"TRUSTED_PROXIES": "10.0.0.0/8", "ROOT_PATH": "/own"}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("/tw", "/tw"), ("/tw/", "/tw"), (" /tw ", "/tw"), ("/a/b-c_d.e~9", "/a/b-c_d.e~9"), ("/tasks", "/tasks"),
        ("/api", "/api"), ("/" + "x" * 199, "/" + "x" * 199),
    ],
)  # fmt: skip
async def test_a_trusted_proxy_is_believed(told: str, found: str) -> None:
    assert await servers(("X-Forwarded-Prefix", told), **BEHIND_A_PROXY) == found


@pytest.mark.parametrize(
    "told",
    [
        "", "/", "tw", "//evil.example", "/tw//x", "/..", "/tw/../x", "/./x", "/tw?x", "/tw#x", "/%2e%2e", "/t w",
        "/tw\\x", "http://evil.example", "/tw, /other", "/tw;x", '/tw"><script>', "/tw\u00e4", "/" + "x" * 200,
        "/tw\tx",
    ],
)  # fmt: skip
async def test_what_is_no_plain_path_counts_as_none(told: str) -> None:
    assert await servers(("X-Forwarded-Prefix", told), **BEHIND_A_PROXY) == "/own"


async def test_two_are_none() -> None:
    twice = [("X-Forwarded-Prefix", "/a"), ("X-Forwarded-Prefix", "/b")]
    assert await servers(*twice, **BEHIND_A_PROXY) == "/own"


async def test_nobody_else_is_believed() -> None:
    assert await servers(("X-Forwarded-Prefix", "/tw"), peer="192.0.2.1", **BEHIND_A_PROXY) == "/own"
    assert await servers(("X-Forwarded-Prefix", "/tw"), peer="192.0.2.1", TRUSTED_PROXIES="10.0.0.0/8") == "/"
    assert await servers(("X-Forwarded-Prefix", "/tw")) == "/"


@pytest.mark.parametrize("wrong", ["tw", "//x", "/a/../b", "/a b", "http://a.example", "/a?b", "/" + "x" * 201])
def test_a_wrong_setting_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="this must be a path such as /tw"):
        Settings(ROOT_PATH=wrong)


@pytest.mark.parametrize(("written", "meant"), [("/tw", "/tw"), ("/tw/", "/tw"), ("/", "")])
def test_a_slash_at_the_end_means_nothing(written: str, meant: str) -> None:
    assert Settings(ROOT_PATH=written).root_path == meant
