"""What accounts keep in the database, for the start-up check. model.py has the columns, which no worker loads."""

from taskward.database.tables import Tables
from taskward.errors import TokenInvalidError


def account_deleted() -> TokenInvalidError:
    """Return what whoever has a token of a deleted account is told."""
    return TokenInvalidError("The account of this token has been deleted.")


TABLES = Tables(
    of_accounts=("accounts", "refresh_tokens"),
    broken={"fk_users_account_id_accounts": account_deleted},  # by a write with a token that outlived it
)
