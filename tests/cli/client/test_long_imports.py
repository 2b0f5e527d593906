"""Imports that take a while: broken off at random, large, and telling how far they are."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from taskward.cli import progress as progress_module
from taskward.cli.progress import progress
from taskward.client.address import Address
from tests.cli.client.people import Person
from tests.cli.client.proxy import Proxy
from tests.cli.command import until
from tests.profiles import SOAK, by_profile

# Runs a command, and prints at the end how much memory it took at most.
MEASURED = """
import re, resource, sys
from pathlib import Path
from taskward.cli.main import cli
sys.argv = ["taskward", *sys.argv[1:]]
try:
    cli()
finally:
    if sys.platform == "linux":  # where `ru_maxrss` begins with what the parent had
        most = int(re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
    else:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(most, file=sys.stderr)
"""
MEMORY_KIB = 100 * 1024
SECONDS_FOR_10_000 = 20


def measured(person: Person, *arguments: str) -> tuple[str, int, float]:
    """Run a command; return what it printed, how much memory it took in KiB, and how many seconds."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        env=person.env, cwd=person.home, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, int(done.stderr.split()[-1]), time.monotonic() - begun


@pytest.mark.soak
def test_an_import_that_is_interrupted_again_and_again_creates_each_task_once(alice: Person) -> None:
    rounds, seed = by_profile(4, 50), random.randrange(2**32)
    chance = random.Random(seed)
    titles = [f"task {number}" for number in range(100 * (rounds + 5))]
    (alice.home / "tasks.csv").write_text("title\n" + "".join(f"{title}\n" for title in titles))
    for _ in range(rounds):
        plan: list[str | int] = chance.choices(["pass", "lose", 503], [8, 1, 1], k=chance.randint(1, 6))
        with Proxy(alice.server, *plan, "hold") as proxy:
            person = alice.by_way_of(proxy.url)
            importing = person.start("import", "tasks.csv", "--in-flight", str(chance.randint(1, 4)))
            most = len(plan)
            until(lambda: len(proxy.requests) >= most)  # noqa: B023
            importing.send_signal(signal.SIGINT)
            proxy.let_go.set()
            out, errors = importing.communicate(timeout=60)
        assert importing.returncode == 130, (seed, errors)
        assert " before row " in out, (seed, out)
        assert "Traceback" not in errors, (seed, errors)
    done = alice("import", str(alice.home / "tasks.csv"), "--json").json
    assert done["created"] + done["already_there"] == len(titles), seed
    found = [task["title"] for task in alice("list", "--all", "--json").json["tasks"]]
    assert sorted(found) == sorted(titles), seed
    print(f"{rounds} interruptions, {len(titles)} tasks, seed {seed}")  # noqa: T201


@pytest.mark.soak
def test_many_rows_take_little_memory_and_time(alice: Person) -> None:
    count = by_profile(1_000, 100_000)
    kept = alice.store.read(Address(alice.server))
    assert kept is not None
    user = kept.user_id
    with (alice.home / "tasks.csv").open("w") as file:
        file.write("title,description,tags,due_date\n")
        file.writelines(f'task {n},"some more words on {n}","a,b",2028-02-29\n' for n in range(count))
    out, memory, seconds = measured(alice, "import", "tasks.csv")
    assert out == f"{count} rows: {count} created.\n"
    print(f"import of {count} rows: {memory // 1024} MiB, {seconds:.1f} s")  # noqa: T201
    assert memory < MEMORY_KIB
    assert not SOAK or seconds < SECONDS_FOR_10_000 * count / 10_000
    for ending in ("jsonl", "csv", "ics", "txt", "md"):
        alice.has_token(user)  # a new one: all of this may take longer than one lasts
        _, memory, seconds = measured(alice, "export", f"tasks.{ending}")
        print(f"export to {ending}: {memory // 1024} MiB, {seconds:.1f} s")  # noqa: T201
        assert memory < MEMORY_KIB
        out, memory, seconds = measured(alice, "import", f"tasks.{ending}", "--json")
        print(f"import of it: {memory // 1024} MiB, {seconds:.1f} s")  # noqa: T201
        assert (json.loads(out)["created"], json.loads(out)["already_there"]) == (0, count)
        assert memory < MEMORY_KIB


def test_where_nobody_watches_a_line_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_module, "SECONDS", 0.01)
    lines: list[str] = []

    def told_again() -> bool:
        lines.extend(capfd.readouterr().err.splitlines())
        return bool(lines) and lines[-1] == "taskward: Importing: 7 rows, 70 %"

    with progress("Importing", 10) as told:
        told(7, "7 rows")
        until(told_again)
    capfd.readouterr()
    assert set(lines) == {"taskward: Importing: 7 rows, 70 %"}


def test_a_dry_run_asks_no_service_and_says_what_would_be_lost(tmp_path: Path) -> None:
    nobody = Person(tmp_path, "http://127.0.0.1:1")
    file = tmp_path / "tasks.json"
    file.write_text('[{"uuid": "u", "description": "Buy milk", "entry": "20261101T100000Z", "status": "pending",'
                    ' "project": "home", "due": "20261127T170000Z", "recur": "weekly"}]')  # fmt: skip
    done = nobody("import", str(file), "--dry-run", "--zone", "Europe/Berlin", "--tag", "new")
    assert done.code == 0
    assert done.stdout == (
        "1\t-\tBuy milk\t2026-11-27 18:00 Europe/Berlin\t\thome, new\tRepeat: weekly\n"
        "taskwarrior: 1 task. Nothing was created: a dry run.\n"
    )
    assert done.stderr == "taskward: left out: times of creation (1 time)\n"
    (task,) = nobody("import", str(file), "--dry-run", "--json").json["tasks"]
    assert (task["row"], task["title"]) == (1, "Buy milk")
    file.write_text('[{"title": "a"}, {"ti')
    broken = nobody("import", str(file), "--dry-run")
    assert (broken.code, broken.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--map", "title", "is no FIELD=NAME"),
        ("--map", "titel=a", "is no field"),
        ("--zone", "Nowhere", "is no time zone"),
        ("--from", "outlook", "'outlook' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, option: str, value: str, words: str) -> None:
    done = Person(tmp_path, "http://127.0.0.1:1")("import", "tasks.csv", option, value)
    assert done.code == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())
