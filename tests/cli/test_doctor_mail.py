"""`taskward doctor mail` says step by step what works, and what to change where it does not."""

import os
from pathlib import Path

import pytest

from tests.cli.command import taskward
from tests.mail.conftest import mail_server, server_context
from tests.mail.server import PASSWORD, MailServer, nobody

__all__ = ["mail_server", "server_context"]

ALICE = "alice@example.com"
MAIL = {"MAIL_FROM": "Tasks <tasks@example.com>", "PUBLIC_URL": "https://tasks.example.com"}


def examine(folder: Path, address: str = ALICE, **settings: str) -> tuple[int, list[str]]:
    trusted = {"SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in os.environ else {}
    done = taskward("doctor", "mail", address, settings=MAIL | trusted | settings, folder=folder)
    assert PASSWORD not in done.stdout + done.stderr
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


async def test_what_works_is_told_and_a_mail_arrives(tmp_path: Path, mail_server: MailServer) -> None:
    assert examine(tmp_path, SMTP_URL=mail_server.url) == (
        0,
        [
            "ok       settings   mails are from Tasks <tasks@example.com>",
            f"ok       server     127.0.0.1 port {mail_server.port} answers, with STARTTLS and a certificate that"
            " is trusted",
            "ok       log-in     user and password are right",
            "ok       mail       the server has taken one for alice@example.com. Look whether it arrives",
        ],
    )
    mail = await mail_server.mail()
    assert (mail.recipients, mail.link) == ([ALICE], "https://tasks.example.com/")


def test_a_wrong_password_a_refused_sender_and_a_refused_recipient_are_told_apart(
    tmp_path: Path, mail_server: MailServer
) -> None:
    code, lines = examine(tmp_path, SMTP_URL=f"smtp://tasks:wrong@127.0.0.1:{mail_server.port}")
    assert (code, len(lines)) == (1, 3)
    assert lines[-1] == (
        "problem  mail       The server refuses user and password of SMTP_URL (code 535). Look at SMTP_URL."
    )
    mail_server.answers_to_recipient = ["550 no such person"]
    code, lines = examine(tmp_path, SMTP_URL=mail_server.url)
    assert (code, lines[-1]) == (1, "problem  mail       The server refuses the recipient (code 550).")


def test_where_nobody_answers_that_is_said(tmp_path: Path) -> None:
    code, lines = examine(tmp_path, SMTP_URL=f"smtp://127.0.0.1:{nobody()}")
    assert (code, lines[1:]) == (
        1,
        ["problem  mail       Nobody answers at the host and port of SMTP_URL. Look at SMTP_URL."],
    )


@pytest.mark.parametrize("missing", ["SMTP_URL", "MAIL_FROM", "PUBLIC_URL"])
def test_what_is_not_set_is_named(tmp_path: Path, missing: str) -> None:
    code, lines = examine(tmp_path, **{"SMTP_URL": "smtp://mail", missing: ""})
    assert (code, lines) == (1, [f"problem  settings   No mail is sent, as {missing} must be set, too."])


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    done = taskward("doctor", "mail", "alice", settings=MAIL, folder=tmp_path)
    assert done.returncode == 2
    assert "must be an e-mail address" in done.stderr
