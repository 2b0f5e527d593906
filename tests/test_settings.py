import multiprocessing
import stat
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import limits
import pytest
from pydantic import SecretStr, ValidationError

from taskward.cli.serve import share_cursor_secret
from taskward.settings import InvalidSettingsError, Settings
from taskward.settings.value_types import amount_and_seconds

pytestmark = pytest.mark.quick

SECRET = "a secret of thirty-two characters"
ORIGINS = "https://APP.example.com:443, http://localhost:3000,https://app.example.com,"
STORE = "valkeys://alice:pass@127.0.0.1:6379/0"
SMTP = "smtps://alice:pass@mail.example.com:465"
URL = "postgresql://alice:pass@127.0.0.1/taskward"
JWKS_URL = "https://example.com/api/auth/jwks"

# field: (default, text in the environment, what it means, text that is refused)
FIELDS: dict[str, tuple[Any, str, Any, str | None]] = {
    "environment": ("development", "Staging", "staging", "prod"),
    "host": ("127.0.0.1", "::", "::", None),
    "port": (8000, "0", 0, "65536"),
    "workers": (1, "64", 64, "0"),
    "log_level": ("info", "WARNING", "warning", "loud"),
    "log_format": ("text", "JSON", "json", "xml"),
    "access_log": (False, "true", True, "perhaps"),
    "audit_log_file": (None, "/elsewhere/audit.log", Path("/elsewhere/audit.log"), None),
    "database_url": (None, URL, SecretStr(URL), "mysql://h/tasks"),
    "database_migration_url": (None, URL, SecretStr(URL), "postgresql://h/tasks?pgbouncer=true"),
    "data_dir": (Path("taskward-data"), "/elsewhere", Path("/elsewhere"), None),
    "db_pool_size": (10, "1", 1, "0"),
    "db_max_overflow": (20, "0", 0, "-1"),
    "changes_poll_seconds": (5, "0.5", 0.5, "-1"),
    "database_timeout_seconds": (2, "0.5", 0.5, "0"),
    "jwt_secret_key": (None, SECRET, SecretStr(SECRET), "s" * 31),
    "cursor_secret_key": (None, SECRET, SecretStr(SECRET), "s" * 31),
    "algorithm": ("HS256", "HS256", "HS256", "none"),
    "access_token_expire_minutes": (30, "525600", 525_600, "0"),
    "jwt_jwks_url": (None, JWKS_URL, JWKS_URL, "http://example.com/jwks"),
    "jwt_issuer": (None, "https://example.com", "https://example.com", None),
    "jwt_audience": (None, "https://example.com, tasks,", ("https://example.com", "tasks"), " , "),
    "jwt_client_id": (None, "web, app,", ("web", "app"), " , "),
    "jwt_user_id_claim": ("sub", "user_id", "user_id", "iss"),
    "local_accounts": (None, "false", False, "perhaps"),
    "registration": ("open", "Invite", "invite", "everybody"),
    "session_max_days": (90, "1", 1, "0"),
    "public_url": (None, "https://tasks.example.com/tw/", "https://tasks.example.com/tw", "tasks.example.com"),
    "smtp_url": (None, SMTP, SecretStr(SMTP), "mail.example.com"),
    "mail_from": (None, "Tasks <tasks@example.com>", "Tasks <tasks@example.com>", "Tasks <tasks>"),
    "email_verification": (False, "false", False, "perhaps"),
    "oidc_issuer": (None, "https://id.example.com/", "https://id.example.com/", "http://id.example.com"),
    "oidc_client_id": (None, "taskward", "taskward", None),
    "oidc_client_secret": (None, "s", SecretStr("s"), None),
    "oidc_only": (False, "true", True, "perhaps"),
    "reveal_foreign_tasks": (True, "false", False, "perhaps"),
    "root_path": (None, "/tw/", "/tw", "//evil.example"),
    "max_tasks_per_user": (100_000, "1", 1, "0"),
    "web_page": (True, "false", False, "perhaps"),
    "mcp": (True, "false", False, "perhaps"),
    "api_docs": (True, "false", False, "perhaps"),
    "metrics_token": (None, "m" * 32, SecretStr("m" * 32), "m" * 31),
    "metrics_port": (None, "9464", 9464, "65536"),
    "allowed_origins": ((), ORIGINS, ("https://app.example.com", "http://localhost:3000"), "null"),
    "rate_limit": ("1200/minute", "100 per 10 seconds", "100 per 10 seconds", "0/minute"),
    "auth_rate_limit": ("20/minute", "5/hour", "5/hour", "often"),
    "rate_limit_storage_url": (None, STORE, SecretStr(STORE), "memcached://h"),
    "max_concurrent_requests": (32, "1", 1, "0"),
    "client_address_header": ("X-Forwarded-For", "X-Real-IP", "X-Real-IP", "Forwarded"),
    "max_connections_per_address": (512, "2048", 2048, "0"),
    "max_unsent_mib": (64, "8", 8, "7"),
    "trusted_proxies": ((), " 10.0.0.0/8,::1", (ip_network("10.0.0.0/8"), ip_network("::1")), "*"),
}
# What goes together: a setting of these is read where the others are there.
PROVIDER = {
    "OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "tasks", "OIDC_CLIENT_SECRET": "x",
    "PUBLIC_URL": "https://tasks.example.com",
}  # fmt: skip
REFUSED = {name: row[3] for name, row in FIELDS.items() if row[3] is not None}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_TIMEOUT_SECONDS")  # as all tests have it
    return tmp_path


def set_beside(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what a setting is not read without."""
    for other, value in PROVIDER.items() if name.startswith("oidc_") else ():
        if other != name.upper():
            monkeypatch.setenv(other, value)


def refusal(**environment: str) -> list[str]:
    """Return the lines with which the settings of this environment are refused."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InvalidSettingsError) as refused:
            Settings.load()
    return str(refused.value).splitlines()


def test_every_setting_is_in_the_table() -> None:
    assert FIELDS.keys() == Settings.model_fields.keys()


def test_every_setting_has_a_default() -> None:
    settings = Settings.load()
    assert {name: getattr(settings, name) for name in FIELDS} == {name: row[0] for name, row in FIELDS.items()}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("source", ["environment", "lower case", ".env"])
def test_a_setting_is_read(name: str, source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    _, text, meaning, _ = FIELDS[name]
    set_beside(name, monkeypatch)
    if source == ".env":
        monkeypatch.delenv("JWT_SECRET_KEY")
        (folder / ".env").write_text(f"# settings\nJWT_SECRET_KEY={SECRET}\n{name.upper()}={text}\nUNKNOWN=1\n")
    else:
        monkeypatch.setenv(name.upper() if source == "environment" else name, text)
    assert getattr(Settings.load(), name) == meaning


def test_the_environment_comes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("PORT=1\nWORKERS=2\n")
    monkeypatch.setenv("PORT", "3")
    assert (Settings.load().port, Settings.load().workers) == (3, 2)


@pytest.mark.parametrize("name", FIELDS)
def test_an_empty_setting_is_an_unset_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name.upper(), "")
    assert getattr(Settings.load(), name) == FIELDS[name][0]


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_setting_is_refused_in_one_line_with_its_name(name: str) -> None:
    (line,) = refusal(**{name.upper(): REFUSED[name]})
    assert line.startswith(f"{name.upper()}: ")


def test_half_a_provider_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROVIDER:
        (line,) = refusal(**{other: value for other, value in PROVIDER.items() if other != name})
        assert name in line
    (line,) = refusal(OIDC_ONLY="true")
    assert line == "OIDC_ONLY: this needs a provider: set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET"
    (line,) = refusal(**PROVIDER | {"PUBLIC_URL": "http://192.168.0.5"})
    assert "PUBLIC_URL by https" in line
    (line,) = refusal(**PROVIDER, LOCAL_ACCOUNTS="false")
    assert "LOCAL_ACCOUNTS=true" in line
    (line,) = refusal(**PROVIDER | {"OIDC_ISSUER": "https://id.example.com?x=y"})
    assert line == "OIDC_ISSUER: an issuer has no query"
    (line,) = refusal(
        **PROVIDER | {"OIDC_ISSUER": "http://keycloak:8080"}, ENVIRONMENT="production", JWT_SECRET_KEY=SECRET
    )
    assert line.startswith("OIDC_ISSUER: use https.")


def test_every_bad_setting_has_its_line() -> None:
    lines = refusal(**{name.upper(): text for name, text in REFUSED.items()})
    assert {line.split(":")[0] for line in lines} == {name.upper() for name in REFUSED}
    assert len(lines) == len(REFUSED)


@pytest.mark.parametrize("name", ["PORT", "WORKERS", "DB_POOL_SIZE", "ACCESS_TOKEN_EXPIRE_MINUTES"])
@pytest.mark.parametrize("text", ["x", "1e3", "99999999", "1.5", "-1"])
def test_a_number_is_a_number(name: str, text: str) -> None:
    (line,) = refusal(**{name: text})
    assert line.startswith(f"{name}: this must be a whole number from ")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ENVIRONMENT", "development, staging or production"),
        ("PORT", "a whole number from 0 to 65535, such as 8000"),
        ("WORKERS", "a whole number from 1 to 64, such as 4"),
        ("DATABASE_TIMEOUT_SECONDS", "a number from 0.5 to 60, such as 2"),
        ("LOCAL_ACCOUNTS", "true or false"),
        ("ACCESS_LOG", "true or false"),
        ("ALGORITHM", "HS256"),
    ],
)
def test_a_wrong_value_is_told_what_it_must_be_and_is_not_repeated(name: str, wanted: str) -> None:
    assert refusal(**{name: "S3cret"}) == [f"{name}: this must be {wanted}"]


@pytest.mark.parametrize("name", ["JWT_SECRET_KEY", "BETTER_AUTH_SECRET"])
def test_a_short_secret_is_refused_and_not_repeated(name: str) -> None:
    (line,) = refusal(**{name: "short-and-secret"})
    assert "at least 32 characters" in line
    assert "short-and-secret" not in line
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: "short-and-secret"})
    assert "short-and-secret" not in str(refused.value)


def test_better_auths_name_for_the_secret_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    assert Settings.load().signing_secret == SECRET.encode()
    monkeypatch.setenv("JWT_SECRET_KEY", "j" * 32)
    assert Settings.load().signing_secret == b"j" * 32
    monkeypatch.setenv("JWT_SECRET_KEY", "")
    assert Settings.load().signing_secret == SECRET.encode()


@pytest.mark.parametrize("source", ["environment", ".env"])
@pytest.mark.parametrize("name", ["JWT_SECRET_KEY", "BETTER_AUTH_SECRET"])
def test_a_bad_secret_is_refused_under_the_name_that_it_was_read_from(
    name: str, source: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, environment in (("short", "development"), ("change-me-in-production-" * 2, "production")):
        settings = {name: value, "ENVIRONMENT": environment}
        if source == ".env":
            (folder / ".env").write_text("".join(f"{each}={said}\n" for each, said in settings.items()))
        (line,) = refusal(**(settings if source == "environment" else {}))
        assert line.startswith(f"{name}: ")
        assert "BETTER_AUTH_SECRET" not in line.removeprefix(name)


@pytest.mark.parametrize("environment", ["staging", "production", "PRODUCTION"])
def test_outside_development_no_secret_is_made_up(environment: str, folder: Path) -> None:
    (line,) = refusal(ENVIRONMENT=environment)
    assert "JWT_SECRET_KEY (or BETTER_AUTH_SECRET) or JWT_JWKS_URL must be set" in line
    assert list(folder.iterdir()) == []


def test_with_public_keys_no_secret_is_needed_and_none_is_made_up(folder: Path) -> None:
    for environment in ("development", "production"):
        settings = Settings(ENVIRONMENT=environment, JWT_JWKS_URL=JWKS_URL)
        assert not settings.has_secret
        with pytest.raises(InvalidSettingsError, match="JWT_JWKS_URL"):
            _ = settings.signing_secret
    assert Settings(JWT_JWKS_URL=JWKS_URL, JWT_SECRET_KEY=SECRET).signing_secret == SECRET.encode()
    assert list(folder.iterdir()) == []


def test_cursors_have_the_secret_of_the_tokens_unless_they_have_one_of_their_own() -> None:
    assert Settings(JWT_SECRET_KEY=SECRET).cursor_secret == SECRET.encode()
    assert Settings(JWT_SECRET_KEY=SECRET, CURSOR_SECRET_KEY="c" * 32).cursor_secret == b"c" * 32
    made_up = Settings(JWT_JWKS_URL=JWKS_URL)
    assert made_up.cursor_secret == made_up.cursor_secret
    assert made_up.cursor_secret != Settings(JWT_JWKS_URL=JWKS_URL).cursor_secret


def test_workers_have_one_secret_for_cursors_where_there_is_none_for_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("JWT_JWKS_URL", JWKS_URL)
    monkeypatch.setenv("CURSOR_SECRET_KEY", "")  # to be as it was, afterwards
    monkeypatch.delenv("CURSOR_SECRET_KEY")
    share_cursor_secret(Settings.load())
    assert Settings.load().cursor_secret == Settings.load().cursor_secret
    share_cursor_secret(Settings.load())
    monkeypatch.setenv("CURSOR_SECRET_KEY", given := "kX9vQ2mZ7pL4tR8wB3nY6cJ1hF5dG0sA")
    share_cursor_secret(Settings.load())
    assert Settings.load().cursor_secret == given.encode()


@pytest.mark.parametrize(
    "url",
    [
        JWKS_URL, "https://127.0.0.1:8443/jwks?tenant=1", "http://localhost:3000/api/auth/jwks", "http://[::1]/",
        "http://127.0.0.1/",
    ],
)  # fmt: skip
def test_keys_come_by_https_or_from_this_machine(url: str) -> None:
    assert Settings(JWT_JWKS_URL=url).jwt_jwks_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/jwks", "http://134744072/", "http://auth./", "http://169.254.169.254/", "ftp://auth/",
        "http://auth@example.com/", "http://example.com\\@auth/",
        "http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://0.0.0.0/",
        "http://127.0.0.1@example.com/", "http://localhost@127.0.0.1/", "ftp://localhost/", "file:///etc/passwd",
        "https://", "https:///jwks", "example.com/jwks", "https://alice:hunter2@example.com/", "https://a b/",
        "https://example.com/#keys", "https://[::1", "https://example.com:99999/", "https://ex\u00e4mple.com/",
        "x", "https://example.com/a b", "https://:443/", "https://example.com:x/", "https://alice:hunter2/@example.com",
        "https://alice:123/hunter2@example.com/",
    ],
)  # fmt: skip
def test_other_addresses_of_keys_are_refused(url: str) -> None:
    (line,) = refusal(JWT_JWKS_URL=url)
    assert line.startswith("JWT_JWKS_URL: ")
    assert "hunter2" not in line


NEAR = ["http://auth:3000/jwks", "http://host.docker.internal/jwks", "http://10.0.0.2/", "http://[fd00::2]:3000/"]


@pytest.mark.parametrize("url", NEAR)
def test_keys_come_by_http_from_a_private_network_in_development_alone(url: str) -> None:
    assert Settings(JWT_JWKS_URL=url).jwt_jwks_url == url
    for environment in ("staging", "production", "Production"):
        (line,) = refusal(JWT_JWKS_URL=url, ENVIRONMENT=environment)
        assert line.startswith("JWT_JWKS_URL: use https. Outside development")
        secure = url.replace("http://", "https://")
        assert Settings(JWT_JWKS_URL=secure, ENVIRONMENT=environment).jwt_jwks_url == secure
        assert Settings(JWT_JWKS_URL="http://127.0.0.1/", ENVIRONMENT=environment).jwt_jwks_url is not None


def test_an_environment_that_is_none_lets_no_keys_come_by_http() -> None:
    lines = refusal(JWT_JWKS_URL=NEAR[0], ENVIRONMENT="prod")
    assert [line.partition(":")[0] for line in lines] == ["ENVIRONMENT", "JWT_JWKS_URL"]


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "nbf", "iat", "jti"])
def test_a_claim_that_many_users_share_is_no_user_id(claim: str) -> None:
    (line,) = refusal(JWT_USER_ID_CLAIM=claim)
    assert "whose token it is" in line


OUTSIDE = {"JWT_SECRET_KEY": SECRET, "ENVIRONMENT": "production"}


@pytest.mark.parametrize(
    ("unsafe", "what"),
    [
        ({"ALLOWED_ORIGINS": "*"}, "ALLOWED_ORIGINS: '*' lets every web site call the API"),
        ({"ALLOWED_ORIGINS": "*", "ENVIRONMENT": "staging"}, "in staging, name yours"),
        ({"ALLOWED_ORIGINS": "https://a.example,http://app.example.com"}, "http://app.example.com has no TLS"),
        ({"ALLOWED_ORIGINS": "http://localhost:3000"}, "http://localhost:3000 has no TLS"),
        (
            {"JWT_SECRET_KEY": "abcdefg" * 6},
            "it has fewer than 8 different characters. Make one with: openssl rand",
        ),
        (
            {"JWT_SECRET_KEY": "change-me-in-production-" * 2},
            "JWT_SECRET_KEY: this secret is easy to guess",
        ),
    ],
)
def test_what_is_unsafe_is_refused_outside_development(
    unsafe: dict[str, str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = refusal(**{**OUTSIDE, **unsafe})
    assert what in line
    assert unsafe.get("JWT_SECRET_KEY", "no secret") not in line
    for name, value in {**OUTSIDE, **unsafe, "ENVIRONMENT": "development"}.items():
        monkeypatch.setenv(name, value)
    Settings.load()


def test_each_unsafe_combination_has_its_line() -> None:
    lines = refusal(ENVIRONMENT="production", JWT_SECRET_KEY="x" * 40, ALLOWED_ORIGINS="*,http://a.example")
    assert sorted(line.split(":")[0] for line in lines) == ["ALLOWED_ORIGINS"] * 3 + ["JWT_SECRET_KEY"]


@pytest.mark.parametrize(
    "origins",
    ["https://app.example.com/", "https://app.example.com/path", "app.example.com", "https://", "https://a.*.example.com",
     "https://*x.example.com", "https://*.", "https://*", "https://*.[::1]", "https://*.*.example.com",
     "https://user@app.example.com", "https://app.example.com:x", "https://ex\u00e4mple.com",
     "NULL", "https://a b", "https://a.example,null", "*,https://a.example"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(origins: str) -> None:
    (line,) = refusal(ALLOWED_ORIGINS=origins)
    assert line.startswith("ALLOWED_ORIGINS: ")


def test_one_label_of_an_origin_may_be_any() -> None:
    written = "https://*.Example.app:443,http://*.preview.example.co.uk:8080,https://*.team.vercel.app"
    assert Settings(ALLOWED_ORIGINS=written).allowed_origins == (
        "https://*.example.app", "http://*.preview.example.co.uk:8080", "https://*.team.vercel.app",
    )  # fmt: skip


@pytest.mark.parametrize(
    "parent",
    [
        "com", "app", "co.uk", "kawasaki.jp", "vercel.app", "netlify.app", "github.io", "pages.dev",
        "herokuapp.com", "onrender.com", "fly.dev", "up.railway.app",
         "compute.amazonaws.com", "localhost", "intern", "0.0.1",
    ],
)  # fmt: skip
def test_a_label_that_strangers_choose_is_refused(parent: str) -> None:
    (line,) = refusal(ALLOWED_ORIGINS=f"https://*.{parent}")
    assert line == (
        f"ALLOWED_ORIGINS: anybody can have a site below {parent}, so '*.{parent}' would let strangers in"
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://localhost:80", "http://localhost"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("*", "*"),
    ],
)
def test_an_origin_is_read_as_browsers_write_it(written: str, meant: str) -> None:
    assert Settings(ALLOWED_ORIGINS=written).allowed_origins == (meant,)


@pytest.mark.parametrize("proxies", ["*", "0.0.0.0/0", "::/0", "10.0.0.1/8", "proxy.example.com", "10.0.0.1,*"])
def test_what_is_no_proxy_of_ours_is_refused(proxies: str) -> None:
    (line,) = refusal(TRUSTED_PROXIES=proxies)
    assert line.startswith("TRUSTED_PROXIES: ")


@pytest.mark.parametrize("name", ["RATE_LIMIT", "AUTH_RATE_LIMIT"])
@pytest.mark.parametrize(
    "text", ["20", "20/fortnight", "-1/minute", "5/minute;6/hour", "1e3/minute", "9" * 5000 + "/minute"]
)
def test_a_rate_is_one_rate(name: str, text: str) -> None:
    (line,) = refusal(**{name: text})
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "text", ["20/minute", "100 per 10 seconds", " 5PER2Hours ", "1/day", "7 / 3 months", "2/year"]
)
def test_a_rate_is_read_as_the_package_of_the_shared_counters_reads_it(text: str) -> None:
    theirs = limits.parse(text)
    assert amount_and_seconds(text) == (theirs.amount, theirs.get_expiry())


def test_what_counts_in_a_store_is_loaded_for_a_store_alone() -> None:
    code = "import sys, taskward.app; print([name for name in sys.modules if name.split('.')[0] == 'limits'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_store_in_memory_is_none() -> None:
    assert Settings(RATE_LIMIT_STORAGE_URL="memory://").rate_limit_storage_url is None


@pytest.mark.parametrize(
    "url", ["http://secret-word@h", "secret-word", "valkey+unix:///secret-word", "redis://h secret-word"]
)
def test_what_is_no_store_is_refused_and_not_repeated(url: str) -> None:
    (line,) = refusal(RATE_LIMIT_STORAGE_URL=url)
    assert line.startswith("RATE_LIMIT_STORAGE_URL: ")
    assert "secret-word" not in line


@pytest.mark.parametrize("show", [repr, str, lambda settings: settings.model_dump_json()])
def test_settings_shown_do_not_show_secrets(show: Any) -> None:
    settings = Settings(DATABASE_URL="postgresql://a:pass-word@h", JWT_SECRET_KEY="k" * 40)
    assert "pass-word" not in show(settings)
    assert "kkkk" not in show(settings)


def test_a_secret_that_is_set_is_not_written_down(folder: Path) -> None:
    assert Settings(JWT_SECRET_KEY=SECRET).signing_secret == SECRET.encode()
    assert list(folder.iterdir()) == []


def test_a_made_up_secret_is_kept_for_its_owner_alone(folder: Path) -> None:
    secret = Settings().signing_secret
    assert len(secret) >= 32
    assert [path.name for path in (folder / "taskward-data").iterdir()] == ["jwt-secret"]
    assert stat.S_IMODE((folder / "taskward-data" / "jwt-secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "taskward-data").stat().st_mode) == 0o700
    assert Settings().signing_secret == secret
    assert Settings(DATA_DIR=folder / "other").signing_secret != secret


def test_processes_that_start_together_make_up_one_secret(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    responses: Any = context.Queue()
    racers = [context.Process(target=race, args=(folder / "data", start, responses)) for _ in range(4)]
    for racer in racers:
        racer.start()
    secrets = {responses.get(timeout=60) for _ in range(4 * ROUNDS)}
    for racer in racers:
        racer.join(60)
    assert len(secrets) == ROUNDS
    assert all([path.name for path in data.iterdir()] == ["jwt-secret"] for data in folder.glob("data*"))


ROUNDS = 20


def race(data_dir: Path, start: Any, responses: Any) -> None:
    for number in range(ROUNDS):
        settings = Settings(DATA_DIR=f"{data_dir}{number}")
        start.wait(60)
        responses.put((number, settings.signing_secret))


def test_a_folder_that_cannot_hold_the_secret_is_told_with_its_setting(folder: Path) -> None:
    (folder / "file").touch()
    for name, reason in (
        ("file", "it is not a folder"),
        ("file/below", "is not a folder, or a part of its path is"),
    ):
        with pytest.raises(InvalidSettingsError, match=f"^DATA_DIR cannot be {folder / name}: .*{reason}"):
            _ = Settings(DATA_DIR=name).signing_secret


@pytest.mark.parametrize("kept", [b"", b"s" * 31])
def test_a_kept_secret_that_was_cut_short_is_refused(folder: Path, kept: bytes) -> None:
    (folder / "jwt-secret").write_bytes(kept)
    with pytest.raises(InvalidSettingsError, match="too short"):
        _ = Settings(DATA_DIR=folder).signing_secret


def test_a_settings_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / ".env").write_bytes(b"# caf\xe9\nPORT=1\n")
    assert refusal() == [".env is not UTF-8 text. Save it as UTF-8"]


@pytest.mark.parametrize("name", ["JWT_AUDIENCE", "ALLOWED_ORIGINS", "TRUSTED_PROXIES"])
@pytest.mark.parametrize("text", ['["a","b"]', "[]", ' ["a"', "'[a]'"])
def test_a_list_in_brackets_is_told_how_to_be_written(name: str, text: str) -> None:
    (line,) = refusal(**{name: text})
    assert line == f"{name}: write them separated by commas, without brackets and quotation marks"


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("postgresql://h/app?user=app&password=S3cr@t", "parameters, write '@' as %40"),
        ("postgresql://u:p@h:5432/app?password=S3cr@t", "parameters, write '@' as %40"),
        ("postgresql://h/app?password=S3?r@t", "parameters, write '@' as %40"),
        ("postgresql://h/app?password=S3 r@t", "parameters, write '@' as %40 and a space as %20"),
        ("postgresql://u:S3?x=r@h/app", "user name, password and parameters, write '?' as %3F"),
        ("postgresql://u:S3/r?t@h/app", "user name, password and parameters, write '/' as %2F and '?' as %3F"),
    ],
)
def test_an_address_is_told_what_is_wrong_and_nothing_else(address: str, wrong: str) -> None:
    (line,) = refusal(DATABASE_URL=address)
    assert line.endswith(f"encoded: in {wrong}")
