"""What `taskward doctor settings` says, above all of proxies."""

from pathlib import Path

import pytest

from taskward.cli.doctor_settings import examine
from taskward.settings import Settings
from tests.cli.command import taskward
from tests.cli.test_config import PRODUCTION
from tests.conftest import SECRET

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_service_behind_nobody_knows_what_is_told_of_proxies(tmp_path: Path, host: str) -> None:
    settings = {**PRODUCTION, "JWT_SECRET_KEY": SECRET, "HOST": host}
    done = taskward("doctor", "settings", settings=settings, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["note", "proxies"], ["note", "settings"]]
    assert done.stdout.count("TRUSTED_PROXIES is not set") == 2


def test_whom_the_service_believes_is_told() -> None:
    settings = Settings(
        TRUSTED_PROXIES="100.64.0.0/10,::1", CLIENT_ADDRESS_HEADER="X-Real-IP", JWT_SECRET_KEY=SECRET
    )
    assert [str(each) for each in examine(settings)] == [
        "ok       proxies    X-Real-IP is believed from 100.64.0.0/10, ::1/128",
        "ok       settings   nothing is unusual about them",
    ]


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    done = taskward("doctor", "settings", settings={"TRUSTED_PROXIES": "*"}, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("taskward: TRUSTED_PROXIES: ")
