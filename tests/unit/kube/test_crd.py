"""The definition of StagedNetworkPolicy: its spec is NetworkPolicySpec itself, and its schema is structural."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

CRD = yaml.safe_load(
    (Path(__file__).parents[3] / "deploy/helm/fairway/crds/stagednetworkpolicies.yaml").read_text()
)
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]["properties"]
RELEASES = ("1.31", "1.37")
_FOLDER = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every place in a schema that a value may have, as a path."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from fields(inner, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in (*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from nodes(inner)


@pytest.mark.parametrize("release", RELEASES)
def test_its_spec_is_that_of_a_network_policy(release: str) -> None:
    policy = json.loads((_FOLDER / f"v{release}.0-local-strict" / "networkpolicy-networking-v1.json").read_text())
    definitions = json.loads((_FOLDER / f"v{release}.0-local-strict" / "_definitions.json").read_text())["$defs"]

    def resolved(schema: Any) -> Any:
        if isinstance(schema, list):
            return [resolved(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return resolved(definitions[schema["$ref"].rpartition("/")[2]])
        return {key: resolved(one) for key, one in schema.items()}

    theirs = resolved(policy["properties"]["spec"])
    assert set(fields(SCHEMA["spec"])) == set(fields(theirs))


def test_its_schema_is_structural() -> None:
    """apiextensions-apiserver, "Specifying a structural schema": every node has a type or is an int-or-string."""
    for node in nodes(VERSION["schema"]["openAPIV3Schema"]):
        assert node.get("x-kubernetes-int-or-string") or node.get("type") in (
            "object", "array", "string", "integer",
        ), node  # fmt: skip
        assert not {"$ref", "anyOf", "oneOf", "not", "allOf", "definitions"} & node.keys()
        assert "items" in node if node.get("type") == "array" else True


def test_every_rule_stands_below_bounds() -> None:
    """The API server estimates what rules cost by these, and refuses a definition that might cost too much."""

    def check(node: dict[str, Any], most: int) -> None:
        if "x-kubernetes-validations" in node:
            assert most <= 512 * 256
        for inner in (*node.get("properties", {}).values(), node.get("items")):
            if isinstance(inner, dict):
                check(inner, most * node.get("maxItems", 1))
                assert "maxItems" in node or node.get("type") != "array"

    check(SCHEMA["spec"], 1)


def test_it_has_a_status_and_columns_of_it() -> None:
    assert VERSION["subresources"] == {"status": {}}
    paths = {f"{path}" for path in fields({"properties": SCHEMA})}
    for column in VERSION["additionalPrinterColumns"]:
        path = column["jsonPath"].replace("[0]", "[]")
        assert path in paths or path.startswith(".metadata."), column
