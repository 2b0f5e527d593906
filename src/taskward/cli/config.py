"""`taskward config`: what the settings are, where each comes from, and what follows from them."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import SecretStr
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from taskward.addresses import without_query
from taskward.cli.configuration_warnings import warnings
from taskward.settings import Settings
from taskward.settings.sources import tidied

MASK = "********"
SECRET = re.compile("key|secret|pass|token|^options$")  # in the name of a parameter


class Shown(NamedTuple):
    """A setting as it may be shown."""

    value: str | None
    source: str


def config(*, as_json: bool) -> str:
    """Return the settings with their sources, secrets masked.

    Raises InvalidSettingsError and InvalidDatabaseUrlError when something is wrong.
    """
    settings = Settings.load()
    check_addresses(settings)
    shown, facts, warned = _shown(settings), dict(_facts(settings)), list(warnings(settings))
    if as_json:
        named = {name: setting._asdict() for name, setting in shown.items()}
        return json.dumps({"settings": named, "facts": facts, "warnings": warned}, indent=2)
    width = max(map(len, shown))
    lines = [f"{name:<{width}}  {shown.value or '-'}  ({shown.source})" for name, shown in shown.items()]
    lines += ["", *(f"{name}: {fact}" for name, fact in facts.items())]
    lines += [f"warning: {warning}" for warning in warned]
    return "\n".join(lines)


def check_addresses(settings: Settings) -> None:
    """Raise InvalidDatabaseUrlError and InvalidSettingsError for what nobody could connect to."""
    for name in ("database_url", "database_migration_url"):
        if (url := getattr(settings, name)) is not None:
            from taskward.database.url import conninfo  # only here: it loads psycopg

            conninfo(url.get_secret_value(), name.upper())
    if settings.rate_limit_storage_url is not None:
        from taskward.rate_limits.shared_store import connection_pool  # likewise: most have no store

        connection_pool(settings.rate_limit_storage_url.get_secret_value())
    if settings.jwt_jwks_url is not None:
        from taskward.auth.keys import ProviderKeys  # likewise: it loads 66 modules

        ProviderKeys(settings.jwt_jwks_url)


def _shown(settings: Settings) -> dict[str, Shown]:
    # The same sources that the settings are read from, asked one by one.
    from_environment = tidied(EnvSettingsSource(Settings))()
    from_file = tidied(DotEnvSettingsSource(Settings))()
    found = {}
    for name in Settings.model_fields:
        names = {name, name.upper()}
        source = "default"
        if names & from_environment.keys():
            source = "environment"
        elif names & from_file.keys():
            source = ".env"
        elif name == "jwt_secret_key" and settings.has_secret:
            source = "generated"
        found[name.upper()] = Shown(
            MASK if source == "generated" else _text(name, getattr(settings, name)), source
        )
    return found


def _text(name: str, value: Any) -> str | None:
    if isinstance(value, SecretStr):
        return masked(value.get_secret_value()) if name.endswith("_url") else MASK
    if name == "jwt_jwks_url" and value is not None and value != (shown := without_query(value)):
        return f"{shown}?{MASK}"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or None
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def masked(secret: str) -> str:
    """Return a URL without its passwords, and nothing at all of what may be none."""
    try:
        url = urlsplit(secret)
    except ValueError:
        return MASK
    # A password with an unescaped / ? or # ends up behind the host, with the @ that should have been before it.
    if not url.netloc or "@" in url.path + url.query + url.fragment:
        return MASK
    user, has_user, host = url.netloc.rpartition("@")
    name, has_password, _ = user.partition(":")
    query = [
        (key, MASK if SECRET.search(key.lower()) else value)
        for key, value in parse_qsl(url.query, keep_blank_values=True)
    ]
    return url._replace(
        netloc=f"{name}{':' + MASK if has_password else ''}{has_user}{host}", query=urlencode(query, safe="*/:,")
    ).geturl()


def _facts(settings: Settings) -> Iterator[tuple[str, str]]:
    embedded = settings.database_url is None
    yield "database", f"embedded, in {settings.data_dir.resolve() / 'postgres'}" if embedded else "your own"
    accepted = [f"signed with {settings.algorithm} and the secret"] if settings.has_secret else []
    accepted += [f"signed by the keys at {without_query(settings.jwt_jwks_url)}"] if settings.jwt_jwks_url else []
    yield "tokens", ", or ".join(accepted)
    yield "accounts", "on: people can register and log in here" if settings.accounts_enabled else "off"
    yield "mail", "sent to people about their accounts" if settings.mail_enabled else "not sent"
    origins = ", ".join(settings.allowed_origins)
    yield "pages of other origins", "any" if origins == "*" else origins or "none"
    together = settings.rate_limit_storage_url is not None
    yield "rate limits", "counted together, in the store" if together else "counted by each worker for itself"
    yield "refused tokens", "explained" if settings.development else "not explained"
