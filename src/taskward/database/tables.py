"""What a feature keeps in the database, told by the feature: nothing here knows one by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

from taskward.errors import ApiError

Broken = Mapping[str, Callable[[], ApiError]]  # what it means when a constraint of this name is broken


@dataclass(frozen=True)
class CountedWrites:
    """A trigger that must be on, as it numbers the writes to a table."""

    table: str
    trigger: str


@dataclass(frozen=True)
class Tables:
    """The tables of a feature, by who may reach them, and what its constraints mean."""

    of_users: tuple[str, ...] = ()  # each row is one user's; reached as taskward_app, by that user alone
    of_accounts: tuple[str, ...] = ()  # what proves who somebody is; reached as taskward_accounts alone
    counted: tuple[CountedWrites, ...] = ()
    broken: Broken = field(default_factory=dict, hash=False)
    after_restore: tuple[str, ...] = ()  # SQL that the owner of the tables runs when an older state is back
    # Of the tables of users those that Citus spreads by user, the one first whose key the user is; and the
    # functions that are called where the rows are.
    spread: tuple[str, ...] = ()
    functions_of_rows: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all these tables."""
        return (*self.of_users, *self.of_accounts)

    @classmethod
    def all_of(cls, *features: Self) -> Self:
        """Return the tables of all these features together."""
        return cls(
            tuple(chain.from_iterable(feature.of_users for feature in features)),
            tuple(chain.from_iterable(feature.of_accounts for feature in features)),
            tuple(chain.from_iterable(feature.counted for feature in features)),
            {name: error for feature in features for name, error in feature.broken.items()},
            tuple(chain.from_iterable(feature.after_restore for feature in features)),
            tuple(chain.from_iterable(feature.spread for feature in features)),
            tuple(chain.from_iterable(feature.functions_of_rows for feature in features)),
        )
