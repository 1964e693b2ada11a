"""The readers of manifests against hostile input: an answer or a plain problem, in bounded time, never a traceback.

FAIRWAY_FUZZ_EXAMPLES sets how much is tried; `make fuzz` tries about a minute's worth.
"""

import copy
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairway.kit.documents import MAX_ALIASES, MAX_DEPTH, read_documents
from fairway.kit.errors import InputErrors, UsageError
from fairway.policy.compile import compile_rules
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.read import read_cluster, read_policies
from support.objects import namespace, pod, policy
from support.shop import objects

EXAMPLES = int(os.environ.get("FAIRWAY_FUZZ_EXAMPLES", "150"))
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

CONFIGURED = pod("orders/configured", "10.0.1.201", labels={"app": "c"})
CONFIGURED["spec"] |= {
    "containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/etc/c"}]}],
    "volumes": [
        {
            "name": "v",
            "projected": {"sources": [{"configMap": {"name": "m", "items": [{"key": "f", "path": "f"}]}}]},
        },
    ],
}
SEEDS = [
    *objects(),
    namespace("default"),
    CONFIGURED,
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "m", "namespace": "orders"},
        "data": {"f": "a: b"},
    },
    policy(
        "orders/all",
        podSelector={"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]},
        policyTypes=["Ingress", "Egress"],
        ingress=[{"from": [{"podSelector": {}, "namespaceSelector": {"matchLabels": {"team": "x"}}}]}],
        egress=[
            {
                "to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                "ports": [{"protocol": "UDP", "port": 53, "endPort": 60}, {"port": "http"}],
            }
        ],
    ),
]
HOSTILE = [
    *(None, True, 0, -1, 65536, 2**70, 1.5, float("nan"), "", " ", "\x00", "\ud800", "no\nline", "x" * 300),
    *("10.0.0.1/33", "::ffff:10.0.0.1", "fe80::1%eth0", "0x7f.1", "10.0.0.0/255.0.255.0", "١٠.0.0.1/8", "²"),
    *([], {}, [[]], [None], [{}], {"": ""}, {"a": {"b": []}}, {1: 2}, {None: None}, [["a"] * 5], {"$": "`"}),
]
VALUES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8), st.integers(), st.floats())


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, child in children for path in paths(child, (*here, key)))]


def mutated(seed: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    root = copy.deepcopy(seed)
    place = root
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return root


def plain(problems: list[str], source: str) -> None:
    """Each is one line that names where."""
    assert problems
    for problem in problems:
        assert source in problem, problem
        assert "\n" not in problem, problem
        assert "Traceback" not in problem


def read(document: Any) -> Cluster | None:
    try:
        return read_cluster([("fuzz.yaml", document)]).cluster
    except InputErrors as error:
        plain(error.problems, "fuzz.yaml")
        return None


@FUZZ
@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False), st.lists(VALUES, min_size=1, max_size=3))
def test_a_manifest_with_hostile_values_is_read_or_told_of(
    seed: Any, rng: random.Random, values: list[Any]
) -> None:
    document = seed
    for value in values:
        document = mutated(document, rng.choice(paths(document)), copy.deepcopy(value))
    cluster = read(document)
    if cluster is not None:
        compile_rules(cluster, PolicySet(cluster.policies), None)
    try:
        read_policies([("fuzz.yaml", document)])
    except InputErrors as error:
        plain(error.problems, "fuzz.yaml")


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)
KINDS = ("Pod", "Service", "EndpointSlice", "Node", "Namespace", "NetworkPolicy", "CronJob", "Job", "ReplicaSet")


@FUZZ
@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(("metadata", "spec", "status", "ports")), JSONISH))
def test_an_object_of_any_shape_is_read_or_told_of(kind: str, body: dict[str, Any]) -> None:
    read({"kind": kind, **body})


@FUZZ
@given(st.one_of(st.binary(max_size=200), st.text(alphabet="-&*!{}[]:,|>%@`'\"# \nab0\t?~", max_size=200)))
def test_a_file_of_any_bytes_is_read_or_told_of(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        documents = read_documents([file])
    except UsageError as error:
        plain([str(error)], "fuzz.yaml")
        return
    for source, value in documents:
        try:
            read_cluster([(source, value)])
        except InputErrors as error:
            plain(error.problems, "fuzz.yaml")


def bomb(levels: int) -> str:
    """Nested aliases that grow tenfold at each level; the last is `*a{levels - 1}`."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested deeper"),
        ("a: " * 100_000, "YAML"),
        ("- " * 50_000, "nested deeper"),
        ("a: &a x\nb: [" + ", ".join(["*a"] * (MAX_ALIASES + 1)) + "]", "aliases"),
        ("&a [*a]", "aliases"),
        ("kind: Pod\nmetadata: &m {name: x, namespace: d, labels: *m}", "aliases"),
        ("kind: Pod\nmetadata: {name: {2026-01-01: x}}", "is not text"),
        ("!!python/object/apply:os.system ['true']", "constructor"),
        ("a: !<tag:evil> b", "constructor"),
        ("%YAML 9.9\n---\na: 1", "YAML"),
        ("a: 2026-99-99", "YAML"),
        ("{[a]: b}", "YAML"),
        ("kind: Pod\nmetadata: {name: 0x" + "f" * 5000 + "}", "name"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_hostile_yaml_is_refused_in_one_line_and_soon(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "hostile.yaml"
    file.write_text(content)
    started = time.perf_counter()
    with pytest.raises(UsageError) as told:
        read_cluster(read_documents([file]))
    assert time.perf_counter() - started < 5
    assert words in str(told.value)
    assert len(str(told.value)) < 1000
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("place", ["  containers: *a9", "  containers: [{args: *a9}]", "  nodeName: *a9"])
def test_aliases_within_the_limit_do_not_grow_without_bounds(tmp_path: Path, place: str) -> None:
    file = tmp_path / "bomb.yaml"
    file.write_text(f"{bomb(10)}\nkind: Pod\nmetadata: {{name: x, namespace: default}}\nspec:\n{place}\n")
    started = time.perf_counter()
    with pytest.raises(UsageError):
        read_cluster(read_documents([file]))
    assert time.perf_counter() - started < 5


def test_deep_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text('{"kind": "Pod", "metadata": ' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(UsageError, match=r"deep\.json: is not JSON"):
        read_documents([file])
    file.write_text(json.dumps({"kind": "Pod", "metadata": {"name": {"name": "x" * 10_000}}}))
    with pytest.raises(InputErrors) as told:
        read_cluster(read_documents([file]))
    assert len(str(told.value)) < 1000
