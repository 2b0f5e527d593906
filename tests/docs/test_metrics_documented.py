"""Documents, dashboard and alerts name the metrics that there are, and no others."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from taskward.api.state import state_of
from taskward.observability.current import UNMATCHED
from tests.client import Client
from tests.docs.documents import ROOT, code, rows, section

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
RULES = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
EXPRESSIONS = {rule["alert"]: rule["expr"] for rule in RULES} | {
    f"{panel['title']}, {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
NAME = re.compile(r"\btaskward_\w+")
SELECTOR = re.compile(r"(taskward_\w+)(?:\{([^}]*)\})?")


@pytest.fixture
async def scraped(app: FastAPI, alice: Client) -> dict[str, tuple[str, set[str]]]:
    """Kind and labels of every metric, by the names of its samples, of a service that has done everything."""
    await alice.get("/tasks")
    state_of(app).metrics.rate_limited("default")
    families = text_string_to_metric_families((await alice.get("/metrics")).text)
    return {sample.name: (family.type, set(sample.labels)) for family in families for sample in family.samples}


def as_documented(scraped: dict[str, tuple[str, set[str]]]) -> dict[str, tuple[str, set[str]]]:
    """Return kind and labels by the name of the metric: a histogram is one, with three kinds of samples."""
    found = {}
    for name, (kind, labels) in scraped.items():
        if kind != "histogram":
            found[name] = (kind, labels)
        elif name.endswith("_count"):
            found[name.removesuffix("_count")] = (kind, labels)
    return found


async def test_the_table_has_every_metric_with_kind_and_labels(scraped: dict[str, tuple[str, set[str]]]) -> None:
    documented = {
        code(name)[0]: (kind, set(code(labels)))
        for name, kind, labels, meaning in rows(OPERATIONS, "metric")
        if meaning
    }
    assert documented == as_documented(scraped)


@pytest.mark.parametrize("title", EXPRESSIONS)
async def test_an_expression_names_metrics_and_labels_that_exist(
    scraped: dict[str, tuple[str, set[str]]], title: str
) -> None:
    expression = EXPRESSIONS[title]
    assert NAME.search(expression)
    for name, matchers in SELECTOR.findall(expression):
        assert name in scraped
        assert set(re.findall(r"(\w+)[=!]", matchers)) <= scraped[name][1]
    labels = set().union(*(scraped[name][1] for name in NAME.findall(expression)))
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {label.strip() for label in grouped.split(",")} <= labels
    assert all(expression.count(one) == expression.count(other) for one, other in ("()", "[]", "{}"))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    assert shown == {code(name)[0] for name, *_ in rows(OPERATIONS, "metric")}


def test_every_alert_is_explained_and_says_what_to_do_first() -> None:
    table = rows(section(OPERATIONS, "Dashboard and alerts"), "alert")
    assert [code(alert)[0] for alert, _, _ in table] == [rule["alert"] for rule in RULES]
    assert all(meaning and step for _, meaning, step in table)
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in RULES)


def test_no_two_panels_lie_on_each_other() -> None:
    cells = [cell for panel in DASHBOARD["panels"] for cell in cells_of(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 24 for x, _ in cells)


def cells_of(place: dict[str, Any]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def test_the_document_says_what_unmatched_means() -> None:
    assert f"`{UNMATCHED}`" in section(OPERATIONS, "Logs")
    assert f"`{UNMATCHED}`" in section(OPERATIONS, "Metrics")
