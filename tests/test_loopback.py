import pytest

from taskward.loopback import is_loopback, is_private

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1"])
def test_this_machine_is_known_by_every_spelling(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "128.0.0.1", "127.1", "2130706433", "[::1]", " 127.0.0.1",
        "localhost.example.com", "notlocalhost", "127.0.0.1.example.com", "127.0.0.1:8000",
    ],
)  # fmt: skip
def test_what_others_can_reach_or_name_is_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "auth", "Auth", "my_auth-1", "printer.local", "host.docker.internal", "a.b.svc.cluster.local", "10.0.0.1",
        "172.16.0.1", "172.31.255.255", "192.168.0.9", "fd00::1", "fdff::",
    ],
)  # fmt: skip
def test_hosts_of_a_private_network_are_known_by_name_or_address(host: str) -> None:
    assert is_private(host)
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "example.com", "local.example.com", "auth.", ".local", "a..local", "xlocal.com", "auth.local.",
        "134744072", "0x8080808", "010.0.0.1", "10.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1",
        "169.254.169.254", "0.0.0.0", "100.64.0.1", "192.0.2.1", "::", "fe80::1", "fe80::1%eth0", "2001:db8::1",
        "::ffff:8.8.8.8",
        "auth\n", "au th", "\u0430uth", "a.\u212aube.local", "10.0.0.1.example.com", "[fd00::1]", "10.0.0.1:80",
    ],
)  # fmt: skip
def test_what_may_be_anywhere_is_not_private(host: str) -> None:
    assert not is_private(host)
