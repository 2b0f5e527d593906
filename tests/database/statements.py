"""Every statement of tasks and of accounts, for the tests that hold for all of them."""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import chain, combinations, product
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import taskward.accounts
import taskward.tasks
from taskward.database.driver.statement import Statement
from taskward.tasks import changes_statements, statements
from taskward.tasks.fields import CHANGEABLE
from taskward.tasks.list_statements import COMPLETED, FILTERS, SORT_KEYS, list_tasks

FIELDS = tuple(CHANGEABLE)
EITHER = (False, True)

Named = Iterator[tuple[str, Statement[Any]]]


def constants(package: ModuleType) -> dict[str, Statement[Any]]:
    """Return what the modules of a package have at their top."""
    modules = [import_module(f"{package.__name__}.{module.name}") for module in iter_modules(package.__path__)]
    found = chain.from_iterable(vars(module).items() for module in modules)
    return {name: value for name, value in found if isinstance(value, Statement)}


def lists() -> Iterator[tuple[dict[str, Any], Statement[Any]]]:
    """Ways to list: what is asked for, and the statement. Without a filter, each filter alone, and all."""
    names = ("status", "sort", "descending", "after", "known", "bounded", "filters")
    some = [frozenset({name}) for name in FILTERS]
    choices: tuple[Iterable[Any], ...] = (COMPLETED, SORT_KEYS, EITHER, EITHER, EITHER, EITHER)
    for values in chain(
        product(*choices, [frozenset()]),
        product(["all"], ["due"], EITHER, EITHER, EITHER, EITHER, some),
        product(*choices, [frozenset(FILTERS)]),
    ):
        wanted = dict(zip(names, values, strict=True))
        yield wanted, list_tasks(**wanted)


def changes() -> Named:
    """Ways to change one task and keep it: each field alone, any two, and all."""
    for conditional in EITHER:
        for fields in chain.from_iterable(combinations(FIELDS, size) for size in sorted({1, 2, len(FIELDS)})):
            update = statements.update_task(frozenset(fields), conditional=conditional)
            yield f"update {fields} {conditional=}", update
        yield f"flip {conditional=}", statements.flip_task(conditional=conditional)


def feeds() -> Named:
    """Ways to read what has changed."""
    for bounded in EITHER:
        yield f"changes {bounded=}", changes_statements.changes(bounded=bounded)


def of_tasks() -> Named:
    """Every statement of tasks."""
    yield from constants(taskward.tasks).items()
    for wanted, statement in lists():
        yield f"list {wanted}", statement
    yield from changes()
    yield from feeds()
    for conditional in EITHER:
        yield f"delete {conditional=}", statements.delete_task(conditional=conditional)


def of_accounts() -> Named:
    """Every statement of accounts, and of what becomes of users when theirs are deleted."""
    yield from constants(taskward.accounts).items()


def is_on_user_data(statement: Statement[Any]) -> bool:
    """Whether it names a table of users' data, and so is owner-scoped and under row-level security."""
    tables = r"\b(users|tasks|deleted_tasks|idempotency_keys|personal_tokens)\b"
    return re.search(tables, statement.sql) is not None
