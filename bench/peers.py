"""The service beside others of its kind, in turn on the same data: the usual stack, and PocketBase."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from bench import rows, servers
from bench.data import Shape
from bench.databases import Databases
from bench.markdown import table
from bench.pocketbase import data as pocketbase
from bench.pocketbase.program import NoPocketBaseError, program
from bench.rows import Figures, Subject
from bench.servers import Server
from bench.usage import Tree
from bench.users import COUNT, users_of

ACTIONS = {"read": "read a task", "list": "list of 20", "create": "create", "update": "update"}
WRITES = ("create", "update")
FULL = "synchronous=2"  # as main.go tells it: SQLite syncs each commit
SHIPPED_AND_SYNCED: Mapping[str, Mapping[str, str]] = {
    "PocketBase {version}": {},
    "PocketBase {version}, synchronous=FULL": {"SYNCHRONOUS": "FULL"},
}


@dataclass(frozen=True)
class Peer:
    """Who takes part, and whether what it has acknowledged survives a power cut, by what its database says."""

    name: str
    subject: Subject
    durable: bool


@dataclass
class Peers:
    """What was measured: for each action the figures of each peer, the service first."""

    names: list[str]
    durable: list[bool]
    actions: dict[str, list[Figures]] = field(default_factory=dict)
    left_out: str = ""  # a sentence

    def markdown(self) -> str:
        """Return the table."""
        return "\n\n".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield "### Beside its peers"
        if self.left_out:
            yield self.left_out
        yield table(
            ("action", "server", "requests/s", "per processor second", "Taskward's by this", "service µs",
             "database µs", "p99 ms", "memory MB", "an acknowledged write survives a power cut"),
            self._lines(),
        )  # fmt: skip

    def _lines(self) -> Iterator[tuple[str, ...]]:
        for action, found in self.actions.items():
            ours = _per_processor_second(found[0])
            for name, durable, of in zip(self.names, self.durable, found, strict=True):
                theirs = _per_processor_second(of)
                yield (
                    ACTIONS[action], name, f"{of.per_second:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}",
                    f"{of.service_cpu:,.0f}", f"{of.database_cpu:,.0f}" if of.database_cpu else "in the service",
                    f"{of.p99:.1f}", f"{of.memory / 1e6:,.0f}",
                    ("yes" if durable else "no") if action in WRITES else "",
                )  # fmt: skip


def _per_processor_second(of: Figures) -> float:
    return 1e6 / (of.service_cpu + of.database_cpu)


def measure(databases: Databases, folder: Path, shape: Shape, *, rounds: int, seconds: int) -> Peers:
    """Measure all of them in turn; where PocketBase cannot be had, the others, and say why.

    Raises BadResponsesError where a server answers badly, ServerFailedError where one does not start.
    """
    kept = databases.kept(shape)
    ours, plain = databases.clone(kept, "taskward"), databases.clone_plain(kept, "baseline")
    with ExitStack() as running:
        service = running.enter_context(servers.taskward(folder, DATABASE_URL=ours))
        stack = running.enter_context(
            servers.uvicorn(folder, "baseline", "bench.baseline.app:app", DATABASE_URL=plain)
        )
        users = users_of(databases, "taskward", shape)
        durable = _postgresql_syncs(databases)
        peers = [
            Peer("Taskward", Subject(service, users), durable),
            Peer("usual stack", Subject(stack, users), durable),
        ]
        left_out = ""
        try:
            peers += _pocketbases(running, folder, shape)
        except NoPocketBaseError as error:
            left_out = str(error)
            print(left_out)
        found = Peers([peer.name for peer in peers], [peer.durable for peer in peers], left_out=left_out)
        for action in ACTIONS:
            found.actions[action] = rows.measure(
                action, [peer.subject for peer in peers], Tree.of(databases.server.pid), folder, rounds=rounds,
                seconds=seconds,
            )  # fmt: skip
    return found


def _pocketbases(running: ExitStack, folder: Path, shape: Shape) -> list[Peer]:
    binary, version = program()
    kept = pocketbase.kept(binary, version, folder, shape)
    peers = []
    for number, (name, settings) in enumerate(SHIPPED_AND_SYNCED.items()):
        data = folder / f"{pocketbase.NAME}-{number}"
        running.callback(shutil.rmtree, data, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(kept, data)
        server = running.enter_context(
            pocketbase.server(binary, data, folder, f"{pocketbase.NAME}-{number}", **settings)
        )
        users = pocketbase.users_of(server, shape, COUNT)
        subject = Subject(server, users, database_inside=True)
        peers.append(Peer(name.format(version=version), subject, _sqlite_syncs(server)))
    return peers


def _postgresql_syncs(databases: Databases) -> bool:
    with closing(databases.superuser()) as superuser:
        settings = superuser.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        ).fetchone()
    return settings == ("on", "on")


def _sqlite_syncs(server: Server) -> bool:
    return FULL in server.log.read_text()
