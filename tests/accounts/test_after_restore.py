"""An older state comes back, in which nobody has logged out yet and no link was used."""

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.administration import Administration
from taskward.api.state import state_of
from taskward.database.after_restore import begin_again
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from tests.accounts.conftest import logged_in
from tests.accounts.people import PASSWORD, log_in, refresh
from tests.accounts.test_personal_tokens import make
from tests.accounts.test_reset import OVER, reset, token_for
from tests.client import Client

pytestmark = pytest.mark.quick


async def test_log_ins_and_links_are_over_and_people_come_back(
    app: FastAPI,
    anonymous: Client,
    database_url: str,
    alices_tokens: dict[str, str],
    superuser: psycopg.Connection,
) -> None:
    operator = Administration(state_of(app).database)
    link = await token_for(operator)
    async with logged_in(app, alices_tokens) as alice:
        token = (await make(alice))["token"]
        begin_again(conninfo(database_url), TABLES)
        await state_of(app).log_ins.look()
        assert (await alice.get("/tasks")).status_code == 401
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401
    assert (await reset(anonymous, link)).json() == OVER
    await log_in(anonymous, "alice", PASSWORD)
    assert (await anonymous.get("/tasks", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    await check_isolation_at(conninfo(database_url), TABLES)
