"""Every alarm fires when it should and is quiet when it should be, by promtool; its links lead somewhere."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from helm_python import Chart

from fairway.cli.main import parser
from fairway.hub.investigate.subject import subject_of
from fairway.views.filter import parse_filter
from support.alarms import CASES, Case, Series
from support.prometheus import program

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy/prometheus/rules.yml"
CONSOLE = "https://fairway-hub.fairway.svc:8480"


def group(case: Case, series: Series, expected: list[dict[str, Any]]) -> dict[str, Any]:
    """One of promtool's tests. Only where the hub is the matter is it away."""
    there = {} if case.alert == "FairwayHubDown" else {'up{job="fairway-hub"}': f"1x{case.minutes}"}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in {**there, **series}.items()],
        "alert_rule_test": [
            {"eval_time": f"{case.minutes}m", "alertname": case.alert, "exp_alerts": expected},
        ],
    }


def test_every_alarm_fires_when_it_should_and_else_does_not(tmp_path: Path) -> None:
    groups = []
    for case in CASES:
        annotations = {
            "summary": case.summary,
            "console": CONSOLE + case.console,
            "runbook_url": f"docs/runbooks/{case.alert}.md",
        }
        labels = {**case.labels, "severity": case.severity}
        groups.append(group(case, case.fires, [{"exp_labels": labels, "exp_annotations": annotations}]))
        groups.append(group(case, case.quiet, []))
    written = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": groups}
    path = tmp_path / "alerts.test.yml"
    path.write_text(yaml.safe_dump(written))
    done = subprocess.run([program("promtool"), "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_every_alarm_has_its_test_and_its_page() -> None:
    names = {rule["alert"] for rule in alerts()}
    assert names == {case.alert for case in CASES}
    pages = {path.stem: path.read_text() for path in (ROOT / "docs/runbooks").glob("Fairway*.md")}
    assert set(pages) == names
    table = (ROOT / "docs/signals.md").read_text()
    assert set(re.findall(r"^\| (Fairway\w+) \|", table, re.MULTILINE)) == names
    for name, page in pages.items():
        assert page.startswith(f"# {name}\n")
        for part in ("## What it means", "## What to do now", "## When it is over"):
            assert part in page, (name, part)


def commands() -> list[tuple[str, str]]:
    return [
        (path.stem, line.removeprefix("$ fairway "))
        for path in sorted((ROOT / "docs/runbooks").glob("Fairway*.md"))
        for line in path.read_text().splitlines()
        if line.startswith("$ fairway ")
    ]


def test_commands_of_the_runbooks_are_such_as_the_program_takes() -> None:
    assert {name for name, _ in commands()} >= {"FairwayKnownEdgeDenied", "FairwayAgentMissing", "FairwayDnsFails"}
    for name, command in commands():
        words = re.sub(r"'([^']*)'", lambda found: found[1].replace(" ", "\0"), command).split()
        try:
            parser().parse_args([word.replace("\0", " ") for word in words])
        except SystemExit:
            pytest.fail(f"{name}: `fairway {command}` is refused")
        if words[0] == "investigate":
            assert subject_of(words[1].replace("\0", " "), []), name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_links_lead_to_a_page_of_the_console_with_a_filter_that_it_takes(case: Case) -> None:
    place = urlsplit(case.console)
    known = re.search(r"PAGES = \[(.*?)\]", (ROOT / "console/src/place/place.ts").read_text(), re.DOTALL)
    assert known
    assert (place.path.strip("/") or "overview") in re.findall(r'"(\w+)"', known[1])
    for text in parse_qs(place.query).get("q", []):
        parse_filter(text, datetime(2026, 11, 23, tzinfo=UTC))


def test_settings_for_a_cluster_are_such_as_prometheus_takes(tmp_path: Path) -> None:
    """But for the discovery of pods, which Debian's Prometheus is built without."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/kubernetes.yml").read_text())
    found = [job.pop("kubernetes_sd_configs", None) for job in config["scrape_configs"]]
    assert found == [[{"role": "pod", "namespaces": {"names": ["fairway"]}}], None]
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({**config, "rule_files": [str(RULES)]}))
    command = [program("promtool"), "check", "config", "--syntax-only", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_thresholds_are_values_of_the_chart_and_none_is_forgotten() -> None:
    source = (ROOT / "deploy/helm/fairway/files/alerts.yaml").read_text()
    values = yaml.safe_load((ROOT / "deploy/helm/fairway/values.yaml").read_text())["alerts"]
    assert set(re.findall(r"<([A-Za-z]+)>", source)) - {"name"} == {*values["thresholds"], "console"}
    with Chart.load(str(ROOT / "deploy/helm/fairway")) as chart:
        given = {"enabled": True, "console": "https://f.example/", "thresholds": {"podMegabits": 77}}
        texts = chart.render({"alerts": given}, name="fairway", namespace="fairway")
    [text] = [text for name, text in texts.items() if name.endswith("prometheusrule.yaml")]
    [rule] = [r for g in yaml.safe_load(text)["spec"]["groups"] for r in g["rules"] if "PodBandwidth" in r["alert"]]
    assert rule["expr"].endswith("> 77")
    assert rule["annotations"]["console"].startswith("https://f.example/flows?")


def test_the_plain_rules_are_what_the_chart_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/signals", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [program("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
