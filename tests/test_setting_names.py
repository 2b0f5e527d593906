"""Names that nothing reads: told where they are ours, and only there."""

import re
from pathlib import Path

import pytest

from taskward.cli.configuration_warnings import warnings
from taskward.settings import InvalidSettingsError, Settings
from taskward.settings.unread_names import ENVIRONMENTS

FOREIGN = re.findall(
    r"\w+",
    """
    TASKWARD_SERVICE_HOST TASKWARD_SERVICE_PORT TASKWARD_SERVICE_PORT_HTTP TASKWARD_PORT_8000_TCP TASKWARD_SERVER
    TASKWARD_PORT_8000_TCP_PROTO TASKWARD_PORT_8000_TCP_ADDR KUBERNETES_SERVICE_HOST KUBERNETES_PORT REDIS_URL
    REDIS_HOST DATABASE_HOST DATABASE_PORT DATABASE_NAME DATABASE_USER DATABASE_PASSWORD DATABASE_URL_UNPOOLED
    HOSTNAME HOSTTYPE LOGNAME LOG_DIR LOG_FILE WORKER_CLASS WEB_CONCURRENCY WORKSPACE NODE_ENV APP_ENV PGDATA
    PGHOST PGPORT POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_HOST BETTER_AUTH_URL
    NEXTAUTH_SECRET AUTH_SECRET
    JWT_EXPIRES_IN JWT_ALGORITHM ACCESS_TOKEN AWS_SECRET_ACCESS_KEY ALLOWED_HOSTS TRUSTED_HOSTS SSH_CONNECTION
    LOCALE LOCALAPPDATA WEB_PORT DB_HOST DB_PORT DB_NAME DB_USER SECRET SECRET_KEY_BASE DJANGO_SECRET_KEY SMTP_HOST
    PATH HOME SHELL XDG_DATA_DIRS RENDER_EXTERNAL_HOSTNAME RAILWAY_ENVIRONMENT FLY_APP_NAME OTEL_SERVICE_NAME
    PYTHONUNBUFFERED HTTPS_PROXY LC_ALL PORTS_OPEN HOST_IP TASKWARD_TOKEN
    """,
)

SLIPS = {
    "LOCAL_ACOUNTS": "LOCAL_ACCOUNTS",
    "local_acounts": "LOCAL_ACCOUNTS",
    "LOCAL-ACCOUNTS": "LOCAL_ACCOUNTS",
    "DATABSE_URL": "DATABASE_URL",
    "DATABASE_URI": "DATABASE_URL",
    "PROT": "PORT",
    "WORKER": "WORKERS",
    "ENVIORNMENT": "ENVIRONMENT",
    "TRUSTED_PROXY": "TRUSTED_PROXIES",
    "LOGLEVEL": "LOG_LEVEL",
    "BETTER_AUTH_SECERT": "BETTER_AUTH_SECRET",
    "TASKWARD_LOCAL_ACCOUNTS": "LOCAL_ACCOUNTS",
    "TASKWARD_DATABSE_URL": "DATABASE_URL",
    "TASKWARD_PORT": "PORT",
    "JWT_SECRET": "JWT_SECRET_KEY",
    "SECRET_KEY": "JWT_SECRET_KEY",
    "POSTGRES_URL": "DATABASE_URL",
    "CORS_ORIGINS": "ALLOWED_ORIGINS",
    "CORS_ORIGIN": "ALLOWED_ORIGINS",
    "CORS_ALLOW_ORIGINS": "ALLOWED_ORIGINS",
    "DB_URI": "DATABASE_URL",
    "POSTGRES_URI": "DATABASE_URL",
}
VALUE = "S3cretValue"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told() -> list[str]:
    lines = list(warnings(Settings.load()))
    assert VALUE not in "".join(lines)
    return lines


def test_an_ordinary_environment_raises_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOREIGN:
        monkeypatch.setenv(name, VALUE)
    monkeypatch.setenv("TASKWARD_PORT", "tcp://10.0.0.1:8000")  # so Kubernetes names the service `taskward`
    assert told() == []


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_environment_is_told_with_what_was_meant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, VALUE)
    assert told() == [f"{name} in the environment is ignored. Did you mean {SLIPS[name]}?"]


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_file_is_told_with_what_was_meant(name: str, folder: Path) -> None:
    (folder / ".env").write_text(f"{name}={VALUE}\n")
    assert told() == [f"{name} in .env is ignored. Did you mean {SLIPS[name]}?"]


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS))
def test_another_name_of_the_environment_is_told_where_it_asks_for_more_than_development(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("production", "Staging", '"prod"\n'):
        monkeypatch.setenv(name, value)
        assert told() == [f"{name} in the environment is ignored. Did you mean ENVIRONMENT?"]
    for value in ("development", "test", "/etc/profile"):
        monkeypatch.setenv(name, value)
        assert told() == []
    monkeypatch.setenv(name, "production")
    (folder / ".env").write_text("ENVIRONMENT=development\n")
    assert told() == []


@pytest.mark.parametrize(
    ("theirs", "ours", "value"),
    [
        ("POSTGRES_URL", "DATABASE_URL", "postgresql://h/d"),
        ("JWT_SECRET", "BETTER_AUTH_SECRET", "a secret of thirty-two characters"),
        ("CORS_ORIGINS", "ALLOWED_ORIGINS", "https://a.example"),
    ],
)
def test_another_products_name_is_its_own_where_ours_is_set(
    theirs: str, ours: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(theirs, VALUE)
    monkeypatch.setenv(ours, value)
    assert told() == []


def test_a_slip_is_told_also_where_the_right_name_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_ACOUNTS", VALUE)
    monkeypatch.setenv("LOCAL_ACCOUNTS", "true")
    assert len(told()) == 1


def test_every_other_name_in_the_file_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(
        f"PORT=1\nexport NEXT_PUBLIC_URL={VALUE}\nfoo={VALUE}\nEMPTY=\nOTEL_SERVICE_NAME={VALUE}\n"
    )
    assert told() == [
        "NEXT_PUBLIC_URL, foo in .env: ignored, because Taskward has no such setting",
        "OTEL_SERVICE_NAME in .env: ignored there. Set it in the environment",
    ]
    monkeypatch.setenv("OTEL_SERVICE_NAME", VALUE)
    assert len(told()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        "c2VjcmV0c2VjcmV0==",
        "JBSWY3DPEHPK3PXP====",
        "S3cretLine=x",
        "A" * 65 + "=x",
    ],
)
def test_a_line_of_a_secret_is_not_taken_for_a_name(folder: Path, line: str) -> None:
    (folder / ".env").write_text(f"{line}\n")
    (told_of,) = told()
    assert told_of.startswith(".env has lines that are ignored: a name has letters, digits and _, ")


def test_control_characters_in_a_name_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_ACCOUN\x1bTS", VALUE)
    assert told() == ["LOCAL_ACCOUN\\x1bTS in the environment is ignored. Did you mean LOCAL_ACCOUNTS?"]


def test_when_settings_are_refused_the_slips_are_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("JWT_SECRET", VALUE)
    with pytest.raises(InvalidSettingsError) as refused:
        Settings.load()
    needed, slip = str(refused.value).splitlines()
    assert "must be set in production" in needed
    assert slip == "JWT_SECRET in the environment is ignored. Did you mean JWT_SECRET_KEY?"
