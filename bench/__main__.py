"""`python -m bench`: everything, in order, within ten minutes."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from bench import rows, servers, wrk
from bench.data import Shape
from bench.databases import Databases
from bench.report import table
from bench.usage import Tree
from bench.users import users_of
from taskward.database.embedded import EmbeddedPostgres

FOLDER = servers.ROOT / ".bench"
LARGE = Shape(users=10_000, tasks=1_000_000)
MAX_SECONDS = 600
MAX_CONNECTIONS = 200


def main() -> None:
    """Measure, print, and write the report."""
    options = _options()
    if not wrk.is_installed():
        sys.exit(wrk.MISSING)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(MAX_SECONDS)
    with EmbeddedPostgres(FOLDER, max_connections=MAX_CONNECTIONS) as server:
        databases = Databases(server)
        kept = databases.kept(LARGE)
        ours, plain = databases.clone(kept, "taskward"), databases.clone_plain(kept, "baseline")
        users = users_of(databases, "taskward", LARGE)
        with (
            servers.taskward(FOLDER, DATABASE_URL=ours) as service,
            servers.uvicorn(FOLDER, "baseline", "bench.baseline.app:app", DATABASE_URL=plain) as baseline,
        ):
            subjects = [rows.Subject(service, users, tags=True), rows.Subject(baseline, users)]
            found = []
            for action in options.actions:
                of_action = subjects[:1] if action == "unchanged" else subjects
                figures = rows.measure(
                    action, of_action, Tree.of(server.pid), FOLDER, rounds=options.rounds, seconds=options.seconds
                )
                found += list(zip([action] * 2, ("Taskward", "usual stack"), figures, strict=False))
    print(table(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server at each action")
    parser.add_argument("--seconds", type=int, default=3, help="how long each turn lasts")
    parser.add_argument("--actions", nargs="+", choices=rows.ACTIONS, default=rows.ACTIONS)
    return parser.parse_args()


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(f"stopped after {MAX_SECONDS} s; see the logs in {FOLDER.relative_to(Path.cwd())}")


main()
