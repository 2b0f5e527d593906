import tracemalloc
from collections.abc import Mapping, Sequence
from ipaddress import ip_network

import pytest

from taskward.rate_limits.client_address import NOWHERE, ClientAddress

pytestmark = pytest.mark.quick

PROXIES = ["10.0.0.0/8", "127.0.0.1", "2001:db8:ffff::/48"]


def address(
    peer: str | None, *forwarded: str, trusted: Sequence[str] = PROXIES, others: Mapping[str, str] | None = None
) -> str:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    headers += [(name.encode(), value.encode()) for name, value in (others or {}).items()]
    scope = {"client": (peer, 1) if peer else None, "headers": headers}
    return ClientAddress([ip_network(network) for network in trusted]).of(scope)


@pytest.mark.parametrize(
    ("peer", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:201", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, NOWHERE),
        ("", NOWHERE),
        ("a name", NOWHERE),
    ],
)
def test_an_address_is_counted_as(peer: str | None, counted_as: str) -> None:
    assert address(peer) == counted_as
    assert address(peer, trusted=[]) == counted_as


@pytest.mark.parametrize("peer", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8:1::1", None])
@pytest.mark.parametrize("forged", ["198.51.100.7", "10.0.0.1", "127.0.0.1", "unknown", "", "," * 5000])
def test_a_header_made_up_by_a_client_changes_nothing(peer: str | None, forged: str) -> None:
    assert address(peer, forged) == address(peer)
    others = {"forwarded": f"for={forged[:40]}", "x-real-ip": forged[:40], "client-ip": forged[:40]}
    assert address(peer, others=others) == address(peer)


@pytest.mark.parametrize("forged", ["198.51.100.7", "10.0.0.1", "unknown", "", "," * 5000, "\xff"])
def test_nor_does_it_behind_a_proxy_that_adds_the_address_of_its_peer(forged: str) -> None:
    assert address("10.0.0.1", f"{forged}, 192.0.2.1") == "192.0.2.1"
    assert address("10.0.0.1", forged, "192.0.2.1") == "192.0.2.1"
    assert address("10.0.0.1", f"{forged},192.0.2.1, 10.0.0.2 ,\t127.0.0.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded", "counted_as"),
    [
        ("192.0.2.1:5678", "192.0.2.1"),
        ("[2001:db8:1::1]:5678", "2001:db8:1::/64"),
        ("[2001:db8:1::1]", "2001:db8:1::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, ::ffff:10.0.0.9", "192.0.2.1"),
        ("192.0.2.1, 2001:db8:ffff::1", "192.0.2.1"),
        ("10.0.0.7", "10.0.0.7"),  # a proxy's own request
        ("192.0.2.1, unknown", "10.0.0.1"),  # not said by whom we trust
        ("192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.1, ", "10.0.0.1"),
        ("192.0.2.1, 10.0.0.300", "10.0.0.1"),
        ("010.0.0.1", "10.0.0.1"),
    ],
)
def test_what_a_trusted_proxy_says_is_believed(forwarded: str, counted_as: str) -> None:
    assert address("10.0.0.1", forwarded) == counted_as


def test_a_trusted_proxy_that_says_nothing_is_the_address() -> None:
    assert address("10.0.0.1") == "10.0.0.1"


def test_of_a_long_chain_only_the_end_is_read() -> None:
    assert address("10.0.0.1", "192.0.2.1" + ", 10.0.0.2" * 100) == "10.0.0.2"


def test_another_header_is_read_where_the_proxies_write_that_one() -> None:
    scope = {
        "client": ("100.64.0.7", 1),
        "headers": [(b"x-forwarded-for", b"192.0.2.1, 198.51.100.9"), (b"x-real-ip", b"192.0.2.1")],
    }
    addresses = ClientAddress([ip_network("100.64.0.0/10")], "X-Real-IP")
    assert addresses.of(scope) == "192.0.2.1"
    assert addresses.of({**scope, "headers": scope["headers"][:1]}) == "100.64.0.7", "not said"
    assert addresses.of({**scope, "client": ("192.0.2.66", 1)}) == "192.0.2.66", "not believed"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "192.0.2.1"])
@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "fly-client-ip"])
def test_a_proxy_that_is_not_trusted_is_told_of_once(
    peer: str, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    addresses = ClientAddress([ip_network("10.0.0.0/8")], "Fly-Client-IP")
    scope = {"client": (peer, 1), "headers": [(b"host", b"a"), (header.encode(), b"198.51.100.7")]}
    for _ in range(3):
        addresses.of(scope)
    (line,) = caplog.messages
    assert line.startswith(f"{peer} says for whom it asks")
    assert line.endswith(f"add {peer} to TRUSTED_PROXIES")


def test_neither_a_trusted_proxy_nor_who_is_none_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    addresses = ClientAddress([ip_network("10.0.0.0/8")])
    forwarded = [(b"x-forwarded-for", b"198.51.100.7")]
    addresses.of({"client": ("10.0.0.1", 1), "headers": forwarded})
    addresses.of({"client": ("192.0.2.1", 1), "headers": [(b"host", b"a"), (b"x-real-ip", b"198.51.100.7")]})
    assert caplog.messages == []


def test_strangers_cannot_fill_the_log_by_it(caplog: pytest.LogCaptureFixture) -> None:
    addresses = ClientAddress([])
    for number in range(100):
        addresses.of({"client": (f"192.0.2.{number}", 1), "headers": [(b"x-forwarded-for", b"198.51.100.7")]})
    assert len(caplog.messages) == 10


def test_nothing_that_is_too_long_for_an_address_is_remembered() -> None:
    of = ClientAddress([ip_network("10.0.0.0/8")]).of
    tracemalloc.start()
    for number in range(200):
        forwarded = b"x" * 8000 + b"%d, 10.0.0.2" % number
        assert of({"client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", forwarded)]}) == "10.0.0.2"
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 200_000
