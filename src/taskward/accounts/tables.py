"""What accounts keep in the database, for the start-up check. model.py has the columns, which no worker loads."""

from taskward.database.tables import CountedWrites, Tables
from taskward.errors import ApiError, ServerBusyError, TokenInvalidError


def account_deleted() -> TokenInvalidError:
    """Return what whoever has a token of a deleted account is told."""
    return TokenInvalidError("The account of this token has been deleted.")


def address_taken_meanwhile() -> ApiError:
    """Return what whoever comes from a provider is told when somebody registers their address meanwhile."""
    return ServerBusyError("Somebody else came at the same moment. Please try again.")


TABLES = Tables(
    of_users=("personal_tokens",),
    of_accounts=("accounts", "identities", "refresh_tokens", "ended_tokens"),
    counted=(CountedWrites("personal_tokens", "leave_the_hash"),),
    broken={
        "fk_users_account_id_accounts": account_deleted,  # by a write with a token that outlived it
        "fk_identities_account_id_accounts": address_taken_meanwhile,
    },
)
