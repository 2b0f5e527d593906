import pytest

from taskward.loopback import is_loopback

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
