"""`taskward doctor settings`: what of the settings might keep somebody out, or let somebody in."""

from collections.abc import Iterator

from taskward.cli.config import check_addresses
from taskward.cli.configuration_warnings import warnings
from taskward.cli.diagnostics import Diagnostic
from taskward.settings import Settings


def doctor_settings() -> None:
    """Print a line for everything that is worth knowing.

    Raises InvalidSettingsError and InvalidDatabaseUrlError when something is wrong.
    """
    settings = Settings.load()
    check_addresses(settings)
    for diagnostic in examine(settings):
        print(diagnostic)


def examine(settings: Settings) -> Iterator[Diagnostic]:
    """Yield what is found."""
    yield about_proxies(settings)
    found = [Diagnostic("note", "settings", warning) for warning in warnings(settings)]
    yield from found or [Diagnostic("ok", "settings", "nothing is unusual about them")]


def about_proxies(settings: Settings) -> Diagnostic:
    """Tell whose word is taken for where a request comes from."""
    if not settings.trusted_proxies:
        text = "TRUSTED_PROXIES is not set, which is right only if no proxy is in front of the service"
        return Diagnostic("note", "proxies", text)
    networks = ", ".join(map(str, settings.trusted_proxies))
    return Diagnostic("ok", "proxies", f"{settings.client_address_header} is believed from {networks}")
