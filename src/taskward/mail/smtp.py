"""Handing a mail to an SMTP server (RFC 5321), never in clear over a network: TLS, or STARTTLS (RFC 8314).

Everything here waits for the network and belongs into a thread. Nothing it says has an address, a password or what
a server said in it, which may quote both.
"""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from typing import IO, NoReturn, Self
from urllib.parse import unquote, urlsplit

from taskward.loopback import is_loopback
from taskward.mail.deadline import Deadline
from taskward.mail.texts import Mail
from taskward.os_errors import in_words

TIMEOUT_SECONDS = 10.0  # for the next bytes of the server
DEADLINE_SECONDS = 60.0  # for one mail, from the connection on
PORTS = {"smtp": 587, "smtps": 465}  # RFC 6409, 3.1, and RFC 8314, 3.3
MOST_SAID = 64 * 1024  # bytes of a server's replies; the library gathers lines without end
MOST_TEXT = 998  # RFC 5322, 2.1.1: links stay whole
POLICY = SMTP.clone(max_line_length=MOST_TEXT)

NO_LOG_IN = 535, 534, 538, 530  # RFC 4954, 6


class MailError(Exception):
    """A mail could not be handed over. The message says why, in words of ours."""

    def __init__(self, reason: str, *, setting: str | None = None, for_good: bool = False) -> None:
        """Take why, the setting that would change it, and whether trying again is of no use."""
        super().__init__(reason)
        self.setting = setting
        self.for_good = for_good


class _Client(smtplib.SMTP):
    """The library's, whose connection ends with a deadline, and has TLS from the first byte on by `tls`."""

    def __init__(self, server: "SmtpServer", deadline: Deadline, tls: ssl.SSLContext | None) -> None:
        self._deadline, self._tls = deadline, tls  # before it connects
        super().__init__(server.host, server.port, server.greeting, timeout=server.timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]  # not in its types
        self._deadline.watch(connection)
        return connection if self._tls is None else self._tls.wrap_socket(connection, server_hostname=host)

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply, as the library does."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        return super().getreply()


class _EndlessError(OSError):
    """The server says more than any server has to say."""


class _Replies:
    """What a server says, up to where that is too much."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MOST_SAID

    def readline(self, most: int) -> bytes:
        line = self._file.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise _EndlessError
        return line

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and as whom."""

    host: str
    port: int
    tls: bool  # from the first byte on
    user: str | None
    password: str | None = field(repr=False)
    greeting: str  # how we call ourselves
    timeout: float = TIMEOUT_SECONDS
    deadline: float = DEADLINE_SECONDS

    @classmethod
    def from_url(cls, url: str, public_url: str, timeout: float = TIMEOUT_SECONDS) -> Self:
        """Take `smtp://user:password@host:port`, as the settings have checked it, and where people find us."""
        parts = urlsplit(url)
        user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
        host, greeting = parts.hostname or "", urlsplit(public_url).hostname or "localhost"
        port, tls = parts.port or PORTS[parts.scheme], parts.scheme == "smtps"
        return cls(host, port, tls, user, password, _as_greeting(greeting), timeout)

    @contextmanager
    def connected(self) -> Iterator[smtplib.SMTP]:
        """Connect, with TLS, and hang up at the end of the block, or after a minute; raise MailError."""
        with Deadline(self.deadline) as deadline:
            try:
                client = self._connect(deadline)
                try:
                    yield client
                finally:
                    with suppress(smtplib.SMTPException, OSError):
                        client.quit()
                    client.close()
            except MailError:
                if deadline.is_over:
                    raise MailError("the server is too slow", setting="SMTP_URL") from None
                raise

    def _connect(self, deadline: Deadline) -> smtplib.SMTP:
        with _in_words("SMTP_URL"):
            # The system's authorities, or those of SSL_CERT_FILE; the name in the certificate is checked.
            context = ssl.create_default_context()
            client = _Client(self, deadline, context if self.tls else None)
        if self.tls:
            return client
        try:
            with _in_words("SMTP_URL"):
                self._secure(client, context)
        except MailError:
            client.close()
            raise
        return client

    def _secure(self, client: smtplib.SMTP, context: ssl.SSLContext) -> None:
        client.ehlo_or_helo_if_needed()
        if client.has_extn("starttls"):
            client.starttls(context=context)
        elif not is_loopback(self.host) or self.user is not None:
            # On this machine nobody reads along; elsewhere somebody between may have taken the offer away.
            raise MailError("the server offers no STARTTLS. If it speaks TLS at once, begin with smtps://")

    def log_in(self, client: smtplib.SMTP) -> None:
        """Log in, if there is a user; raise MailError."""
        if self.user is not None:
            with _in_words("SMTP_URL"):
                client.login(self.user, self.password or "")

    def hand_over(self, client: smtplib.SMTP, mail: Mail, sender: str) -> None:
        """Have the server take a mail from `sender`, an address perhaps with a name; raise MailError."""
        with _in_words("MAIL_FROM"):
            message = message_of(mail, sender)
            client.send_message(message, parseaddr(sender)[1], [mail.to])

    def deliver(self, mail: Mail, sender: str) -> None:
        """Connect, log in and hand over a mail; raise MailError."""
        with self.connected() as client:
            self.log_in(client)
            self.hand_over(client, mail, sender)


def _as_greeting(host: str) -> str:
    """Return what EHLO has for a host (RFC 5321, 4.1.3). Asked of the system, it could take seconds."""
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdigit() else host


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """Return a mail as it is sent. Raises ValueError for a header with the end of a line in it."""
    message = EmailMessage(POLICY)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: nobody's absence answers it
    message.set_content(mail.text, cte="7bit" if mail.text.isascii() else None)
    return message


@contextmanager
def _in_words(setting: str) -> Iterator[None]:
    try:
        yield
    except MailError as error:
        error.setting = error.setting or setting
        raise
    except (OSError, ValueError) as error:  # SMTPException is an OSError
        _raise_in_words(error, setting)


def _raise_in_words(error: Exception, setting: str) -> NoReturn:
    """Raise a MailError instead of what the library raised, whose message may quote the server and an address."""
    for kind, words in WORDS.items():
        if isinstance(error, kind):
            raise words(error, setting) from None
    raise MailError(f"it failed: {type(error).__name__}", setting=setting) from None


def _of_certificate(error: ssl.SSLCertVerificationError, _setting: str) -> MailError:
    why = error.verify_message or "it is not trusted"
    return MailError(f"the server's certificate is refused: {why}. SSL_CERT_FILE names a private authority")


def _of_log_in(error: smtplib.SMTPAuthenticationError, _setting: str) -> MailError:
    return MailError(
        f"the server refuses user and password of SMTP_URL (code {error.smtp_code})",
        setting="SMTP_URL",
        for_good=error.smtp_code in NO_LOG_IN,
    )


def _of_sender(error: smtplib.SMTPSenderRefused, _setting: str) -> MailError:
    if error.smtp_code in NO_LOG_IN:
        return MailError("the server wants a user and a password", setting="SMTP_URL", for_good=True)
    return _by_code(f"the server refuses the sender (code {error.smtp_code})", error.smtp_code, "MAIL_FROM")


def _of_recipient(error: smtplib.SMTPRecipientsRefused, _setting: str) -> MailError:
    ((code, _),) = error.recipients.values()
    return _by_code(f"the server refuses the recipient (code {code})", code, None)


def _of_silence(error: OSError, setting: str) -> MailError:
    if isinstance(error.__context__, _EndlessError):
        return MailError("the server says too much", setting=setting)
    in_time = not isinstance(error, TimeoutError) and not isinstance(error.__context__, TimeoutError)
    return MailError("the server hung up" if in_time else "the server does not answer in time", setting=setting)


def _of_response(error: smtplib.SMTPResponseException, setting: str) -> MailError:
    return _by_code(f"the server refuses the mail (code {error.smtp_code})", error.smtp_code, setting)


def _by_code(reason: str, code: int, setting: str | None) -> MailError:
    """RFC 5321, 4.2.1: 5yz is for good, 4yz may be another time."""
    return MailError(reason, setting=setting, for_good=500 <= code <= 599)


WORDS: dict[type[Exception], Callable[..., MailError]] = {
    smtplib.SMTPAuthenticationError: _of_log_in,
    smtplib.SMTPSenderRefused: _of_sender,
    smtplib.SMTPRecipientsRefused: _of_recipient,
    smtplib.SMTPServerDisconnected: _of_silence,
    smtplib.SMTPResponseException: _of_response,
    smtplib.SMTPNotSupportedError: lambda _, at: MailError("the server offers no way to log in", setting=at),
    ssl.SSLCertVerificationError: _of_certificate,
    ssl.SSLError: lambda _, at: MailError(
        "there is no TLS to be had. smtps:// is for TLS at once, smtp:// for STARTTLS", setting=at
    ),
    smtplib.SMTPException: lambda _, at: MailError("the server does not speak SMTP", setting=at),
    TimeoutError: _of_silence,
    socket.gaierror: lambda _, at: MailError("the host of SMTP_URL has no address", setting=at),
    ConnectionRefusedError: lambda _, at: MailError("nobody answers at the host and port of SMTP_URL", setting=at),
    ConnectionError: _of_silence,
    OSError: lambda error, at: MailError(f"the server cannot be reached: {in_words(error)}", setting=at),
}
