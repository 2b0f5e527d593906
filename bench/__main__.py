"""`python -m bench`: everything, in order, within ten minutes; or one of the parts that take their own time."""

import argparse
import re
import resource
import signal
import sys
from collections.abc import Sequence
from textwrap import fill
from types import FrameType
from typing import Any

from bench import growth, migrations, peers, rows, wrk
from bench.report import Report
from bench.run import LARGE, Options, measure, measure_alone
from bench.servers import ROOT, ServerFailedError

FOLDER = ROOT / ".bench"
DOCUMENT = ROOT / "docs" / "performance.md"
ALONE = ("peers", "growth", "migrations")
MAX_SECONDS = {
    "figures": 600,
    "peers": 900,
    "growth": 3600,
    "migrations": 3600,
}  # with what a first run has to make
LINE = 120
OPEN_FILES = 8192  # a thousand connections, and then some
MANY, FEWEST = 10_000_000, 100_000


def main() -> None:
    """Measure, print, and write the report."""
    options = parse(sys.argv[1:])
    part = next((part for part in ALONE if vars(options)[part]), "figures")
    if not wrk.is_installed():
        sys.exit(wrk.MISSING)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(hard, OPEN_FILES), hard))
    for sort in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sort, lambda *_: sys.exit(1))  # leaves through every `finally`, which stops the servers
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(MAX_SECONDS[part])
    try:
        text = _measure(options).markdown()
    except (wrk.BadResponsesError, ServerFailedError) as error:
        sys.exit(str(error))
    print(text)
    (FOLDER / ("report.md" if part == "figures" else f"report-{part}.md")).write_text(text)
    if options.publish:
        DOCUMENT.write_text(published(DOCUMENT.read_text(), part, text))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line; leave with what is wrong about them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server at each action")
    parser.add_argument("--seconds", type=int, default=3, help="how long each turn lasts")
    parser.add_argument("--actions", nargs="+", choices=rows.ACTIONS, default=rows.ACTIONS)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--only-actions", action="store_true", help="measure nothing but the actions")
    part.add_argument(
        "--peers", action="store_true", help="measure the service beside PocketBase and the usual stack instead"
    )
    of_many: dict[str, Any] = {"type": _many, "nargs": "?", "const": MANY, "metavar": "TASKS"}
    part.add_argument("--growth", **of_many, help=f"measure TASKS ({MANY:,}) against a tenth of them instead")
    part.add_argument("--migrations", **of_many, help="measure the migrations of so many tasks instead")
    parser.add_argument(
        "--publish", action="store_true", help="write the figures into docs/performance.md as well"
    )
    return parser.parse_args(arguments)


def _many(text: str) -> int:
    if not text.isdecimal() or int(text) < FEWEST:
        raise argparse.ArgumentTypeError(f"a number of tasks from {FEWEST:,} on")
    return int(text)


def published(document: str, part: str, text: str) -> str:
    """Return the document with the figures of a part in their place, its sentences in lines as long as others."""
    marked = re.compile(rf"(?<=<!-- begin of the {part} -->\n).*?(?=<!-- end of the {part} -->)", re.DOTALL)
    wrapped = "\n\n".join(
        block if block.startswith(("|", "#")) else fill(block, LINE, break_on_hyphens=False)
        for block in text.strip().split("\n\n")
    )
    return marked.sub(lambda _: f"\n{wrapped}\n\n", document)


def _measure(options: argparse.Namespace) -> Report:
    how = Options(FOLDER, options.rounds, options.seconds, options.actions, options.only_actions)
    turns = {"rounds": options.rounds, "seconds": options.seconds}
    if options.peers:
        return measure_alone(how, lambda databases: peers.measure(databases, FOLDER, LARGE, **turns))
    if options.growth:
        return measure_alone(how, lambda databases: growth.measure(databases, FOLDER, options.growth, **turns))
    if options.migrations:
        return measure_alone(how, lambda databases: migrations.measure(databases, options.migrations))
    return measure(how)


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(f"stopped, for it took too long; the logs are in {FOLDER.name}")


if __name__ == "__main__":
    main()
