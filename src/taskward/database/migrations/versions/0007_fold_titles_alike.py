"""Titles are folded alike on every machine.

What titles are sorted by was `lower(title)` in the collation of the database. With LOCALE 'C', which is what a
server without locales gets, that lowers A to Z alone: "École" came before "éclair". A Turkish one makes another
letter of I than all others do. So a collation is named that folds by Unicode alone, the first of these that the
server has:

- `pg_c_utf8`, which PostgreSQL 17 and newer bring themselves;
- `C.utf8`, the same from the operating system;
- `und-x-icu`, the root of ICU, which differs in two letters: the İ, and the sigma that ends a word;
- that of the database, as before, where there is none of them.

The table is written anew, under a lock that lets nobody read or write it: about ten seconds for a million tasks. A
second column, filled bit by bit, would need no such lock, but would give every task the number of a next revision,
and so tell each client that all of them have changed.
"""

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BEST_FIRST = ("pg_c_utf8", "C.utf8", "und-x-icu", "default")
FIRST_THAT_IS_THERE = text("""
    SELECT collname
      FROM pg_collation
     WHERE collnamespace = 'pg_catalog'::regnamespace AND collname = ANY (:names)
           AND collencoding IN (-1, pg_char_to_encoding('UTF8'))
     ORDER BY array_position(:names, collname::text)
     LIMIT 1
""")


def upgrade() -> None:
    """Fold by a collation that is the same everywhere."""
    names = list(BEST_FIRST)
    collation = op.get_bind().execute(FIRST_THAT_IS_THERE, {"names": names}).scalar_one()
    _sort_titles_by(f'lower(title COLLATE pg_catalog."{collation}")')


def downgrade() -> None:
    """Fold by the collation of the database."""
    _sort_titles_by("lower(title)")


def _sort_titles_by(expression: str) -> None:
    # Dropped and made anew, as PostgreSQL before 17 cannot change the expression. The grants that include this
    # column are on the whole table, and the policies do not name it, so both stay. The indexes go with the column;
    # they are those of the second migration.
    op.execute(f"""
        ALTER TABLE tasks
            DROP folded_title,
            ADD folded_title text COLLATE "C" NOT NULL GENERATED ALWAYS AS ({expression}) STORED
    """)
    op.execute("CREATE INDEX ix_tasks_user_id_title ON tasks (user_id, folded_title, id)")
    op.execute("CREATE INDEX ix_tasks_user_id_completed_title ON tasks (user_id, completed, folded_title, id)")
