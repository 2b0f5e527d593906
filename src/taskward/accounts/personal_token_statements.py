"""The SQL of personal tokens. Builds, and holds no connection.

What their owner does runs as `taskward_app`, under both walls. Finding one, and what is left of ended ones, is for
`taskward_accounts`.
"""

from taskward.accounts.statements import PURGE_BATCH, TOLD
from taskward.database.driver.statement import Effect, Statement

MOST_TOKENS = 50  # of one user
RESPONSE_COLUMNS = """id, name, scopes, timezone('UTC', created_at) AS created_at,
           timezone('UTC', expires_at) AS expires_at, last_used_on"""

# By a function that answers with the one row of a hash: whoever asks is nobody yet.
FIND_TOKEN = Statement(
    """
    SELECT user_id, found.id, scopes, extract(epoch FROM expires_at - now())::float8 AS seconds_left,
           last_used_on IS DISTINCT FROM timezone('UTC', now())::date AS unused_today
      FROM find_token(%(hash)s::bytea) AS found
      LEFT JOIN accounts ON accounts.id = user_id
     WHERE disabled_at IS NULL
    """,
    effect=Effect.READ_ONLY,
)

# The row of a provider's user may not be there yet. It is locked while tokens are counted: two at once would each
# find room for one.
MAKE_USER = Statement(
    "INSERT INTO users (id) VALUES (%(owner)s::text) ON CONFLICT DO NOTHING RETURNING id",
    distributed=(Statement("CALL hold_user(%(owner)s)"),),
)
LOCK_USER = Statement(
    "SELECT id FROM users WHERE id = %(owner)s::text FOR NO KEY UPDATE", effect=Effect.IDEMPOTENT
)

# Those that have expired are listed for a month, so that their owner sees why a script has stopped.
FORGET_EXPIRED = Statement(
    """
    DELETE FROM personal_tokens
     WHERE user_id = %(owner)s::text AND expires_at < now() - interval '30 days'
    RETURNING id
    """
)
CREATE_TOKEN = Statement(
    f"""
    INSERT INTO personal_tokens (user_id, id, token_hash, name, scopes, expires_at)
    SELECT %(owner)s::text, %(id)s::text, %(hash)s::bytea, %(name)s::text, %(scopes)s::text[],
           now() + make_interval(days => %(days)s::int)
     WHERE (SELECT count(*) FROM personal_tokens WHERE user_id = %(owner)s::text) < %(most)s::int
    RETURNING {RESPONSE_COLUMNS}
    """,
    {"most": MOST_TOKENS},
)

LIST_TOKENS = Statement(
    f"""
    SELECT {RESPONSE_COLUMNS}
      FROM personal_tokens
     WHERE user_id = %(owner)s::text
     ORDER BY personal_tokens.created_at DESC, id
    """,
    effect=Effect.READ_ONLY,
)

REVOKE_TOKEN = Statement(
    "DELETE FROM personal_tokens WHERE user_id = %(owner)s::text AND id = %(id)s::text RETURNING id"
)
REVOKE_TOKENS = Statement("DELETE FROM personal_tokens WHERE user_id = %(owner)s::text RETURNING id")

NOTE_USE = Statement(
    """
    UPDATE personal_tokens
       SET last_used_on = timezone('UTC', now())::date
     WHERE user_id = %(owner)s::text AND id = %(id)s::text
       AND last_used_on IS DISTINCT FROM timezone('UTC', now())::date
    RETURNING id
    """,
    effect=Effect.IDEMPOTENT,
)

# Every worker has heard of these.
PURGE_ENDED = Statement(
    f"""
    WITH purged AS (
        DELETE FROM ended_tokens
         WHERE token_hash IN (SELECT token_hash FROM ended_tokens
                               WHERE ended_at < now() - {TOLD} ORDER BY ended_at LIMIT %(batch)s)
           AND ended_at < now() - {TOLD}
        RETURNING 1
    )
    SELECT count(*) AS purged FROM purged
    """,
    {"batch": PURGE_BATCH},
)
