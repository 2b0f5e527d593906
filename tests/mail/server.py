"""A real SMTP server on this machine, which takes mail, refuses it, hangs, or wants to be asked again."""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.auth.test_private_authority import AUTHORITY, AUTHORITY_KEY, SERVER_KEY, certificate

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it logs every command, and tests look at ours

USER, PASSWORD = "tasks@example.com", "p@ss/w:ord?#"
PATIENCE_SECONDS = 20.0
OK = "250 OK"


def certificates(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return the file of an authority, and what a server with a certificate of it for 127.0.0.1 serves by."""
    authority, server = folder / "authority.pem", folder / "mail-server.pem"
    authority.write_bytes(certificate(AUTHORITY_KEY, AUTHORITY, authority=True))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    key = SERVER_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server.write_bytes(key + certificate(SERVER_KEY, name, authority=False))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    return authority, context


@dataclass
class Received:
    """A mail as the server got it."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    user: str | None
    over_tls: bool
    greeting: str

    @property
    def text(self) -> str:
        return str(self.message.get_content())

    @property
    def link(self) -> str:
        """The one link."""
        (link,) = [word for word in self.text.split() if "://" in word]
        return link

    @property
    def token(self) -> str:
        return self.link.partition("=")[2]


@dataclass
class MailServer:
    """What it does can be said at any time; the answers to DATA or RCPT are used up one by one, then it is 250."""

    starttls: ssl.SSLContext | None = None
    tls: ssl.SSLContext | None = None
    wants_log_in: bool = False
    answers_to_data: list[str] = field(default_factory=list)
    answers_to_recipient: list[str] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    attempts: int = 0

    def __enter__(self) -> Self:
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        scheme = "smtps" if self.tls else "smtp"
        user = "tasks%40example.com:p%40ss%2Fw%3Aord%3F%23@" if self.wants_log_in else ""
        return f"{scheme}://{user}127.0.0.1:{self.port}"

    async def mails(self, number: int = 1) -> list[Received]:
        """Return the mails, once there are so many."""
        await asyncio.to_thread(self.wait, number)
        assert len(self.received) == number
        return self.received

    def wait(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= number, PATIENCE_SECONDS), self.received

    def wait_for_attempts(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.attempts >= number, PATIENCE_SECONDS)

    async def mail(self) -> Received:
        """Return the next mail, and forget it."""
        await asyncio.to_thread(self.wait, 1)
        return self.received.pop(0)

    async def handle_RCPT(  # noqa: N802  # the names that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers_to_recipient.pop(0) if self.answers_to_recipient else OK
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers_to_data.pop(0) if self.answers_to_data else OK
        with self._changed:
            self.attempts += 1
            if answer == OK:
                self.received.append(self._mail_of(session, envelope))
            self._changed.notify_all()
        return answer

    def _mail_of(self, session: Session, envelope: Envelope) -> Received:
        content: Any = envelope.content
        message: Any = message_from_bytes(content, policy=default)
        user = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else None
        over_tls = session.ssl is not None or self.tls is not None
        return Received(
            envelope.mail_from or "", envelope.rcpt_tos, message, user, over_tls, session.host_name or ""
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=good, handled=False, auth_data=data if good else None)

    def _protocol(self) -> SMTP:
        protocol = SMTP(
            self,
            hostname="mail.test",
            tls_context=self.starttls,
            require_starttls=self.starttls is not None,
            auth_required=self.wants_log_in,
            authenticator=self._authenticate,
            loop=self._loop,
        )
        protocol._auth_require_tls = self.tls is None  # it knows of no TLS but its own
        return protocol

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(self._protocol, sock=self._listener, ssl=self.tls)
        )
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


def hanging() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def dripping(first: bytes, drop: bytes) -> Iterator[tuple[int, threading.Event]]:
    """The port of a server that never lets a client wait for long, and what it sets after ten seconds of that."""
    left, ended = threading.Event(), threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(first)
            for _ in range(500):
                if left.wait(0.02):
                    return
                connection.sendall(drop)
            ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], ended
        left.set()
        thread.join()


def nobody() -> int:
    """Return a port at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
