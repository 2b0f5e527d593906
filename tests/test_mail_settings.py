"""By what server mail goes, as it is set and as it is shown."""

import subprocess
import sys
from pathlib import Path

import pytest

from taskward.cli.config import masked
from taskward.cli.configuration_warnings import configuration_warnings
from taskward.mail.smtp import SmtpServer
from taskward.settings import Settings
from tests.cli.command import taskward
from tests.test_settings import refusal

pytestmark = pytest.mark.quick

MAIL = {
    "SMTP_URL": "smtp://tasks%40example.com:p%40ss%2Fword@smtp.example.com:2525",
    "MAIL_FROM": "tasks@example.com",
    "PUBLIC_URL": "https://tasks.example.com",
}


def test_user_and_password_are_percent_encoded() -> None:
    settings = Settings.model_validate(MAIL)
    assert settings.mail_enabled
    assert settings.smtp_url is not None
    server = SmtpServer.from_url(settings.smtp_url.get_secret_value(), "https://tasks.example.com")
    assert (server.host, server.port, server.tls) == ("smtp.example.com", 2525, False)
    assert (server.user, server.password) == ("tasks@example.com", "p@ss/word")


@pytest.mark.parametrize("missing", MAIL)
def test_without_one_of_three_there_is_no_mail_and_a_warning(missing: str) -> None:
    settings = Settings.model_validate({**MAIL, missing: None})
    assert not settings.mail_enabled
    assert f"{missing} is not set, so no mail is sent" in configuration_warnings(settings)


def test_without_accounts_nobody_gets_any() -> None:
    settings = Settings.model_validate({**MAIL, "LOCAL_ACCOUNTS": False})
    assert not settings.mail_enabled
    assert any("LOCAL_ACCOUNTS is off" in warning for warning in configuration_warnings(settings))


@pytest.mark.parametrize(
    "url",
    [
        "smtp.example.com", "http://smtp.example.com", "smtp://", "smtp://user@smtp.example.com",
        "smtp://:hunter2@smtp.example.com", "smtp://user:@smtp.example.com", "smtp://user:hunter2@smtp.example.com/x",
        "smtp://user:hunter2@smtp.example.com?tls=1", "smtp://a,b", "smtp://user:hunter2@@smtp.example.com",
        "smtp://user:hunter2%@smtp.example.com", "smtp://smtp.example.com:0", "smtp://smtp.example.com:x",
        "smtp://user:hunter2#@smtp.example.com", "SMTP://smtp.example.com", "smtp://user:hunter2/x@smtp.example.com",
    ],
)  # fmt: skip
def test_what_is_no_mail_server_is_refused_without_a_word_of_it(url: str) -> None:
    (line,) = refusal(SMTP_URL=url)
    assert line.startswith("SMTP_URL: ")
    assert "hunter2" not in line


@pytest.mark.parametrize("sender", ["tasks@example.com", "Tasks <tasks@example.com>", "Täsks & Co. <a@b.example>"])
def test_a_sender_is_an_address_perhaps_with_a_name(sender: str) -> None:
    assert Settings(MAIL_FROM=sender).mail_from == sender


@pytest.mark.parametrize(
    "sender",
    [
        "Tasks\r\nBcc <tasks@example.com>",
        "tasks", "Tasks <tasks>", "Tasks <tasks@example.com", "Tasks <tasks@example.com> x",
        "a@b.example, c@d.example",
        "Tasks\r\nBcc: bob@example.com <tasks@example.com>", "tasks@example.com\nBcc: bob@example.com",
        "Tasks, Inc. <tasks@example.com>", '"Tasks" <tasks@example.com>', "täsks@example.com",
        "<<tasks@example.com>",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.example",
    ],
)  # fmt: skip
def test_what_no_mail_can_be_from_is_refused(sender: str) -> None:
    (line,) = refusal(MAIL_FROM=sender)
    assert line.startswith("MAIL_FROM: ")


def test_the_password_is_masked(tmp_path: Path) -> None:
    assert masked(MAIL["SMTP_URL"]) == "smtp://tasks%40example.com:********@smtp.example.com:2525"
    done = taskward("config", settings=MAIL, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "p%40ss" not in done.stdout
    assert "smtp://tasks%40example.com:********@smtp.example.com:2525" in done.stdout


def test_smtplib_is_loaded_where_mail_is_sent_and_nowhere_else(tmp_path: Path) -> None:
    """A worker without mail pays no memory for it."""

    script = (
        "import sys; from taskward.app import create_app; from taskward.settings import Settings;"
        "create_app(Settings.load()); print('smtplib' in sys.modules, 'taskward.mail.smtp' in sys.modules)"
    )
    for settings, loaded in (({}, "False False"), (MAIL, "True True")):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={"DATABASE_URL": "postgresql://nowhere", "JWT_SECRET_KEY": "x" * 32, **settings},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == loaded
