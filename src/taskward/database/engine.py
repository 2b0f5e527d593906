"""Which engine has the rows: one PostgreSQL, or Citus, which spreads them over several by user.

Schema and statements are the same for both. What is said otherwise where rows are distributed is said by the
statement itself (`Statement.distributed`), and here for the identity, because one server would pay for it:

- The identity comes by `CALL act_as`, as Citus sends SET LOCAL on to the server with the rows, and `set_config`
  not. One server would pay for it in every request.
- A create is two commands, of which the first locks the user's row and takes an id, and one that looks for what is
  there goes step by step, in a function.

`taskward distribute` has policies refuse whoever comes without an identity, which is also how tables are known to
be distributed. So a service that does not know yet that they are is refused, and looks again.
"""

from collections.abc import Sequence

from taskward.database.driver.exchange import Command
from taskward.database.driver.statement import Effect, Statement

IS_DISTRIBUTED = r"""
    SELECT EXISTS (SELECT 1 FROM pg_policy
                    WHERE pg_get_expr(polqual, polrelid) ~ 'arrived\('
                      AND pg_table_is_visible(polrelid)) AS it_is
"""
FIND_ENGINE = Statement(IS_DISTRIBUTED, effect=Effect.READ_ONLY)

# Sets what `IDENTITY` of transaction.py sets.
ACT_AS = Statement(
    """
    CALL act_as(%(role)s, %(owner)s, %(timeout)s, %(max_tasks)s, false, %(correlation_id)s)
    """,
    effect=Effect.READ_ONLY,
    correlation_id="correlation_id",
)
ACT_AS_READER = Statement(
    ACT_AS.sql.replace("false", "true"), effect=Effect.READ_ONLY, correlation_id=ACT_AS.correlation_id
)


def as_distributed(commands: Sequence[Command]) -> tuple[list[Command], list[int]]:
    """Return the commands to send where rows are distributed, and for each of the given which one has its rows."""
    sent: list[Command] = []
    places = []
    for statement, values in commands:
        sent += [(each, values) for each in statement.distributed or [statement]]
        places.append(len(sent) - 1)
    return sent, places
