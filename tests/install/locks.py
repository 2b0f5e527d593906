"""What `pyproject.toml` asks for, and what the lock files pin."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.documents import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]

# Each lock file, with the extras and the groups of dependencies that it is for.
LOCKS = {
    "requirements.lock": ((), ("build",)),
    "requirements-embedded.lock": (("embedded",), ("build",)),
    "requirements-extras.lock": (tuple(EXTRAS), ("build",)),
    "requirements-dev.lock": (tuple(EXTRAS), ("build", "dev")),
}


def wanted(lock: str) -> list[Requirement]:
    """Return the requirements of the project itself that a lock file answers."""
    extras, groups = LOCKS[lock]
    lines = [
        *PROJECT["project"]["dependencies"],
        *(line for extra in extras for line in EXTRAS[extra]),
        *(line for group in groups for line in PROJECT["dependency-groups"][group]),
    ]
    return [Requirement(line) for line in lines]


@cache
def pins(lock: str) -> "Pins":
    """Return what a lock file pins."""
    return Pins(lock)


class Pins:
    """The versions that a lock file pins, each for some environments or for all."""

    def __init__(self, lock: str) -> None:
        """Take the name of the file."""
        self._of: dict[str, list[tuple[str, Requirement]]] = {}
        for requirement in _entries(lock):
            (pin,) = requirement.specifier
            assert pin.operator == "==", f"{requirement} is not pinned"
            self._of.setdefault(canonicalize_name(requirement.name), []).append((pin.version, requirement))

    def names(self, environment: Mapping[str, str]) -> set[str]:
        """Return what is installed in an environment."""
        return {name for name in self._of if self.version(name, environment)}

    def version(self, name: str, environment: Mapping[str, str]) -> str | None:
        """Return the version that is installed in an environment, if any is."""
        found = [
            version
            for version, entry in self._of.get(canonicalize_name(name), [])
            if entry.marker is None or entry.marker.evaluate(dict(environment))
        ]
        assert len(found) <= 1, f"{name} is pinned more than once"
        return found[0] if found else None


def _entries(lock: str) -> Iterator[Requirement]:
    text = (ROOT / lock).read_text().replace("\\\n", "")
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=", line)
            assert hashes, f"{requirement} has no hash"
            yield Requirement(requirement)
