import json
import stat

import httpx2
import pytest

from taskward.auth.devices import MARK_LENGTH
from taskward.auth.issue import issue_token
from taskward.client.address import Address
from tests.cli.client.people import Person
from tests.cli.client.proxy import Proxy
from tests.conftest import SECRET
from tests.service import Service

PASSWORD = "correct horse battery staple"


def test_registering_at_a_terminal_echoes_no_password(stranger: Person) -> None:
    terminal = stranger.at_a_terminal("login", "--register", "--name", "Alice")
    terminal.wait_for("E-mail: ")
    assert terminal.echoes
    terminal.type("registering@example.com")
    for prompt in ("Password: ", "Repeat for confirmation: "):
        terminal.wait_for(prompt)
        assert not terminal.echoes
        terminal.type(PASSWORD)
    assert terminal.end() == 0, terminal.output
    assert "Logged in at" in terminal.output
    assert PASSWORD not in terminal.output
    whoami = stranger("whoami", "--json").json
    assert (whoami["email"], whoami["name"]) == ("registering@example.com", "Alice")
    assert stranger("whoami").stdout == f"{whoami['id']} registering@example.com Alice\n"


def test_a_log_in_ends_with_log_out_on_both_sides(stranger: Person) -> None:
    done = stranger("login", "leaving@example.com", "--register", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (done.code, done.stderr) == (0, "")
    first = kept(stranger)
    assert stranger("login", "leaving@example.com", "--password-stdin", stdin=PASSWORD).code == 0
    second = kept(stranger)
    assert stranger("logout").stdout == f"Logged out at {stranger.server}.\n"
    assert stranger("logout").stdout == f"Nobody was logged in at {stranger.server}.\n"
    for tokens in (first, second):  # a new log-in ends the one whose place it takes
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert httpx2.post(f"{stranger.server}/auth/token", data=form).json()["code"] == "CREDENTIALS_INVALID"
    assert stranger("list").code == 3


def test_a_machine_stays_known_for_each_who_logged_in_there(stranger: Person) -> None:
    """The device token is sent with the next log-in, and comes back with the newer mark in front."""
    address = Address(stranger.server)
    stranger("login", "before@example.com", "--register", "--password-stdin", stdin=PASSWORD)
    first = stranger.store.device(address)
    assert stranger("logout").code == 0
    assert stranger.store.device(address) == first
    stranger("login", "after@example.com", "--register", "--password-stdin", stdin=PASSWORD)
    both = stranger.store.device(address)
    assert first
    assert both
    assert both == both[:MARK_LENGTH] + first
    assert stranger.store.device(Address("https://tasks.example.com")) is None


def test_logging_out_while_the_service_is_away_forgets_the_tokens_and_says_so(stranger: Person) -> None:
    stranger("login", "away@example.com", "--register", "--password-stdin", stdin=PASSWORD)
    with Proxy(stranger.server) as proxy:
        at_proxy = Person(stranger.home, proxy.url)
        assert at_proxy("login", "away@example.com", "--password-stdin", stdin=PASSWORD).code == 0
    done = at_proxy("logout")
    assert done.code == 4
    assert "cannot reach" in done.stderr
    assert at_proxy("whoami").code == 3
    assert stranger("whoami").code == 0  # another service, another entry


def test_the_file_of_tokens_is_for_its_owner_alone(alice: Person) -> None:
    (file,) = alice.home.rglob("credentials.json")
    file.parent.chmod(0o777)
    file.chmod(0o666)
    done = alice("login", "--token-stdin", stdin=issue_token("alice", SECRET.encode(), "HS256", 60))
    assert done.code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {each.name for each in file.parent.iterdir()} == {"credentials.json", "credentials.lock"}


@pytest.mark.parametrize("option", ["--token", "--token-stdin"])
def test_a_token_from_elsewhere_is_enough(stranger: Person, option: str) -> None:
    token = issue_token("alice", SECRET.encode(), "HS256", 60)
    arguments, stdin = ((option, token), "") if option == "--token" else ((option,), f"{token}\n")
    assert stranger("login", *arguments, stdin=stdin).code == 0
    assert stranger("whoami").stdout == "alice\n"


@pytest.mark.parametrize(("token", "code"), [("a.b.c", 3), ("", 1), ("two words", 1), ("é", 1)])
def test_a_token_that_is_refused_is_neither_kept_nor_shown(stranger: Person, token: str, code: int) -> None:
    done = stranger("login", "--token-stdin", stdin=token)
    assert (done.code, done.stdout) == (code, "")
    assert "token" in done.stderr
    assert not token or token not in done.stderr
    assert stranger("whoami").code == 3


def test_wrong_credentials_are_the_services_to_refuse(stranger: Person) -> None:
    done = stranger("login", "nobody@example.com", "--password-stdin", stdin="wrong password")
    assert done.code == 1
    assert "wrong password" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("login",), ("login", "alice@example.com"), ("login", "a", "--token", "b")])
def test_without_a_terminal_nothing_is_asked(stranger: Person, arguments: tuple[str, ...]) -> None:
    assert stranger(*arguments).code == 2


def test_no_password_crosses_a_network_in_plain_text(stranger: Person, service: Service) -> None:
    elsewhere = Person(stranger.home, service.url.replace("127.0.0.1", "0.0.0.0"))
    arguments = ("login", "plain@example.com", "--register", "--password-stdin")
    done = elsewhere(*arguments, stdin=PASSWORD)
    assert done.code == 1
    assert "--insecure" in done.stderr
    token = issue_token("alice", SECRET.encode(), "HS256", 60)
    assert elsewhere("login", "--token-stdin", stdin=token).code == 1
    assert elsewhere(*arguments, "--insecure", stdin=PASSWORD).code == 0  # it was not registered before


def test_no_token_goes_to_another_server(alice: Person) -> None:
    with Proxy(alice.server) as other:
        done = Person(alice.home, other.url)("list")
        assert done.code == 3
        assert "taskward login" in done.stderr
    assert other.requests == []


def test_no_redirect_is_followed(alice: Person) -> None:
    with (
        Proxy(alice.server) as other,
        Proxy(alice.server, 307, headers={"Location": f"{other.url}/tasks"}) as first,
    ):
        done = Person(alice.home, first.url).has_token("alice")("list")
    assert done.code == 1
    assert "redirect" in done.stderr
    assert len(first.requests) == 1
    assert other.requests == []


def test_an_address_has_one_spelling(alice: Person) -> None:
    for spelling in (f"{alice.server}/", alice.server.replace("http", "HTTP")):
        assert alice("whoami", "--server", spelling).code == 0
    for wrong in ("x", "ftp://127.0.0.1", "http://", "http://alice:secret@127.0.0.1", f"{alice.server}?x=1"):
        done = alice("whoami", "--server", wrong)
        assert done.code == 2
        assert "secret" not in done.stderr


@pytest.mark.parametrize("content", ["", "[]", '{"servers": []}', '{"servers": {"URL": {"x": 1}}}'])
def test_a_broken_file_of_tokens_is_named(alice: Person, content: str) -> None:
    (file,) = alice.home.rglob("credentials.json")
    file.write_text(content.replace("URL", alice.server))
    done = alice("list")
    assert done.code == 1
    assert str(file) in done.stderr


def kept(person: Person) -> dict[str, str]:
    (file,) = person.home.rglob("credentials.json")
    entry: dict[str, str] = json.loads(file.read_text())["servers"][person.server]
    return entry
