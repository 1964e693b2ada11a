"""What pods and Services do to an answer: their states, addresses, labels and containers, before and after."""

import copy

from support.cases.case import Case, Object, Probe, Row, table
from support.cases.policies import (
    A6,
    B6,
    DENY_IN,
    N1,
    N2,
    OUTSIDE,
    PLACES,
    A,
    B,
    Y,
    block,
    egress,
    ingress,
    sel,
    tcp,
)
from support.cases.policies import pods as app
from support.objects import namespace, node, pod, policy, service

ONE, PAIR, NONE, MIXED, SIX = "10.96.0.1", "10.96.0.2", "10.96.0.3", "10.96.0.9", "fd00:96::9"
SHOP = [
    *PLACES,
    service("x/web", ONE, "fd00:96::1", selector={"app": "a"}),
    service("x/pair", PAIR, ports=[{"port": 80, "targetPort": "web"}], selector={"app": "b"}),
    service("x/none", NONE, selector={"app": "nobody"}),
]
SERVICES: list[Row] = [
    ("np56-judged-as-its-backends", [egress({"to": [app(app="b")]})], [(A, PAIR, "80", True)]),
    ("np56-the-service-port-means-nothing", [egress({"to": [app(app="b")], "ports": tcp(80)})],
     [(A, PAIR, "80", False)]),
    ("np56-the-target-port-counts", [egress({"to": [app(app="b")], "ports": tcp(9090)})],
     [(A, PAIR, "80", True)]),
    ("np56-a-block-of-service-addresses-opens-nothing", [egress({"to": [block("10.96.0.0/16")]})],
     [(A, PAIR, "80", False)]),
    ("np56-a-rule-for-all-destinations-opens-only-its-ports", [egress({"ports": tcp(80)})],
     [(A, PAIR, "80", False)]),
    ("np56-no-backends", [egress({"to": [{"namespaceSelector": {}}]})], [(A, NONE, "80", False)]),
    ("np56-not-a-port-of-it", [egress({"to": [{"namespaceSelector": {}}]})], [(A, PAIR, "81", False)]),
    ("np56-everything-is-open", [egress({})], [(A, PAIR, "81", True)]),
    ("np56-not-isolated", [], [(A, NONE, "80", True)]),
    ("np57-a-name-opens-the-backends-own-port", [egress({"ports": tcp("web")})],
     [(A, PAIR, "80", True), (A, PAIR, "81", False), (A, B, "8080", False)]),
    ("np55-itself-through-a-service-is-judged", [egress({"to": [app(app="b")]})], [(A, ONE, "80", False)]),
    ("np26-a-service-port-in-a-policy-opens-nothing", [ingress({"ports": tcp(80)}, subject=sel(app="b"))],
     [(A, B, "9090", False), (A, B, "80", True)]),
]  # fmt: skip


def _mixed() -> list[Object]:
    """Two pods behind one dual-stack Service, of which policies tell one from the other."""
    part = {"part": "of"}
    return [
        pod("x/a", A, A6, labels={"app": "a"}),
        pod("x/b", B, B6, labels={"app": "b", **part}),
        pod("x/c", Y, labels={"app": "c", **part}),
        service("x/mixed", MIXED, SIX, selector=part, ports=[{"port": 80, "targetPort": 8080}]),
    ]


DNS_POD, DNS_VIP = "10.0.2.53", "10.96.0.10"
DNS = [
    pod("x/a", A, labels={"app": "a"}),
    node("n1", N1),
    pod("dns/resolver", DNS_POD, labels={"app": "dns"}, ports={"dns": (5353, "UDP")}, on="n2"),
    service("dns/dns", DNS_VIP, selector={"app": "dns"},
            ports=[{"port": 53, "protocol": "UDP", "targetPort": "dns"}]),
]  # fmt: skip


def _to_dns(port: int) -> Object:
    peer = {"namespaceSelector": {}, "podSelector": sel(app="dns")}
    return egress({"to": [peer], "ports": [{"protocol": "UDP", "port": port}]})


RESOLVERS: list[Row] = [
    ("np59-the-resolvers-own-port-counts", [_to_dns(5353)], [(A, DNS_VIP, "53/UDP", True)]),
    ("np59-the-port-of-its-service-does-not", [_to_dns(53)],
     [(A, DNS_VIP, "53/UDP", False), (A, DNS_POD, "5353/UDP", False)]),
    ("np59-a-resolver-on-the-node-is-an-address", [_to_dns(53), egress({"to": [block(f"{N1}/32")]}, title="x/q")],
     [(A, N1, "53/UDP", True), (A, N1, "53", True)]),
]  # fmt: skip
MIXED_PLACES = _mixed()
TO_B = egress({"to": [app(app="b")]})
MIXED_ROWS: list[Row] = [
    ("np57-a-mixed-service-is-closed", [TO_B], [(A, MIXED, "80", False), (A, B, "8080", True)]),
    ("np57-open-with-all-its-backends", [egress({"to": [app(app="b"), app(app="c")], "ports": tcp(8080)})],
     [(A, MIXED, "80", True), (A, MIXED, "8080", False)]),
    ("np41-a-service-has-the-backends-of-its-family", [TO_B], [(A6, SIX, "80", True), (A, MIXED, "80", False)]),
]  # fmt: skip


def _several_containers() -> Object:
    made = pod("x/a", A, labels={"app": "a"})
    made["spec"]["containers"] = [
        {"name": "one", "ports": [{"name": "web", "containerPort": 80}]},
        {"name": "two", "ports": [{"name": "web", "containerPort": 81}]},
    ]
    made["spec"]["initContainers"] = [
        {"name": "sidecar", "restartPolicy": "Always", "ports": [{"name": "web", "containerPort": 82}]},
        {"name": "setup", "ports": [{"name": "web", "containerPort": 83}]},
    ]
    return made


def _without_namespace() -> Object:
    bare = policy("/p", policyTypes=["Ingress"])
    del bare["metadata"]["namespace"]
    return bare


def _terminating() -> Object:
    leaving = pod("x/a", A, labels={"app": "a"})
    leaving["metadata"]["deletionTimestamp"] = "2026-11-22T20:10:00Z"
    return leaving


def _labelled(late: str) -> tuple[list[Object], list[Object]]:
    """x/a lets in pods `app: c` of namespaces `team: b`, and B is one, but for a change that is `late`: of the
    labels of the pod or its namespace, or of the policy's selector."""
    objects = [
        namespace("x"),
        namespace("y", team="none" if late == "namespace" else "b"),
        pod("x/a", A, labels={"app": "a"}),
        pod("y/b", B, labels={"app": "none" if late == "pod" else "c"}),
    ]
    peer = {"namespaceSelector": sel(team="b"), "podSelector": sel(app="d" if late == "policy" else "c")}
    return objects, [ingress({"from": [peer]})]


def _case(id: str, objects: list[Object], policies: list[Object], *probes: tuple[str, str, str, bool]) -> Case:
    return Case(id, copy.deepcopy(objects), policies, [Probe(*probe) for probe in probes])


SERVER = pod("x/a", A, labels={"app": "a"})
FROM_LATE = ingress({"from": [app(app="late")]})
BOTH = [DENY_IN, ingress(title="x/q")]
TWO_ADDRESSES = [
    pod("x/gone", B, labels={"app": "gone"}, phase="Failed", on="n2"),
    pod("x/new", B, labels={"app": "new"}, on="n2"),
    SERVER,
]
FROM_GONE, FROM_NEW = (ingress({"from": [app(app=name)]}) for name in ("gone", "new"))
HOSTS = [
    node("n1", N1, "2001:db8:1::10"),
    node("n2", N2),
    pod("x/a", A, A6, labels={"app": "a"}),
    pod("x/here", N1, labels={"app": "host"}, host_network=True),
    pod("x/there", N2, labels={"app": "host"}, host_network=True, on="n2"),
]
ON_HOST = sel(app="host")
FROM_HOST = ingress({"from": [app(app="host")]})
STATES = (
    _case("np14-no-namespace-is-default", [pod("default/a", A, labels={"app": "a"}), pod("x/b", B)],
          [_without_namespace()], (OUTSIDE, A, "80", False), (OUTSIDE, B, "80", True)),
    _case("np22-one-name-on-several-ports-means-all-of-them", [_several_containers()],
          [ingress({"ports": tcp("web")})],
          *((OUTSIDE, A, str(port), port != 83) for port in (80, 81, 82, 83))),
    _case("np36-a-finished-pod-is-no-backend",
          [*TWO_ADDRESSES, service("x/s", PAIR, selector={"app": "gone"}, ports=[{"port": 80}])],
          [egress({"to": [app(app="gone")]})], (A, PAIR, "80", False)),
    _case("np37-the-running-pod-holds-the-address", TWO_ADDRESSES, [FROM_NEW], (B, A, "80", True)),
    _case("np37-whatever-the-order", [*reversed(TWO_ADDRESSES)], [FROM_NEW], (B, A, "80", True)),
    _case("np37-the-finished-one-does-not", TWO_ADDRESSES, [FROM_GONE], (B, A, "80", False)),
    _case("np37-nor-is-it-judged", TWO_ADDRESSES, [ingress(subject=sel(app="gone"))], (OUTSIDE, B, "80", True)),
    _case("np38-a-pending-pod-has-no-address",
          [SERVER, pod("x/late", labels={"app": "late"}, phase="Pending")], [FROM_LATE], (B, A, "80", False)),
    _case("np38-it-counts-as-soon-as-it-has-one",
          [SERVER, pod("x/late", B, labels={"app": "late"}, phase="Pending")], [FROM_LATE], (B, A, "80", True)),
    _case("np39-a-terminating-pod-is-still-judged", [_terminating()], [DENY_IN], (OUTSIDE, A, "80", False)),
    _case("np40-host-pods-are-no-peers", HOSTS, [FROM_HOST], (N2, A, "80", False)),
    _case("np40-nor-subjects", HOSTS, [ingress(subject=ON_HOST), egress(subject=ON_HOST, title="x/q")],
          (A, N2, "80", True), (N2, A, "80", True)),
    _case("np51-host-processes-of-the-own-node", HOSTS, [DENY_IN],
          (N1, A, "80", True), ("2001:db8:1::10", A6, "80", True), (N2, A, "80", False)),
    _case("np52-not-towards-the-own-node", HOSTS, [egress()], (A, N1, "80", False)),
    *(_case(f"np42-before-the-{late}-changes", *_labelled(late), (B, A, "80", False))
      for late in ("namespace", "pod", "policy")),
    _case("np42-after-all-of-them", *_labelled(""), (B, A, "80", True)),
    _case("np43-pods-of-one-name-prefix-are-judged-apart",
          [pod("x/web-1", A, labels={"app": "a"}, owner="ReplicaSet/web"),
           pod("x/web-2", B, labels={"app": "b"}, owner="ReplicaSet/web")], [DENY_IN],
          (OUTSIDE, A, "80", False), (OUTSIDE, B, "80", True)),
    *(_case(f"np46-with-{left}-policies-left", PLACES, BOTH[:left], (OUTSIDE, A, "80", left == 0))
      for left in (2, 1, 0)),
)  # fmt: skip

CASES = (*table(SHOP, SERVICES), *table(MIXED_PLACES, MIXED_ROWS), *table(DNS, RESOLVERS), *STATES)
