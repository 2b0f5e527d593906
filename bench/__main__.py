"""`python -m bench`: everything, in order, within ten minutes."""

import argparse
import re
import resource
import signal
import sys
from types import FrameType

from bench import rows, wrk
from bench.run import Options, measure
from bench.servers import ROOT, ServerFailedError

FOLDER = ROOT / ".bench"
DOCUMENT = ROOT / "docs" / "performance.md"
MARKED = re.compile(r"(?<=<!-- begin of the figures -->\n).*?(?=<!-- end of the figures -->)", re.DOTALL)
MAX_SECONDS = 600
OPEN_FILES = 8192  # a thousand connections, and then some


def main() -> None:
    """Measure, print, and write the report."""
    options = _options()
    if not wrk.is_installed():
        sys.exit(wrk.MISSING)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(hard, OPEN_FILES), hard))
    for sort in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sort, lambda *_: sys.exit(1))  # leaves through every `finally`, which stops the servers
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(MAX_SECONDS)
    try:
        report = measure(Options(FOLDER, options.rounds, options.seconds, options.actions, options.only_actions))
    except (wrk.BadResponsesError, ServerFailedError) as error:
        sys.exit(str(error))
    text = report.markdown()
    print(text)
    (FOLDER / "report.md").write_text(text)
    if options.publish:
        DOCUMENT.write_text(MARKED.sub(lambda _: f"\n{text}\n", DOCUMENT.read_text()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server at each action")
    parser.add_argument("--seconds", type=int, default=3, help="how long each turn lasts")
    parser.add_argument("--actions", nargs="+", choices=rows.ACTIONS, default=rows.ACTIONS)
    parser.add_argument("--only-actions", action="store_true", help="measure nothing but the actions")
    parser.add_argument(
        "--publish", action="store_true", help="write the figures into docs/performance.md as well"
    )
    return parser.parse_args()


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(f"stopped after {MAX_SECONDS} s; the logs are in {FOLDER.name}")


main()
