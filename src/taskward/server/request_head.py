"""Which request lines and headers are taken: those that nobody between the client and here reads differently.

The parser (llhttp) knows the grammar of lines. What RFC 9112 asks beyond it is here, and none of it needs a
connection: text in, an error or None out.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from taskward.errors import ApiError, ValidationFailedError

MAX_HEAD = 32 * 1024  # bytes of the request line and the headers; a token alone may have 8 KiB
MAX_HEADERS = 100  # an object each, which is many times larger than the shortest header

Headers = Sequence[tuple[bytes, bytes]]  # names in small letters, values without white space around them

# Fields that have one value and no list of them (RFC 9110, 5.3, and each field's own section). Where one stands
# twice, some programs take the first, others the last, and a proxy may have checked the other one. All that RFC
# 9110 has for requests are here, also those that nothing here reads, and of others those that are read here.
# What is not here may be repeated: lists (`If-Match`, `Accept`, `X-Forwarded-For`) are read as one, with commas.
SINGLE = frozenset([
    b"authorization", b"content-length", b"content-location", b"content-range", b"content-type", b"date", b"from",
    b"host", b"if-modified-since", b"if-range", b"if-unmodified-since", b"max-forwards", b"proxy-authorization",
    b"range", b"referer", b"user-agent",
    b"transfer-encoding",  # a list, of which one element is taken here
    b"origin", b"access-control-request-method",  # RFC 6454, 7.3; Fetch, 3.3.2
    b"idempotency-key", b"x-request-id",  # our own
])  # fmt: skip

# RFC 3986, 3.2.2. `++` does not go back: else a long name could be tried in very many ways.
_NAME = rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]++|%[0-9A-Fa-f]{2})++"
_HOST = re.compile(rb"(?:%b|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[0-9]{0,5}))?\Z" % _NAME)
_ABSOLUTE = re.compile(rb"https?://(?P<host>[^/?]*)", re.IGNORECASE)
MAX_HOST = 255 + len(":65535")  # bytes; names have at most 253 (RFC 1035, 2.3.4)


def _refusal(field: str, message: str) -> ApiError:
    return ValidationFailedError([(field, message)])


HEAD_TOO_LARGE = _refusal("headers", "Address and headers are larger than 32 KiB together")
TOO_MANY_HEADERS = _refusal("headers", "There are more than 100 headers")
NOT_THIS_VERSION = _refusal("request", "Only HTTP/1.1 and HTTP/1.0 are spoken here")
NO_HOST = _refusal("host", "A request in HTTP/1.1 needs a Host header")
NOT_A_HOST = _refusal("host", "must be a host, with or without a port, such as example.com:8000")
NOT_CHUNKED = _refusal("transfer-encoding", "can only be 'chunked', in HTTP/1.1 and without a length")
NOT_A_TARGET = _refusal("request", "The address must be a path, or begin with http:// or https:// and a host")


def refusal_of(version: str, target: bytes, headers: Headers) -> ApiError | None:
    """Return why a request with this head is not taken, or None.

    `version` is `major.minor`, `target` the second word of the request line. An HTTP/1.0 request may do without a
    host, and no chunked body (RFC 9112, 3.2 and 6.1).
    """
    fields = dict(headers)
    if version not in ("1.1", "1.0"):
        return NOT_THIS_VERSION
    if len(fields) < len(headers) and (name := _repeated(headers)):
        return _refusal(name, "is there more than once, and may have one value only")
    host = fields.get(b"host")
    if host is None:
        if version == "1.1":
            return NO_HOST
    elif not is_host(host):
        return NOT_A_HOST
    if b"transfer-encoding" in fields and not _is_chunked(version, fields):
        return NOT_CHUNKED
    return None if _is_target(target) else NOT_A_TARGET


def is_host(value: bytes) -> bool:
    """Return whether this is `host[:port]` of an http URI: RFC 3986's grammar, and not empty (RFC 9110, 4.2.1)."""
    return len(value) <= MAX_HOST and _is_host(value)


@lru_cache(256)  # nearly all requests name the same one; of what is longer nothing is kept
def _is_host(value: bytes) -> bool:
    found = _HOST.match(value)
    if found is None or int(found["port"] or 0) > 65535:
        return False
    return found["v6"] is None or _is_ipv6(found["v6"].decode())


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _repeated(headers: Headers) -> str | None:
    seen: set[bytes] = set()
    for name, _ in headers:
        if name in SINGLE and name in seen:
            return name.decode()
        seen.add(name)
    return None


def _is_chunked(version: str, fields: dict[bytes, bytes]) -> bool:
    alone = b"content-length" not in fields
    return version == "1.1" and alone and fields[b"transfer-encoding"].lower() == b"chunked"


def _is_target(target: bytes) -> bool:
    """Return whether this is one of the forms of RFC 9112, 3.2, without a user or a fragment; `*` has no route."""
    if target[:1] == b"/" or target == b"*":
        return b"#" not in target
    found = _ABSOLUTE.match(target)
    return found is not None and b"#" not in target and is_host(found["host"])
