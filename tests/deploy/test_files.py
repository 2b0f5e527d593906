"""The files of `deploy` agree with the code and with each other."""

import re
from collections.abc import Mapping
from fnmatch import fnmatch
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from fastapi import FastAPI

import taskward
from taskward.cli.configuration_warnings import configuration_warnings
from taskward.cli.main import cli
from taskward.cli.serve import DRAIN_SECONDS
from taskward.settings import InvalidSettingsError, Settings
from tests.client import Client
from tests.conftest import SECRET
from tests.deploy import files
from tests.docs.documents import ROOT, code, rows

pytestmark = pytest.mark.quick

SPARE_SECONDS = 5
PORT = Settings.model_fields["port"].default
METRICS_PORT = str((Settings.model_fields["metrics_port"].examples or [None])[0])
POSTGRES = "postgres:18"


def test_every_variable_is_a_setting() -> None:
    of_python = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    named = set(files.environment()) - of_python
    named |= set(files.compose()["taskward"]["environment"]) | set(files.kubernetes()["Secret"]["stringData"])
    named |= {variable["key"] for variable in files.read_yaml("render.yaml")["services"][0]["envVars"]}
    named |= set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", (files.DEPLOY / "fly.toml").read_text()))
    named |= {each["name"] for each in files.container(files.kubernetes()["Deployment"])["env"]}
    assert named <= files.settings_names()
    assert len(named) >= 6


def load(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> Settings:
    with monkeypatch.context() as patch:
        for name in files.settings_names() & set(environment):
            patch.setenv(name, environment[name])
        return Settings.load()


def test_the_image_starts_as_it_should_once_two_settings_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DATABASE_URL": "postgresql://db/x", "JWT_SECRET_KEY": SECRET}
    settings = load(monkeypatch, {**files.environment(), **given})
    assert (settings.environment, settings.host, settings.port) == ("production", "0.0.0.0", PORT)
    with pytest.raises(InvalidSettingsError, match="must be set in production"):
        load(monkeypatch, files.environment())


def trusted(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]) -> tuple[str, str]:
    """What the image, or the unit, would believe with these variables beside its own."""
    secret = {"DATABASE_URL": "postgresql://db/x", "JWT_SECRET_KEY": SECRET}
    settings = load(monkeypatch, {**files.environment(), **secret, **given})
    assert not [warning for warning in configuration_warnings(settings) if "TRUSTED_PROXIES" in warning]
    networks = ",".join(re.sub("/(32|128)$", "", str(network)) for network in settings.trusted_proxies)
    return networks, settings.client_address_header


def test_every_platform_says_whom_to_believe_as_the_page_does(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = files.container(files.kubernetes()["Deployment"])
    render = {each["key"]: each.get("value") for each in files.read_yaml("render.yaml")["services"][0]["envVars"]}
    compose = files.compose()["taskward"]["environment"]["TRUSTED_PROXIES"]
    default = re.fullmatch(r"\$\{TRUSTED_PROXIES:-(.+)\}", compose)
    assert default
    networks = {
        "systemd": {name: value for name, value in files.unit_environment().items() if name != "DATA_DIR"},
        "Compose": {"TRUSTED_PROXIES": default[1]},
        "Kubernetes": {each["name"]: each["value"] for each in pod["env"]},
        "Render": {name: value for name, value in render.items() if value},
        "Fly": files.fly()["env"],
    }
    told = {
        name: (code(proxies)[0], code(header)[0])
        for name, proxies, header, _ in rows((ROOT / "docs/deployment.md").read_text(), "platform")
    }
    assert told.pop("Railway") == ("100.64.0.0/10", "X-Real-IP"), "whose file has no variables"
    assert {name: trusted(monkeypatch, given) for name, given in networks.items()} == told


def test_the_gateway_that_compose_trusts_is_that_of_its_network() -> None:
    (network,) = files.read_yaml("compose.yaml")["networks"]["default"]["ipam"]["config"]
    assert files.compose()["taskward"]["environment"]["TRUSTED_PROXIES"].endswith(f":-{network['gateway']}}}")
    assert ip_address(network["gateway"]) in ip_network(network["subnet"])
    assert files.compose()["taskward"]["ports"][0].startswith("127.0.0.1:"), (
        "nobody else comes through the gateway"
    )


def test_whoever_forgets_to_fill_the_secret_in_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSettingsError, match="at least 32 characters"):
        load(monkeypatch, files.kubernetes()["Secret"]["stringData"])


def test_the_image_is_not_root_and_every_manifest_says_the_same_user() -> None:
    user, group = map(int, files.argument("USER").split(":"))
    assert user > 0
    for kind in ("Deployment", "Job"):
        pod = files.kubernetes()[kind]["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == (user, group)
        context = files.container(files.kubernetes()[kind])["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
    for service in files.compose().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in files.compose()["taskward"]


def test_only_the_service_reaches_the_database_and_only_its_ports_are_reached() -> None:
    assert files.compose()["postgres"]["networks"] == ["database"]
    assert "ports" not in files.compose()["postgres"]
    assert files.read_yaml("compose.yaml")["networks"]["database"] == {"internal": True}
    policy = files.kubernetes()["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    (ingress,) = policy["ingress"]
    assert [(each["protocol"], each["port"]) for each in ingress["ports"]] == [
        ("TCP", PORT), ("TCP", int(METRICS_PORT)),
    ]  # fmt: skip
    ports = {(port["protocol"], port["port"]) for rule in policy["egress"] for port in rule["ports"]}
    assert ports == {("UDP", 53), ("TCP", 53), ("TCP", 5432), ("TCP", 443)}
    for kind in ("Deployment", "Job"):
        labels = files.kubernetes()[kind]["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()


def test_where_nothing_else_can_be_written_there_is_a_place_for_metrics() -> None:
    pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
    (mount,) = files.container(files.kubernetes()["Deployment"])["volumeMounts"]
    assert mount["mountPath"] == "/tmp"
    assert [volume["name"] for volume in pod["volumes"] if volume["emptyDir"]["medium"] == "Memory"] == [
        mount["name"]
    ]
    assert files.compose()["taskward"]["tmpfs"] == ["/tmp"]


async def test_every_path_that_is_asked_answers(anonymous: Client, app: FastAPI) -> None:
    assert files.probe_paths() == {"/health/live", "/health/ready"}
    for path in files.probe_paths():
        assert (await anonymous.get(path)).status_code == 200


def test_liveness_never_asks_the_database() -> None:
    pod = files.container(files.kubernetes()["Deployment"])
    assert pod["livenessProbe"]["httpGet"]["path"] == pod["startupProbe"]["httpGet"]["path"] == "/health/live"
    assert "/health/live" in " ".join(files.health_check())
    assert files.read_yaml("render.yaml")["services"][0]["healthCheckPath"] == "/health/live"


def test_readiness_has_the_patience_that_an_upgrade_takes() -> None:
    probe = files.container(files.kubernetes()["Deployment"])["readinessProbe"]
    assert probe["httpGet"]["path"] == "/health/ready"
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 60


def test_everywhere_requests_have_the_time_to_end() -> None:
    enough = DRAIN_SECONDS + SPARE_SECONDS
    pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
    pause = files.container(files.kubernetes()["Deployment"])["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= pause + enough
    assert int(files.compose()["taskward"]["stop_grace_period"].removesuffix("s")) >= enough
    assert files.fly()["kill_timeout"] >= enough
    assert files.railway()["deploy"]["drainingSeconds"] >= enough
    assert files.read_yaml("render.yaml")["services"][0]["maxShutdownDelaySeconds"] >= enough
    assert files.argument("STOPSIGNAL") == files.fly()["kill_signal"] == "SIGTERM"


def test_every_command_exists_and_is_no_shell() -> None:
    known = {command.name or command.callback.__name__ for command in cli.registered_commands if command.callback}
    assert [words[0] for words in files.commands()] == ["taskward"] * len(files.commands())
    assert {words[1] for words in files.commands()} == {"serve", "migrate"} <= known
    assert files.health_check()[:2] == ["python", "-c"]


def test_all_ports_are_one() -> None:
    deployment, service = files.kubernetes()["Deployment"], files.kubernetes()["Service"]
    port, metrics = files.container(deployment)["ports"]
    assert port["containerPort"] == PORT == int(files.argument("EXPOSE")) == int(files.environment()["PORT"])
    assert files.fly()["http_service"]["internal_port"] == PORT
    assert files.compose()["taskward"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert files.scraped() == {(METRICS_PORT, METRICS_PORT, "/metrics")}
    assert str(metrics["containerPort"]) == METRICS_PORT
    assert str(files.compose()["taskward"]["environment"]["METRICS_PORT"]) == METRICS_PORT
    assert len(service["spec"]["ports"]) == 1, "metrics are for Prometheus alone"
    probes = [
        files.container(deployment)[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")
    ]
    assert {service["spec"]["ports"][0]["targetPort"], *(probe["port"] for probe in probes)} == {port["name"]}


def test_the_objects_of_kubernetes_find_each_other() -> None:
    objects = files.kubernetes()
    assert {kind: thing["apiVersion"] for kind, thing in objects.items()} == {
        "Deployment": "apps/v1", "Job": "batch/v1", "NetworkPolicy": "networking.k8s.io/v1",
        "PodDisruptionBudget": "policy/v1", "Secret": "v1",
        "Service": "v1",
    }  # fmt: skip
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert objects["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert objects["Service"]["spec"]["selector"] == labels
    assert objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert objects["Job"]["spec"]["template"]["metadata"]["labels"] != labels, "the Service would send it requests"
    for kind in ("Deployment", "Job"):
        (source,) = files.container(objects[kind])["envFrom"]
        assert source == {"secretRef": {"name": objects["Secret"]["metadata"]["name"]}}
    assert objects["Deployment"]["spec"]["replicas"] > objects["PodDisruptionBudget"]["spec"]["maxUnavailable"]


def test_images_have_short_names_and_tags() -> None:
    bases = [text.split()[0] for name, text in files.containerfile() if name == "FROM"]
    assert set(bases) == {"${PYTHON_IMAGE}"}
    assert files.argument("ARG") == "PYTHON_IMAGE=python:3.13-slim"
    build = files.compose()["taskward"]["build"]
    assert build["args"] == {"PYTHON_IMAGE": "${PYTHON_IMAGE:-python:3.13-slim}"}
    images = {files.container(files.kubernetes()[kind])["image"] for kind in ("Deployment", "Job")}
    assert images == {f"taskward:{taskward.__version__}"}
    assert files.compose()["postgres"]["image"] == f"${{POSTGRES_IMAGE:-{POSTGRES}}}"
    (database,) = files.read_yaml("render.yaml")["databases"]
    assert f"postgres:{database['postgresMajorVersion']}" == POSTGRES


def test_every_file_that_is_named_is_there() -> None:
    compose, render = files.compose()["taskward"]["build"], files.read_yaml("render.yaml")["services"][0]
    named = [
        files.DEPLOY / compose["context"] / compose["dockerfile"], ROOT / render["dockerfilePath"],
        ROOT / files.railway()["build"]["dockerfilePath"], files.DEPLOY / files.fly()["build"]["dockerfile"],
    ]  # fmt: skip
    assert {path.resolve() for path in named} == {files.DEPLOY / "Containerfile"}


def test_the_image_is_built_from_what_it_needs_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    taken = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert all((ROOT / name).exists() for name in taken)
    assert not any(
        fnmatch(str(Path(name)), pattern) for name in taken for pattern in (".env*", "tests*", "*embedded*")
    )
