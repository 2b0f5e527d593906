"""What is kept of where somebody logs in: a program's name and a network, and no more."""

import pytest

from taskward.accounts.seen import Seen, client_of, network_of

pytestmark = pytest.mark.quick

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.1 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (nothing known)", None),
        ("taskward/0.1.0", "taskward"),
        ("curl/8.5.0", "curl"),
        ("python-httpx2/2.16", "python-httpx2"),
        ("curl", "curl"),
        ("", None),
        ("<b>x</b>", None),
        ("x" * 500, None),
        ("évil/1", None),
        ("a\u202eb/1", None),
    ],
)
def test_a_program_is_known_by_its_name_alone(user_agent: str, name: str | None) -> None:
    assert client_of(user_agent) == name


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("127.0.0.1", "127.0.0.0/24"),
        ("unknown", None),
        ("", None),
    ],
)
def test_an_address_is_known_by_its_network_alone(address: str, network: str | None) -> None:
    assert network_of(address) == network


def test_what_nobody_tells_is_not_known() -> None:
    assert Seen.by(None, "unknown") == Seen()
