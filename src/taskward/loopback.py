"""Which hosts are this machine, and nothing that others can reach; and which are of a private network."""

import re
from ipaddress import ip_address, ip_network

PRIVATE_NETWORKS = [ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
# A name without a dot, as containers have (it begins with a letter: a resolver takes 134744072 for 8.8.8.8), and
# names that no public name server has (RFC 6762, 3; ICANN's resolution of 29 July 2024 on `.internal`).
PRIVATE_NAME = re.compile(r"[a-z][a-z0-9_-]*|([a-z0-9_-]+\.)+(local|internal)", re.IGNORECASE | re.ASCII)


def is_loopback(host: str) -> bool:
    """Return whether a host is `localhost` or an address such as 127.0.0.1 or ::1, without asking for names."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_private(host: str) -> bool:
    """Return whether a host is of a private network (RFC 1918, RFC 4193), without asking for names."""
    try:
        address = ip_address(host)
    except ValueError:
        return PRIVATE_NAME.fullmatch(host) is not None
    return any(address in network for network in PRIVATE_NETWORKS)
