"""What a mesh gets although nothing of it was seen, and what its encryption hides."""

import pytest

from fairway.policy.decide import decide
from fairway.policy.generate import generate
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.render import render
from fairway.wire.endpoint import Endpoint, Kind
from support.generating import made, of, peers
from support.objects import at, cluster, edge, namespace, pod

INJECTED = {"security.istio.io/tlsMode": "istio", "istio.io/rev": "1-26", "service.istio.io/canonical-name": "x"}
LINKERD = {"linkerd.io/control-plane-ns": "linkerd"}
API_SERVER = Endpoint(kind=Kind.EXTERNAL, address="172.20.0.1")


def meshed(labels: dict[str, str], *, ambient: bool = False) -> Cluster:
    return cluster(
        namespace("istio-system"),
        namespace("linkerd"),
        namespace("shop", **({"istio.io/dataplane-mode": "ambient"} if ambient else {})),
        pod("shop/ui", "10.0.0.1", labels={"app": "ui", **labels}),
        pod("shop/cart", "10.0.0.2", labels={"app": "cart", **labels}),
        pod("istio-system/istiod-1", "10.0.0.8", labels={"app": "istiod", "istio.io/rev": "1-26"}),
        pod("linkerd/d-1", "10.0.0.9", labels={"linkerd.io/control-plane-component": "destination", **LINKERD}),
        pod("linkerd/i-1", "10.0.0.10", labels={"linkerd.io/control-plane-component": "identity", **LINKERD}),
    )


def allowed(where: Cluster, policies: PolicySet, client: str, server: str, port: int) -> bool:
    ends = (API_SERVER if one == API_SERVER.address else at(where, one) for one in (client, server))
    return decide(policies, where.namespaces, *ends, port, "TCP").allowed


@pytest.mark.parametrize(
    ("labels", "asked"),
    [
        ({}, []),
        (INJECTED, [("10.0.0.8", 15012)]),
        (LINKERD, [("10.0.0.9", 8086), ("10.0.0.9", 8090), ("10.0.0.10", 8080)]),
    ],
)
def test_a_sidecar_may_ask_its_control_plane(labels: dict[str, str], asked: list[tuple[str, int]]) -> None:
    where = meshed(labels)
    found = made(edge(where, "10.0.0.1", "10.0.0.2", 8080), where=where)
    policies = PolicySet(tuple(p.policy for p in found.policies))
    for server in ("10.0.0.8", "10.0.0.9", "10.0.0.10"):
        for port in (15012, 8086, 8090, 8080, 22):
            assert allowed(where, policies, "10.0.0.1", server, port) is ((server, port) in asked)
    assert allowed(where, policies, "10.0.0.1", "10.0.0.2", 8080)


def test_what_was_seen_of_it_and_what_it_needs_are_one_rule_that_says_both() -> None:
    where = meshed(INJECTED)
    found = made(edge(where, "10.0.0.1", "10.0.0.8", 15012), edge(where, "10.0.0.1", "10.0.0.2", 8080), where=where)
    [line] = [one for one in render(found)["shop-ui.yaml"].splitlines() if "istiod" in one and "#" in one]
    assert "1 of 1 replicas, for the mesh: a pod with Istio sidecar asks it when it starts" in line
    [line] = [one for one in render(found)["shop-cart.yaml"].splitlines() if "istiod" in one and "#" in one]
    assert line.strip().startswith("# istio-system/istiod-1: for the mesh: a pod with Istio sidecar asks it")


def test_the_control_plane_is_asked_by_all_and_called_by_the_api_server() -> None:
    where = meshed(INJECTED)
    found = made(edge(where, "10.0.0.1", "10.0.0.8", 15012), where=where)
    policies = PolicySet(tuple(p.policy for p in found.policies))
    for client in ("10.0.0.9", API_SERVER.address):
        assert allowed(where, policies, client, "10.0.0.8", 15017)
        assert not allowed(where, policies, client, "10.0.0.8", 8080)
    assert allowed(where, policies, "10.0.0.9", "10.0.0.8", 15012)
    assert not allowed(where, policies, API_SERVER.address, "10.0.0.8", 15012)


def test_ambient_pods_hear_their_kubelet_and_what_is_hidden_is_said() -> None:
    where = meshed({}, ambient=True)
    found = made(edge(where, "10.0.0.1", "10.0.0.2", 15008), where=where)
    blocks = {str(peer.block.network) for peer in peers(found, "shop/cart", "ingress") if peer.block}
    assert blocks == {"169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"}
    assert any(note.startswith("shop/cart: called through Istio's HBONE, 15008/TCP") for note in found.notes)
    outside = meshed({"istio.io/dataplane-mode": "none"}, ambient=True)
    assert not [
        peer
        for peer in peers(made(edge(outside, "10.0.0.1", "10.0.0.2", 80), where=outside), "shop/cart", "ingress")
        if peer.block
    ]


def test_labels_that_an_injector_writes_are_no_selectors() -> None:
    where = meshed(INJECTED)
    found = generate([edge(where, "10.0.0.1", "10.0.0.2", 8080)], where)
    used = {one.key for one in of(found, "shop/ui").subject.expressions}
    assert used == {"app"}


ELSEWHERE = {"CA_ADDR": "istiod-1-26.mesh.svc:15012"}


@pytest.mark.parametrize(
    ("labels", "env", "asked"),
    [
        (INJECTED, {}, [("10.0.0.8", 15012)]),
        (INJECTED, ELSEWHERE, [("10.0.0.20", 15012)]),
        (INJECTED, {"PROXY_CONFIG": '{"discoveryAddress":"istiod.mesh.svc:15012"}'}, [("10.0.0.20", 15012)]),
        (LINKERD, {}, [("10.0.0.9", 8086), ("10.0.0.9", 8090)]),
    ],
)
def test_who_only_wears_the_label_of_a_control_plane_is_not_let_through(
    labels: dict[str, str], env: dict[str, str], asked: list[tuple[str, int]]
) -> None:
    where = cluster(
        *(namespace(name) for name in ("istio-system", "linkerd", "mesh", "shop", "evil")),
        pod("shop/ui", "10.0.0.1", labels={"app": "ui", **labels}, env=env),
        pod("shop/cart", "10.0.0.2", labels={"app": "cart"}),
        pod("istio-system/istiod-1", "10.0.0.8", labels={"app": "istiod"}),
        pod("linkerd/d-1", "10.0.0.9", labels={"linkerd.io/control-plane-component": "destination"}),
        pod("mesh/istiod-1", "10.0.0.20", labels={"app": "istiod"}),
        pod("evil/istiod-1", "10.0.0.30", labels={"app": "istiod"}),
        pod("evil/d-1", "10.0.0.31", labels={"linkerd.io/control-plane-component": "destination"}),
    )
    seen = (
        [edge(where, "10.0.0.1", "10.0.0.2", 80)]
        + [edge(where, wearing, "10.0.0.2", 80) for wearing in ("10.0.0.30", "10.0.0.31")]
        + [edge(where, "10.0.0.2", "10.0.0.30", 8443)]
    )
    found = made(*seen, where=where)
    policies = PolicySet(tuple(p.policy for p in found.policies))
    for server in ("10.0.0.8", "10.0.0.9", "10.0.0.20", "10.0.0.30", "10.0.0.31"):
        for port in (15012, 8086, 8090):
            reached = allowed(where, PolicySet((of(found, "shop/ui"),)), "10.0.0.1", server, port)
            assert reached is ((server, port) in asked), (server, port)
    for port in (15012, 15017):  # nor is what wears it open to all
        assert not allowed(where, policies, API_SERVER.address, "10.0.0.30", port)
    [told] = [note for note in found.notes if note.startswith("evil/istiod-1: ")]
    home = "mesh" if env else "istio-system"
    assert told.endswith(f"which pods of the mesh ask in {home}: it gets no rule for that")
