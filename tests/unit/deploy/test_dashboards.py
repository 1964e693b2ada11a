"""The dashboards: Grafana's own model of them loses nothing, links lead to the console, deltas are added up."""

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from fairway.views.filter import parse_filter
from support.prometheus import program

ROOT = Path(__file__).parents[3]
BOARDS = sorted((ROOT / "deploy/helm/fairway/files/dashboards").glob("*.json"))
PAGES = ("overview", "map", "flows", "policies", "zones", "agents")


def lost(given: Any, back: Any, where: str = "$") -> list[str]:
    """What of a document is not in another one."""
    if isinstance(given, dict) and isinstance(back, dict):
        return [
            found
            for key, value in given.items()
            for found in (lost(value, back[key], f"{where}.{key}") if key in back else [f"{where}.{key}"])
        ]
    if isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        return [
            found
            for at, (one, other) in enumerate(zip(given, back, strict=True))
            for found in lost(one, other, f"{where}[{at}]")
        ]
    return [] if given == back else [where]


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_grafanas_own_model_knows_every_word(path: Path) -> None:
    given = json.loads(path.read_text())
    assert lost(given, json.loads(json.dumps(Dashboard.from_json(given), cls=JSONEncoder))) == []


def test_there_is_one_for_each_purpose() -> None:
    boards = [json.loads(path.read_text()) for path in BOARDS]
    wanted = {"aws", "cluster", "flows", "itself", "node", "policy", "workload", "zones"}
    assert {board["uid"].removeprefix("fairway-") for board in boards} == wanted
    for board in boards:
        names = {variable["name"] for variable in board["templating"]["list"]}
        used = {name for name in re.findall(r"\$\{?(\w+)", json.dumps(board)) if not name.startswith("__")}
        assert used <= names, "every variable that is used is there to choose"
        panels = [panel for panel in board["panels"] if panel["type"] != "row"]
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert all(panel["targets"] for panel in panels)


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_links_lead_into_the_console(path: Path) -> None:
    links = set(re.findall(r'"(\$\{console\}[^"]*)"', path.read_text()))
    assert links
    for link in links:
        place = urlsplit(link.removeprefix("${console}"))
        assert (place.path.strip("/") or "overview") in PAGES
        asked = parse_qs(place.query)
        assert set(asked) <= {"since", "q", "view"}
        for text in asked.get("q", []):
            parse_filter(re.sub(r"\$\{\w+:csv\}", "a,b", text), datetime(2026, 11, 23, tzinfo=UTC))


def test_deltas_of_amazons_agent_are_added_up(tmp_path: Path) -> None:
    """600 bytes at each scrape, one a minute, are ten a second; `rate` of such a gauge would be none."""
    board = json.loads((ROOT / "deploy/helm/fairway/files/dashboards/aws.json").read_text())
    [panel] = [one for one in board["panels"] if one["title"] == "Bytes by node"]
    expression = panel["targets"][0]["expr"].replace("$node", ".*")
    series = 'ingress_bytes{{node="a",pod="{}"}}'
    test = {
        "rule_files": [],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series.format(pod), "values": "600x10"} for pod in ("x", "y")],
                "promql_expr_test": [
                    {
                        "expr": expression,
                        "eval_time": "10m30s",
                        "exp_samples": [{"labels": '{node="a"}', "value": 2 * 10}],
                    },
                    {
                        "expr": "sum by (node) (rate(ingress_bytes[5m]))",
                        "eval_time": "10m30s",
                        "exp_samples": [{"labels": '{node="a"}', "value": 0}],
                    },
                ],
            }
        ],
    }
    path = tmp_path / "deltas.yml"
    path.write_text(yaml.safe_dump(test))
    done = subprocess.run([program("promtool"), "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
