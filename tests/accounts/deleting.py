"""What the tests of deleting a user have in common."""

from dataclasses import replace

from taskward.database.driver.statement import Statement
from taskward.database.transaction import IDENTITY
from tests.accounts.people import PASSWORD

MILK = {"title": "Buy milk"}
LOG_IN = {"grant_type": "password", "username": "alice@example.com", "password": PASSWORD}
LEFT = """
    SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM tasks) + (SELECT count(*) FROM idempotency_keys)
           + (SELECT count(*) FROM deleted_tasks) + (SELECT count(*) FROM personal_tokens)
           + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM refresh_tokens)
"""


def giving_up_after(time: str) -> Statement:
    """Return an identity with another time to wait for locks."""
    distributed = (*IDENTITY.distributed, Statement(f"SET LOCAL lock_timeout = '{time}'"))
    return replace(IDENTITY, sql=IDENTITY.sql.replace("'1s'", f"'{time}'"), distributed=distributed)


SLOW_TO_GIVE_UP = giving_up_after("20s")
