import json
from pathlib import Path

import pytest

from taskward.cli.config import MASK, masked
from taskward.cli.configuration_warnings import configuration_warnings
from taskward.settings import Settings
from tests.cli.command import taskward
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

PASSWORD = "p-word"
METRICS_TOKEN = "S3cret-of-Prometheus-in-forty-characters"
BEHIND_A_PROXY = {"ENVIRONMENT": "production", "TRUSTED_PROXIES": "10.0.0.0/8"}
PRODUCTION = {"ENVIRONMENT": "production", "METRICS_TOKEN": METRICS_TOKEN}
SECRETS = {
    "DATABASE_URL": f"postgresql://alice:{PASSWORD}@db.example/tasks?sslmode=require",
    "RATE_LIMIT_STORAGE_URL": f"valkeys://alice:{PASSWORD}@store.example:6379/0",
    "JWT_SECRET_KEY": SECRET,
    "METRICS_TOKEN": METRICS_TOKEN,
    "JWT_JWKS_URL": f"https://provider.example/jwks?key={PASSWORD}",
}


def test_every_setting_is_printed_with_its_source(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nWORKERS=2\nHOST=\n")
    done = taskward("config", settings={"WORKERS": "3", **SECRETS}, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in done.stdout.split("\n\n")[0].splitlines()}
    assert lines.keys() == {name.upper() for name in Settings.model_fields}
    assert lines["PORT"] == "9000  (.env)"
    assert lines["WORKERS"] == "3  (environment)"
    assert lines["HOST"] == "127.0.0.1  (default)"
    assert lines["ALLOWED_ORIGINS"] == "-  (default)"
    assert lines["DATABASE_URL"] == f"postgresql://alice:{MASK}@db.example/tasks?sslmode=require  (environment)"
    assert lines["RATE_LIMIT_STORAGE_URL"] == f"valkeys://alice:{MASK}@store.example:6379/0  (environment)"
    assert lines["JWT_JWKS_URL"] == f"https://provider.example/jwks?{MASK}  (environment)"
    assert lines["JWT_SECRET_KEY"] == f"{MASK}  (environment)"


def test_programs_get_the_same_as_json(tmp_path: Path) -> None:
    settings = {
        "WORKERS": "3",
        "ALLOWED_ORIGINS": "https://b.example,https://a.example",
        "DATABASE_URL": SECRETS["DATABASE_URL"],
    }
    done = taskward("config", "--json", settings=settings, folder=tmp_path)
    told = json.loads(done.stdout)
    assert told["settings"]["WORKERS"] == {"value": "3", "source": "environment"}
    assert told["settings"]["JWT_SECRET_KEY"] == {"value": MASK, "source": "generated"}
    assert told["settings"]["JWT_ISSUER"] == {"value": None, "source": "default"}
    assert told["facts"]["pages of other origins"] == "https://b.example, https://a.example"
    assert told["facts"]["database"] == "your own"
    assert len(told["warnings"]) == 1
    assert list(tmp_path.iterdir()) == [], "looking makes no secret"


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_secret_is_printed(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = taskward("config", *options, settings=SECRETS, folder=tmp_path)
    assert done.returncode == 0
    assert PASSWORD not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert METRICS_TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_each_wrong_setting_has_its_line(tmp_path: Path, options: tuple[str, ...]) -> None:
    settings = {"PORT": "x", "TRUSTED_PROXIES": "*", "ALLOWED_ORIGINS": "null"}
    done = taskward("config", *options, settings=settings, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert sorted(line.split(":")[1].strip() for line in lines) == sorted(settings)
    assert all(line.startswith("taskward: ") for line in lines)


def test_a_wrong_address_of_a_database_is_refused_and_not_repeated(tmp_path: Path) -> None:
    done = taskward("config", settings={"DATABASE_URL": f"mysql://alice:{PASSWORD}@h/d"}, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "taskward: DATABASE_URL: this must begin with postgresql://\n"


@pytest.mark.parametrize("command", ["config", "serve"])
def test_a_store_that_cannot_be_is_refused_before_anything_starts(tmp_path: Path, command: str) -> None:
    settings = {
        "RATE_LIMIT_STORAGE_URL": "valkey://h/0?nothing=1",
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": "0",
    }
    done = taskward(command, settings=settings, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("taskward: RATE_LIMIT_STORAGE_URL: the Valkey client does not accept")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://h/d", "postgresql://h/d"),
        ("postgresql://alice@h/d", "postgresql://alice@h/d"),
        (f"postgresql://alice:{PASSWORD}@h/d", f"postgresql://alice:{MASK}@h/d"),
        (f"postgresql://alice:a@{PASSWORD}@h/d", f"postgresql://alice:{MASK}@h/d"),
        (f"postgresql://alice:a:{PASSWORD}@h/d", f"postgresql://alice:{MASK}@h/d"),
        (f"postgresql://h/d?password={PASSWORD}&a=b", f"postgresql://h/d?password={MASK}&a=b"),
        (f"postgresql://h/d?p%61ssword={PASSWORD}", f"postgresql://h/d?password={MASK}"),
        (f"postgresql://h/d?sslpassword={PASSWORD}", f"postgresql://h/d?sslpassword={MASK}"),
        (f"postgresql://h/d?scram_client_key={PASSWORD}", f"postgresql://h/d?scram_client_key={MASK}"),
        (f"postgresql://h/d?oauth_client_secret={PASSWORD}", f"postgresql://h/d?oauth_client_secret={MASK}"),
        (f"postgresql://h/d?Access_Token={PASSWORD}", f"postgresql://h/d?Access_Token={MASK}"),
        (f"postgresql://h/d?options=-c%20password%3D{PASSWORD}", f"postgresql://h/d?options={MASK}"),
        (f"postgresql://alice:/{PASSWORD}@h/d", MASK),
        (f"postgresql://alice:?{PASSWORD}@h/d", MASK),
        (f"postgresql://alice:#{PASSWORD}@h/d", MASK),
        (f"postgresql://[{PASSWORD}", MASK),
        (PASSWORD, MASK),
        (f"redis://:{PASSWORD}@h:6379", f"redis://:{MASK}@h:6379"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert masked(url) == shown
    assert PASSWORD not in shown


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"HOST": "0.0.0.0"}, "HOST"),
        ({"HOST": "0.0.0.0", **PRODUCTION}, "TRUSTED_PROXIES"),
        ({"WORKERS": "2"}, "RATE_LIMIT_STORAGE_URL"),
        ({**PRODUCTION}, "TRUSTED_PROXIES=127.0.0.1,::1"),
        (
            {**PRODUCTION, "TRUSTED_PROXIES": "::1", "ACCESS_TOKEN_EXPIRE_MINUTES": "1441"},
            "ACCESS_TOKEN_EXPIRE_MINUTES",
        ),
        ({"JWT_JWKS_URL": "https://a.example/jwks"}, "JWT_AUDIENCE"),
        ({"JWT_JWKS_URL": "http://auth:3000/jwks", "JWT_AUDIENCE": "a"}, "JWT_JWKS_URL is plain http"),
        ({"ENVIRONMENT": "staging", "TRUSTED_PROXIES": "::1"}, "nobody can read /metrics"),
        ({"HOST": "192.0.2.1", "METRICS_PORT": "9464", **BEHIND_A_PROXY}, "whoever reaches METRICS_PORT"),
        ({"DATABASE_MIGRATION_URL": "postgresql://h/d"}, "DATABASE_MIGRATION_URL is ignored without DATABASE_URL"),
    ],
)
def test_what_is_unusual_is_told(settings: dict[str, str], named: str) -> None:
    (line,) = configuration_warnings(Settings.model_validate({"JWT_SECRET_KEY": SECRET, **settings}))
    assert named in line


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"HOST": "0.0.0.0", **PRODUCTION, **BEHIND_A_PROXY},
        {"METRICS_PORT": "9464", **BEHIND_A_PROXY},
        {"WORKERS": "2", "RATE_LIMIT_STORAGE_URL": "valkey://h"},
        {"JWT_JWKS_URL": "http://127.0.0.1/jwks", "JWT_CLIENT_ID": "a"},
        {"DATABASE_MIGRATION_URL": "postgresql://h/d", "DATABASE_URL": "postgresql://h/d"},
    ],
)
def test_what_is_usual_is_not(settings: dict[str, str]) -> None:
    assert list(configuration_warnings(Settings.model_validate({"JWT_SECRET_KEY": SECRET, **settings}))) == []
