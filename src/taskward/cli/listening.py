"""The sockets on which the service is reached."""

import os
import socket
from ipaddress import ip_address

BACKLOG = 2048


def listen(host: str, port: int, name: str = "PORT") -> socket.socket:
    """Return a socket that listens there; raise OSError, which says what to set."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (socket.gaierror, ValueError):  # the second is Python's, for what cannot be a host's name
        raise OSError(f"cannot listen on {host}:{port}: that is not a valid address. Set HOST.") from None
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=serves_both(host))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # without what Python appends to it
        raise OSError(f"cannot listen on {host}:{port}: {reason}. Set HOST or {name}.") from error


def serves_both(host: str) -> bool:
    """Return whether a socket of this host takes IPv4 as well as IPv6: that of `::`, where the system can."""
    return ":" in host and ip_address(host).is_unspecified and socket.has_dualstack_ipv6()
