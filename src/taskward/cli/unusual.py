"""What is allowed, and what an operator had better know about. `settings.py` refuses what is unsafe."""

from collections.abc import Iterator

from taskward.settings import LOOPBACK, Settings

A_DAY_OF_MINUTES = 24 * 60


def unusual(settings: Settings) -> Iterator[str]:
    """Yield a line for each."""
    if settings.jwt_jwks_url is not None and settings.jwt_audience is None:
        yield "JWT_AUDIENCE is not set: tokens that JWT_JWKS_URL's owner made for others are accepted"
    if settings.development and settings.host not in LOOPBACK:
        yield f"ENVIRONMENT is development and HOST is {settings.host}: others are told why a token is refused"
    if not settings.development and settings.host not in LOOPBACK and not settings.trusted_proxies:
        yield "TRUSTED_PROXIES is not set: behind a proxy, all its callers would share one address's limits"
    if settings.workers > 1 and settings.rate_limit_storage_url is None:
        yield f"RATE_LIMIT_STORAGE_URL is not set: each of {settings.workers} workers allows RATE_LIMIT for itself"
    if not settings.development and settings.access_token_expire_minutes > A_DAY_OF_MINUTES:
        yield "ACCESS_TOKEN_EXPIRE_MINUTES is more than a day: nothing ends a stolen token earlier"
