"""What is kept of where somebody logs in, so that they know their log-ins apart: a program, and a network."""

import re
from dataclasses import dataclass
from ipaddress import ip_network

# By what each puts into `User-Agent` (WHATWG Compatibility Standard), the more particular ones first.
BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "SamsungBrowser": "Samsung Internet", "FxiOS": "Firefox", "Firefox": "Firefox",
    "CriOS": "Chrome", "Chrome": "Chrome", "Safari": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "macOS",
    "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip
PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,49}(?=[/ ;(]|\Z)")  # RFC 9110, 10.1.5, without its version
PREFIX = {4: 24, 6: 48}  # of the address: about what belongs to one provider in one place


@dataclass(frozen=True, slots=True)
class Seen:
    """The name of a client and the network it asks from; None for what nobody can tell."""

    client: str | None = None
    address: str | None = None

    @classmethod
    def by(cls, user_agent: str | None, address: str) -> "Seen":
        """Take a `User-Agent`, and an address or a network as it is counted."""
        return cls(client_of(user_agent or ""), network_of(address))


def client_of(user_agent: str) -> str | None:
    """Return the name of a program without its version, such as `Firefox on Linux` or `curl`."""
    if not user_agent.startswith("Mozilla/"):
        product = PRODUCT.match(user_agent)
        return product[0] if product else None
    names = [
        next((name for mark, name in marks.items() if mark in user_agent), None) for marks in (BROWSERS, SYSTEMS)
    ]
    return " on ".join(name for name in names if name) or None


def network_of(address: str) -> str | None:
    """Return the network of an address, of 24 bits with IPv4 and 48 with IPv6; None for what is no address."""
    try:
        network = ip_network(address)
    except ValueError:
        return None
    length = min(network.prefixlen, PREFIX[network.version])
    return str(network.supernet(new_prefix=length))
