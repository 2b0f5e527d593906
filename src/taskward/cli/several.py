"""Several tasks in one command: each is tried, and what failed is told by its number."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import typer

Result = TypeVar("Result")


def with_each(ids: Sequence[int], act: Callable[[int], Result], *, as_json: bool) -> None:
    """Do something with each task, and with `as_json` print what it returns: of several, as an array.

    Raises what `act` raises for a single task. Of several, one that fails does not keep the others; the exit code
    is that of the first which failed. Where nobody is logged in or the service is away, the rest is not tried, and
    that is told.
    """
    from taskward.cli.output import print_json

    if len(ids) == 1:
        result = act(ids[0])
        if as_json:
            print_json(result)
        return
    results, exit_code = _all_of(list(dict.fromkeys(ids)), act)
    if as_json:
        print_json(results)
    if exit_code:
        raise typer.Exit(exit_code)


def _all_of(ids: Sequence[int], act: Callable[[int], Result]) -> tuple[list[Result], int]:
    from taskward.client.errors import ClientError, NotLoggedInError, ServerAwayError

    results: list[Result] = []
    exit_code = 0
    for number, task_id in enumerate(ids):
        try:
            results.append(act(task_id))
        except ClientError as error:
            exit_code = exit_code or error.exit_code
            _tell(f"task {task_id}: {error}")
            if isinstance(error, NotLoggedInError | ServerAwayError):
                if rest := ids[number + 1 :]:
                    _tell(f"not tried: {', '.join(f'task {each}' for each in rest)}")
                break
    return results, exit_code


def _tell(sentence: str) -> None:
    from taskward.terminal_text import harmless

    typer.echo(f"taskward: {harmless(sentence)}", err=True)
