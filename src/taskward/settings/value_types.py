"""Kinds of settings that are more than a number or a text: rates, origins, networks, paths, addresses, secrets."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from taskward.addresses import read_address, read_database_address
from taskward.field_types import MAX_EMAIL, an_address, is_printable
from taskward.loopback import is_loopback, is_private
from taskward.settings.public_suffixes import is_shared_by_strangers
from taskward.settings.token_secret import MAKE_ONE, MIN_SECRET_LENGTH

Network = IPv4Network | IPv6Network

# As browsers write one (RFC 6454, 6.2): a scheme, an ASCII host, a port unless it is the scheme's own.
# The first label of the host may be `*`.
ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(?:(?:\*\.)?([a-z0-9.-]+)|\[[0-9a-f:.]+\])(?::\d{1,5})?\Z")
OWN_PORT = {"http": ":80", "https": ":443"}
# Segments of unreserved characters (RFC 3986, 2.3): nothing to encode, and nothing that ends a header or a path.
SEGMENTS = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
MAX_ROOT_PATH = 200
BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1
STORE = re.compile(r"(?:redis|rediss|valkey|valkeys)://")
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
DAY = 24 * 60 * 60
SECONDS = {"second": 1, "minute": 60, "hour": 60 * 60, "day": DAY, "month": 30 * DAY, "year": 360 * DAY}
UNIT = "|".join(SECONDS)
RATE = re.compile(rf"\s*([0-9]{{1,18}})\s*(?:/|per)\s*([0-9]{{1,9}})?\s*({UNIT})s?\s*", re.IGNORECASE)
QUOTES = "\"'`\u201c\u201d\u2018\u2019"


def rate(text: str) -> str:
    """Return a rate such as `1200/minute` as it is written; raise ValueError, also where it allows nothing."""
    most, _ = amount_and_seconds(text)
    if most < 1:
        raise ValueError("a rate must allow at least 1 request")
    return text


def amount_and_seconds(rate: str) -> tuple[int, int]:
    """Return how many a rate allows and in how many seconds; raise ValueError. As the package `limits` reads it.

    Its counters are needed with a store alone, and to load it for this would take each process 20 ms and 1.8 MB.
    """
    found = RATE.fullmatch(rate)
    if not found:
        raise ValueError("this is not a rate such as 1200/minute or 100 per 10 seconds")
    amount, periods, unit = found.groups()
    return int(amount), int(periods or 1) * SECONDS[unit.lower()]


def origin(text: str) -> str:
    """Return an origin as browsers send it, or with `*` for the first label of its host, or `*`; raise ValueError.

    Raises it also where the label would let in the sites of strangers.
    """
    if text == "*":
        return text
    if text.lower() == "null":
        raise ValueError("'null' is the origin of every sandboxed page and local file, so it cannot be trusted")
    found = ORIGIN.match(text.lower())
    if not found:
        raise ValueError(
            "each must be an origin such as https://app.example.com, without a path or a slash at its end; '*' may"
            " stand for its first label, as in https://*.example.com"
        )
    if "*" in found[0] and is_shared_by_strangers(found[2]):
        raise ValueError(f"anybody can have a site below {found[2]}, so '*.{found[2]}' would let strangers in")
    return found[0].removesuffix(OWN_PORT.get(found[1], ":"))


def network(text: str) -> Network:
    """Return the network of an address or of CIDR notation; raise ValueError, also for every address there is."""
    if text == "*":
        raise ValueError("'*' would let every client choose its own address; name the addresses of your proxies")
    try:
        found = ip_network(text)
    except ValueError:
        raise ValueError("each must be an IP address, or a network such as 10.0.0.0/8 without host bits") from None
    if found.prefixlen == 0:
        raise ValueError(
            "a network of every address would let every client choose its own; name those of your proxies"
        )
    return found


def some_of(what: str) -> Callable[[Any], Any]:
    """Return a function that reads what commas separate, and refuses nothing, which would be as good as unset."""

    def read(value: Any) -> Any:
        found = None if value is None else separated_by_commas(str)(value)
        if found == ():
            raise ValueError(f"this names no {what}. Name at least one, or leave it unset")
        return found

    return read


def address_header(text: str) -> str:
    """Return the name of a header whose value is addresses, separated by commas; raise ValueError."""
    if not HEADER.fullmatch(text):
        raise ValueError("this is not the name of a header")
    if text.lower() == "forwarded":
        raise ValueError("'Forwarded' is not read. Have your proxy write X-Forwarded-For")
    return text


def store(value: SecretStr) -> SecretStr | None:
    """Return the address of a Valkey or Redis server, None for `memory://`; raise ValueError."""
    text = value.get_secret_value()
    if text == "memory://":
        return None
    if not STORE.match(text):
        raise ValueError("this must begin with valkey://, valkeys://, redis:// or rediss://")
    address = read_address(text)
    if len(address.hosts) > 1 or not address.hosts[0]:
        raise ValueError("this must name one host, as valkey://user:password@host:6379/0")
    if not re.fullmatch(r"[0-9]*", address.path):
        raise ValueError("write a database number after the host and '/', or nothing, as in valkey://host:6379/0")
    return value


def smtp(value: SecretStr) -> SecretStr:
    """Return the address of a mail server; raise ValueError, which repeats no part of it."""
    text = value.get_secret_value()
    if not text.startswith(("smtp://", "smtps://")):
        raise ValueError("this must begin with smtp:// for STARTTLS, or smtps:// for TLS at once")
    address = read_address(text)
    if len(address.hosts) > 1 or not address.hosts[0]:
        raise ValueError("this must name one host, as smtp://user:password@host:587")
    if address.path or address.query:
        raise ValueError("nothing may follow the host and its port, as in smtp://user:password@host:587")
    credentials, has_user, _ = text.partition("://")[2].rpartition("@")
    if has_user and not all(credentials.partition(":")):
        raise ValueError("write both a user and a password, or neither, as in smtp://user:password@host:587")
    return value


def sender(text: str) -> str:
    """Return the address that mails are from, perhaps `Name <address>`; raise ValueError."""
    name, found, rest = text.partition("<")
    address = rest.removesuffix(">") if found else text
    if (found and not rest.endswith(">")) or re.search(r'[<>@",:;\\()\[\]]', name if found else ""):
        raise ValueError("this must be an address such as tasks@example.com, or Tasks <tasks@example.com>")
    if not is_printable(text) or len(address) > MAX_EMAIL:
        raise ValueError("this must be one line, with an address of at most 254 characters")
    an_address(address)
    return text


def database(value: SecretStr) -> SecretStr:
    """Return the address of a PostgreSQL; raise ValueError, which repeats no part of it."""
    read_database_address(value.get_secret_value())
    return value


def shared_secret(value: SecretStr) -> SecretStr:
    """Return a secret that is long enough for HS256; raise ValueError."""
    if len(value.get_secret_value()) < MIN_SECRET_LENGTH:
        raise ValueError(f"at least {MIN_SECRET_LENGTH} characters are needed. {MAKE_ONE}")
    if "-----BEGIN" in value.get_secret_value():
        raise ValueError(
            "this is a key or certificate in PEM form, and not a shared secret. For keys, set JWT_JWKS_URL"
        )
    return value


def bearer_secret(value: SecretStr) -> SecretStr:
    """Return a secret that nobody guesses and that can be sent as a bearer token; raise ValueError."""
    text = value.get_secret_value()
    if len(text) < MIN_SECRET_LENGTH:
        raise ValueError(f"at least {MIN_SECRET_LENGTH} characters are needed. {MAKE_ONE}")
    if not BEARER.fullmatch(text):
        raise ValueError(f"only letters, digits and . _ ~ + / - can be sent as a bearer token. {MAKE_ONE}")
    return value


def root_path(text: str) -> str:
    """Return a path such as `/tw`, without a slash at its end, or nothing for `/`; raise ValueError."""
    path = text.rstrip("/")
    if path and (not SEGMENTS.fullmatch(path) or len(path) > MAX_ROOT_PATH or {".", ".."} & {*path.split("/")}):
        raise ValueError("this must be a path such as /tw, of letters, digits and . _ ~ - between slashes")
    return path


def key_set_url(text: str) -> str:
    """Return the address of a JWK Set, which is fetched so that nobody between can change it; raise ValueError.

    By plain http it may come from a private network too, which is for development alone.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("this is not a URL")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:  # whose message quotes what is no port, and may be a password
        raise ValueError("this URL must have a host, and its port, if any, must be digits") from None
    if not url.hostname or "@" in text or url.fragment or port == 0:
        raise ValueError("this URL must have a host, and neither a user nor a fragment")
    near = is_loopback(url.hostname) or is_private(url.hostname)
    if url.scheme != "https" and not (url.scheme == "http" and near):
        raise ValueError(
            "use https. Plain http is allowed only for localhost, 127.0.0.1 and [::1], and in development for"
            " private addresses and names: those without a dot, *.local and *.internal"
        )
    return text


def public_url(text: str) -> str:
    """Return an address of the web, with a path perhaps, without a slash at its end; raise ValueError."""
    if not text.isascii() or not text.isprintable() or set(text) & set(" @?#\\\"'<>"):
        raise ValueError("this must be an address such as https://tasks.example.com, without a query")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("this URL must have a host, and its port, if any, must be digits") from None
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        raise ValueError("this must be an address such as https://tasks.example.com")
    if url.scheme == "http" and not (is_loopback(url.hostname) or is_private(url.hostname)):
        raise ValueError("use https: whoever reads along could use the links that are made with this")
    return text.rstrip("/")


def comes_in_clear(url: str | None) -> bool:
    """Return whether what is at a URL comes by plain http from another machine."""
    parts = urlsplit(url or "")
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def separated_by_commas(each: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return a function that reads a text as the tuple of what `each` makes of its parts, without repetitions."""

    def read(value: Any) -> Any:
        if isinstance(value, str) and value.lstrip().startswith("["):
            raise ValueError("write them separated by commas, without brackets and quotation marks")
        parts = value.split(",") if isinstance(value, str) else value
        texts = [str(part).strip().strip(QUOTES) for part in parts]
        return tuple(dict.fromkeys(each(text) for text in texts if text))

    return read


Rate = Annotated[str, AfterValidator(rate)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(separated_by_commas(origin))]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(separated_by_commas(network))]
AddressHeader = Annotated[str, AfterValidator(address_header)]
Audiences = Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(some_of("audience"))]
ClientIds = Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(some_of("client id"))]
KeySetUrl = Annotated[str, AfterValidator(key_set_url)]
PublicUrl = Annotated[str, AfterValidator(public_url)]
SharedSecret = Annotated[SecretStr, AfterValidator(shared_secret)]
BearerSecret = Annotated[SecretStr, AfterValidator(bearer_secret)]
RootPath = Annotated[str, AfterValidator(root_path)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(database)]
SmtpUrl = Annotated[SecretStr, AfterValidator(smtp)]
Sender = Annotated[str, AfterValidator(sender)]
Store = Annotated[SecretStr, AfterValidator(store)]
