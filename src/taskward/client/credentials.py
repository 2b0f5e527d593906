"""The tokens of this machine's user: one entry for each service, in a file that nobody else can read."""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from taskward.atomic_files import written_whole
from taskward.client.address import Address
from taskward.client.errors import ClientError


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is logged in, and the tokens. `expires_at` is in seconds since 1970; provider tokens have neither."""

    user_id: str
    access_token: str
    refresh_token: str | None = None
    expires_at: float | None = None


def configuration_folder() -> Path:
    """Return where the platform keeps the settings of programs (on Linux: XDG Base Directory Specification)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "taskward"
    given = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".config"  # relative ones are to be ignored
    return base / "taskward"


class CredentialStore:
    """The file of credentials. Never half written; one writer at a time, whichever process it is in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "credentials.json"

    def read(self, address: Address) -> Credentials | None:
        """Return what is kept for exactly this service. Raises ClientError when the file is broken."""
        entry = self._entries().get(address.url)
        try:
            return Credentials(**entry) if entry is not None else None
        except TypeError as error:
            raise self._broken() from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process and thread from writing. What was read before may be old: read again."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        with (self._folder / "credentials.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # goes with the file, also when the process is killed
            yield

    def write(self, address: Address, credentials: Credentials | None) -> None:
        """Keep these, or with None nothing, for this service. Call it `locked`."""
        entries = self._entries()
        if credentials is None:
            entries.pop(address.url, None)
        else:
            entries[address.url] = asdict(credentials)
        self._write(servers=entries)

    def last_server(self) -> str | None:
        """Return the address of the last log-in, and None before the first. Raises ClientError as `read` does."""
        address = self._document().get("last_server")
        return address if isinstance(address, str) else None

    def keep_last_server(self, address: Address) -> None:
        """Keep where the commands go that name no server. Call it `locked`."""
        self._write(last_server=address.url)

    def device(self, address: Address) -> str | None:
        """Return what shows this service that somebody has logged in from here before; it outlives the log-in."""
        token = self._entries("devices").get(address.url)
        return token if isinstance(token, str) else None

    def keep_device(self, address: Address, token: str) -> None:
        """Keep it for the next log-in. Call it `locked`."""
        self._write(devices=self._entries("devices") | {address.url: token})

    def _write(self, **parts: Any) -> None:
        text = json.dumps({**self._document(), **parts}, indent=2)
        with written_whole(self._file, overwrite=True) as draft:
            draft.write_text(text + "\n")

    def _entries(self, part: str = "servers") -> dict[str, Any]:
        entries = self._document().get(part, {})
        if not isinstance(entries, dict):
            raise self._broken()
        return entries

    def _document(self) -> dict[str, Any]:
        """Return the whole file, also what another version keeps there."""
        try:
            document = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {"servers": {}}
        except ValueError as error:
            raise self._broken() from error
        if not isinstance(document, dict) or "servers" not in document:
            raise self._broken()
        return document

    def _broken(self) -> ClientError:
        return ClientError(f"{self._file} is broken. Remove it, and log in again.")
