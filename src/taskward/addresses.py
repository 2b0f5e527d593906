"""Addresses with a password in them, read strictly before a library reads them.

A library takes what follows an unencoded `@` or `/` of a password for a host, a port or a parameter, and names it
in its messages. Nothing that is said here repeats any part of an address.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

DIALECT = re.compile(r"postgres(ql)?(\+\w+)?://")
AMBIGUOUS = re.compile(r"[@/?#\[\]\s\x00-\x1f\x7f]")  # in a user name or a password
NOWHERE = re.compile(r"[#\s\x00-\x1f\x7f]")
STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
PARAMETERS = re.compile(r"[^?]*\?\w+=.*@.*", re.DOTALL)  # and there an @, unless all of it is a password
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[\w.~%-]*)(?::([0-9]{0,5}))?")
MAX_PORT = 65535
NAMED = {" ": "a space", "\t": "a tab", "\n": "a line end", "\r": "a line end"}
NUMBERS = {"connect_timeout", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "port",
           "tcp_user_timeout"}  # fmt: skip

# libpq looks at these when it connects, which is too late to be told from a server that is away.
TLS_VERSIONS = ("", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
PROTOCOL_VERSIONS = ("3.0", "3.2", "latest")
CHOICES = {
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "load_balance_hosts": ("disable", "random"),
    "max_protocol_version": PROTOCOL_VERSIONS,
    "min_protocol_version": PROTOCOL_VERSIONS,
    "require_auth": ("", "none", "password", "md5", "gss", "sspi", "scram-sha-256", "oauth"),
    "ssl_max_protocol_version": TLS_VERSIONS,
    "ssl_min_protocol_version": TLS_VERSIONS,
    "sslcertmode": ("disable", "allow", "require"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}

# libpq refuses these, and says no more than "invalid URI query parameter".
OF_OTHER_PRODUCTS = {
    "Prisma": "connection_limit pgbouncer pool_timeout schema single_use_connections socket_timeout sslaccept"
    " sslidentity statement_cache_size",
    "JDBC": "applicationname currentschema logintimeout preparethreshold rewritebatchedinserts sockettimeout"
    " sslfactory stringtype targetservertype tcpkeepalive",
    "SQLAlchemy or asyncpg": "async_fallback command_timeout prepared_statement_cache_size server_settings",
    "Node": "ssl supa uselibpqcompat workaround",
    "Go": "pool_max_conns pool_min_conns search_path statement_timeout",
    "Rails": "encoding pool pool_size prepared_statements",
}


class Address(NamedTuple):
    """The parts of an address that hold no password. The path has no slash before it."""

    hosts: tuple[str, ...]
    path: str
    query: str


def read_address(url: str, path_is: str = "the path") -> Address:
    """Return parts of `scheme://user:password@host:port/path?name=value`, where `host:port` may be several.

    Raises ValueError for a character that two readers may understand differently, and says where it is and how to
    write it. `path_is` is what the path is called there.
    """
    rest = url.partition("://")[2]
    credentials, _, place = rest.rpartition("@")
    if PARAMETERS.fullmatch(rest) and _is_sound(rest.partition("?")[0]):  # the address has ended before the '@'
        _check("parameters", {"@", *NOWHERE.findall(rest), *_stray_percent(rest)})
    _check("user name, password and parameters", {*AMBIGUOUS.findall(credentials), *_stray_percent(credentials)})
    authority, path, query = re.fullmatch(r"([^/?]*)/?([^?]*)\??(.*)", place, re.DOTALL).groups()  # type: ignore[union-attr]
    if unfit := NOWHERE.findall(authority):
        names = " and ".join(sorted(map(_name, set(unfit))))
        raise ValueError(
            f"the host cannot have {names} in it. If that is the password, add '@' and the host after it"
        )
    for part, text in (("the host", authority), (path_is, path), ("parameters", query)):
        _check(part, {*NOWHERE.findall(text), *_stray_percent(text)})
    return Address(tuple(_host(each) for each in authority.split(",")), path, query)


def _is_sound(rest: str) -> bool:
    try:
        return bool(read_address(f"://{rest}"))
    except ValueError:
        return False


def read_database_address(url: str) -> Address:
    """Return parts of a PostgreSQL's address; raise ValueError for what libpq would refuse or misunderstand."""
    if not DIALECT.match(url):
        raise ValueError("this must begin with postgresql://")
    address = read_address(url, path_is="the name of the database")
    if re.search(r"[/\[\]]", address.path):
        raise ValueError("in the name of the database, write '/' as %2F, '[' as %5B and ']' as %5D")
    for name, value in parameters(address.query).items():
        whose = next((whose for whose, names in OF_OTHER_PRODUCTS.items() if name.lower() in names.split()), None)
        if whose is not None and (name, value) != ("ssl", "true"):  # which libpq takes for sslmode=require
            raise ValueError(
                f"PostgreSQL does not know '{name}', a parameter of {whose}. Remove it from the address"
            )
        if name in NUMBERS and not re.fullmatch(r"[0-9,]*", value):
            raise ValueError(f"the parameter '{name}' must be a number")
        if name in CHOICES and not set(_chosen(name, value)) <= set(CHOICES[name]):
            *some, last = filter(None, CHOICES[name])
            raise ValueError(f"the parameter '{name}' must be {', '.join(some)} or {last}")
    return address


def _chosen(name: str, value: str) -> list[str]:
    """Return what is chosen: of the ways to log in several, which may be excluded instead."""
    return [each.removeprefix("!") for each in value.split(",")] if name == "require_auth" else [value]


def parameters(query: str) -> dict[str, str]:
    """Return the parameters of an address; raise ValueError unless each is `name=value`."""
    found = {}
    for each in filter(None, query.split("&")):
        name, equals, value = each.partition("=")
        if not equals or "=" in value:
            raise ValueError("each parameter must be name=value: in a value, write '&' as %26 and '=' as %3D")
        found[unquote(name)] = unquote(value)
    return found


def without_query(url: str) -> str:
    """Return an address as it may be shown: what follows its `?` may be a key."""
    return url.partition("?")[0]


def _check(part: str, strange: set[str]) -> None:
    if strange:
        written = " and ".join(sorted({f"{_name(each)} as {quote(each, safe='')}" for each in strange}))
        raise ValueError(f"special characters must be encoded: in {part}, write {written}")


def _stray_percent(text: str) -> set[str]:
    return {"%"} if STRAY_PERCENT.search(text) else set()


def _name(character: str) -> str:
    return NAMED.get(character, f"'{character}'" if character.isprintable() else "a control character")


def _host(text: str) -> str:
    found = HOST.fullmatch(text)
    if found is None or not 1 <= int(found[2] or 1) <= MAX_PORT:
        raise ValueError(
            "a host and a ':' must be followed by a port from 1 to 65535. If what follows is the password, add '@'"
            " and the host after it. Put an IPv6 address in [ ]; in a password, write '[' as %5B and ']' as %5D"
        )
    return unquote(found[1])
