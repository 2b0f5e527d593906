"""What the tests of deleting a user have in common."""

from taskward.database.driver.statement import Statement
from taskward.database.transaction import IDENTITY
from taskward.settings import Settings
from tests.accounts.people import PASSWORD
from tests.conftest import SECRET, UNLIMITED

CONNECTIONS = 8
MILK = {"title": "Buy milk"}
LOG_IN = {"grant_type": "password", "username": "alice@example.com", "password": PASSWORD}
LEFT = """
    SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM tasks) + (SELECT count(*) FROM idempotency_keys)
           + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM refresh_tokens)
"""

SLOW_TO_GIVE_UP = Statement(IDENTITY.sql.replace("'1s'", "'20s'"))


def patient_settings(database_url: str) -> Settings:
    """Return settings with as much time as a busy machine may need: who waits for whom is what is tested."""
    return Settings(
        DATABASE_URL=database_url,
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=CONNECTIONS,
        DB_MAX_OVERFLOW=0,
        DATABASE_TIMEOUT_SECONDS=30,
        RATE_LIMIT=UNLIMITED,
        AUTH_RATE_LIMIT=UNLIMITED,
    )
