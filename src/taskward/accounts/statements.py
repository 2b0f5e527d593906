"""The SQL of accounts. Builds, and holds no connection.

Those on `accounts` and `refresh_tokens` run as `taskward_accounts`, those on `users` and `tasks` as
`taskward_app`: neither role can do the other's.
"""

from typing import Any

from sqlalchemy import LargeBinary, Text, bindparam, case, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from taskward.accounts.model import accounts, refresh_tokens
from taskward.database.compiled import Effect, Statement, compiled

LIFETIME: Any = literal_column("interval '30 days'")  # of a refresh token that is not used
GRACE: Any = literal_column("interval '10 seconds'")  # for an answer that was lost
PURGE_BATCH = 1000

OWNER: Any = bindparam("owner", type_=Text)
ACCOUNT_ID: Any = bindparam("account_id", type_=Text)
EMAIL: Any = bindparam("email", type_=Text)
NAME: Any = bindparam("name", type_=Text)
PASSWORD_HASH: Any = bindparam("password_hash", type_=Text)
RENEWED_HASH: Any = bindparam("renewed_hash", type_=Text)
FAMILY: Any = bindparam("family", type_=LargeBinary)
TOKEN: Any = bindparam("token", type_=LargeBinary)
NEXT: Any = bindparam("next", type_=LargeBinary)

ANSWER: tuple[Any, ...] = (
    accounts.c.id,
    accounts.c.email,
    accounts.c.name,
    func.timezone(literal_column("'UTC'"), accounts.c.created_at).label("created_at"),
)

# An address that is taken is no row, and no error either: the server's log would have the address in it.
CREATE_ACCOUNT = compiled(
    insert(accounts)
    .values(id=ACCOUNT_ID, email=EMAIL, name=NAME, password_hash=PASSWORD_HASH)
    .on_conflict_do_nothing(index_elements=[accounts.c.folded_email])
    .returning(*ANSWER)
)

# Folded by the database, and by ASCII alone: whatever else is in an unchecked text makes it another address.
FIND_ACCOUNT = compiled(
    select(accounts.c.id, accounts.c.password_hash).where(
        accounts.c.folded_email == func.lower(EMAIL.collate("C"))
    )
)

READ_ACCOUNT = compiled(select(*ANSWER).where(accounts.c.id == OWNER))

# The lock makes this wait for a deletion that is under way, and then find nothing.
_verified = (
    select(FAMILY, accounts.c.id, TOKEN, func.now() + LIFETIME)
    .where(accounts.c.id == ACCOUNT_ID)
    .with_for_update(read=True, key_share=True)
)
BEGIN_FAMILY = compiled(
    insert(refresh_tokens)
    .from_select(["family_hash", "account_id", "current_hash", "expires_at"], _verified)
    .returning(refresh_tokens.c.account_id)
)

RENEW_PASSWORD_HASH = compiled(
    update(accounts)
    .where(accounts.c.id == ACCOUNT_ID, accounts.c.password_hash == PASSWORD_HASH)
    .values(password_hash=RENEWED_HASH)
    .returning(accounts.c.id)
)

# One statement decides by the row as it is when its lock is taken. The token is current: it is replaced. It is the
# one before, and not for long: nothing changes, and the answer is given again. It is any other: somebody has a
# copy, nobody knows who, and the family ends.
_is_current = refresh_tokens.c.current_hash == TOKEN
_is_repeated = (
    (refresh_tokens.c.previous_hash == TOKEN)
    & (refresh_tokens.c.current_hash == NEXT)
    & (refresh_tokens.c.rotated_at > func.now() - GRACE)
)
USE_TOKEN = compiled(
    update(refresh_tokens)
    .where(refresh_tokens.c.family_hash == FAMILY, refresh_tokens.c.expires_at > func.now())
    .values(
        current_hash=case((_is_current, NEXT), else_=refresh_tokens.c.current_hash),
        previous_hash=case((_is_current, TOKEN), else_=refresh_tokens.c.previous_hash),
        rotated_at=case((_is_current, func.clock_timestamp()), else_=refresh_tokens.c.rotated_at),
        expires_at=case(
            (_is_current, func.now() + LIFETIME),
            (_is_repeated, refresh_tokens.c.expires_at),
            else_=func.now(),
        ),
    )
    .returning(refresh_tokens.c.account_id, (refresh_tokens.c.expires_at > func.now()).label("good"))
)

END_FAMILY = compiled(
    delete(refresh_tokens).where(refresh_tokens.c.family_hash == FAMILY).returning(refresh_tokens.c.account_id)
)

PURGE_TOKENS = Statement(
    """
    WITH purged AS (
        DELETE FROM refresh_tokens
         WHERE ctid = ANY (ARRAY( -- by place, so that no plan begins with a scan of the table
                   SELECT ctid FROM refresh_tokens WHERE expires_at < now() ORDER BY expires_at LIMIT %(batch)s))
           AND expires_at < now()
        RETURNING 1
    )
    SELECT count(*) AS purged FROM purged
    """,
    {"batch": PURGE_BATCH},
)

READ_USER = Statement(
    "SELECT timezone('UTC', created_at) AS created_at FROM users WHERE id = %(owner)s::text", effect=Effect.NONE
)

# Deleting a user, in this order. A write to a task locks the task and then the user's row, so deleting does as
# well. A task that came between the two locks may be locked by a writer who already waits for the user: not
# waiting for it, and beginning again, is what keeps the two from waiting for each other.
LOCK_ACCOUNT = compiled(select(accounts.c.id).where(accounts.c.id == OWNER).with_for_update())
_TASKS = "SELECT count(*) FROM (SELECT FROM tasks WHERE user_id = %(owner)s::text ORDER BY id FOR UPDATE {}) AS t"
LOCK_TASKS = Statement(_TASKS.format(""))
LOCK_USER = Statement("SELECT id FROM users WHERE id = %(owner)s::text FOR UPDATE")
LOCK_NEWER_TASKS = Statement(_TASKS.format("NOWAIT"))
DELETE_USER = Statement("DELETE FROM users WHERE id = %(owner)s::text RETURNING id")
DELETE_ACCOUNT = compiled(delete(accounts).where(accounts.c.id == OWNER).returning(accounts.c.id))
