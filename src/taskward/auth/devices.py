"""Device tokens: who has logged in from somewhere may go on trying there, whatever strangers do elsewhere.

After OWASP, "Slow Down Online Guessing Attacks with Device Cookies", without a cookie: the response to a log-in
has the token, and the next log-in brings it along. It proves nothing but that somebody knew the password there
before, so it gives no access; a log-in with it is counted apart from those of everybody else.

A token is a list of marks, one for each address that logged in there lately, the newest first. A mark has 48 bytes
in base64url: 4 for when it was made, in seconds since 1970, 12 that are random, and 32 that authenticate both and
the address, by a key that only the service has. So it is kept nowhere here, and tells nobody whose it is.
"""

import hmac
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

MAX_MARKS = 5
LIFETIME_SECONDS = 400 * 86_400  # as long as browsers keep a cookie at most (RFC 6265bis, 5.5)
TIME_BYTES, RANDOM_BYTES = 4, 12
MARK_LENGTH = 64
FORM = re.compile(rf"(?:[A-Za-z0-9_-]{{{MARK_LENGTH}}}){{1,{MAX_MARKS}}}\Z")
PURPOSE = b"taskward device tokens"


@dataclass(frozen=True, slots=True, repr=False)
class Device:
    """From where somebody tries to log in: its mark for their address, if it has a good one, and other marks."""

    known_as: str | None = None
    others: tuple[str, ...] = ()


class DeviceTokens:
    """Makes device tokens, and recognises them."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Take the secret of the service, and a clock of seconds since 1970; a key for this alone is derived."""
        self._key = hmac.digest(secret, PURPOSE, "sha256")
        self._clock = clock

    def read(self, text: str | None, email: str) -> Device:
        """Return the device that a token tells of; one that is none keeps nobody from logging in."""
        marks = _marks(text)
        own = [mark for mark in marks if self._is_of(mark, email)]
        good = (mark for mark in own if not self._is_over(mark))
        return Device(next(good, None), tuple(mark for mark in marks if mark not in own))

    def after(self, device: Device, email: str) -> str:
        """Return the token that a device is to keep, once the password of an address was right."""
        return "".join([self._new(email), *device.others][:MAX_MARKS])

    def _new(self, email: str) -> str:
        data = int(self._clock()).to_bytes(TIME_BYTES) + secrets.token_bytes(RANDOM_BYTES)
        return urlsafe_b64encode(data + self._mac(data, email)).decode()

    def _is_of(self, mark: str, email: str) -> bool:
        data = urlsafe_b64decode(mark)
        data, mac = data[: TIME_BYTES + RANDOM_BYTES], data[TIME_BYTES + RANDOM_BYTES :]
        return hmac.compare_digest(mac, self._mac(data, email))

    def _is_over(self, mark: str) -> bool:
        return int.from_bytes(urlsafe_b64decode(mark)[:TIME_BYTES]) + LIFETIME_SECONDS <= self._clock()

    def _mac(self, data: bytes, email: str) -> bytes:
        return hmac.digest(self._key, data + email.casefold().encode(), "sha256")


def _marks(text: str | None) -> list[str]:
    """Return the marks of a token; what has another form has none."""
    if text is None or not FORM.match(text):
        return []
    return [text[at : at + MARK_LENGTH] for at in range(0, len(text), MARK_LENGTH)]
