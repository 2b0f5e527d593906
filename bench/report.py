"""Figures as Markdown."""

from collections.abc import Iterable

from bench.rows import Figures

HEADINGS = ("action", "served by", "requests/s", "p50 ms", "p95 ms", "p99 ms", "service CPU µs",
            "PostgreSQL CPU µs", "memory MB")  # fmt: skip


def table(found: Iterable[tuple[str, str, Figures]]) -> str:
    """Return the main table."""
    return markdown(
        HEADINGS,
        (
            (action, name, f"{of.per_second:,.0f}", f"{of.p50:.1f}", f"{of.p95:.1f}", f"{of.p99:.1f}",
             f"{of.service_cpu:,.0f}", f"{of.database_cpu:,.0f}", f"{of.memory / 1e6:,.0f}")
            for action, name, of in found
        ),
    )  # fmt: skip


def markdown(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(headings)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
