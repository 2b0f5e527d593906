"""What a log calls an e-mail address that nobody here has: the same name each time, and no way back."""

import hmac

PURPOSE = b"taskward names of addresses in logs"
LENGTH = 16  # hexadecimal digits


class EmailNames:
    """Names addresses by a hash with a key, so that not even a list of addresses tells which is meant."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret of the service; a key for this purpose alone is derived from it."""
        self._key = hmac.digest(secret, PURPOSE, "sha256")

    def of(self, email: str) -> str:
        """Return the name of an address, whatever its case: 16 hexadecimal digits."""
        return hmac.digest(self._key, email.casefold().encode(), "sha256").hex()[:LENGTH]
