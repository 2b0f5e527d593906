"""Each lock file is closed: every requirement of everything in it is in it, so that nothing has to be resolved."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from itertools import product

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.documents import ROOT
from tests.install.locks import LOCKS, pins, wanted

pytestmark = pytest.mark.quick

HERE = {name: str(value) for name, value in default_environment().items()}
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
}
ELSEWHERE = [
    {
        **HERE,
        **PLATFORMS[platform],
        "platform_machine": machine,
        "python_version": f"3.{minor}",
        "python_full_version": f"3.{minor}.0",
    }
    for platform, machine, minor in product(PLATFORMS, ("x86_64", "aarch64", "arm64"), range(11, 15))
]


def named(environment: dict[str, str]) -> str:
    return "-".join(environment[key] for key in ("sys_platform", "platform_machine", "python_full_version"))


def applies(requirement: Requirement, environment: dict[str, str], extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in extras or {""})


@cache
def requirements_of(name: str, version: str) -> list[Requirement]:
    """What an installed package requires. Of one that is only for other machines, nobody here knows."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return []
    return [Requirement(line) for line in found.requires or ()] if found.version == version else []


def closure(lock: str, environment: dict[str, str]) -> Iterator[tuple[Requirement, str | None]]:
    """Yield every requirement that must be met in an environment, with the version that the lock has for it."""
    locked = pins(lock)
    waiting = [(requirement, frozenset[str]()) for requirement in wanted(lock)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement, asked_by = waiting.pop()
        if not applies(requirement, environment, asked_by):
            continue
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        version = locked.version(name, environment)
        yield requirement, version
        if version and (name, extras) not in seen:
            seen.add((name, extras))
            waiting += [(needed, extras | {""}) for needed in requirements_of(name, version)]


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("environment", [HERE, *ELSEWHERE], ids=named)
def test_every_requirement_of_every_locked_package_is_locked(lock: str, environment: dict[str, str]) -> None:
    needed = list(closure(lock, environment))
    assert len(needed) > len(wanted(lock))
    missing = [str(requirement) for requirement, version in needed if version is None]
    assert missing == []
    other = [
        f"{requirement}: {version}"
        for requirement, version in needed
        if version and not requirement.specifier.contains(version, prereleases=True)
    ]
    assert other == []


@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_is_locked_that_nothing_requires(lock: str) -> None:
    needed = {canonicalize_name(requirement.name) for requirement, _ in closure(lock, HERE)}
    assert pins(lock).names(HERE) == needed


def test_every_lock_file_is_looked_at() -> None:
    assert {path.name for path in ROOT.glob("requirements*")} == set(LOCKS)


def test_what_is_installed_here_is_what_is_locked() -> None:
    """Else `requirements_of` would have looked at other packages than those that are locked, or at none."""
    locked = pins("requirements-dev.lock")
    installed = {name: distribution(name).version for name in locked.names(HERE)}
    assert installed == {name: locked.version(name, HERE) for name in installed}
