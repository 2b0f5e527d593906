"""`taskward doctor token` and the service never disagree, and what the doctor prescribes helps."""

import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from taskward.api.state import state_of
from taskward.auth.jwk import ALGORITHMS
from taskward.cli.doctor_token import doctor_token, examine, examine_by
from taskward.settings import Settings
from tests.auth.provider import KeyServer, Pair
from tests.auth.test_weak_rsa import ROCA
from tests.auth.tokens import base64url, json_part, signed
from tests.cli.command import taskward
from tests.client import connect
from tests.conftest import SECRET, UNLIMITED, started

FRONT_END = "https://example.com"
NOW = int(time.time())
GOOD: dict[str, Any] = {"sub": "alice", "exp": NOW + 3600, "iss": FRONT_END, "aud": FRONT_END}
PAIR = Pair("EdDSA")

TOKENS = {
    **{f"a good {algorithm} token": Pair(algorithm).token(GOOD) for algorithm in ALGORITHMS},
    "a good HS256 token": signed(payload=GOOD, secret=SECRET.encode()),
    "another secret": signed(payload=GOOD, secret=b"x" * 32),
    "another key": Pair("EdDSA", "stranger").token(GOOD, kid=PAIR.kid),
    "an unknown key": Pair("EdDSA", "stranger").token(GOOD),
    "no kid": PAIR.token(GOOD, kid=None),
    "another algorithm": PAIR.token(GOOD, alg="ES256"),
    "no algorithm": PAIR.token(GOOD, alg="none"),
    "another type": PAIR.token(GOOD, typ="JWE"),
    "a session cache": PAIR.token(GOOD, typ="better-auth.session-cache+jwt"),
    "the audience of a session cache": PAIR.token(GOOD | {"aud": "better-auth:session-cache"}),
    "an opaque session token": "Ax7" * 10 + "Ax",
    "expired": PAIR.token(GOOD | {"exp": NOW - 60}),
    "expired in 1970": PAIR.token(GOOD | {"exp": 900}),
    "of the far future": PAIR.token(GOOD | {"exp": 10**300}),
    "not yet": PAIR.token(GOOD | {"nbf": NOW + 600}),
    "no expiry": PAIR.token({"sub": "alice"}),
    "another issuer": PAIR.token(GOOD | {"iss": "https://other.example.com"}),
    "another audience": PAIR.token(GOOD | {"aud": "other"}),
    "a list of audiences": PAIR.token(GOOD | {"aud": ["other", FRONT_END]}),
    "of a client": PAIR.token({"sub": "alice", "exp": NOW + 3600, "iss": FRONT_END, "client_id": "web"}),
    "of another client": PAIR.token({"sub": "alice", "exp": NOW + 3600, "iss": FRONT_END, "client_id": "other"}),
    "of a client for another audience": PAIR.token(GOOD | {"aud": "other", "client_id": "web"}),
    "the newer name of EdDSA": PAIR.token(GOOD, alg="Ed25519"),
    "a media type in full": PAIR.token(GOOD, typ="application/at+jwt"),
    "a user id that is too long": PAIR.token(GOOD | {"sub": "x" * 256}),
    "neither issuer nor audience": PAIR.token({"sub": "alice", "exp": NOW + 3600}),
    "strange claims": PAIR.token(GOOD | {"iss": "a\nPORT=1", "aud": ["\x1b[31m", None], "sub": 1, "id": "alice"}),
    "no user": PAIR.token(GOOD | {"sub": None}),
    "another claim": PAIR.token({"id": "alice", "exp": NOW + 3600, "iss": FRONT_END, "aud": FRONT_END}),
    "no base64": "a.b.c!",
    "no JSON": f"{base64url(b'{')}.{json_part(GOOD)}.AAAA",
    "nothing": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def key_server() -> Iterator[KeyServer]:
    with KeyServer(*(Pair(algorithm) for algorithm in ALGORITHMS)) as server:
        yield server


def settings(kind: str, key_server: KeyServer, database_url: str = "postgresql://127.0.0.1:1/nothing") -> Settings:
    keys, secret = {"JWT_JWKS_URL": key_server.url}, {"JWT_SECRET_KEY": SECRET}
    strict = {"JWT_ISSUER": FRONT_END, "JWT_AUDIENCE": FRONT_END}
    chosen: dict[str, Any] = {
        "secret": secret,
        "keys": keys,
        "both": keys | secret,
        "both, strict": keys | secret | strict,
        "a client": keys | {"JWT_CLIENT_ID": "web"},
        "a client or an audience": keys | {"JWT_CLIENT_ID": "web"} | strict,
        "another claim": keys | {"JWT_USER_ID_CLAIM": "id"},
        "a provider that is away": {"JWT_JWKS_URL": "http://127.0.0.1:1/"},
    }[kind]
    return Settings(
        DATABASE_URL=database_url, RATE_LIMIT=UNLIMITED, AUTH_RATE_LIMIT=UNLIMITED, DB_POOL_SIZE=2, **chosen
    )


KINDS = [
    "secret", "keys", "both", "both, strict", "a client", "a client or an audience", "another claim",
    "a provider that is away",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_the_doctor_and_the_service_agree(key_server: KeyServer, kind: str, served_url: str) -> None:
    """With a database, as the service waits a moment for one that is away before it answers."""
    chosen = settings(kind, key_server, served_url)
    accepted = 0
    async with started(chosen) as app, connect(app) as client:
        for name, token in TOKENS.items():
            claims, diagnostics, _ = await examine(token, state_of(app).verifier, chosen)
            response = await client.get("/tasks", headers={"Authorization": f"Bearer {token}"})
            assert response.status_code == 200 or response.json()["code"].startswith(("TOKEN_", "KEYS_")), name
            assert (claims is not None) is (response.status_code == 200), name
            assert (claims is not None) is all(diagnostic.level == "ok" for diagnostic in diagnostics), name
            accepted += claims is not None
    assert (accepted > 0) is (kind != "a provider that is away")
    assert accepted < len(TOKENS)


# the token: (the settings at first, the lines that make it good)
PRESCRIPTIONS: dict[str, tuple[dict[str, str], list[str]]] = {
    "a good EdDSA token": (
        {}, [f"JWT_JWKS_URL={FRONT_END}/api/auth/jwks", f"JWT_ISSUER={FRONT_END}", f"JWT_AUDIENCE={FRONT_END}"]
    ),
    "another issuer": (
        {"JWT_ISSUER": FRONT_END, "JWT_AUDIENCE": FRONT_END}, ["JWT_ISSUER=https://other.example.com"]
    ),
    "another audience": ({"JWT_ISSUER": FRONT_END, "JWT_AUDIENCE": FRONT_END}, ["JWT_AUDIENCE=other"]),
    "another claim": ({"JWT_ISSUER": FRONT_END, "JWT_AUDIENCE": FRONT_END}, ["JWT_USER_ID_CLAIM=id"]),
    "of a client": ({"JWT_ISSUER": FRONT_END, "JWT_AUDIENCE": FRONT_END}, ["JWT_CLIENT_ID=web"]),
    "of another client": ({"JWT_ISSUER": FRONT_END, "JWT_CLIENT_ID": "web"}, ["JWT_CLIENT_ID=other"]),
    "of a client for another audience": (
        {"JWT_ISSUER": FRONT_END, "JWT_CLIENT_ID": "web"}, ["JWT_AUDIENCE=other"]
    ),
    "a good HS256 token": ({"JWT_SECRET_KEY": "y" * 32}, ["JWT_SECRET_KEY=<the secret that it was signed with>"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PRESCRIPTIONS)
async def test_what_the_doctor_prescribes_helps(key_server: KeyServer, name: str) -> None:
    given, prescribed = PRESCRIPTIONS[name]
    keys = {} if name.startswith("a good") else {"JWT_JWKS_URL": key_server.url}
    first: dict[str, Any] = {"JWT_SECRET_KEY": SECRET} | keys | given
    claims, _, lines = await examine_by(Settings(**first), TOKENS[name])
    assert claims is None
    assert lines == prescribed
    better: dict[str, Any] = keys | given | dict(line.split("=", 1) for line in lines)
    better["JWT_SECRET_KEY"] = SECRET
    if name == "a good EdDSA token":
        assert better["JWT_JWKS_URL"] == f"{FRONT_END}/api/auth/jwks"
        better["JWT_JWKS_URL"] = key_server.url  # where this test publishes it instead
    claims, _, _ = await examine_by(Settings(**better), TOKENS[name])
    assert claims is not None
    assert claims.user_id == "alice"


async def test_nothing_is_prescribed_that_is_no_plain_line(key_server: KeyServer) -> None:
    for kind in KINDS:
        _, _, lines = await examine_by(settings(kind, key_server), TOKENS["strange claims"])
        assert not any(character in "".join(lines) for character in "\n\x1b ")
        assert set(lines) <= {"JWT_USER_ID_CLAIM=id"}


async def test_an_issuer_without_https_is_not_prescribed_as_a_place_of_keys() -> None:
    for issuer in ("http://example.com", "ftp://example.com", "example.com", "https://a@example.com", "x"):
        _, _, lines = await examine_by(Settings(JWT_SECRET_KEY=SECRET), PAIR.token(GOOD | {"iss": issuer}))
        assert not any(line.startswith("JWT_JWKS_URL") for line in lines), issuer


async def test_a_good_token_is_told_how_to_keep_others_out(key_server: KeyServer) -> None:
    claims, _, lines = await examine_by(settings("keys", key_server), PAIR.token(GOOD))
    assert claims is not None
    assert lines == [f"JWT_ISSUER={FRONT_END}", f"JWT_AUDIENCE={FRONT_END}"]


async def test_a_token_without_an_audience_is_told_how_to_keep_other_clients_out(key_server: KeyServer) -> None:
    claims, diagnostics, lines = await examine_by(settings("keys", key_server), TOKENS["of a client"])
    assert claims is not None
    assert lines == [f"JWT_ISSUER={FRONT_END}", "JWT_CLIENT_ID=web"]
    assert "any, as neither JWT_AUDIENCE nor JWT_CLIENT_ID is set" in str(diagnostics)
    _, diagnostics, _ = await examine_by(settings("a client", key_server), TOKENS["of a client"])
    assert "none, and 'client_id' is 'web'" in str(diagnostics)


async def test_a_key_that_is_published_and_not_used_is_told_with_the_reason() -> None:
    weak = Pair("RS256").jwk(n=base64url(ROCA.to_bytes(256)))
    with KeyServer() as server:
        server.response_json({"keys": [PAIR.jwk(), weak]})
        claims, diagnostics, _ = await examine_by(Settings(JWT_JWKS_URL=server.url), Pair("RS256").token(GOOD))
        assert claims is None
        (note,) = (diagnostic.text for diagnostic in diagnostics if diagnostic.level == "note")
        assert note.startswith(f"At {server.url}, key 2 is not used: it has the weakness ROCA")
        _, diagnostics, _ = await examine_by(Settings(JWT_JWKS_URL=server.url), PAIR.token(GOOD))
        assert {diagnostic.level for diagnostic in diagnostics} == {"ok"}, "another key is no matter of this token"


async def test_a_provider_that_is_away_is_named_with_the_reason() -> None:
    _, diagnostics, _ = await examine_by(Settings(JWT_JWKS_URL="http://127.0.0.1:1/?key=S3cret"), PAIR.token(GOOD))
    assert "S3cret" not in str(diagnostics)
    (told,) = (diagnostic.text for diagnostic in diagnostics if diagnostic.subject == "key")
    assert "http://127.0.0.1:1/" in told
    assert "connection" in told.lower()


@pytest.mark.parametrize("name", TOKENS)
def test_neither_secret_nor_signature_nor_other_claims_are_printed(
    name: str, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    monkeypatch.setenv("JWT_JWKS_URL", key_server.url)
    token = TOKENS[name]
    doctor_token(token)
    printed = capsys.readouterr()
    assert SECRET not in printed.out
    assert printed.err == ""
    signature = token.rpartition(".")[2]
    assert len(signature) < 5 or signature not in printed.out
    assert "\x1b" not in printed.out


def test_before_a_service_has_a_secret_the_doctor_makes_none_up(tmp_path: Path) -> None:
    token = signed(payload=GOOD, secret=SECRET.encode())
    done = taskward("doctor", "token", token, settings={}, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "no secret yet: the service makes one up and keeps it in taskward-data" in done.stdout
    assert "JWT_SECRET_KEY=<the secret that it was signed with>" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_by_its_exit_code_whether_the_token_is_good(tmp_path: Path) -> None:
    environment = {"JWT_SECRET_KEY": SECRET}
    done = taskward("doctor", "token", TOKENS["another secret"], settings=environment, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "another secret than JWT_SECRET_KEY" in done.stdout
    assert "Refused." in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "taskward", "doctor", "token", "-"],
        input=TOKENS["a good HS256 token"], capture_output=True, text=True, check=False, timeout=60,
        env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "Accepted. Whoever sends it is 'alice'." in done.stdout


FORMS = {"{}": True, "{}\n": True, "  {} \r\n": True, "Bearer {}": True, "Authorization: Bearer {}\n": True}
FORMS |= {"{} {}": False, "Basic {}": False, "\xff\xfe": False, "": False, "{}" * 200: False}


@pytest.mark.parametrize("form", FORMS)
def test_the_token_comes_from_standard_input(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = TOKENS["a good HS256 token"]
    typed = form.replace("{}", token).encode("latin-1")
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(typed)))
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    assert doctor_token("-") is FORMS[form]
