"""Kinds of settings that are more than a number or a text: rates, origins, networks, addresses of stores."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

import limits
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network

# As browsers write one (RFC 6454, 6.2): a scheme, an ASCII host, a port unless it is the scheme's own.
ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?\Z")
OWN_PORT = {"http": ":80", "https": ":443"}
STORE = re.compile(r"(?:redis|rediss|valkey|valkeys)://[^\s]+\Z")


def rate(text: str) -> str:
    """Return a rate such as `1200/minute` as it is written; raise ValueError, also where it allows nothing."""
    try:
        (item,) = limits.parse_many(text)
    except ValueError:
        raise ValueError("this is not a rate such as 1200/minute or 100 per 10 seconds") from None
    if item.amount < 1:
        raise ValueError("a rate must allow at least 1 request")
    return text


def origin(text: str) -> str:
    """Return an origin as browsers send it, or `*`; raise ValueError."""
    if text == "*":
        return text
    if text.lower() == "null":
        raise ValueError("'null' is the origin of every sandboxed page and local file, so it cannot be trusted")
    found = ORIGIN.match(text.lower())
    if not found:
        raise ValueError(
            "each must be an origin such as https://app.example.com, without a path or a slash at its end"
        )
    return found[0].removesuffix(OWN_PORT.get(found[1], ":"))


def network(text: str) -> Network:
    """Return the network of an address or of CIDR notation; raise ValueError, also for every address there is."""
    if text == "*":
        raise ValueError("'*' would let every caller choose its own address; name the addresses of your proxies")
    try:
        found = ip_network(text)
    except ValueError:
        raise ValueError("each must be an IP address, or a network such as 10.0.0.0/8 without host bits") from None
    if found.prefixlen == 0:
        raise ValueError(
            "a network of every address would let every caller choose its own; name those of your proxies"
        )
    return found


def store(value: SecretStr) -> SecretStr | None:
    """Return the address of a Valkey or Redis server, None for `memory://`; raise ValueError."""
    text = value.get_secret_value()
    if text == "memory://":
        return None
    if not STORE.match(text):
        raise ValueError("this must begin with valkey://, valkeys://, redis:// or rediss://")
    return value


def separated_by_commas(each: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return a function that reads a text as the tuple of what `each` makes of its parts, without repetitions."""

    def read(value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else value
        texts = [str(part).strip() for part in parts]
        return tuple(dict.fromkeys(each(text) for text in texts if text))

    return read


Rate = Annotated[str, AfterValidator(rate)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(separated_by_commas(origin))]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(separated_by_commas(network))]
Store = Annotated[SecretStr, AfterValidator(store)]
