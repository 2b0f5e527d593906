import pytest

from taskward.auth.devices import LIFETIME_SECONDS, MARK_LENGTH, MAX_MARKS, Device, DeviceTokens

pytestmark = pytest.mark.quick

TOKENS = DeviceTokens(b"s" * 32)
ALICE, BOB = "alice@example.com", "bob@example.com"


def token_of(*people: str) -> str:
    """Return what a device has on which these have logged in, one after the other."""
    token = None
    for person in people:
        token = TOKENS.after(TOKENS.read(token, person), person)
    assert token is not None
    return token


def test_a_device_is_known_for_who_has_logged_in_there_and_for_nobody_else() -> None:
    token = token_of(ALICE)
    assert TOKENS.read(token, ALICE).known_as == token
    assert TOKENS.read(token, "Alice@Example.com").known_as == token
    for other in (BOB, "", "alice@example.org", "é\u212a"):
        assert TOKENS.read(token, other).known_as is None


def test_a_device_keeps_those_before_and_each_of_them_once() -> None:
    token = token_of(ALICE, BOB, ALICE, BOB)
    assert len(token) == 2 * MARK_LENGTH
    assert TOKENS.read(token, ALICE).known_as == token[MARK_LENGTH:]
    assert TOKENS.read(token, BOB).known_as == token[:MARK_LENGTH]


def test_a_device_forgets_who_logged_in_longest_ago() -> None:
    token = token_of(ALICE, *(f"person{number}@example.com" for number in range(MAX_MARKS)))
    assert len(token) == MAX_MARKS * MARK_LENGTH
    assert TOKENS.read(token, ALICE).known_as is None
    assert TOKENS.read(token, "person0@example.com").known_as is not None


def test_a_device_is_known_until_its_time_is_over() -> None:
    now = 1_800_000_000.0
    tokens = DeviceTokens(b"s" * 32, clock=lambda: now)
    token = tokens.after(Device(), ALICE)
    now += LIFETIME_SECONDS - 1
    assert tokens.read(token, ALICE).known_as == token
    now += 1
    assert tokens.read(token, ALICE) == Device()


def test_what_is_made_up_is_no_mark() -> None:
    token = token_of(ALICE)
    for at in range(0, MARK_LENGTH, 7):
        other = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert TOKENS.read(other, ALICE).known_as is None
    assert DeviceTokens(b"t" * 32).read(token, ALICE).known_as is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "A",
        "A" * 63,
        "A" * 65,
        "A" * 63 + "=",
        "A" * 64 + "\n",
        "é" * 64,
        "A" * (MAX_MARKS + 1) * MARK_LENGTH,
    ],
)
def test_what_has_another_form_tells_of_no_device(text: str | None) -> None:
    assert TOKENS.read(text, ALICE) == Device()


def test_a_device_does_not_show_itself_by_accident() -> None:
    device = TOKENS.read(token_of(ALICE, BOB), ALICE)
    assert device.known_as is not None
    assert device.known_as not in repr(device)
    assert device.others[0] not in str(device)
