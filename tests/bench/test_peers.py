"""PocketBase as a peer. A start of it needs Go and a registry, so only the long run has one."""

import shutil
from pathlib import Path

import pytest

from bench import peers, wrk
from bench.databases import Databases
from bench.peers import ACTIONS
from bench.pocketbase import program
from bench.pocketbase.program import NoPocketBaseError
from tests.bench.conftest import SHAPE
from tests.profiles import SOAK


def test_without_go_one_sentence_says_that_it_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPocketBaseError, match=r"^PocketBase is left out: there is no `go` to build it with\.$"):
        program.program()


def test_a_go_that_builds_nothing_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    go.write_text(
        "#!/bin/sh\ntest $1 = env && echo go1.26 && exit\necho said before >&2\necho no route >&2\nexit 1\n"
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(NoPocketBaseError, match=r"^PocketBase is left out: Go did not build it \(no route\)\.$"):
        program.program()


def test_the_newest_release_that_this_go_can_build_is_built_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    go.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '    "env GOVERSION") echo go1.26.8 ;;\n'
        '    "list -m -versions"*) echo module v0.9.0 v0.36.8 v0.40.4 v0.41.0-rc.1 ;;\n'
        "    get*@v0.40.4) echo 'go: module@v0.40.4 requires go >= 1.27' >&2; exit 1 ;;\n"
        "    build*) test -f main.go && echo built > pocketbase ;;\n"
        "esac\n"
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    built, version = program.program()
    assert (built.read_text(), version) == ("built\n", "v0.36.8")
    assert built.is_relative_to(tmp_path / "cache")
    go.write_text("#!/bin/sh\ntest $1 = env && echo go1.26.8\n")
    assert program.program() == (built, version)


@pytest.mark.soak
@pytest.mark.skipif(not SOAK or not wrk.is_installed(), reason="needs wrk, and a registry for the first time")
def test_all_peers_answer_and_the_writes_say_whether_they_last(databases: Databases, tmp_path: Path) -> None:
    found = peers.measure(databases, tmp_path, SHAPE, rounds=1, seconds=1)
    print(found.markdown())  # noqa: T201
    assert list(found.actions) == list(ACTIONS)
    with databases.superuser() as superuser:
        synced = superuser.execute("SHOW fsync").fetchone() == ("on",)  # as the tests' own server has it
    assert found.left_out or found.durable == [synced, synced, False, True]
    assert bool(found.left_out) == (shutil.which("go") is None)
