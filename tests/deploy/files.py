"""The files in `deploy`, read for the tests that hold them to the code."""

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Hashable
from typing import Any

import yaml
from pydantic import AliasChoices

from taskward.settings import Settings
from tests.docs.documents import ROOT

DEPLOY = ROOT / "deploy"


class OneOfEach(yaml.SafeLoader):
    """Refuses a name that stands twice, of which PyYAML takes the last, and kubectl none (YAML 1.2.2, 3.2.1.3)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Read a mapping."""
        names = [name.value for name, _ in node.value]
        assert len(names) == len({*names}), f"a name stands twice{node.start_mark}"
        return super().construct_mapping(node, deep)


def settings_names() -> set[str]:
    """Every environment variable that the service reads."""
    names = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names |= set(map(str, alias.choices)) if isinstance(alias, AliasChoices) else {name.upper()}
    return names


def containerfile() -> list[tuple[str, str]]:
    """Every instruction of the Containerfile, with its arguments as they are written."""
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    return [(line.split()[0], line.split(None, 1)[1]) for line in lines if line and not line.startswith("#")]


def argument(instruction: str) -> str:
    """The argument of an instruction that stands there once."""
    (found,) = (text for name, text in containerfile() if name == instruction)
    return found


def environment() -> dict[str, str]:
    """What the image sets."""
    pairs = [pair for name, text in containerfile() if name == "ENV" for pair in shlex.split(text)]
    return dict(pair.split("=", 1) for pair in pairs)


def health_check() -> list[str]:
    """The command of the health check."""
    command: list[str] = json.loads(argument("HEALTHCHECK").split(" CMD ")[1])
    return command


def kubernetes() -> dict[str, dict[str, Any]]:
    """Every object of the manifests, by its kind."""
    found = {}
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for thing in yaml.load_all(file.read_text(), OneOfEach):  # a safe loader
            found[thing["kind"]] = thing
    return found


def compose() -> dict[str, Any]:
    services: dict[str, Any] = read_yaml("compose.yaml")["services"]
    return services


def read_yaml(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.load((DEPLOY / name).read_text(), OneOfEach)  # a safe loader
    return read


def fly() -> dict[str, Any]:
    return tomllib.loads((DEPLOY / "fly.toml").read_text())


def railway() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DEPLOY / "railway.json").read_text())
    return read


def unit() -> dict[str, dict[str, str]]:
    """The unit of systemd, by section; none of its names stands there twice."""
    parser = configparser.ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "taskward.service")
    return {name: dict(parser[name]) for name in parser.sections()}


def unit_environment() -> dict[str, str]:
    """What the unit sets."""
    return dict(pair.split("=", 1) for pair in shlex.split(unit()["Service"]["Environment"]))


def commands() -> list[list[str]]:
    """Every command line of ours that a platform is told to run."""
    objects = kubernetes()
    return [
        json.loads(argument("CMD")),
        *(container(objects[kind])["args"] for kind in ("Deployment", "Job")),
        read_yaml("render.yaml")["services"][0]["preDeployCommand"].split(),
        railway()["deploy"]["startCommand"].split(),
        *(command.split() for command in railway()["deploy"]["preDeployCommand"]),
        fly()["deploy"]["release_command"].split(),
    ]


def container(thing: dict[str, Any]) -> dict[str, Any]:
    """The one container of a Deployment or a Job."""
    (only,) = thing["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def probe_paths() -> set[str]:
    """Every path that a platform asks whether the service is well."""
    pod = container(kubernetes()["Deployment"])
    found = {pod[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    found |= {check["path"] for check in fly()["http_service"]["checks"]}
    found |= {read_yaml("render.yaml")["services"][0]["healthCheckPath"], railway()["deploy"]["healthcheckPath"]}
    found |= set(re.findall(r"'(/[\w/]+)'", " ".join(health_check())))
    return found


def scraped() -> set[tuple[str, str, str]]:
    """Where each platform scrapes: the port that the service is told, the port that is asked, the path."""
    annotations = kubernetes()["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    told = {each["name"]: each["value"] for each in container(kubernetes()["Deployment"])["env"]}
    metrics = fly()["metrics"]
    return {
        (told["METRICS_PORT"], annotations["prometheus.io/port"], annotations["prometheus.io/path"]),
        (fly()["env"]["METRICS_PORT"], str(metrics["port"]), metrics["path"]),
    }
