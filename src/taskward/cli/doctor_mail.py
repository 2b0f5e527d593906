"""`taskward doctor mail`: a test mail, step by step, and which setting to change where one fails."""

import smtplib
import ssl
from collections.abc import Iterator

import typer

from taskward.cli.diagnostics import Diagnostic
from taskward.field_types import an_address
from taskward.mail import texts
from taskward.mail.smtp import MailError, SmtpServer
from taskward.settings import Settings


def doctor_mail(address: str) -> bool:
    """Print a line for each step; return whether the server has taken the mail."""
    settings = Settings.load()
    try:
        an_address(address)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="ADDRESS") from None
    problems = 0
    for diagnostic in examine(settings, address):
        print(diagnostic, flush=True)
        problems += diagnostic.level == "problem"
    return problems == 0


def examine(settings: Settings, address: str) -> Iterator[Diagnostic]:
    """Yield what came of each step; the last one is a problem where there is one."""
    missing = [name for name in ("smtp_url", "mail_from", "public_url") if getattr(settings, name) is None]
    if missing:
        names = " and ".join(name.upper() for name in missing)
        yield Diagnostic("problem", "settings", f"No mail is sent, as {names} must be set, too.")
        return
    if settings.mail_enabled:
        yield Diagnostic("ok", "settings", f"mails are from {settings.mail_from}")
    else:
        yield Diagnostic("note", "settings", "People have no accounts here (LOCAL_ACCOUNTS), so none gets a mail.")
    try:
        yield from _send(settings, address)
    except MailError as error:
        change = f" Look at {error.setting}." if error.setting else ""
        yield Diagnostic("problem", "mail", f"{str(error)[0].upper()}{str(error)[1:]}.{change}")


def _send(settings: Settings, address: str) -> Iterator[Diagnostic]:
    assert settings.smtp_url is not None
    assert settings.mail_from is not None
    public_url = settings.address_for_links
    server = SmtpServer.from_url(settings.smtp_url.get_secret_value(), public_url)
    with server.connected() as client:
        yield about_connection(server, client)
        server.log_in(client)
        yield about_log_in(server)
        server.hand_over(client, texts.test(address, f"{public_url}/"), settings.mail_from)
    yield Diagnostic("ok", "mail", f"the server has taken one for {address}. Look whether it arrives")


def about_connection(server: SmtpServer, client: smtplib.SMTP) -> Diagnostic:
    """Tell where the server is, and whether anybody could read along."""
    where = f"{server.host} port {server.port}"
    if isinstance(client.sock, ssl.SSLSocket):
        how = "TLS at once" if server.tls else "STARTTLS"
        return Diagnostic("ok", "server", f"{where} answers, with {how} and a certificate that is trusted")
    return Diagnostic("note", "server", f"{where} answers, without TLS, which will do on this machine alone")


def about_log_in(server: SmtpServer) -> Diagnostic:
    """Tell whether there was one."""
    if server.user is None:
        return Diagnostic("ok", "log-in", "none, as SMTP_URL has no user")
    return Diagnostic("ok", "log-in", "user and password are right")
