"""The address of a service, in the one spelling under which its tokens are kept."""

import httpx2

from taskward.client.errors import UsageError
from taskward.loopback import is_loopback


class Address:
    """Where a service is. Two spellings of one address are equal, so a token is found by either."""

    def __init__(self, text: str) -> None:
        """Take `http://host:port` or `https://host/prefix`. Raises UsageError for anything else."""
        try:
            url = httpx2.URL(text.strip())
        except (httpx2.InvalidURL, ValueError) as error:
            raise UsageError("the address of the server is no URL such as http://127.0.0.1:8000") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise UsageError("the address of the server must begin with http:// or https://, and name a host")
        if (
            "@" in text or url.query or url.fragment
        ):  # a password may contain '/', so look for '@' in the whole text
            raise UsageError("remove the user, query or fragment from the address of the server")
        self.url = str(url).rstrip("/")
        self.is_loopback = is_loopback(url.host)
        self.is_private = url.scheme == "https" or self.is_loopback

    def __str__(self) -> str:
        return self.url
