"""Proxies that the environment names: read strictly, before a library quotes what it cannot read."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from taskward.addresses import read_address
from taskward.loopback import is_loopback

if TYPE_CHECKING:
    import httpx2

PROXY = re.compile(r"(https?|all)_proxy", re.IGNORECASE)  # libraries read both cases, and any mixture
LOOPBACK_NAMES = ("127.0.0.1", "::1", "localhost")  # what `no_proxy` can say
FORM = "A proxy is http://user:password@host:port"

Client = TypeVar("Client", "httpx2.Client", "httpx2.AsyncClient")


class BadProxyError(Exception):
    """A proxy of the environment cannot be used; the message has one line for each, and no part of its address."""


def check_proxies() -> None:
    """Raise BadProxyError unless every proxy of the environment is an address that all libraries read alike."""
    if problems := list(_problems()):
        raise BadProxyError("\n".join(problems))


def open_client(kind: type[Client], url: str, **options: Any) -> Client:
    """Return an httpx2 client for what is at a URL: through the proxy of the environment, unless it is here.

    Raises BadProxyError.
    """
    import httpx2  # only here: it takes 1.5 MB of a worker, and most need none

    address = urlsplit(url)
    encrypted = address.scheme == "https"  # loading certificates takes a while, and http has none
    if is_loopback(address.hostname or ""):
        verify = httpx2.create_ssl_context() if encrypted else False
        return kind(trust_env=False, verify=verify, **options)
    check_proxies()
    try:
        return kind(verify=encrypted, **options)
    except (httpx2.InvalidURL, ValueError, ImportError):  # a proxy of the system, whose address they quote
        raise BadProxyError(f"a proxy of the environment or the system cannot be read. {FORM}") from None


def keep_loopback_direct() -> None:
    """Have libraries that read the environment themselves send nothing for this machine to a proxy."""
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if any(PROXY.fullmatch(name) for name in os.environ) and direct.strip() != "*":
        os.environ["no_proxy"] = ",".join(filter(None, [direct, *LOOPBACK_NAMES]))


def _problems() -> Iterator[str]:
    for name, value in os.environ.items():
        if not PROXY.fullmatch(name) or not value:
            continue
        scheme = value.partition("://")[0].lower() if "://" in value else "http"  # as all who read it have it
        if scheme.startswith("socks"):
            yield f"{name}: SOCKS is not supported. Name an HTTP proxy, or unset it. {FORM}"
        elif scheme not in ("http", "https"):
            yield f"{name}: this must begin with http://. {FORM}"
        else:
            yield from _unreadable(name, value if "://" in value else f"http://{value}")


def _unreadable(name: str, value: str) -> Iterator[str]:
    try:
        hosts = read_address(value).hosts
    except ValueError as error:
        yield f"{name}: {error}"
    else:
        if len(hosts) != 1 or not hosts[0]:
            yield f"{name}: this must name one host. {FORM}"
