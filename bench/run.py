"""One run: the same servers, users and databases for all that is measured, in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import bounds, crowd, far, machine, pages, rows, servers, starts
from bench.data import WITH_100, WITH_MANY, WITH_SOME, Shape
from bench.databases import Databases
from bench.report import Part, Report
from bench.usage import Tree
from bench.users import User, user, users_of, write
from taskward.embedded.server import EmbeddedPostgres

LARGE = Shape(users=10_000, tasks=1_000_000)
SMALL = Shape(users=100, tasks=10_000)
MAX_CONNECTIONS = 200


@dataclass(frozen=True)
class Options:
    """How much to measure."""

    folder: Path
    rounds: int
    seconds: int
    actions: Sequence[str]
    only_actions: bool


def measure(options: Options) -> Report:
    """Measure everything that `options` ask for; raise BadAnswersError where a server answers badly."""
    with EmbeddedPostgres(options.folder, max_connections=MAX_CONNECTIONS) as server:
        databases = Databases(server)
        kept = databases.kept(LARGE)
        ours, plain = databases.clone(kept, "taskward"), databases.clone_plain(kept, "baseline")
        report = _begin(options, databases)
        users = users_of(databases, "taskward", LARGE)  # with the tasks that both have: then each makes its own
        _measure_actions(options, databases, users, ours, plain, report)
        if options.only_actions:
            return report
        file = write(options.folder / "bounds.users", users)
        report.bounds = bounds.measure(databases, "taskward", users, file, seconds=options.seconds)
        report.crowd = crowd.measure(options.folder, ours, users, seconds=3 * options.seconds)
        report.far = far.measure(options.folder, ours, plain, users, seconds=options.seconds)
        _measure_growth(options, databases, ours, report)
    report.starts = starts.measure(options.folder, users[0])
    return report


def measure_alone(options: Options, part: Callable[[Databases], Part]) -> Report:
    """Measure one part and nothing else; raise as `measure` does."""
    with EmbeddedPostgres(options.folder, max_connections=MAX_CONNECTIONS) as server:
        databases = Databases(server)
        report = _begin(options, databases)
        report.alone = part(databases)
    return report


def _begin(options: Options, databases: Databases) -> Report:
    with databases.superuser() as superuser:
        return Report(machine.description(superuser), machine.load(), options.rounds, options.seconds)


def _measure_actions(
    options: Options, databases: Databases, users: list[User], ours: str, plain: str, report: Report
) -> None:
    database = Tree.of(databases.server.pid)
    with (
        servers.taskward(options.folder, DATABASE_URL=ours) as service,
        servers.uvicorn(options.folder, "baseline", "bench.baseline.app:app", DATABASE_URL=plain) as baseline,
    ):
        subjects = [rows.Subject(service, users, tags=True), rows.Subject(baseline, users)]
        for action in options.actions:
            of_action = subjects[:1] if action == "unchanged" else subjects
            report.actions[action] = rows.measure(
                action, of_action, database, options.folder, rounds=options.rounds, seconds=options.seconds
            )
        if not options.only_actions:
            with databases.superuser("taskward") as superuser:
                few, some, many = (user(superuser, name) for name in (WITH_100, WITH_SOME, WITH_MANY))
            report.pages = pages.by_cursor(service, few, some, many, database)
            report.pages_of_baseline = pages.by_offset(baseline, few, many, database)


def _measure_growth(options: Options, databases: Databases, ours: str, report: Report) -> None:
    small = databases.clone(databases.kept(SMALL), "small")
    with (
        servers.taskward(options.folder, "large", DATABASE_URL=ours) as many_tasks,
        servers.taskward(options.folder, "small", DATABASE_URL=small) as few_tasks,
    ):
        subjects = [
            rows.Subject(many_tasks, users_of(databases, "taskward", LARGE)),
            rows.Subject(few_tasks, users_of(databases, "small", SMALL)),
        ]
        for action in ("read", "list", "create", "update"):
            report.growth[action] = rows.measure(
                action, subjects, Tree.of(databases.server.pid), options.folder, rounds=options.rounds,
                seconds=options.seconds,
            )  # fmt: skip
