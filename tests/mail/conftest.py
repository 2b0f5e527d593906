import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mail.server import MailServer, certificates, hanging


@pytest.fixture
def server_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a mail server serves by, whose authority this process trusts."""
    authority, context = certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return context


@pytest.fixture
def mail_server(server_context: ssl.SSLContext) -> Iterator[MailServer]:
    """A server with STARTTLS, for who logs in."""
    with MailServer(starttls=server_context, wants_log_in=True) as server:
        yield server


@pytest.fixture
def hanging_port() -> Iterator[int]:
    yield from hanging()
