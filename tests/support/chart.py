"""The Helm chart's objects, rendered by Helm 4 itself."""

from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

CHART = Path(__file__).parents[2] / "deploy/helm/fairway"
Value = dict[str, Any]


def rendered(values: Value | None = None, namespace: str = "fairway") -> list[Value]:
    with Chart.load(str(CHART)) as chart:
        texts = chart.render(values or {}, name="fairway", namespace=namespace)
    manifests = [text for name, text in texts.items() if name.endswith(".yaml")]
    return [value for text in manifests for value in yaml.safe_load_all(text) if value]


def one(objects: list[Value], kind: str, name: str) -> Value:
    [found] = [value for value in objects if (value["kind"], value["metadata"]["name"]) == (kind, name)]
    return found


def pod(objects: list[Value], kind: str, name: str) -> Value:
    """The spec of a workload's pods."""
    spec: Value = one(objects, kind, name)["spec"]["template"]["spec"]
    return spec
