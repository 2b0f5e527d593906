"""What surrounds a value, and what a file `.env` can be other than one."""

import os
from pathlib import Path

import pytest

from taskward.cli.configuration_warnings import warnings
from taskward.settings import InvalidSettingsError, Settings
from taskward.settings.sources import SECRETS
from tests.test_settings import FIELDS, SECRET, refusal, set_beside

SURROUNDED = ["{}\n", " {}", "\t{}\r\n", "\u00a0{} "]
QUOTED = ['"{}"', "'{}'", " '{}' ", '" {} "', "\u201c{}\u201d", '"{}"\n']


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FIELDS)
def test_white_space_around_a_value_means_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    set_beside(name, monkeypatch)
    for form in SURROUNDED:
        monkeypatch.setenv(name.upper(), form.format(FIELDS[name][1]))
        assert getattr(Settings.load(), name) == FIELDS[name][2]


@pytest.mark.parametrize("name", FIELDS)
def test_quotation_marks_around_a_value_mean_nothing_except_in_a_secret(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_beside(name, monkeypatch)
    for form in QUOTED:
        monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
        text = form.format(FIELDS[name][1])
        monkeypatch.setenv(name.upper(), text)
        if name.upper() in SECRETS:
            assert Settings.load().signing_secret == text.strip().encode()
        else:
            assert getattr(Settings.load(), name) == FIELDS[name][2]


def test_each_part_of_a_list_may_be_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", '"https://a.example", "https://b.example"')
    monkeypatch.setenv("JWT_AUDIENCE", "'a','b'")
    settings = Settings.load()
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    assert settings.jwt_audience == ("a", "b")


@pytest.mark.parametrize("nothing", [" ", "\n", '""', "' '", "\t'' "])
@pytest.mark.parametrize("name", FIELDS)
def test_what_is_empty_then_is_refused_for_unset_may_be_less_safe(name: str, nothing: str) -> None:
    (line,) = refusal(**{name.upper(): nothing})
    if name != "jwt_secret_key":  # whose quotation marks are part of it, and too short
        assert line.startswith(f"{name.upper()}: this is nothing but white space or quotation marks.")


@pytest.mark.parametrize("nothing", ['" "', "'\"\"'", "' \"\" '", '"\n"'])
def test_it_is_so_in_a_file(nothing: str, folder: Path) -> None:
    (folder / ".env").write_text(f"ENVIRONMENT={nothing}\nJWT_AUDIENCE={nothing}\nLOCAL_ACCOUNTS=true\n")
    assert [line.split(":")[0] for line in refusal()] == ["ENVIRONMENT", "JWT_AUDIENCE"]


def test_the_other_name_of_a_secret_is_told_of_as_well() -> None:
    (line,) = refusal(BETTER_AUTH_SECRET=" ")
    assert "BETTER_AUTH_SECRET" in line


def test_an_empty_value_in_the_environment_leaves_the_files_and_an_empty_secret_the_other_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text('PORT=7000\nWORKERS=""\nHOST=\n')
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("JWT_SECRET_KEY", "")
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    assert (Settings.load().port, Settings.load().signing_secret) == (7000, SECRET.encode())


@pytest.mark.parametrize("name", SECRETS)
def test_white_space_around_a_secret_is_told_of_for_the_other_side_may_keep_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"{SECRET}\n")
    settings = Settings.load()
    assert settings.signing_secret == SECRET.encode()
    (line,) = warnings(settings)
    assert line.startswith(f"{name} has white space around it")
    assert SECRET not in line


@pytest.mark.parametrize(
    ("secret", "told"), [(f'"{SECRET}"', "quotation marks"), (SECRET + "\n" + SECRET[::-1], "line break")]
)
@pytest.mark.parametrize("name", SECRETS)
def test_what_may_be_part_of_a_secret_is_kept_and_told_of(
    name: str, secret: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, secret)
    settings = Settings.load()
    assert settings.signing_secret == secret.encode()
    (line,) = warnings(settings)
    assert line.startswith(f"{name} ")
    assert told in line
    assert SECRET not in line


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfPORT=7000\n",
        b"LOG_LEVEL=info\r\nPORT=7000\r\nWORKERS=1\r\n",
        b"export PORT=7000\n",
        b"  PORT = '7000'  # the port\n",
        b'PORT="7000"',
        b"# caf\xc3\xa9\n\nPORT=7000\n",
        b"PORT=' 7000 '\n",
    ],
)
def test_a_file_is_read_however_it_was_written(folder: Path, text: bytes) -> None:
    (folder / ".env").write_bytes(text)
    settings = Settings.load()
    assert settings.port == 7000
    assert list(warnings(settings)) == []


@pytest.mark.parametrize("text", [b"PORT=7000 # caf\xe9\n", "PORT=7000\n".encode("utf-16"), b"\x80"])
def test_a_file_that_is_not_utf_8_is_refused(folder: Path, text: bytes) -> None:
    (folder / ".env").write_bytes(text)
    assert refusal() == [".env is not UTF-8 text. Save it as UTF-8"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('PORT=1\n\nLOCAL_ACCOUNTS="false\nWORKERS=1\n', [3]),
        ("what is this\n=x\nPORT=1\n", [1, 2]),
        ("\r\n\r\nFOO BAR=1\r\n", [3]),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_for_it_may_be_a_setting(
    folder: Path, text: str, lines: list[int]
) -> None:
    (folder / ".env").write_bytes(text.encode())
    assert [line.split(": ")[0] for line in refusal()] == [f".env, line {line}" for line in lines]


@pytest.mark.parametrize("value", ["abc${FOO}def", '"abc${FOO}def"', "abc${FOO:-x}def", "'abc$FOO'"])
def test_nothing_in_a_file_is_expanded(value: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOO", "foo")
    (folder / ".env").write_text(f"JWT_SECRET_KEY={SECRET}\nJWT_ISSUER={value}\n")
    assert Settings.load().jwt_issuer == value.strip("\"'")
    assert Settings.in_file()["JWT_ISSUER"] == value.strip("\"'")


def test_a_folder_of_the_files_name_is_told_of_for_many_have_their_python_in_one(folder: Path) -> None:
    (folder / ".env").mkdir()
    assert list(warnings(Settings.load())) == [".env is a folder, so there are no settings in it"]


def test_a_link_to_nowhere_is_refused(folder: Path) -> None:
    (folder / ".env").symlink_to(folder / "nowhere")
    (line,) = refusal()
    assert line.startswith(".env is a link to a missing file")


def test_a_file_that_may_not_be_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("PORT=7000\n")
    (folder / ".env").chmod(0)
    if os.geteuid() == 0:  # who may read everything; the question is what is said when the system refuses
        unreadable = PermissionError(13, "Permission denied", ".env")
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(unreadable))
    with pytest.raises(
        InvalidSettingsError, match=r"^\.env cannot be read: Permission denied\. Allow the service's user"
    ):
        Settings.load()
