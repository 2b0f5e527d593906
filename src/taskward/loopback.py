"""Which hosts are this machine, and nothing that others can reach."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Return whether a host is `localhost` or an address such as 127.0.0.1 or ::1, without asking for names."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
