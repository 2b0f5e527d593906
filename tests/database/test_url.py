import pytest
from psycopg.conninfo import conninfo_to_dict

from taskward.database.url import InvalidDatabaseUrlError, conninfo, direct, is_pooled

NEON = (
    "postgresql://alice:npg_s3cret@ep-cool-darkness-a1b2c3d4-pooler.eu-central-1.aws.neon.tech/neondb"
    "?sslmode=require&channel_binding=require"
)


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg", "postgresql+psycopg2"]
)
def test_every_way_to_write_the_scheme_means_the_same(scheme: str) -> None:
    assert conninfo_to_dict(conninfo(f"{scheme}://alice:pw@localhost:5433/tasks")) == {
        "user": "alice", "password": "pw", "host": "localhost", "port": "5433", "dbname": "tasks",
        "application_name": "taskward", "connect_timeout": "5",
    }  # fmt: skip


def test_neons_url_is_taken_as_its_console_gives_it() -> None:
    parameters = conninfo_to_dict(conninfo(NEON))
    assert parameters["host"] == "ep-cool-darkness-a1b2c3d4-pooler.eu-central-1.aws.neon.tech"
    assert (parameters["user"], parameters["password"], parameters["dbname"]) == ("alice", "npg_s3cret", "neondb")
    assert (parameters["sslmode"], parameters["channel_binding"]) == ("require", "require")


def test_percent_encoding_is_decoded() -> None:
    parameters = conninfo_to_dict(conninfo("postgresql://alice%40home:p%2F%3A%20%27w%25@localhost/my%20tasks"))
    assert (parameters["user"], parameters["password"]) == ("alice@home", "p/: 'w%")
    assert parameters["dbname"] == "my tasks"


def test_a_socket_folder_can_be_the_host() -> None:
    assert conninfo_to_dict(conninfo("postgresql://alice@/tasks?host=%2Frun%2Fpg"))["host"] == "/run/pg"


def test_what_the_url_says_goes_before_the_defaults() -> None:
    parameters = conninfo_to_dict(conninfo("postgresql://localhost/?application_name=mine&connect_timeout=30"))
    assert (parameters["application_name"], parameters["connect_timeout"]) == ("mine", "30")


def test_migrations_go_past_neons_pooler_and_change_nothing_else() -> None:
    pooled = conninfo(NEON)
    straight = direct(pooled)
    assert is_pooled(pooled)
    assert not is_pooled(straight)
    assert conninfo_to_dict(straight) == {
        **conninfo_to_dict(pooled), "host": "ep-cool-darkness-a1b2c3d4.eu-central-1.aws.neon.tech",
    }  # fmt: skip


@pytest.mark.parametrize("url", ["postgresql://localhost/a-pooler.b", "postgresql:///tasks"])
def test_other_hosts_are_direct_already(url: str) -> None:
    assert not is_pooled(conninfo(url))
    assert conninfo_to_dict(direct(conninfo(url))) == conninfo_to_dict(conninfo(url))


@pytest.mark.parametrize(
    "url",
    [
        "mysql://alice:hunter2@localhost/tasks",
        "alice:hunter2@localhost/tasks",
        "host=localhost password=hunter2",
        " postgresql://alice:hunter2@localhost/tasks",
        "postgresql://alice:hunter2@localhost:port:5432/tasks?x",
        "postgresql://alice:hunter2@localhost/tasks?schema=hunter2",
        "postgresql://alice:hunter2%zz@localhost/tasks",
        "postgresql://alice:hunter2@[::1/tasks",
        "",
    ],
)
def test_what_is_no_postgresql_url_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(InvalidDatabaseUrlError) as refusal:
        conninfo(url)
    assert "DATABASE_URL" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
