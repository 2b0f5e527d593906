"""Cursors: where a page of a list ended, as text for the client to send back.

They stand in addresses, which proxies log, and the sort key of a task may be its title. So they are encrypted, and
tell nothing but their length, in steps of 32 bytes. By AES-SIV (RFC 5297), which needs no nonce: the same page has
the same cursor in every worker, as its entity tag promises (RFC 9110, 8.8.1).
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from taskward.errors import ValidationFailedError

Key = tuple[int | str, ...]

# The types of each sort key. Raise the number in PURPOSE where one gets another meaning and keeps its types.
SHAPES: dict[str, tuple[type, ...]] = {
    "created": (int,),
    "updated": (int,),
    "title": (str, int),
    "due": (int, int),
    "priority": (int, int),
    "completed": (int, int),
}
PURPOSE = b"taskward cursors 1"
KEY_BYTES, KEY_ID_BYTES = 64, 8
QUERY_BYTES = 16
STEP = 32
INVALID = "Invalid cursor. Start again without it."
OF_ANOTHER_QUERY = "This cursor is for another filter, sort or order. Start again without it."


class Cursors:
    """Writes and reads cursors, with a key that all workers of a service share."""

    def __init__(self, secret: bytes) -> None:
        """Take a secret of the service; a key for this purpose alone is derived from it (RFC 5869)."""
        derived = HKDF(SHA256(), KEY_BYTES + KEY_ID_BYTES, salt=None, info=PURPOSE).derive(secret)
        self._cipher = AESSIV(derived[:KEY_BYTES])
        self.key_id = derived[KEY_BYTES:].hex()  # another one where the cursors of before are no longer good

    def write(self, owner: str, query: Mapping[str, Any], key: Key) -> str:
        """Return a cursor for the rows beyond `key` in this owner's query: what is listed, and its `sort`."""
        said = _digest(query) + orjson.dumps(key)
        padded = said.ljust(-(-len(said) // STEP) * STEP)  # with spaces, which JSON ignores
        return _text(self._cipher.encrypt(padded, [owner.encode()]))

    def read(self, cursor: str, owner: str, query: Mapping[str, Any]) -> Key:
        """Return the key in `cursor`.

        Raises ValidationFailedError when it is broken, another user's, from before the secret was changed, or of
        another query.
        """
        said = self._decrypted(cursor, owner)
        if said[:QUERY_BYTES] != _digest(query):
            raise ValidationFailedError([("cursor", OF_ANOTHER_QUERY)])
        key: Key = tuple(orjson.loads(said[QUERY_BYTES:]))
        if tuple(map(type, key)) != SHAPES[query["sort"]]:  # another release made it
            raise ValidationFailedError([("cursor", INVALID)])
        return key

    def _decrypted(self, cursor: str, owner: str) -> bytes:
        try:
            encrypted = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            if _text(encrypted) != cursor:  # base64 has more spellings than one
                raise ValueError("not as it was written")
            return self._cipher.decrypt(encrypted, [owner.encode()])
        except (ValueError, InvalidTag):
            raise ValidationFailedError([("cursor", INVALID)]) from None


def _text(encrypted: bytes) -> str:
    return urlsafe_b64encode(encrypted).rstrip(b"=").decode()


def _digest(query: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(orjson.dumps(dict(query), option=orjson.OPT_SORT_KEYS)).digest()[:QUERY_BYTES]
