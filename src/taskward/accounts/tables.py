"""What accounts keep in the database, for the start-up check. model.py has the columns, which no worker loads."""

from taskward.database.tables import CountedWrites, Tables
from taskward.errors import ApiError, ServerBusyError, TokenInvalidError


def account_deleted() -> TokenInvalidError:
    """Return what whoever has a token of a deleted account is told."""
    return TokenInvalidError("The account of this token has been deleted.")


def address_taken_meanwhile() -> ApiError:
    """Return what whoever comes from a provider is told when somebody registers their address meanwhile."""
    return ServerBusyError("Somebody else came at the same moment. Please try again.")


# An older state knows nothing of what has ended since: log-ins that were ended go on in it, and links that were
# used are good again. Which ones, nobody can tell, so all of them end. Log-ins that went on have later tokens than
# it knows, and would end at their next use, as if somebody had copied one.
END_WHAT_MAY_HAVE_ENDED = """
    DO $$
    BEGIN
        PERFORM set_config('lock_timeout', '3s', true); -- else all requests would queue behind it
        ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE refresh_tokens NO FORCE ROW LEVEL SECURITY;

        UPDATE refresh_tokens SET expires_at = now() WHERE expires_at > now();
        UPDATE accounts SET reset_link_at = NULL WHERE reset_link_at IS NOT NULL;

        ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
        ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;
    END
    $$
"""

TABLES = Tables(
    of_users=("personal_tokens",),
    of_accounts=("accounts", "identities", "refresh_tokens", "ended_tokens"),
    counted=(CountedWrites("personal_tokens", "leave_the_hash"),),
    broken={
        "fk_users_account_id_accounts": account_deleted,  # by a write with a token that outlived it
        "fk_identities_account_id_accounts": address_taken_meanwhile,
    },
    after_restore=(END_WHAT_MAY_HAVE_ENDED,),
)
