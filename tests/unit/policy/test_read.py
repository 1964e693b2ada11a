"""Clusters are read whole or refused with every problem, each by file, object and path."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.kit.errors import InputErrors
from fairway.policy.read import read_cluster, read_policies
from support.objects import cluster, namespace, node, pod, policy, service
from support.tiered import anp, app, application, by, cnp, named, nets, tcp, to


def problems(*objects: Any) -> list[str]:
    with pytest.raises(InputErrors) as caught:
        read_cluster(("shop.yaml", o) for o in objects)
    return caught.value.problems


def test_every_problem_of_every_object_is_told_at_once() -> None:
    ui = policy("shop/ui", egress=[{}, {}, {"ports": [{"port": 80, "endPort": 70}]}], ingress=[{"from": [{}]}])
    told = problems(ui, pod("shop/a", "10.0.0.300"))
    assert told == [
        "shop.yaml: Pod shop/a: `$.status.podIPs[0].ip` `10.0.0.300` is not an IP address; "
        "write one such as `10.0.0.7` or `fd00::7`",
        "shop.yaml: NetworkPolicy shop/ui: `$.spec.ingress[0].from[0]` is empty; write `podSelector`, "
        "`namespaceSelector` or `ipBlock`, or remove the element",
        "shop.yaml: NetworkPolicy shop/ui: `$.spec.egress[2].ports[0].endPort` 70 is below port 80; "
        "write the highest port of the range",
    ]


@pytest.mark.parametrize(
    ("objects", "part"),
    [
        ([namespace("a"), pod("b/p", "10.0.0.1")], "Pod b/p: `$.metadata.namespace` `b` is not a namespace"),
        ([namespace("a"), policy("b/p")], "NetworkPolicy b/p: `$.metadata.namespace` `b` is not a namespace"),
        ([namespace("a"), service("b/s")], "Service b/s: `$.metadata.namespace` `b` is not a namespace"),
        ([pod("a/p", "10.0.0.1"), pod("a/q", "10.0.0.1")], "`10.0.0.1` is held by the running pod a/p, too"),
        ([pod("a/p", "fd00::1"), pod("a/q", "fd00:0::1")], "`fd00::1` is held by the running pod a/p, too"),
        ([pod("a/p"), pod("a/p")], "shop.yaml: Pod a/p: is also in shop.yaml; keep one of them"),
        (["text"], "shop.yaml: is not a Kubernetes object: it has no `kind`"),
        ([{"kind": "Pod"}], "shop.yaml: Pod: `$.metadata.name` is missing"),
        ([{"kind": "Pod", "metadata": {"name": ["x"]}}], 'Pod: `$.metadata.name` `["x"]` is not text'),
    ],
)
def test_refused(objects: list[Any], part: str) -> None:
    assert [line for line in problems(*objects) if part in line]


def test_what_says_nothing_about_the_network_is_listed() -> None:
    calico = {"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy", "metadata": {"name": "p"}}
    reading = read_cluster(
        [("a.yaml", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}), ("b.yaml", calico)]
    )
    assert reading.skipped == ("a.yaml: Secret s", "b.yaml: NetworkPolicy of projectcalico.org/v3 p")


def test_np09_namespaces_get_their_name_and_are_implied_without_any() -> None:
    assert cluster(namespace("a", team="x")).namespaces == {"a": {"team": "x", "kubernetes.io/metadata.name": "a"}}
    assert cluster(pod("b/p", "10.0.0.1")).namespaces == {"b": {"kubernetes.io/metadata.name": "b"}}


def test_np37_a_finished_pod_may_share_an_address() -> None:
    cluster(pod("a/p", "10.0.0.1", phase="Succeeded"), pod("a/q", "10.0.0.1"))


def test_policies_of_a_folder_pass_over_other_objects() -> None:
    found = read_policies(
        [("k.yaml", {"kind": "Kustomization", "metadata": {"name": "k"}}), ("p.yaml", policy("a/p"))]
    )
    assert [(p.title, p.source) for p in found] == [("a/p", "p.yaml")]


@pytest.mark.parametrize("kind", ["AdminNetworkPolicy", "ClusterNetworkPolicy", "CiliumNetworkPolicy"])
def test_policies_that_are_not_judged_are_refused(kind: str) -> None:
    with pytest.raises(InputErrors, match="is not judged"):
        read_policies([("p.yaml", {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "p"}})])


def test_a_policy_must_fit_the_cluster() -> None:
    with pytest.raises(InputErrors, match="`prod` is not a namespace of the cluster"):
        read_policies([("p.yaml", policy("prod/p"))], cluster(namespace("shop")))


def _spoilt(value: Any, path: list[int], junk: Any) -> Any:
    """The document with one value deep inside replaced."""
    if not path or not isinstance(value, dict | list) or not value:
        return junk
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    items = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    items[key] = _spoilt(items[key], path[1:], junk)
    return items if isinstance(value, dict) else list(items.values())


BLOCK = {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}
SELECTOR = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
WHOLE = [
    node("n", "10.0.0.10"),
    pod("a/p", "10.0.0.1", labels={"x": "y"}, ports={"web": 80}, owner="ReplicaSet/r", env={"A": "b"}),
    service("a/s", "10.96.0.1", selector={"x": "y"}),
    policy(
        "a/p",
        ingress=[{"from": [{"ipBlock": BLOCK}], "ports": [{"port": 80}]}],
        egress=[{"to": [{"podSelector": SELECTOR}]}],
    ),
    {"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "c"}, "spec": {"schedule": "* * * * *"}},
    {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
     "metadata": {"name": "e", "namespace": "a", "labels": {"kubernetes.io/service-name": "s"}},
     "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"name": "http", "port": 80}]},
    cnp(egress=[to("Deny", nets("10.0.0.0/8"), protocols=[tcp(80, 90)]), to("Accept", named("a.example.com"))]),
    anp(ingress=[by("Allow", app("a"), ports=[{"portNumber": {"port": 80}}, {"namedPort": "w"}])]),
    application("a/f", egress=[{"to": [named("*.example.com")]}]),
]  # fmt: skip
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just([{}]),
    st.just({"a": None}),
    st.just({1: [2]}),
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.lists(st.integers(0, 9), min_size=1, max_size=8), JUNK)
def test_spoilt_objects_are_read_or_refused_never_a_traceback(which: int, path: list[int], junk: Any) -> None:
    objects = [_spoilt(o, path, junk) if i == which else o for i, o in enumerate(WHOLE)]
    told: list[str] = []
    try:
        read_cluster(("x.yaml", o) for o in objects)
    except InputErrors as error:
        told = error.problems
    assert all(line.startswith("x.yaml: ") for line in told)
