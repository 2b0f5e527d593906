"""The cookie that has the page's refresh token: no script reads it, and no page but this service's uses it."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import Scope

from taskward.errors import OriginRefusedError
from taskward.loopback import is_loopback

NAME = "taskward_refresh"
PURPOSE = b"taskward refresh tokens: the name of their cookie"
DAY_SECONDS = 86_400
MAX_DIGITS = 12

Kind = Literal["keep", "session"]


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What a cookie has: a refresh token, and the second since 1970 when the log-in ends; None: with the browser.

    Its sender could write anything. Whether the token is good, the database says.
    """

    text: str
    ends_at: int | None


class RefreshCookies:
    """Reads the cookie, and makes the values of `Set-Cookie` (RFC 6265bis, with the prefix `__Host-`)."""

    def __init__(
        self, secret: bytes, max_days: int, public_url: str | None, is_from_proxy: Callable[[Scope], bool]
    ) -> None:
        """Take the secret of the service, how long a log-in goes on, and where pages are said to be.

        `is_from_proxy` tells whether what a request says of its scheme is believed.
        """
        self._key = hmac.digest(secret, PURPOSE, "sha256")
        self._max_seconds = max_days * DAY_SECONDS
        self._public = _origin_of(public_url) if public_url else None
        self._is_from_proxy = is_from_proxy

    def check_origin(self, request: Request) -> None:
        """Raise OriginRefusedError unless a browser says that a page of this very origin asks.

        `Sec-Fetch-Site` says it best (W3C Fetch Metadata): the browser compares what it sees, whatever proxies do.
        Browsers send it by https and to this machine; where it is not sent, `Origin` has to be our own.
        """
        if sites := request.headers.getlist("sec-fetch-site"):
            if sites != ["same-origin"]:
                raise OriginRefusedError
        elif _origin(request) not in (self._public, self._own_origin(request)):
            raise OriginRefusedError

    def first_end(self, kind: Kind) -> int | None:
        """Return when the log-in ends that begins now; None for one that ends with the browser."""
        return int(time.time()) + self._max_seconds if kind == "keep" else None

    def read(self, request: Request) -> Kept | None:
        """Return what the cookie has, or None where there is none of ours."""
        value = request.cookies.get(self._name(request))
        if not value:
            return None
        text, _, end = value.partition(".")
        return Kept(text, int(end) if end.isascii() and end.isdigit() and len(end) <= MAX_DIGITS else None)

    def keeping(self, request: Request, kept: Kept) -> str:
        """Return the header's value that has the browser keep this."""
        if kept.ends_at is None:
            return self._set_cookie(request, kept.text)
        seconds = min(kept.ends_at - int(time.time()), self._max_seconds)
        return self._set_cookie(request, f"{kept.text}.{kept.ends_at}", max(1, seconds))

    def clearing(self, request: Request) -> str:
        """Return the header's value that has the browser forget the cookie."""
        return self._set_cookie(request, "", 0)

    def _set_cookie(self, request: Request, value: str, max_age: int | None = None) -> str:
        lasting = "" if max_age is None else f"; Max-Age={max_age}"
        secure = "" if _is_in_clear_and_near(_origin(request)) else "; Secure"
        return f"{self._name(request)}={value}{lasting}; Path=/; HttpOnly{secure}; SameSite=Strict"

    def _name(self, request: Request) -> str:
        """Return a name for this service at this origin and under this prefix.

        Ports and, with `__Host-`, paths do not tell cookies apart: others on this host would overwrite ours.
        """
        origin = _origin(request)
        place = f"{origin}{request.scope.get('root_path', '')}"
        mark = hmac.digest(self._key, place.encode(), "sha256")[:4].hex()
        return f"{'' if _is_in_clear_and_near(origin) else '__Host-'}{NAME}_{mark}"

    def _own_origin(self, request: Request) -> str:
        told = request.headers.getlist("x-forwarded-proto")
        believed = len(told) == 1 and self._is_from_proxy(request.scope)
        scheme = told[0].strip(" \t").lower() if believed else request.url.scheme
        return f"{scheme}://{request.headers.get('host', '').lower()}"


def _origin(request: Request) -> str:
    """Return the page's origin, as its browser says; `""` where it says none, or more than one."""
    origins = request.headers.getlist("origin")
    return origins[0] if len(origins) == 1 else ""


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _is_in_clear_and_near(origin: str) -> bool:
    """Tell whether a page came by http from this machine: then not all browsers keep what is `Secure`."""
    try:
        parts = urlsplit(origin)
        return parts.scheme == "http" and is_loopback(parts.hostname or "")
    except ValueError:
        return False
