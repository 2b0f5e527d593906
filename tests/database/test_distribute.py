"""`taskward distribute` where there is nothing to spread rows over; tests/citus has where there is."""

import psycopg
import pytest

from taskward.database.cluster import CannotDistributeError
from taskward.database.distribute import distribute, is_distributed
from taskward.database.url import conninfo
from taskward.features import TABLES

pytestmark = pytest.mark.quick


def test_a_database_without_citus_is_refused_and_stays_as_it_is(
    database_url: str, superuser: psycopg.Connection
) -> None:
    triggers = "SELECT count(*) FROM pg_trigger"
    before = superuser.execute(triggers).fetchone()
    with pytest.raises(CannotDistributeError, match="CREATE EXTENSION citus"):
        distribute(conninfo(database_url), TABLES)
    assert superuser.execute(triggers).fetchone() == before
    assert not is_distributed(conninfo(database_url))


def test_what_is_spread_is_of_users_and_not_of_accounts() -> None:
    assert set(TABLES.spread) == set(TABLES.of_users) - {"personal_tokens"}
