import re
from urllib.parse import quote

import psycopg
import pytest
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskward.addresses import CHOICES
from taskward.database.url import InvalidDatabaseUrlError, conninfo, is_pooled, without_pooler

pytestmark = pytest.mark.quick

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
        "application_name": "taskward", "connect_timeout": "5", "client_encoding": "UTF8",
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


def test_texts_are_utf8_whatever_the_address_the_environment_and_the_database_say(
    database_url: str, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET client_encoding = 'LATIN1'".encode())
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    for address in (database_url, f"{database_url}&client_encoding=LATIN2"):
        with psycopg.connect(conninfo(address)) as connection:
            assert connection.execute("SHOW client_encoding").fetchone() == ("UTF8",)
            assert connection.execute("SELECT %s::text", ["é🙂"]).fetchone() == ("é🙂",)


def test_migrations_go_past_neons_pooler_and_change_nothing_else() -> None:
    pooled = conninfo(NEON)
    straight = without_pooler(pooled)
    assert is_pooled(pooled)
    assert not is_pooled(straight)
    assert conninfo_to_dict(straight) == {
        **conninfo_to_dict(pooled), "host": "ep-cool-darkness-a1b2c3d4.eu-central-1.aws.neon.tech",
    }  # fmt: skip


@pytest.mark.parametrize("url", ["postgresql://localhost/a-pooler.b", "postgresql:///tasks"])
def test_other_hosts_are_direct_already(url: str) -> None:
    assert not is_pooled(conninfo(url))
    assert conninfo_to_dict(without_pooler(conninfo(url))) == conninfo_to_dict(conninfo(url))


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("postgresql://alice@h/d", "dbname=d host=h user=alice"),
        ("postgresql://h/d", "dbname=d host=h"),
        ("postgresql://:pw@h/d", "dbname=d host=h password=pw"),
        ("postgresql:///d", "dbname=d"),
        ("postgresql://", ""),
        ("postgresql://h:/d?", "dbname=d host=h"),
        ("postgresql://a:pw@h1:5432,h2:5433/d", "dbname=d host=h1,h2 password=pw port=5432,5433 user=a"),
        ("postgresql://a:pw@[2001:db8::1]:5433/d", "dbname=d host=2001:db8::1 password=pw port=5433 user=a"),
        ("postgresql://alice@%2Frun%2Fpg/d", "dbname=d host=/run/pg user=alice"),
        ("postgresql://alice@/d?host=/run/pg&port=5433", "dbname=d host=/run/pg port=5433 user=alice"),
        ("postgresql://alice:a:b@h/d", "dbname=d host=h password=a:b user=alice"),
        ("postgresql://alice:!$&()*+,;=-._~@h/d", "dbname=d host=h password=!$&()*+,;=-._~ user=alice"),
        ("postgresql://h/d?ssl=true", "dbname=d host=h sslmode=require"),
        (
            "postgresql://h/d?options=-cjit%3Doff&sslmode=require&",
            "dbname=d host=h options=-cjit=off sslmode=require",
        ),
    ],
)
def test_every_sound_address_is_taken_as_it_is_meant(url: str, meant: str) -> None:
    defaults = {"application_name": "taskward", "connect_timeout": "5", "client_encoding": "UTF8"}
    assert conninfo_to_dict(conninfo(url)) == defaults | conninfo_to_dict(meant)


AMBIGUOUS = [*"@/?#%[]\x7f\u00a0\u2028", *map(chr, range(1, 33))]
CLEAR = [*"!\"$&'()*+,-.:;<=>\\^_`{|}~aZ09", *"äß\U0001f600"]


@pytest.mark.parametrize("character", AMBIGUOUS)
def test_an_ambiguous_character_of_a_password_is_named_with_its_encoding(character: str) -> None:
    with pytest.raises(InvalidDatabaseUrlError) as refusal:
        conninfo(f"postgresql://alice:S3cr{character}tPassw0rd@h/d")
    assert f" as {quote(character, safe='')}" in str(refusal.value)
    assert "S3cr" not in str(refusal.value)
    assert "Passw0rd" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://alice@h/my tasks", "in the name of the database, write a space as %20"),
        ("postgresql://alice@h/ta%sks", "in the name of the database, write '%' as %25"),
        ("postgresql://alice@h/d?application_name=my tasks", "in parameters, write a space as %20"),
        ("postgresql://ali ce@h/d", "in user name, password and parameters, write a space as %20"),
        ("postgresql://alice@my host/d", "the host cannot have a space in it. If that is the password, add '@'"),
        ("postgresql://alice:S3cr#t", "the host cannot have '#' in it. If that is the password, add '@'"),
        ("postgresql://alice@h%zz/d", "in the host, write '%' as %25"),
        ("postgresql://alice@h/d\n", "in the name of the database, write a line end as %0A"),
    ],
)
def test_a_character_that_must_be_encoded_is_told_with_its_place(url: str, told: str) -> None:
    with pytest.raises(InvalidDatabaseUrlError) as refusal:
        conninfo(url)
    assert told in str(refusal.value)
    assert "S3cr" not in str(refusal.value)


@pytest.mark.parametrize("character", CLEAR)
def test_every_other_character_is_a_part_of_the_password(character: str) -> None:
    found = conninfo_to_dict(conninfo(f"postgresql://alice:S3cr{character}tPassw0rd@h/d"))
    assert (found["password"], found["host"], found["dbname"]) == (f"S3cr{character}tPassw0rd", "h", "d")


@pytest.mark.parametrize("character", AMBIGUOUS + CLEAR)
def test_every_password_can_be_written(character: str) -> None:
    password = f"S3cr{character}tPassw0rd"
    found = conninfo_to_dict(conninfo(f"postgresql://alice:{quote(password, safe='')}@h/d"))
    assert (found["password"], found["host"], found["dbname"]) == (password, "h", "d")


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("pgbouncer=true", "Prisma"),
        ("schema=public", "Prisma"),
        ("connection_limit=5", "Prisma"),
        ("sslaccept=strict", "Prisma"),
        ("pool_timeout=0", "Prisma"),
        ("currentSchema=public", "JDBC"),
        ("ssl=no-verify", "Node"),
        ("statement_cache_size=0", "Prisma"),
    ],
)
def test_a_parameter_of_another_product_is_named(name: str, whose: str) -> None:
    with pytest.raises(InvalidDatabaseUrlError) as refusal:
        conninfo(f"{NEON}&{name}")
    named = name.partition("=")[0]
    assert f"PostgreSQL does not know '{named}', a parameter of {whose}. Remove it" in str(refusal.value)


def test_a_parameter_that_nobody_knows_is_named_unless_it_may_be_a_part_of_a_password() -> None:
    with pytest.raises(InvalidDatabaseUrlError, match="the parameter 'hunter' is unknown to PostgreSQL"):
        conninfo("postgresql://alice@h/d?hunter=2")
    for query in ("password=a&hunter=2", "sslpassword=a&hunter=2", "hunter2hunter2=a", "hunter%202=a", "hunter"):
        with pytest.raises(InvalidDatabaseUrlError) as refusal:
            conninfo(f"postgresql://alice@h/d?{query}")
        assert "hunter" not in str(refusal.value)


def libpq_takes(name: str, value: str) -> bool:
    """Ask libpq itself, with a socket that is not there."""
    weak = {"sslmode": "require"} if name == "sslnegotiation" else {}
    attempt = pq.PGconn.connect_start(make_conninfo(host="/nonexistent", **{name: value}, **weak).encode())
    said = attempt.error_message.decode()
    attempt.finish()
    return f"invalid {name} value" not in said.replace(f'"{name}"', name)


IN_THIS_LIBPQ = sorted(CHOICES.keys() & {option.keyword.decode() for option in pq.Conninfo.get_defaults()})


@pytest.mark.parametrize("name", IN_THIS_LIBPQ)
def test_what_libpq_would_refuse_as_it_connects_is_refused_with_the_values_that_exist(name: str) -> None:
    wrong = [value for value in ("hunter2", "", "no-verify") if value not in CHOICES[name]]
    for value in wrong:
        assert not libpq_takes(name, value)
        with pytest.raises(InvalidDatabaseUrlError) as refusal:
            conninfo(f"postgresql://h/d?{name}={value}")
        named = str(refusal.value).removeprefix(f"DATABASE_URL: the parameter '{name}' must be ")
        assert re.split(", | or ", named) == [choice for choice in CHOICES[name] if choice]
    for choice in CHOICES[name]:
        assert libpq_takes(name, choice)


@pytest.mark.parametrize("value", ["scram-sha-256", "md5,scram-sha-256", "!password,!md5"])
def test_several_ways_to_log_in_can_be_demanded_or_excluded(value: str) -> None:
    assert conninfo_to_dict(conninfo(f"postgresql://h/d?require_auth={value}"))["require_auth"] == value


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("sslnegotiation=direct&sslmode=prefer", "sslmode with sslnegotiation"),
        ("sslrootcert=system&sslmode=require", "sslmode with sslrootcert"),
        ("require_auth=md5,!password", "require_auth"),
        ("scram_client_key=hunter2", "one of its parameters"),
        ("service=hunter2", "service"),
    ],
)
def test_what_libpq_refuses_besides_is_refused_at_once_and_not_repeated(query: str, named: str) -> None:
    with pytest.raises(
        InvalidDatabaseUrlError, match=rf"^DATABASE_URL: libpq refuses {named} as it is here"
    ) as no:
        conninfo(f"postgresql://h/d?{query}")
    assert "hunter2" not in str(no.value)


def test_a_value_in_the_environment_that_libpq_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "hunter2")
    with pytest.raises(InvalidDatabaseUrlError, match=r"libpq refuses sslmode .* begins with PG$"):
        conninfo("postgresql://h/d")


def test_the_setting_is_named() -> None:
    with pytest.raises(InvalidDatabaseUrlError, match=r"^DATABASE_MIGRATION_URL: "):
        conninfo("mysql://h/d", "DATABASE_MIGRATION_URL")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://alice:hunter2@localhost/tasks",
        "alice:hunter2@localhost/tasks",
        "host=localhost password=hunter2",
        " postgresql://alice:hunter2@localhost/tasks",
        "postgresql://alice:hunter2",
        "postgresql://alice:hunter2/tasks",
        "postgresql://alice:99999",
        "postgresql://alice:hunter2@localhost:0/tasks",
        "postgresql://alice:hunter2@localhost:65536/tasks",
        "postgresql://alice:hunter2@h1:1,h2:hunter2/tasks",
        "postgresql://alice:hunter2@localhost/tasks/hunter2",
        "postgresql://alice:hunter2@localhost/tasks?port=hunter2",
        "postgresql://alice:hunter2@localhost/tasks?application_name=hunter2=hunter2",
        "postgresql://localhost/tasks?password=hunter2&hunter2",
        "postgresql://localhost/tasks?user=alice@hunter2",
        "postgresql://alice:hunter2%00@localhost/tasks",
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
