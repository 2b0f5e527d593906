"""What `taskward serve` prints once it answers: where, who can reach it, and how to try it."""

import shlex
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from ipaddress import ip_address

from taskward.addresses import without_query
from taskward.cli.listening import serves_both
from taskward.loopback import is_loopback
from taskward.settings import Settings

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would ask its own 127.0.0.1


def announce(settings: Settings, bound: str, port: int, metrics_port: int | None = None) -> None:
    """Print where the service is, once it answers. Connections queue until the first worker accepts them."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bound, f"[{bound}]" if ":" in bound else bound)  # noqa: S104
    address = f"http://{host}:{port}"
    try:
        _DIRECT.open(f"{address}/health/live", timeout=60).close()
    except (OSError, HTTPException):
        return  # the workers could not start, and have said why
    lines = [
        f"Taskward is running at {address}",
        *reachable(bound),
        *who_may_register(settings, bound),
    ]
    if metrics_port is not None:
        lines.append(f"  metrics: http://{host}:{metrics_port}/metrics")
    if settings.api_docs:
        lines.append(f"  documentation: {address}/docs")
    if settings.database_url is None:
        lines.append(f"  data: {settings.data_dir.resolve()} (embedded PostgreSQL)")
    if settings.development and is_loopback(bound):  # others may read the log of the rest
        if settings.has_secret:
            from taskward.cli.token import token  # loads what signs, when the service answers already

            header = shlex.quote(f"Authorization: Bearer {token('user_123')}")
        else:
            lines.append(f"  tokens: those of the keys at {without_query(settings.jwt_jwks_url or '')}")
            header = '"Authorization: Bearer $TOKEN"'
        lines.append(f"  try it: curl -H {header} {address}/tasks")
    print("\n".join(lines), flush=True)


def reachable(bound: str) -> Iterator[str]:
    """Yield what whoever asked for more than this machine should know about it."""
    if is_loopback(bound):
        return
    address = ip_address(bound)
    versions = "IPv4 and IPv6" if serves_both(bound) else f"IPv{address.version}"
    where = f"every {versions} address of this machine" if address.is_unspecified else "this address"
    yield f"  listening on {where}: other machines can reach it"


def who_may_register(settings: Settings, bound: str) -> Iterator[str]:
    """Yield who may have an account here, where that is more than a matter of this machine."""
    if not settings.accounts_enabled or (settings.development and is_loopback(bound)):
        return
    if settings.oidc_only:
        lets_in = "whoever the provider lets in has one, unless you set REGISTRATION=closed"
        keeps_out = "only who has one already can log in, as REGISTRATION is not open"
        yield f"  accounts: {lets_in if settings.registration == 'open' else keeps_out}"
        return
    yield {
        "open": "  accounts: anybody who can reach it can register, unless you set REGISTRATION=invite or closed",
        "invite": "  accounts: who has a link from 'taskward user invite EMAIL' can register",
        "closed": "  accounts: nobody can register, as REGISTRATION is closed",
    }[settings.registration]
