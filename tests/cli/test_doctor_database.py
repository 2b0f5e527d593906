"""What `taskward doctor database` finds in databases that are well, and in those that are not."""

import socket
from pathlib import Path

import psycopg
import pytest

from taskward.cli.doctor_database import (
    about_encoding,
    about_latency,
    about_pooler,
    about_server,
    about_writes,
    examine,
)
from taskward.database.migrate import head
from taskward.embedded.server import EmbeddedPostgres
from tests.cli.command import processes_of, taskward
from tests.service import Service

SUBJECTS = [
    "reachable",
    "server",
    "role",
    "rights",
    "encoding",
    "writes",
    "pooler",
    "migrations",
    "latency",
    "isolation",
]


def found(url: str) -> dict[str, tuple[str, str]]:
    return {diagnostic.subject: (diagnostic.level, diagnostic.text) for diagnostic in examine(url)}


def problems(url: str) -> dict[str, str]:
    return {subject: text for subject, (level, text) in found(url).items() if level == "problem"}


def test_a_migrated_database_is_well(database_url: str) -> None:
    diagnostics = found(database_url)
    assert list(diagnostics) == SUBJECTS
    assert problems(database_url) == {}
    assert diagnostics["migrations"] == ("ok", f"at {head()}, the newest")
    assert diagnostics["pooler"] == ("ok", "none")


def test_the_command_has_a_line_for_everything_and_an_exit_code(tmp_path: Path, database_url: str) -> None:
    done = taskward("doctor", "database", settings={"DATABASE_URL": database_url}, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[1] for line in done.stdout.splitlines()] == SUBJECTS
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_a_problem_without_its_password(tmp_path: Path) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        url = f"postgresql://alice:hunter2@127.0.0.1:{nobody_listens.getsockname()[1]}/tasks"
        done = taskward("doctor", "database", settings={"DATABASE_URL": url}, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("problem")
    assert "Check the host and the port in DATABASE_URL." in line
    assert "hunter2" not in line


def test_a_database_that_was_never_migrated_is_told_so(empty_database_url: str) -> None:
    told = problems(empty_database_url)
    assert told.keys() == {"migrations", "isolation"}
    assert "Run 'taskward migrate'" in told["migrations"]
    assert "taskward migrate" in told["isolation"]


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_another_revision_is_told_with_both_numbers(
    database_url: str, superuser: psycopg.Connection, revision: str
) -> None:
    superuser.execute("UPDATE alembic_version SET version_num = %s", [revision])
    told = problems(database_url)
    assert told.keys() == {"migrations"}
    assert f"at {revision}, this version at {head()}" in told["migrations"]


def test_a_missing_wall_is_told_by_name(database_url: str, superuser: psycopg.Connection) -> None:
    superuser.execute("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    told = problems(database_url)
    assert told.keys() == {"isolation"}
    assert "table tasks has row-level security disabled" in told["isolation"]


def test_a_database_that_only_reads_is_a_problem(database_url: str, superuser: psycopg.Connection) -> None:
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET default_transaction_read_only = on".encode())
    told = problems(database_url)
    assert told.keys() == {"writes"}
    assert "default_transaction_read_only is on. Reads are served, and writes" in told["writes"]


def test_a_role_that_cannot_act_for_users_is_told_what_to_grant(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("DROP ROLE IF EXISTS doctors_patient; CREATE ROLE doctors_patient LOGIN")
    url = database_url.replace("//taskward@", "//doctors_patient@")
    try:
        told = problems(url)
        assert told.keys() == {"role", "migrations", "isolation"}
        assert "GRANT taskward_app, taskward_accounts TO" in told["role"]
        assert "may not read alembic_version" in told["migrations"]
        superuser.execute("GRANT taskward_app TO doctors_patient WITH INHERIT FALSE, SET TRUE")
        assert problems(url).keys() == {"role", "migrations", "isolation"}
        superuser.execute("GRANT taskward_accounts TO doctors_patient")
        assert problems(url).keys() == {"isolation"}
        superuser.execute("GRANT taskward_accounts TO doctors_patient WITH INHERIT FALSE, SET TRUE")
        assert problems(url) == {}
    finally:
        superuser.execute("DROP OWNED BY doctors_patient; DROP ROLE doctors_patient")


def test_a_database_that_does_not_keep_what_it_acknowledges_is_a_note(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET synchronous_commit = off".encode())
    level, text = found(database_url)["writes"]
    assert level == "note"
    assert "with fsync and synchronous_commit off:" in text  # of which the first holds for all tests
    assert about_writes({"only_reads": False, "unsafe": None}).level == "ok"


def test_rights_that_no_request_needs_are_a_note(database_url: str, superuser: psycopg.Connection) -> None:
    level, text = found(database_url)["rights"]
    assert (level, text.split(" may make ")[1].split(",")[0]) == ("note", "temporary tables")
    assert "advisory locks" not in text
    superuser.execute(f"REVOKE TEMPORARY ON DATABASE {superuser.info.dbname} FROM PUBLIC".encode())
    assert found(database_url)["rights"][0] == "ok"
    superuser.execute("GRANT EXECUTE ON FUNCTION lo_creat(int), pg_advisory_lock(bigint) TO PUBLIC")
    assert "may make large objects, advisory locks, and needs none" in found(database_url)["rights"][1]


def test_a_superuser_is_a_note_and_no_problem(database_url: str, postgres: EmbeddedPostgres) -> None:
    level, text = found(database_url.replace("//taskward@", "//postgres@"))["role"]
    assert level == "note"
    assert "is a superuser" in text


@pytest.mark.parametrize(
    ("number", "level"),
    [(140025, "problem"), (150019, "note"), (150020, "ok"), (180004, "note"), (180007, "ok"), (190000, "ok")],
)
def test_an_old_server_is_told(number: int, level: str) -> None:
    assert about_server({"number": number, "version": "x"}, embedded=False).level == level


def test_nobody_is_told_to_upgrade_the_server_that_comes_with_taskward() -> None:
    told = about_server({"number": 180004, "version": "18.4"}, embedded=True)
    assert (told.level, told.text) == ("ok", "PostgreSQL 18.4, the embedded one")


def test_an_encoding_that_cannot_hold_every_text_is_a_problem() -> None:
    assert about_encoding({"encoding": "SQL_ASCII", "time_zone": "UTC"}).level == "problem"
    assert about_encoding({"encoding": "UTF8", "time_zone": "Asia/Tokyo"}).level == "ok"


def test_a_pooler_is_known_by_the_process_ids_it_makes_up(superuser: psycopg.Connection) -> None:
    connection = superuser
    server = {"pid": connection.info.backend_pid}
    other = {"pid": connection.info.backend_pid + 1}
    named, unnamed = "host=ep-x-pooler.example.com", "host=db.example.com"
    assert about_pooler(unnamed, connection, server).text == "none"  # type: ignore[arg-type]
    assert about_pooler(named, connection, other).level == "ok"  # type: ignore[arg-type]
    told = about_pooler(unnamed, connection, other)  # type: ignore[arg-type]
    assert told.level == "note"
    assert "direct address" in told.text


def test_a_database_far_away_is_a_note(superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    from taskward.cli import doctor_database

    assert "ms for a round trip" in about_latency(superuser).text  # type: ignore[arg-type]
    monkeypatch.setattr(doctor_database, "SLOW_MILLISECONDS", 0)
    assert about_latency(superuser).level == "note"  # type: ignore[arg-type]


def test_the_embedded_database_is_looked_at_running_and_not(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path / "data")}
    before = taskward("doctor", "database", settings=settings, folder=tmp_path)
    assert (before.returncode, before.stderr) == (1, "")
    assert "There is no database" in before.stdout
    assert list(tmp_path.iterdir()) == []
    with Service(tmp_path / "data"):
        running = taskward("doctor", "database", settings=settings, folder=tmp_path)
    assert (running.returncode, running.stderr) == (0, "")
    stopped = taskward("doctor", "database", settings=settings, folder=tmp_path)
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert processes_of(tmp_path / "data") == []
