"""Whether every user's counters say what is really there."""

import psycopg

WRONG = """
    SELECT id, revision, task_count, completed_count, found.*
      FROM users
      JOIN LATERAL (
               SELECT count(*) AS tasks, count(*) FILTER (WHERE completed) AS completed,
                      count(DISTINCT revision) AS revisions, coalesce(max(revision), 0) AS newest
                 FROM tasks
                WHERE user_id = users.id
           ) AS found ON true
     WHERE (task_count, completed_count, revisions) <> (tasks, completed, tasks) OR revision < newest
"""


def check_books(superuser: psycopg.Connection) -> None:
    """Fail unless they do: in one snapshot, so that a write that is still under way is in all of it or in none."""
    assert superuser.execute(WRONG).fetchall() == [], "the counters disagree with the tasks"
