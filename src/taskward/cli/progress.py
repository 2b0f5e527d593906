"""How far long work is: a bar at a terminal, and elsewhere a line every ten seconds; always on standard error."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

SECONDS = 10.0

Told = Callable[[int, str], None]


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Told]:
    """Give what is told how far the work is: how much of `total` is done, and that in words."""
    with _bar(what, total) if sys.stderr.isatty() else _lines(what, total) as told:
        yield told


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, words: bar.update(task, completed=done, description=f"{what}: {words}")


@contextmanager
def _lines(what: str, total: int | None) -> Iterator[Told]:
    state = (0, "")
    ended = threading.Event()

    def told(done: int, words: str) -> None:
        nonlocal state
        state = (done, words)

    def tell() -> None:
        while not ended.wait(SECONDS):
            done, words = state
            share = f", {min(100, 100 * done // total)} %" if total else ""
            typer.echo(f"taskward: {what}: {words or 'begun'}{share}", err=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield told
    finally:
        ended.set()
        teller.join()
