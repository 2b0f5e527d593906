"""A mail reaches a real server by TLS alone, and whatever goes wrong has a sentence without a secret."""

import ssl
import threading
from dataclasses import replace

import pytest

from taskward.mail import texts
from taskward.mail.smtp import MailError, SmtpServer, message_of
from tests.mail.server import PASSWORD, USER, MailServer, dripping, nobody

pytestmark = pytest.mark.quick

PUBLIC = "https://tasks.example.com/tw"
SENDER = "Täsks <tasks@example.com>"
MAIL = texts.reset("alice@example.com", f"{PUBLIC}/#reset=usr_{'a' * 28}.1890000000.{'b' * 43}")


def at(url: str) -> SmtpServer:
    return SmtpServer.from_url(url, PUBLIC, timeout=5)


def refusal(server: SmtpServer) -> MailError:
    with pytest.raises(MailError) as caught:
        server.deliver(MAIL, SENDER)
    assert caught.value.__cause__ is None
    assert not any(word in str(caught.value) for word in (PASSWORD, USER, "alice", "reset="))
    return caught.value


async def test_by_starttls_and_a_log_in_a_mail_arrives_as_it_is(mail_server: MailServer) -> None:
    at(mail_server.url).deliver(MAIL, SENDER)
    (received,) = await mail_server.mails()
    assert (received.user, received.over_tls, received.greeting) == (USER, True, "tasks.example.com")
    assert (received.sender, received.recipients) == ("tasks@example.com", ["alice@example.com"])
    assert received.text.replace("\r\n", "\n") == MAIL.text
    assert received.link == MAIL.link
    message = received.message
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, "alice@example.com", MAIL.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Date"]
    assert message.get_content_type() == "text/plain"
    assert not message.is_multipart()


async def test_by_tls_at_once_too(server_context: ssl.SSLContext) -> None:
    with MailServer(tls=server_context, wants_log_in=True) as server:
        at(server.url).deliver(MAIL, SENDER)
        (received,) = await server.mails()
    assert (received.user, received.over_tls) == (USER, True)


async def test_on_this_machine_a_server_without_tls_will_do_and_gets_no_password() -> None:
    with MailServer() as server:
        at(server.url).deliver(MAIL, SENDER)
        (received,) = await server.mails()
        assert not received.over_tls
        error = refusal(at(server.url.replace("//", "//tasks:secret@")))
    assert str(error).startswith("the server offers no STARTTLS")


def test_on_another_machine_it_will_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when somebody in between takes the offer away."""
    monkeypatch.setattr("taskward.mail.smtp.is_loopback", lambda _: False)
    with MailServer() as server:
        assert str(refusal(at(server.url))).startswith("the server offers no STARTTLS")
        assert server.received == []


@pytest.mark.parametrize("at_once", [False, True])
def test_the_certificate_is_checked(
    server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    served = MailServer(tls=server_context) if at_once else MailServer(starttls=server_context)
    with served as server:
        error = refusal(at(server.url))
        assert "certificate" in str(error)
        assert "SSL_CERT_FILE" in str(error)
        assert not error.for_good
        assert server.received == []


def test_and_the_name_in_it(mail_server: MailServer) -> None:
    error = refusal(at(mail_server.url.replace("127.0.0.1", "localhost")))
    assert "certificate" in str(error)
    assert mail_server.received == []


def test_a_wrong_password_is_told_of_and_not_tried_again(mail_server: MailServer) -> None:
    error = refusal(replace(at(mail_server.url), password="wrong"))
    assert (error.setting, error.for_good) == ("SMTP_URL", True)
    assert str(error) == "the server refuses user and password of SMTP_URL (code 535)"


def test_who_has_no_user_where_one_is_wanted_is_told_so(mail_server: MailServer) -> None:
    error = refusal(replace(at(mail_server.url), user=None))
    assert (str(error), error.setting) == ("the server wants a user and a password", "SMTP_URL")


@pytest.mark.parametrize(("code", "for_good"), [(450, False), (550, True)])
def test_what_the_server_refuses_is_for_good_or_not(mail_server: MailServer, code: int, for_good: bool) -> None:
    mail_server.answers_to_recipient = [f"{code} alice@example.com is not known here"]
    error = refusal(at(mail_server.url))
    assert (str(error), error.for_good) == (f"the server refuses the recipient (code {code})", for_good)
    mail_server.answers_to_data = [f"{code} no, alice@example.com"]
    error = refusal(at(mail_server.url))
    assert (str(error), error.for_good) == (f"the server refuses the mail (code {code})", for_good)


def test_who_does_not_answer_is_not_waited_for(hanging_port: int) -> None:
    for scheme in ("smtp", "smtps"):
        server = SmtpServer.from_url(f"{scheme}://127.0.0.1:{hanging_port}", PUBLIC, timeout=0.2)
        error = refusal(server)
        assert str(error) == "the server does not answer in time"
        assert not error.for_good


SLOW = {
    "smtp": (b"220-", b"x"),
    "smtp in lines": (b"", b"220-x\r\n"),
    "smtps": (b"\x16\x03\x03\x40\x00\x02\x00\x3f\x00", b"x"),  # a record of TLS that is 16 KiB long
}


@pytest.mark.parametrize("case", SLOW)
def test_who_answers_in_drops_is_not_waited_for_either(case: str) -> None:
    """In time for every read, and at no end: without a deadline this is for ever."""
    with dripping(*SLOW[case]) as (port, ended):
        server = SmtpServer.from_url(f"{case.split()[0]}://127.0.0.1:{port}", PUBLIC, timeout=5)
        error = refusal(replace(server, deadline=0.3))
        assert not ended.is_set()
    assert (str(error), error.setting, error.for_good) == ("the server is too slow", "SMTP_URL", False)


def test_who_never_ends_a_reply_fills_no_memory() -> None:
    line = b"220-" + b"x" * 1000 + b"\r\n"
    with dripping(line * 100, line) as (port, ended):
        error = refusal(SmtpServer.from_url(f"smtp://127.0.0.1:{port}", PUBLIC, timeout=5))
        assert not ended.is_set()
    assert (str(error), error.setting, error.for_good) == ("the server says too much", "SMTP_URL", False)


def test_a_deadline_that_was_kept_hangs_up_nobody(mail_server: MailServer) -> None:
    server = replace(at(mail_server.url), deadline=30)
    for _ in range(2):
        server.deliver(MAIL, SENDER)
    assert len(mail_server.received) == 2
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_where_nobody_is_that_is_said() -> None:
    assert str(refusal(at(f"smtp://127.0.0.1:{nobody()}"))) == ("nobody answers at the host and port of SMTP_URL")
    assert str(refusal(at("smtp://mail.invalid"))) == "the host of SMTP_URL has no address"


def test_tls_and_starttls_taken_for_each_other_are_told_apart(
    server_context: ssl.SSLContext, mail_server: MailServer
) -> None:
    error = refusal(replace(at(mail_server.url), tls=True))
    assert "smtp:// for STARTTLS" in str(error)


@pytest.mark.parametrize(
    "mail",
    [
        texts.Mail("test", "alice@example.com\r\nBcc: bob@example.com", "A", "B", "C"),
        texts.Mail("test", "alice@example.com", "A\nBcc: bob@example.com", "B", "C"),
    ],
)
def test_no_header_can_be_smuggled_in(mail_server: MailServer, mail: texts.Mail) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        message_of(mail, SENDER)
    with pytest.raises(MailError):
        at(mail_server.url).deliver(mail, SENDER)
    assert mail_server.attempts == 0


@pytest.mark.parametrize("make", [texts.reset, texts.verify, texts.notice, texts.test])
def test_each_mail_is_one_sentence_and_one_link(make: "type[texts.Mail]") -> None:
    mail = make("alice@example.com", "https://tasks.example.com/#x")  # type: ignore[call-arg,arg-type]
    sentence, empty, link, end = mail.text.split("\n")
    assert (empty, link, end) == ("", mail.link, "")
    assert sentence.count(".") == 1
    assert sentence.endswith(".")
    assert mail.subject.isascii()
    assert "alice" not in repr(mail)


@pytest.mark.parametrize(
    ("public", "greeting"),
    [("http://127.0.0.1:8000", "[127.0.0.1]"), ("http://[::1]:8000", "[IPv6:::1]"), (PUBLIC, "tasks.example.com")],
)
def test_a_service_calls_itself_as_people_find_it(public: str, greeting: str) -> None:
    server = SmtpServer.from_url("smtp://a:b@mail.example.com", public)
    assert (server.greeting, server.port) == (greeting, 587)
    assert SmtpServer.from_url("smtps://mail.example.com", public).port == 465
