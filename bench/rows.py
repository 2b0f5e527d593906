"""The rows of the main table: each action, driven at each server in turn, several times."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import wrk
from bench.servers import Server
from bench.usage import Tree
from bench.users import User, write

ACTIONS = ("read", "list", "unchanged", "create", "update", "complete", "mix")
CONNECTIONS = 16
WARM_UP_SECONDS = 1


@dataclass(frozen=True)
class Subject:
    """A server under load, and what it needs to be driven."""

    server: Server
    users: list[User]
    tags: bool = False  # whether its lists have entity tags
    database_inside: bool = False  # then all processor time is the server's


@dataclass(frozen=True)
class Figures:
    """What one run used. Latencies in ms, processor time in µs per request, memory in bytes."""

    per_second: float
    p50: float
    p95: float
    p99: float
    service_cpu: float
    database_cpu: float
    memory: int


def measure(
    action: str, subjects: Sequence[Subject], database: Tree, folder: Path, *, rounds: int, seconds: int
) -> list[Figures]:
    """Drive one action at each subject in turn, `rounds` times; return the medians for each.

    Whatever else the machine does meanwhile meets all of them. A first short turn warms each up.
    """
    files = [
        write(folder / f"{subject.server.name}.users", subject.users, subject.server if subject.tags else None)
        for subject in subjects
    ]
    for subject, users in zip(subjects, files, strict=True):
        wrk.run(subject.server, action, users, seconds=WARM_UP_SECONDS, connections=CONNECTIONS)
    turns = [
        [_turn(action, subject, users, database, seconds) for subject, users in zip(subjects, files, strict=True)]
        for _ in range(rounds)
    ]
    return [_medians(of_subject) for of_subject in zip(*turns, strict=True)]


def _turn(action: str, subject: Subject, users: Path, database: Tree, seconds: int) -> Figures:
    server = subject.server
    before = server.tree.processor_seconds(), database.processor_seconds()
    run = wrk.run(server, action, users, seconds=seconds, connections=CONNECTIONS)
    after = server.tree.processor_seconds(), database.processor_seconds()
    service_cpu, database_cpu = (
        (end - start) / run.requests * 1e6 for start, end in zip(before, after, strict=True)
    )
    if subject.database_inside:
        database_cpu = 0
    return Figures(
        run.per_second, run.p50, run.p95, run.p99, service_cpu, database_cpu, server.tree.resident_bytes()
    )


def _medians(turns: Sequence[Figures]) -> Figures:
    return Figures(*(median(column) for column in zip(*(vars(turn).values() for turn in turns), strict=True)))
