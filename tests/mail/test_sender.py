"""Mails wait in one thread, are tried three times, and those that are lost are counted."""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from taskward.mail import texts
from taskward.mail.sender import MailSender
from taskward.mail.smtp import SmtpServer
from tests.mail.server import PASSWORD, MailServer, nobody

pytestmark = pytest.mark.quick

MAIL = texts.reset("alice@example.com", "https://tasks.example.com/#reset=secret")
LATER = "451 greylisted, alice@example.com"


class Outcomes(Counter[str]):
    """What came of mails, and when there are so many."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def __call__(self, outcome: str) -> None:
        with self._changed:
            self[outcome] += 1
            self._changed.notify_all()

    def wait(self, number: int = 1) -> dict[str, int]:
        with self._changed:
            assert self._changed.wait_for(lambda: self.total() >= number, 20)
        return dict(self)


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


@contextmanager
def sending(
    url: str, outcomes: Outcomes, pauses: tuple[float, ...] = (0, 0), most_waiting: int = 100, timeout: float = 5
) -> Iterator[MailSender]:
    server = SmtpServer.from_url(url, "https://tasks.example.com", timeout)
    sender = MailSender(server, "tasks@example.com", outcomes, pauses=pauses, most_waiting=most_waiting)
    try:
        yield sender
    finally:
        sender.stop(5)


@pytest.fixture(autouse=True)
def _nothing_of_it_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    text = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    assert not any(word in text for word in ("alice", "secret", PASSWORD, "greylisted"))


def test_greylisted_mail_is_sent_at_the_third_try(mail_server: MailServer, outcomes: Outcomes) -> None:
    mail_server.answers_to_data = [LATER, LATER]
    with sending(mail_server.url, outcomes) as sender:
        sender.send(MAIL)
        assert outcomes.wait() == {"sent": 1}
    assert (mail_server.attempts, len(mail_server.received)) == (3, 1)


def test_after_the_third_try_it_is_given_up(
    mail_server: MailServer, outcomes: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.answers_to_data = [LATER] * 3
    with sending(mail_server.url, outcomes) as sender:
        sender.send(MAIL)
        assert outcomes.wait() == {"failed": 1}
    assert (mail_server.attempts, mail_server.received) == (3, [])
    (line,) = [line.getMessage() for line in caplog.records if line.levelname == "ERROR"]
    assert line == "a mail (reset) was not sent, after 3 tries: the server refuses the mail (code 451)"


def test_what_is_refused_for_good_is_not_tried_again(mail_server: MailServer, outcomes: Outcomes) -> None:
    mail_server.answers_to_data = ["554 no"]
    with sending(mail_server.url, outcomes) as sender:
        sender.send(MAIL)
        assert outcomes.wait() == {"failed": 1}
    assert mail_server.attempts == 1


def test_one_that_waits_for_its_second_try_keeps_no_other(mail_server: MailServer, outcomes: Outcomes) -> None:
    mail_server.answers_to_data = [LATER]
    with sending(mail_server.url, outcomes, pauses=(3600, 3600)) as sender:
        sender.send(MAIL)
        mail_server.wait_for_attempts(1)
        sender.send(MAIL)
        assert outcomes.wait() == {"sent": 1}
        began = time.monotonic()
    assert time.monotonic() - began < 2, "a pause does not keep the service from stopping"
    assert outcomes == {"sent": 1, "dropped": 1}


def test_a_dead_server_takes_three_tries_and_a_mail_after_it_goes_on(outcomes: Outcomes) -> None:
    with sending(f"smtp://127.0.0.1:{nobody()}", outcomes) as sender:
        sender.send(MAIL)
        sender.send(MAIL)
        assert outcomes.wait(2) == {"failed": 2}


def test_more_than_there_is_room_for_is_dropped_and_nobody_waits(
    hanging_port: int, outcomes: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    with sending(f"smtp://127.0.0.1:{hanging_port}", outcomes, most_waiting=3, timeout=1) as sender:
        began = time.monotonic()
        for _ in range(10):
            sender.send(MAIL)
        assert time.monotonic() - began < 0.5
        assert 6 <= outcomes["dropped"] <= 7, "three wait, and perhaps one is on its way"
        assert "dropped: too many are waiting" in caplog.text


def test_what_is_waiting_when_the_service_stops_is_sent(mail_server: MailServer, outcomes: Outcomes) -> None:
    with sending(mail_server.url, outcomes) as sender:
        for _ in range(5):
            sender.send(MAIL)
    assert outcomes == {"sent": 5}


def test_but_not_for_long_and_the_log_says_how_many_are_lost(
    hanging_port: int, outcomes: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    server = SmtpServer.from_url(f"smtp://127.0.0.1:{hanging_port}", "https://tasks.example.com", 3)
    sender = MailSender(server, "tasks@example.com", outcomes)
    for _ in range(5):
        sender.send(MAIL)
    began = time.monotonic()
    sender.stop(0.2)
    assert time.monotonic() - began < 2
    assert outcomes["dropped"] == 5
    assert "the service stops, and 5 mails were not sent" in caplog.text
    sender.send(MAIL)
    assert outcomes["dropped"] == 6


def test_without_a_mail_there_is_no_thread(outcomes: Outcomes) -> None:
    before = set(threading.enumerate())  # of which one, of an earlier test, may end meanwhile
    with sending(f"smtp://127.0.0.1:{nobody()}", outcomes):
        assert set(threading.enumerate()) <= before


async def test_many_at_once_go_through_one_thread(mail_server: MailServer, outcomes: Outcomes) -> None:
    with sending(mail_server.url, outcomes) as sender:
        await asyncio.gather(*(asyncio.to_thread(sender.send, MAIL) for _ in range(20)))
        assert [thread.name for thread in threading.enumerate()].count("mail") == 1
        assert outcomes.wait(20) == {"sent": 20}
