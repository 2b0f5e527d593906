"""Figures as Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Protocol

from bench.bounds import Bound
from bench.crowd import CONNECTIONS, RATE, Crowd
from bench.far import CONNECTIONS as FAR_CONNECTIONS
from bench.far import DELAY_SECONDS, Far
from bench.markdown import table
from bench.pages import Page
from bench.rows import Figures
from bench.starts import Starts

ACTIONS = {
    "read": "read a task", "list": "list of 20", "unchanged": "list of 20, unchanged (304)", "create": "create",
    "update": "update", "complete": "complete", "mix": "70 reads, 20 lists, 10 writes",
}  # fmt: skip
SERVERS = ("Taskward", "usual stack")


class Part(Protocol):
    """What is measured alone, and knows how it is written."""

    def markdown(self) -> str:
        """Return its heading, tables and sentences."""


@dataclass
class Report:
    """Everything that was measured, and where."""

    machine: str
    load: str
    rounds: int
    seconds: int
    actions: dict[str, list[Figures]] = field(default_factory=dict)
    bounds: list[Bound] = field(default_factory=list)
    crowd: Crowd | None = None
    far: list[Far] = field(default_factory=list)
    growth: dict[str, list[Figures]] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    pages_of_baseline: list[Page] = field(default_factory=list)
    starts: Starts | None = None
    alone: Part | None = None  # then there is nothing else

    def markdown(self) -> str:
        """Return the whole report."""
        return "\n\n".join(self._parts()) + "\n"

    def _parts(self) -> Iterator[str]:
        yield (
            f"Measured on {self.machine}. {self.rounds} rounds of {self.seconds} s for each server and action in"
            f" turn; medians. {self.load}"
        )
        if self.alone:
            yield self.alone.markdown()
        else:
            yield from self._everything()

    def _everything(self) -> Iterator[str]:
        yield from ("### One worker beside the usual stack", _actions(self.actions))
        if self.bounds:
            yield from ("### What bounds it", _bounds(self.bounds))
        if self.crowd:
            yield from ("### A thousand connections", _crowd(self.crowd))
        if self.far:
            yield from ("### A database far away", _far(self.far))
        if self.growth:
            yield from ("### A hundred times the tasks", _growth(self.growth))
        if self.pages:
            yield from ("### Pages", _pages(self.pages, self.pages_of_baseline))
        if self.starts:
            yield from ("### Starting", _starts(self.starts))


def _actions(found: dict[str, list[Figures]]) -> str:
    lists_of_baseline = found["list"][1] if "list" in found else None
    lines = []
    for action, servers in found.items():
        # The usual stack has no 304: its whole list is what ours is held against.
        beside = servers[1] if len(servers) > 1 else lists_of_baseline
        for name, of in zip(SERVERS, servers, strict=False):
            ratios = _ratios(of, beside) if beside and name == SERVERS[0] else ("", "")
            lines.append(
                (ACTIONS[action], name, f"{of.per_second:,.0f}", *ratios, f"{of.p50:.1f}", f"{of.p95:.1f}",
                 f"{of.p99:.1f}", f"{of.service_cpu:,.0f}", f"{of.database_cpu:,.0f}", f"{of.memory / 1e6:,.0f}")
            )  # fmt: skip
    return table(
        ("action", "server", "requests/s", "ratio", "processor ratio", "p50 ms", "p95 ms", "p99 ms",
         "service µs", "PostgreSQL µs", "memory MB"), lines,
    )  # fmt: skip


def _ratios(of: Figures, beside: Figures) -> tuple[str, str]:
    cpu, cpu_beside = (figures.service_cpu + figures.database_cpu for figures in (of, beside))
    return f"{of.per_second / beside.per_second:.1f}", f"{cpu_beside / cpu:.1f}"


def _bounds(found: list[Bound]) -> str:
    lines = [(bound.name, f"{bound.per_second:,.0f}", f"{bound.cpu:,.0f}") for bound in found]
    if len(found) < 3:
        lines.append(("PostgreSQL alone: left out, for there is no pgbench", "", ""))
    return table(("bound", "requests/s", "processor µs"), lines)


def _crowd(crowd: Crowd) -> str:
    steady, saturated, shares = crowd.steady, crowd.saturated, crowd.shares
    found = table(
        ("two workers, the mix", "requests/s", "p50 ms", "p95 ms", "p99 ms", "p99/p50", "refused"),
        [
            (f"{RATE:,}/s offered, from when a request was due", f"{steady['per_second']:,.0f}",
             *_spread(steady["p50"], steady["p95"], steady["p99"]), str(steady["refused"])),
            ("saturated, by wrk", f"{saturated.per_second:,.0f}",
             *_spread(saturated.p50, saturated.p95, saturated.p99), str(saturated.refused)),
            ("saturated, by the client of the first line", f"{shares['per_second']:,.0f}",
             *_spread(shares["p50"], shares["p95"], shares["p99"]), str(shares["refused"])),
        ],
    )  # fmt: skip
    return found + (
        f"\n\nAt {RATE:,}/s the client used {steady['busy']:.0%} of a core and was late itself by"
        f" {steady['lag']:.1f} ms (p99); {steady['unanswered']} requests were still under way at the end."
        f" Saturated, the connections got {shares['least']} to {shares['most']} answers each, the median"
        f" {shares['median']:.0f}. One worker with {CONNECTIONS:,} connections under load holds"
        f" {crowd.worker_memory / 1e6:.0f} MB; before it held {crowd.worker_memory_before / 1e6:.0f} MB."
    )


def _spread(p50: float, p95: float, p99: float) -> tuple[str, ...]:
    return f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}", f"{p99 / p50:.1f}"


def _far(found: list[Far]) -> str:
    lines = [
        (name, f"{of.run.per_second:,.0f}", f"{of.run.p50:.0f}", f"{of.run.p99:.0f}", str(of.run.refused))
        for name, of in zip(SERVERS, found, strict=True)
    ]
    heading = f"read a task, {FAR_CONNECTIONS} connections, {2000 * DELAY_SECONDS:.0f} ms for a round trip"
    return table((heading, "requests/s", "p50 ms", "p99 ms", "refused"), lines)


def _growth(found: dict[str, list[Figures]]) -> str:
    lines = [
        (ACTIONS[action], f"{of.per_second:,.0f}", f"{small.per_second:,.0f}",
         f"{of.per_second / small.per_second:.2f}", f"{of.database_cpu:,.0f}", f"{small.database_cpu:,.0f}")
        for action, (of, small) in found.items()
    ]  # fmt: skip
    return table(
        ("action", "requests/s of 1,000,000 tasks", "of 10,000", "ratio", "PostgreSQL µs", "of 10,000"), lines
    )


def _pages(found: list[Page], of_baseline: list[Page]) -> str:
    lines = [
        (page.name, name, f"{page.milliseconds:.2f}", f"{page.service_cpu:,.0f}", f"{page.database_cpu:,.0f}")
        for pair in zip_longest(found, of_baseline)  # what the usual stack has not is told of the service alone
        for name, page in zip(SERVERS, pair, strict=True)
        if page is not None
    ]
    return table(("20 tasks, one client", "server", "median ms", "service µs", "PostgreSQL µs"), lines)


def _starts(starts: Starts) -> str:
    return table(
        ("from the command", "seconds"),
        [
            ("`taskward serve` on existing data, to the first task read", f"{starts.first_response:.2f}"),
            ("`taskward --help`", f"{starts.help:.2f}"),
        ],
    )
