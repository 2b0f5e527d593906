"""From which address a request comes: where a chain of proxies that we trust ends."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

from taskward.first_time import FirstTime
from taskward.settings.value_types import Network

NOWHERE = "unknown"  # a connection without an address, as by a Unix socket
MAX_HOPS = 32
MAX_HOP = 100  # characters: the longest address has 45, and may have brackets, a zone and a port
CACHED = 10_000
MAX_TOLD = 10  # addresses in an hour, of which the log says that they are not trusted

Address = IPv4Address | IPv6Address

logger = logging.getLogger(__name__)


class ClientAddress:
    """Finds the right-most hop that is no trusted proxy.

    What a hop says of those before it is believed of trusted proxies alone, so that a header made up by a client
    changes nothing. `Forwarded` (RFC 7239) is not read: a proxy that does not write it passes on the client's own.
    """

    def __init__(self, trusted: Sequence[Network], header: str = "X-Forwarded-For") -> None:
        """Take the networks of the proxies, and the header in which they say for whom they ask."""
        self._trusted = trusted
        self._header = header.lower().encode()
        self._of_proxies = {self._header, b"x-forwarded-for", b"forwarded"}
        self._first_time = FirstTime(MAX_TOLD)
        self._cached = lru_cache(CACHED)(self._parse)

    def of(self, scope: Scope) -> str:
        """Return the address to count by: of IPv4 the address, of IPv6 the network of 64 bits."""
        peer = scope.get("client")
        name, trusted = self._parsed(peer[0]) if peer else (None, False)
        if trusted:
            return self._behind(scope, name or NOWHERE)
        if peer and not self._of_proxies.isdisjoint([header for header, _ in scope["headers"]]):
            self._tell_of(peer[0])
        return name or NOWHERE

    def _tell_of(self, peer: str) -> None:
        """Log that there may be a proxy: without TRUSTED_PROXIES everything seems to work, until it is many."""
        if self._first_time(peer):
            logger.warning(
                "%s says for whom it asks, as a proxy does, and is not believed, so all behind it share the limits"
                " of one address. If it is a proxy of yours, add %s to TRUSTED_PROXIES",
                peer,
                peer,
            )

    def is_from_proxy(self, scope: Scope) -> bool:
        """Tell whether a request comes from a proxy that is trusted."""
        peer = scope.get("client")
        return peer is not None and self._parsed(peer[0])[1]

    def _behind(self, scope: Scope, proxy: str) -> str:
        values = [value for name, value in scope["headers"] if name == self._header]
        hops = b",".join(values).decode("latin-1").rsplit(",", MAX_HOPS)[-MAX_HOPS:]
        for hop in reversed(hops):
            name, trusted = self._parsed(hop)
            if name is None:  # a proxy that does not know, or hides it, stands for all behind it
                return proxy
            if not trusted:
                return name
            proxy = name
        return proxy

    def _parsed(self, text: str) -> tuple[str | None, bool]:
        """Return what an address is counted as, None for what is none, and whether it is a proxy of ours."""
        return self._cached(text) if len(text) <= MAX_HOP else (None, False)  # what is longer would fill the cache

    def _parse(self, text: str) -> tuple[str | None, bool]:
        address = _address(text)
        if address is None:
            return None, False
        trusted = any(address in network for network in self._trusted)
        if isinstance(address, IPv6Address):
            # One customer has at least 64 bits to choose from (RFC 6177, 2).
            return str(IPv6Network((int(address) >> 64 << 64, 64))), trusted
        return str(address), trusted


def _address(text: str) -> Address | None:
    """Read an address, also one with a port, in brackets, with a zone, or IPv4 inside IPv6 (RFC 4291, 2.5.5.2)."""
    text = text.strip(" \t")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
