"""The SQL of accounts. Builds, and holds no connection.

Those on `accounts`, `identities` and `refresh_tokens` run as `taskward_accounts`, those on `users` and `tasks` as
`taskward_app`: neither role can do the other's.
"""

from taskward.database.driver.statement import Effect, Statement

LIFETIME = "interval '30 days'"  # of a refresh token that is not used
GRACE = "interval '10 seconds'"  # for a response that was lost
TOLD = "interval '10 minutes'"  # for which one that has ended is kept
PURGE_BATCH = 1000
EXPORT_PAGE = 200

# An address that is taken is no row, and no error either: the server's log would have the address in it.
CREATE_ACCOUNT = Statement(
    """
    INSERT INTO accounts (id, email, name, password_hash, email_verified_at)
    VALUES (%(account_id)s::text, %(email)s::text, %(name)s::text, %(password_hash)s::text,
            CASE WHEN %(verified)s::boolean THEN now() END)
    ON CONFLICT (folded_email) DO NOTHING
    RETURNING id, email, name, timezone('UTC', created_at) AS created_at, true AS has_password,
              timezone('UTC', email_verified_at) AS email_verified_at
    """
)

# Folded by the database, and by ASCII alone: whatever else is in an unchecked text makes it another address.
FIND_ACCOUNT = Statement(
    """
    SELECT id, email, password_hash, disabled_at IS NOT NULL AS disabled,
           email_verified_at IS NOT NULL AS verified
      FROM accounts
     WHERE folded_email = lower(%(email)s::text COLLATE "C")
    """,
    effect=Effect.READ_ONLY,
)

READ_ACCOUNT = Statement(
    """
    SELECT id, email, name, timezone('UTC', created_at) AS created_at,
           password_hash IS NOT NULL AS has_password, timezone('UTC', email_verified_at) AS email_verified_at
      FROM accounts
     WHERE id = %(owner)s::text
    """,
    effect=Effect.READ_ONLY,
)

# The lock makes this wait for a deletion or a new password that is under way, and then find nothing: no log-in by
# the old one outlives it.
BEGIN_FAMILY = Statement(
    f"""
    INSERT INTO refresh_tokens (family_hash, account_id, current_hash, expires_at, client, address)
    SELECT %(family)s::bytea, id, %(token)s::bytea,
           now() + least({LIFETIME}, make_interval(days => %(max_days)s::int)),
           %(client)s::text, %(address)s::text
      FROM accounts
     WHERE id = %(account_id)s::text AND password_hash = %(password_hash)s::text AND disabled_at IS NULL
       FOR SHARE
    RETURNING account_id
    """
)

# By a code, which is good once because a family begins once: the code names it, and it stays for longer.
BEGIN_FAMILY_BY_CODE = Statement(
    f"""
    INSERT INTO refresh_tokens (family_hash, account_id, current_hash, expires_at, client, address)
    SELECT %(family)s::bytea, id, %(token)s::bytea,
           now() + least({LIFETIME}, make_interval(days => %(max_days)s::int)),
           %(client)s::text, %(address)s::text
      FROM accounts
     WHERE id = %(account_id)s::text AND disabled_at IS NULL
       FOR SHARE
    ON CONFLICT (family_hash) DO NOTHING
    RETURNING account_id
    """
)

# Of a link the moment it was made, in a form that no setting of the server changes.
LINK_MADE = "extract(epoch FROM reset_link_at)::text AS link_made"

READ_PASSWORD = Statement(
    f"""
    SELECT email, password_hash, email_verified_at IS NOT NULL AS verified, {LINK_MADE}
      FROM accounts
     WHERE id = %(owner)s::text
    """,
    effect=Effect.READ_ONLY,
)

# By a link, if that is still the newest one. What changes the password voids every link, and lets the next be
# mailed at once: who has the password cannot keep its owner from a link by asking for one first.
CHANGE_PASSWORD = Statement(
    """
    UPDATE accounts
       SET password_hash = %(new_hash)s::text, reset_link_at = NULL,
           email_verified_at = CASE WHEN %(link_made)s::text IS NULL THEN email_verified_at
                                    ELSE coalesce(email_verified_at, now()) END
     WHERE id = %(owner)s::text AND password_hash = %(password_hash)s::text AND disabled_at IS NULL
       AND (%(link_made)s::text IS NULL OR extract(epoch FROM reset_link_at)::text = %(link_made)s::text)
    RETURNING id
    """
)

# A later moment in any case, whatever the clock does: it is what voids the link before.
NOW_OR_LATER = "greatest(clock_timestamp(), reset_link_at + interval '1 microsecond')"

MAKE_RESET_LINK = Statement(
    f"""
    UPDATE accounts
       SET reset_link_at = {NOW_OR_LATER}
     WHERE id = %(owner)s::text AND disabled_at IS NULL AND password_hash IS NOT NULL
    RETURNING password_hash, {LINK_MADE}
    """
)

# One link in a while: a stranger who keeps asking voids none that its owner has just been sent.
MAKE_RESET_LINK_TO_MAIL = Statement(
    f"""
    UPDATE accounts
       SET reset_link_at = {NOW_OR_LATER}
     WHERE folded_email = lower(%(email)s::text COLLATE "C") AND disabled_at IS NULL
       AND password_hash IS NOT NULL
       AND (reset_link_at IS NULL OR reset_link_at < now() - interval '15 minutes')
    RETURNING id, email, password_hash, {LINK_MADE}
    """
)

VERIFY_EMAIL = Statement(
    """
    UPDATE accounts
       SET email_verified_at = now()
     WHERE id = %(owner)s::text AND email_verified_at IS NULL
    RETURNING id
    """
)

# All log-ins of an account but one, if it has this password now. Whoever does this has locked the account before.
END_LOG_INS = Statement(
    """
    UPDATE refresh_tokens
       SET expires_at = now()
     WHERE account_id = %(owner)s::text AND expires_at > now() AND family_hash IS DISTINCT FROM %(kept)s::bytea
       AND EXISTS (SELECT 1 FROM accounts
                    WHERE id = %(owner)s::text AND password_hash = %(password_hash)s::text)
    RETURNING account_id
    """
)

RENEW_PASSWORD_HASH = Statement(
    """
    UPDATE accounts
       SET password_hash = %(renewed_hash)s::text
     WHERE id = %(account_id)s::text AND password_hash = %(password_hash)s::text
    RETURNING id
    """
)

# A token that the database has no hash of, or none any more, proves nothing unless it was made here. Else the name
# of a family would be enough to end it.
KNOWN = "%(token)s::bytea IN (current_hash, previous_hash) OR %(authentic)s::boolean"

# One statement decides by the row as it is when its lock is taken. The token is current: it is replaced. It is the
# one before, and not for long: nothing changes, and the response is given again. It is any other that was ours:
# somebody has a copy, nobody knows who, and the family ends. What ended while this waited for the lock has ended:
# now() is when the waiting began.
USE_TOKEN = Statement(
    f"""
    UPDATE refresh_tokens
       SET current_hash = CASE WHEN current_hash = %(token)s::bytea THEN %(next)s::bytea ELSE current_hash END,
           previous_hash = CASE WHEN current_hash = %(token)s::bytea THEN %(token)s::bytea ELSE previous_hash END,
           rotated_at = CASE WHEN current_hash = %(token)s::bytea THEN clock_timestamp() ELSE rotated_at END,
           client = CASE WHEN current_hash = %(token)s::bytea THEN %(client)s::text ELSE client END,
           address = CASE WHEN current_hash = %(token)s::bytea THEN %(address)s::text ELSE address END,
           expires_at = CASE WHEN current_hash = %(token)s::bytea
                             THEN least(now() + {LIFETIME}, created_at + make_interval(days => %(max_days)s::int))
                             WHEN previous_hash = %(token)s::bytea AND current_hash = %(next)s::bytea
                                  AND rotated_at > now() - {GRACE} THEN expires_at
                             ELSE now() END
     WHERE family_hash = %(family)s::bytea AND expires_at > clock_timestamp() AND ({KNOWN})
       AND created_at + make_interval(days => %(max_days)s::int) > now()
    RETURNING account_id, expires_at > now() AS good
    """
)

# A log-in that has ended stays for a while: every worker has to hear of it (ENDED_SINCE).
END_FAMILY = Statement(
    f"""
    UPDATE refresh_tokens
       SET expires_at = now()
     WHERE family_hash = %(family)s::bytea AND expires_at > now() AND ({KNOWN})
    RETURNING account_id
    """
)

# Each worker asks this every few seconds. A log-in ends, and a personal token is revoked, by the clock of when the
# transaction began, which commits within seconds: hence the minute.
ENDED_SINCE = Statement(
    f"""
    SELECT now()::text AS until, ended,
           coalesce(%(moment)s::text::timestamptz < now() - {TOLD} + interval '1 minute', true) AS is_unknown
      FROM (SELECT) AS once
      LEFT JOIN (
               SELECT family_hash AS ended FROM refresh_tokens
                WHERE expires_at > %(moment)s::text::timestamptz - interval '1 minute' AND expires_at <= now()
                UNION ALL
               SELECT token_hash FROM ended_tokens
                WHERE ended_at > %(moment)s::text::timestamptz - interval '1 minute') AS lately
        ON true
    """,
    effect=Effect.READ_ONLY,
)

# A row, if there is the account and no such log-in to it. Of a deleted account others say so (account_deleted).
HAS_ENDED = Statement(
    """
    SELECT id
      FROM accounts
     WHERE id = %(owner)s::text
       AND NOT EXISTS (
               SELECT 1 FROM refresh_tokens
                WHERE family_hash = %(family)s::bytea AND account_id = accounts.id AND expires_at > now())
    """,
    effect=Effect.READ_ONLY,
)

# The newest, as there may be any number of them.
LIST_LOG_INS = Statement(
    """
    SELECT family_hash, timezone('UTC', created_at) AS created_at, timezone('UTC', rotated_at) AS last_used_at,
           client, address
      FROM refresh_tokens
     WHERE account_id = %(owner)s::text AND expires_at > now()
     ORDER BY rotated_at DESC, family_hash
     LIMIT %(most)s
    """,
    {"most": 100},
    effect=Effect.READ_ONLY,
)

EXPORT_LOG_INS = Statement(
    """
    SELECT family_hash, timezone('UTC', created_at) AS created_at, timezone('UTC', rotated_at) AS last_used_at,
           timezone('UTC', expires_at) AS expires_at, client, address
      FROM refresh_tokens
     WHERE account_id = %(owner)s::text AND family_hash > %(after)s::bytea
     ORDER BY family_hash
     LIMIT %(page)s
    """,
    {"page": EXPORT_PAGE},
    effect=Effect.READ_ONLY,
)

EXPORT_IDENTITIES = Statement(
    """
    SELECT issuer, subject, timezone('UTC', created_at) AS created_at
      FROM identities
     WHERE account_id = %(owner)s::text
    """,
    effect=Effect.READ_ONLY,
)

END_LOG_IN = Statement(
    """
    UPDATE refresh_tokens
       SET expires_at = now()
     WHERE account_id = %(owner)s::text AND family_hash = %(log_in)s::bytea AND expires_at > now()
    RETURNING account_id
    """
)

END_ALL_LOG_INS = Statement(
    """
    UPDATE refresh_tokens
       SET expires_at = now()
     WHERE account_id = %(owner)s::text AND expires_at > now() AND family_hash IS DISTINCT FROM %(kept)s::bytea
    RETURNING account_id
    """
)

# What follows is the operator's (accounts/administration.py).
ABOUT = """
    SELECT id, email, name, timezone('UTC', created_at) AS created_at,
           timezone('UTC', email_verified_at) AS email_verified_at,
           timezone('UTC', disabled_at) AS disabled_at,
           (SELECT count(*) FROM refresh_tokens
             WHERE account_id = accounts.id AND expires_at > now()) AS log_ins,
           (SELECT timezone('UTC', max(rotated_at)) FROM refresh_tokens
             WHERE account_id = accounts.id) AS last_used_at,
           (SELECT issuer FROM identities WHERE account_id = accounts.id) AS provider
      FROM accounts
"""

LIST_ACCOUNTS = Statement(
    f"""
    {ABOUT}
     WHERE folded_email > lower(%(after)s::text COLLATE "C")
     ORDER BY folded_email
     LIMIT %(page)s
    """,
    {"page": 500},
    effect=Effect.READ_ONLY,
)

LIST_ACCOUNTS_WITHOUT_ADDRESS = Statement(
    f"""
    {ABOUT}
     WHERE email IS NULL AND id > %(after)s::text
     ORDER BY id
     LIMIT %(page)s
    """,
    {"page": 500},
    effect=Effect.READ_ONLY,
)

SHOW_ACCOUNT = Statement(
    f"""
    {ABOUT}
     WHERE folded_email = lower(%(name)s::text COLLATE "C") OR id = %(name)s::text
    """,
    effect=Effect.READ_ONLY,
)

DISABLE_ACCOUNT = Statement(
    """
    UPDATE accounts
       SET disabled_at = now(), reset_link_at = NULL -- no link from before comes back when it is enabled
     WHERE id = %(owner)s::text AND disabled_at IS NULL
    RETURNING id
    """
)

ENABLE_ACCOUNT = Statement(
    """
    UPDATE accounts SET disabled_at = NULL WHERE id = %(owner)s::text AND disabled_at IS NOT NULL RETURNING id
    """
)


PURGE_TOKENS = Statement(
    f"""
    WITH purged AS (
        DELETE FROM refresh_tokens
         WHERE ctid = ANY (ARRAY( -- by place, so that no plan begins with a scan of the table
                   SELECT ctid FROM refresh_tokens
                    WHERE expires_at < now() - {TOLD} ORDER BY expires_at LIMIT %(batch)s))
           AND expires_at < now() - {TOLD}
        RETURNING 1
    )
    SELECT count(*) AS purged FROM purged
    """,
    {"batch": PURGE_BATCH},
)

FIND_IDENTITY = Statement(
    """
    SELECT account_id AS id, disabled_at IS NOT NULL AS disabled
      FROM identities JOIN accounts ON accounts.id = account_id
     WHERE issuer = %(issuer)s::text AND subject = %(subject)s::text
    """,
    effect=Effect.READ_ONLY,
)

# The identity first: of two that come at once, one makes the account, and the other makes nothing. Its key is
# looked at when the whole statement is done. An address that another account has is left out.
CREATE_IDENTITY = Statement(
    """
    WITH claimed AS (
        INSERT INTO identities (issuer, subject, account_id)
        VALUES (%(issuer)s::text, %(subject)s::text, %(account_id)s::text)
        ON CONFLICT (issuer, subject) DO NOTHING
        RETURNING account_id)
    INSERT INTO accounts (id, email, name, email_verified_at)
    SELECT account_id, free_email, %(name)s::text, CASE WHEN free_email IS NOT NULL THEN now() END
      FROM claimed,
           (SELECT CASE WHEN NOT EXISTS
                   (SELECT 1 FROM accounts WHERE folded_email = lower(%(email)s::text COLLATE "C"))
                   THEN %(email)s::text END AS free_email) AS told
    ON CONFLICT (folded_email) DO NOTHING
    RETURNING id
    """
)

READ_USER = Statement(
    "SELECT timezone('UTC', created_at) AS created_at FROM users WHERE id = %(owner)s::text",
    effect=Effect.READ_ONLY,
)

# Deleting a user takes locks in the order of every writer: the account, the user's row, then what was theirs (the
# last by ON DELETE CASCADE). While the account is locked, no first write makes the user anew. While the user's row
# is, no other write begins, for each takes that row before a task. So no two of them wait for each other.
LOCK_ACCOUNT = Statement("SELECT id FROM accounts WHERE id = %(owner)s::text FOR UPDATE", effect=Effect.IDEMPOTENT)
DELETE_USER = Statement("DELETE FROM users WHERE id = %(owner)s::text RETURNING id")
DELETE_ACCOUNT = Statement("DELETE FROM accounts WHERE id = %(owner)s::text RETURNING id")
