"""Random small clusters as `fairway policy verdicts` reads them: a line of JSON each."""

import json
import random
from typing import Any, Final

PODS: Final = 5
POLICIES: Final = 5
PROBES: Final = 700
NAMESPACES: Final = ("x", "y", "z")
PORTS: Final = (53, 80, 81, 443, 3306, 5432, 6379, 8080, 8443, 9090)
PROTOCOLS: Final = ("TCP", "TCP", "TCP", "UDP", "SCTP")
NAMES: Final = {"http": 8080, "db": 5432, "metrics": 9090}
KINDS: Final = ("NetworkPolicies", "two cluster-wide", "with a Service")
Object = dict[str, Any]


def case(rng: random.Random, kind: str) -> Object:
    """One case as a user writes it; `kind` is one of KINDS."""
    pods = [_pod(rng, index) for index in range(PODS)]
    titles = [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods]
    ends = [*titles, *(f"203.0.113.{rng.randrange(256)}" for _ in range(2))]
    wide = [_tiered(rng, index) for index in range(2)] if kind == KINDS[1] else []
    return {
        "namespaces": [{"metadata": {"name": name, "labels": _labels(rng, "team")}} for name in NAMESPACES],
        "nodes": [_node(index) for index in range(2)],
        "pods": pods,
        "services": [_service()] if kind == KINDS[2] else [],
        "policies": [*wide, *(_policy(rng, index) for index in range(POLICIES - len(wide)))],
        "probes": [_probe(rng, ends) for _ in range(PROBES)],
    }


def _probe(rng: random.Random, ends: list[str]) -> Object:
    port = rng.choice(PORTS) if rng.random() < 0.8 else rng.randint(1, 65535)
    return {"src": rng.choice(ends), "dst": rng.choice(ends), "port": port, "proto": rng.choice(PROTOCOLS)}


def _labels(rng: random.Random, *keys: str) -> dict[str, str]:
    return {key: rng.choice("abc") for key in keys}


def _node(index: int) -> Object:
    addresses = [{"type": "InternalIP", "address": f"192.168.{index}.1"}]
    return {"metadata": {"name": f"n{index}"}, "status": {"addresses": addresses}}


def _pod(rng: random.Random, index: int) -> Object:
    ports = [{"name": name, "containerPort": NAMES[name]} for name in rng.sample(sorted(NAMES), 2)]
    address = f"10.{rng.randrange(4)}.{rng.randrange(256)}.{index + 1}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": rng.choice(NAMESPACES),
            "name": f"pod-{index}",
            "labels": _labels(rng, "app", "tier"),
        },
        "spec": {"nodeName": f"n{index % 2}", "containers": [{"name": "main", "ports": ports}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


def _service() -> Object:
    spec = {"clusterIP": "10.96.0.1", "selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"metadata": {"namespace": "x", "name": "front"}, "spec": spec}


def _policy(rng: random.Random, index: int) -> Object:
    spec: Object = {"podSelector": _selector(rng), "policyTypes": rng.choice((["Ingress"], ["Egress"]))}
    if rng.random() < 0.4:
        spec["policyTypes"] = ["Ingress", "Egress"]
    for way, peers in (("Ingress", "from"), ("Egress", "to")):
        if way in spec["policyTypes"]:
            spec[way.lower()] = [_rule(rng, peers) for _ in range(rng.randint(0, 3))]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": rng.choice(NAMESPACES), "name": f"policy-{index}"},
        "spec": spec,
    }


def _rule(rng: random.Random, peers: str) -> Object:
    rule: Object = {}
    if rng.random() < 0.85:
        rule[peers] = [_peer(rng) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.85:
        rule["ports"] = [_ports(rng) for _ in range(rng.randint(1, 3))]
    return rule


def _peer(rng: random.Random) -> Object:
    chance = rng.random()
    if chance < 0.25:
        first, second = rng.randrange(4), rng.randrange(256)
        block: Object = {"cidr": f"10.{first}.0.0/16"}
        if rng.random() < 0.5:
            block["except"] = [f"10.{first}.{second}.0/24"]
        return {"ipBlock": block if rng.random() < 0.8 else {"cidr": "203.0.113.0/25"}}
    if chance < 0.5:
        return {"podSelector": _selector(rng)}
    namespaces = {"namespaceSelector": {"matchLabels": _labels(rng, "team")}}
    return namespaces if chance < 0.7 else {**namespaces, "podSelector": _selector(rng)}


def _selector(rng: random.Random) -> Object:
    chance = rng.random()
    if chance < 0.15:
        return {}
    if chance < 0.65:
        return {"matchLabels": _labels(rng, rng.choice(("app", "tier")))}
    operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    values = {"values": rng.sample("abc", 2)} if operator in ("In", "NotIn") else {}
    return {"matchExpressions": [{"key": rng.choice(("app", "tier", "track")), "operator": operator, **values}]}


def _ports(rng: random.Random) -> Object:
    chance, port = rng.random(), rng.choice(PORTS)
    protocol = rng.choice(PROTOCOLS)
    if chance < 0.2:
        return {"protocol": protocol, "port": rng.choice(sorted(NAMES))}
    if chance < 0.35:
        return {"protocol": protocol, "port": port, "endPort": rng.randint(port, 65535)}
    return {"protocol": protocol} if chance < 0.4 else {"protocol": protocol, "port": port}


def _tiered(rng: random.Random, index: int) -> Object:
    rules = [
        {
            "action": rng.choice(("Accept", "Deny", "Pass")),
            "to": [rng.choice(({"namespaces": {}}, {"networks": ["10.0.0.0/15"]}))],
            "protocols": [{"tcp": {"destinationPort": {"number": rng.choice(PORTS)}}}],
        }
        for _ in range(2)
    ]
    spec = {
        "tier": rng.choice(("Admin", "Baseline")),
        "priority": rng.randrange(1000),
        "subject": {"namespaces": {"matchLabels": _labels(rng, "team")}},
        "egress": rules,
    }
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": f"wide-{index}"},
        "spec": spec,
    }


def lines(kind: str, count: int, seed: int = 1) -> list[bytes]:
    """So many cases of a kind, each a line."""
    rng = random.Random(seed)
    return [json.dumps(case(rng, kind)).encode() for _ in range(count)]
