"""The tables `users` and `tasks`.

Every key begins with the user: within one user's tasks an index walk is short, however many users there are,
and the tables can be distributed by user one day.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and their indexes."""
    # A user is whoever a valid token names; the row appears with the first write. Lengths are checked here as
    # well as in the API, because the API is not the only thing that will ever write to this database.
    op.execute("""
        CREATE TABLE users (
            id              text        NOT NULL,
            revision        bigint      NOT NULL DEFAULT 0,
            task_count      bigint      NOT NULL DEFAULT 0,
            completed_count bigint      NOT NULL DEFAULT 0,
            created_at      timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_users PRIMARY KEY (id),
            CONSTRAINT ck_users_id_length CHECK (char_length(id) BETWEEN 1 AND 255),
            CONSTRAINT ck_users_counts CHECK (completed_count BETWEEN 0 AND task_count)
        )
    """)

    # Ids are given by the trigger of the next migration, from this sequence: unique in the database although the
    # primary key begins with the user, and, within one user's tasks, in the order of creation.
    #
    # What titles are sorted by is a column and not an expression in an index: under row-level security a
    # condition becomes an index condition only if all of it is leakproof, which comparing is and lower() is not.
    op.execute("""
        CREATE TABLE tasks (
            user_id     text        NOT NULL,
            id          bigint      NOT NULL,
            title       text        NOT NULL,
            folded_title text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(title)) STORED,
            description text,
            completed   boolean     NOT NULL DEFAULT false,
            created_at  timestamptz NOT NULL DEFAULT now(),
            updated_at  timestamptz NOT NULL DEFAULT now(),
            revision    bigint      NOT NULL,
            CONSTRAINT pk_tasks PRIMARY KEY (user_id, id),
            CONSTRAINT fk_tasks_user_id_users FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
            CONSTRAINT ck_tasks_title_length CHECK (char_length(title) BETWEEN 1 AND 200),
            CONSTRAINT ck_tasks_description_length CHECK (char_length(description) <= 1000),
            CONSTRAINT uq_tasks_user_id_revision UNIQUE (user_id, revision)
        )
    """)

    op.execute("CREATE SEQUENCE tasks_id_seq OWNED BY tasks.id")

    # Lists are sorted by creation (the id), by last change (the revision) or by title, with or without a filter on
    # completed; each has an index that holds exactly its order. The primary key and the unique constraint are the
    # first two of the six.
    op.execute("CREATE INDEX ix_tasks_user_id_title ON tasks (user_id, folded_title, id)")
    op.execute("CREATE INDEX ix_tasks_user_id_completed_id ON tasks (user_id, completed, id)")
    op.execute("CREATE INDEX ix_tasks_user_id_completed_revision ON tasks (user_id, completed, revision)")
    op.execute("CREATE INDEX ix_tasks_user_id_completed_title ON tasks (user_id, completed, folded_title, id)")

    # For the one question that is asked without a user: does a task with this id exist at all? A hash, because
    # the planner would take an index in the order of ids for lists, and walk through other users' tasks.
    op.execute("CREATE INDEX ix_tasks_id ON tasks USING hash (id)")


def downgrade() -> None:
    """Drop the tables, and with them every task."""
    op.execute("DROP TABLE tasks")
    op.execute("DROP TABLE users")
