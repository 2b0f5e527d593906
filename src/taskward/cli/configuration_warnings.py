"""What is allowed, and what an operator had better know about. `settings` refuses what is unsafe."""

import os
from collections.abc import Iterator
from pathlib import Path

from taskward.loopback import is_loopback
from taskward.settings import Settings
from taskward.settings.sources import ENV_FILE, in_quotes, in_spaces
from taskward.settings.token_secret import MAKE_ONE, weakness
from taskward.settings.unread_names import near_misses, unread
from taskward.settings.value_types import comes_in_clear

A_DAY_OF_MINUTES = 24 * 60


def warnings(settings: Settings) -> Iterator[str]:
    """Yield a line for each thing that is unusual about the settings, and about what is written around them."""
    environment, file = os.environ, Settings.in_file()
    if Path(ENV_FILE).is_dir():
        yield f"{ENV_FILE} is a folder, so there are no settings in it"
    yield from near_misses(environment, file, Settings.model_fields)
    yield from unread(environment, file, Settings.model_fields)
    for name in [*in_spaces(environment), *in_spaces(file)]:
        yield f"{name} has white space around it, which is ignored. Whatever signs tokens must ignore it, too"
    yield from configuration_warnings(settings)


def configuration_warnings(settings: Settings) -> Iterator[str]:
    """Yield a line for each of the settings."""
    if settings.database_migration_url is not None and settings.database_url is None:
        yield "DATABASE_MIGRATION_URL is ignored without DATABASE_URL: the embedded database is used. Set both"
    yield from _unusual_provider(settings)
    if settings.development and not is_loopback(settings.host):
        yield f"ENVIRONMENT is development and HOST is {settings.host}: others are told why a token is refused"
    if not settings.development and not settings.trusted_proxies:
        yield from _untrusted_proxy(settings.host)
    if settings.workers > 1 and settings.rate_limit_storage_url is None:
        yield f"RATE_LIMIT_STORAGE_URL is not set: each of {settings.workers} workers allows RATE_LIMIT for itself"
    if not settings.development and settings.access_token_expire_minutes > A_DAY_OF_MINUTES:
        yield "ACCESS_TOKEN_EXPIRE_MINUTES is more than a day: a stolen token is good as long as its log-in"
    yield from _unusual_metrics(settings)
    yield from _unusual_mail(settings)
    if settings.jwt_secret_key is not None:
        yield from _unusual_secret(settings.jwt_secret_key.get_secret_value())


def _unusual_provider(settings: Settings) -> Iterator[str]:
    if settings.jwt_jwks_url is not None and settings.jwt_audience is None and settings.jwt_client_id is None:
        yield "JWT_AUDIENCE is not set: tokens that the provider made for other services are accepted"
    if comes_in_clear(settings.jwt_jwks_url):
        yield "JWT_JWKS_URL is plain http from another machine: anyone on the way can replace the keys"


def _untrusted_proxy(host: str) -> Iterator[str]:
    if is_loopback(host):  # so others come through a program of this machine
        yield (
            f"HOST is {host} and TRUSTED_PROXIES is not set: all clients of a proxy on this machine share one"
            " address's limits. If it adds to X-Forwarded-For, set TRUSTED_PROXIES=127.0.0.1,::1"
        )
    else:
        yield "TRUSTED_PROXIES is not set: behind a proxy, all its clients would share one address's limits"


def _unusual_metrics(settings: Settings) -> Iterator[str]:
    if not settings.metrics_beside_api and settings.metrics_port is None:
        yield "METRICS_TOKEN and METRICS_PORT are not set, so nobody can read /metrics. Set one of them"
    if settings.metrics_port is not None and settings.metrics_token is None and not is_loopback(settings.host):
        yield "METRICS_TOKEN is not set: whoever reaches METRICS_PORT can read /metrics. Keep it from the internet"


def _unusual_mail(settings: Settings) -> Iterator[str]:
    needed = {name: getattr(settings, name.lower()) for name in ("SMTP_URL", "MAIL_FROM", "PUBLIC_URL")}
    if settings.smtp_url or settings.mail_from:
        for name in (name for name, value in needed.items() if value is None):
            yield f"{name} is not set, so no mail is sent"
        if not settings.accounts_enabled:
            yield "SMTP_URL and MAIL_FROM are not used where people have no accounts: LOCAL_ACCOUNTS is off"


def _unusual_secret(secret: str) -> Iterator[str]:
    name = Settings.variable_of_the_secret()
    if why := weakness(secret):
        yield f"{name} is easy to guess: {why}. Outside development it is refused. {MAKE_ONE}"
    if in_quotes(secret):
        yield f"{name} is in quotation marks, which are part of it. Remove them unless you mean that"
    if len(secret.splitlines()) > 1:
        yield f"{name} has a line break in it. Write it on one line unless you mean that"
