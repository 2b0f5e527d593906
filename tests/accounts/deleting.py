"""What the tests of deleting a user have in common."""

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

SLOW_TO_GIVE_UP = Statement(IDENTITY.sql.replace("'1s'", "'20s'"))
