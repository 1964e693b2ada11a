"""Semantics of cluster-wide policies as a truth table. The number in an id is that of the line in the list."""

from typing import Any

from support.cases.case import Object, Row, table
from support.objects import namespace, node, pod, policy, service
from support.tiered import anp, app, application, aws, banp, by, cnp, named, nets, tcp, team, to

A, B, Y, Z = "10.0.1.1", "10.0.2.2", "10.0.2.3", "10.0.1.4"
A6, B6 = "2001:db8:1::1", "2001:db8:2::2"
N1, N2, N2_OUT, VIP, VIP_ALL = "10.0.1.10", "10.0.2.10", "198.51.100.2", "10.96.0.1", "10.96.0.2"
OUTSIDE, OUTSIDE6 = "203.0.113.9", "2001:db8:f::9"

PLACES = [
    namespace("x", team="a"),
    namespace("y", team="b"),
    namespace("z"),
    node("n1", N1),
    node("n2", N2),
    pod("x/a", A, A6, labels={"app": "a"}, ports={"web": 8080, "metrics": (9000, "UDP")}),
    pod("x/b", B, B6, labels={"app": "b"}, ports={"web": 9090}, on="n2"),
    pod("y/a", Y, labels={"app": "a"}, on="n2"),
    pod("z/c", Z, labels={"app": "c"}),
    pod("x/agent", N2, labels={"app": "agent"}, on="n2", host_network=True),
    service("x/b", VIP, selector={"app": "b"}, ports=[{"port": 80, "targetPort": 9090}]),
    service("y/a", VIP_ALL, selector={"app": "a"}, ports=[{"port": 80, "targetPort": 8080}]),
]
PLACES[4]["metadata"]["labels"]["pool"] = "spot"
PLACES[4]["status"]["addresses"].append({"type": "ExternalIP", "address": N2_OUT})
PLACES[4]["status"]["addresses"].append({"type": "Hostname", "address": "n2"})

NAMES = {
    "example.com": [OUTSIDE],
    "api.example.com": ["198.51.100.7"],
    "a.b.example.com": ["198.51.100.8", OUTSIDE6],
    "in.cluster": [B],
}


def own(title: str = "x/p", **spec: Any) -> Object:
    """A NetworkPolicy."""
    return policy(title, **spec)


ROWS: list[Row] = [
    ("np61-the-lowest-number-first",
     [cnp("late", priority=9, egress=[to("Deny", team("b"))]),
      cnp("z", priority=1, egress=[to("Accept", team("b"))])],
     [(A, Y, "80", True)]),
    ("np61-rules-in-their-order", [cnp(egress=[to("Accept", app("b")), to("Deny")])],
     [(A, B, "80", True), (A, Y, "80", False)]),
    ("np61-admin-before-policies", [cnp(egress=[to("Deny", app("b"))]), own(egress=[{}])],
     [(A, B, "80", False), (A, Y, "80", True)]),
    ("np61-accept-over-a-policy", [cnp(egress=[to("Accept", app("b"))]), own(policyTypes=["Egress"])],
     [(A, B, "80", True), (A, Y, "80", False)]),
    ("np61-policies-before-baseline",
     [cnp(tier="Baseline", egress=[to("Deny")]), own(egress=[{}], policyTypes=["Egress"])],
     [(A, B, "80", True), (Y, B, "80", False)]),
    ("np61-baseline-before-the-default", [banp(ingress=[by("Deny", team("b"))])],
     [(Y, A, "80", False), (B, A, "80", True), (OUTSIDE, A, "80", True)]),
    ("np62-pass-leaves-the-admin-tier",
     [cnp("one", priority=1, egress=[to("Pass", app("b"))]), cnp("two", priority=2, egress=[to("Deny")])],
     [(A, B, "80", True), (A, Y, "80", False)]),
    ("np62-pass-to-policies", [anp(egress=[to("Pass", app("b")), to("Deny")]), own(policyTypes=["Egress"])],
     [(A, B, "80", False)]),
    ("np62-pass-to-baseline", [anp(egress=[to("Pass", app("b"))]), banp(egress=[to("Deny")])],
     [(A, B, "80", False)]),
    ("np62-pass-in-baseline-is-the-default",
     [cnp("one", tier="Baseline", priority=1, egress=[to("Pass", app("b"))]),
      cnp("two", tier="Baseline", priority=2, egress=[to("Deny")])],
     [(A, B, "80", True), (A, Y, "80", False)]),
    ("np63-each-direction-on-its-own", [cnp(egress=[to("Accept")]), own("y/p", policyTypes=["Ingress"])],
     [(A, Y, "80", False), (A, B, "80", True)]),
    ("np64-nobody-is-isolated", [cnp(egress=[to("Accept", app("b"))], ingress=[by("Accept", app("b"))])],
     [(A, Y, "80", True), (OUTSIDE, A, "80", True), (A, OUTSIDE, "80", True)]),
    ("np65-a-policys-deny-is-final", [own(policyTypes=["Egress"]), banp(egress=[to("Allow")])],
     [(A, B, "80", False), (Y, B, "80", True)]),
    ("np66-baseline-where-no-policy-isolates",
     [own(ingress=[{}]), banp(egress=[to("Deny")], ingress=[by("Deny")])],
     [(A, Y, "80", False), (B, A, "80", False), (Z, A, "80", False), (OUTSIDE, A, "80", True)]),
    ("np66-of-a-direction-only",
     [own(ingress=[{}]), banp(ingress=[by("Deny")])], [(Y, A, "80", True), (A, Y, "80", False)]),
    ("np67-equal-priorities-by-name",
     [cnp("b", egress=[to("Deny")]), cnp("a", egress=[to("Accept")])], [(A, B, "80", True)]),
    ("np68-networks-hit-pods", [cnp(egress=[to("Deny", nets("0.0.0.0/0"))])],
     [(A, B, "80", False), (A, OUTSIDE, "80", False), (A6, B6, "80", True), (A, N2, "80", False)]),
    ("np68-pods-are-passed-first", [cnp(egress=[to("Pass"), to("Deny", nets("0.0.0.0/0", "::/0"))])],
     [(A, B, "80", True), (A, OUTSIDE, "80", False), (A6, OUTSIDE6, "80", False)]),
    ("np69-nodes-are-their-addresses", [cnp(egress=[to("Deny", {"nodes": {"matchLabels": {"pool": "spot"}}})])],
     [(A, N2, "80", False), (A, N2_OUT, "80", False), (A, B, "80", True), (A, N1, "80", True)]),
    ("np69-every-node", [anp(egress=[to("Deny", {"nodes": {}})])],
     [(A, N1, "80", False), (A, N2, "80", False), (A, OUTSIDE, "80", True)]),
    ("np70-a-name-brings-its-protocol",
     [cnp(egress=[to("Accept", protocols=[{"destinationNamedPort": "metrics"}]), to("Deny")])],
     [(B, A, "9000/UDP", True), (B, A, "9000", False), (B, Y, "9000/UDP", False)]),
    ("np70-each-servers-own-number",
     [anp(ingress=[by("Allow", ports=[{"namedPort": "web"}]), by("Deny")])],
     [(Y, A, "8080", True), (Y, B, "9090", True), (Y, B, "8080", False), (Y, A, "9090", False)]),
    ("np71-tcp-without-a-port", [cnp(egress=[to("Deny", protocols=[{"tcp": {}}])])],
     [(A, B, "1", False), (A, B, "65535", False), (A, B, "1/UDP", True), (A, B, "0/ICMP", True)]),
    ("np71-no-protocols-is-everything", [cnp(egress=[to("Deny")])],
     [(A, B, "1/UDP", False), (A, B, "1/SCTP", False), (A, B, "0/ICMP", False)]),
    ("np71-others-stay-open-beside-a-port", [cnp(egress=[to("Deny", protocols=[tcp(80)])])],
     [(A, B, "80", False), (A, B, "79", True), (A, B, "80/UDP", True), (A, B, "0/ICMP", True),
      (A, B, "0/47", True)]),
    ("np72-an-unknown-peer-accepts-nothing", [cnp(egress=[to("Accept", {}, app("b")), to("Deny")])],
     [(A, B, "80", False), (A, OUTSIDE, "80", True)]),
    ("np72-an-unknown-peer-denies-all", [cnp(egress=[to("Deny", {"tenants": {}})])],
     [(A, B, "80", False), (A, OUTSIDE, "0/ICMP", False), (A, VIP, "80", False)]),
    ("np72-an-unknown-peer-passes-nothing",
     [cnp(subject=app("a"), ingress=[by("Pass", {}, protocols=[tcp(80)])])],
     [(B, A, "443", False), (N1, A, "80", True), (A, A, "80", True), (A, B, "80", True)]),
    ("np73-both-ends-of-a-range", [cnp(egress=[to("Deny", protocols=[tcp(80, 82)])])],
     [(A, B, "79", True), (A, B, "80", False), (A, B, "82", False), (A, B, "83", True)]),
    ("np74-host-network-is-no-subject", [cnp(ingress=[by("Deny")], egress=[to("Deny", app("agent"))])],
     [(A, N2, "80", True), (N2, Z, "80", True), (A, B, "80", False)]),
    ("np75-names-resolved",
     [cnp(egress=[to("Accept", named("example.com")), to("Deny", nets("0.0.0.0/0", "::/0"))])],
     [(A, OUTSIDE, "443", True), (A, "198.51.100.7", "443", False)]),
    ("np75-a-star-is-labels-not-the-apex",
     [aws(egress=[to("Accept", named("*.EXAMPLE.com.")), to("Deny", nets("0.0.0.0/0", "::/0"))])],
     [(A, OUTSIDE, "443", False), (A, "198.51.100.7", "443", True), (A, "198.51.100.8", "443", True),
      (A6, OUTSIDE6, "443", True)]),
    ("np75-unresolved-matches-nothing",
     [cnp(egress=[to("Accept", named("gone.example.com")), to("Deny", nets("0.0.0.0/0"))])],
     [(A, OUTSIDE, "443", False)]),
    ("np75-application-policies",
     [application("x/p", policyTypes=["Egress"],
                  egress=[{"to": [named("api.example.com")], "ports": [{"port": 443}]}])],
     [(A, "198.51.100.7", "443", True), (A, "198.51.100.7", "80", False), (A, B, "443", False),
      (Y, OUTSIDE, "443", True), (Y, A, "80", True)]),
    ("np75-application-policies-add-up",
     [application("x/p", policyTypes=["Egress"], egress=[{"to": [named("in.cluster")]}]),
      own(policyTypes=["Egress"], egress=[{"to": [{"podSelector": {"matchLabels": {"app": "a"}}}]}])],
     [(A, B, "443", True), (B, A, "443", True), (A, Y, "443", False), (B, Z, "443", False)]),
    ("np75-aws-passes-names", [aws(egress=[to("Pass", named("example.com")), to("Deny", nets("0.0.0.0/0"))])],
     [(A, OUTSIDE, "443", True), (A, "198.51.100.7", "443", False)]),
    ("np77-kinds-beside-each-other",
     [anp("b", priority=5, egress=[to("Deny", app("b"))]), cnp("a", priority=6, egress=[to("Accept")]),
      aws("c", priority=4, egress=[to("Pass", team("b"))]), banp(egress=[to("Deny")]),
      cnp("d", tier="Baseline", priority=1000, egress=[to("Accept", team("b"))])],
     [(A, B, "80", False), (A, Y, "80", True), (Y, B, "80", False)]),
    ("np53-the-own-node-passes-every-tier",
     [cnp(ingress=[by("Deny")]), cnp("q", tier="Baseline", ingress=[by("Deny", {})])],
     [(N1, A, "80", True), (N2, A, "80", False), (B, A, "80", False)]),
    ("np53-no-peer-names-nodes-on-ingress", [cnp(ingress=[by("Deny")])],
     [(N2, A, "80", True), (N1, A, "80", True), (B, A, "80", False)]),
    ("np54-the-own-address-always-passes", [cnp(egress=[to("Deny")], ingress=[by("Deny")])], [(A, A, "80", True)]),
    ("np55-through-a-service-it-is-judged", [cnp(subject=app("b"), egress=[to("Deny")])], [(B, VIP, "80", False)]),
    ("np56-a-service-is-its-backends", [cnp(egress=[to("Accept", app("b")), to("Deny")])],
     [(A, VIP, "80", True), (A, VIP, "81", True), (A, VIP_ALL, "80", False)]),
    ("np56-networks-do-not-hit-services",
     [cnp(egress=[to("Deny", nets("10.96.0.0/16"))])], [(A, VIP, "80", True), (A, VIP_ALL, "81", True)]),
    ("np56-but-its-backends", [cnp(egress=[to("Deny", nets("10.0.2.2/32"), protocols=[tcp(9090)])])],
     [(A, VIP, "80", False), (A, VIP_ALL, "80", True), (A, B, "80", True)]),
    ("np40-subjects-of-one-namespace", [cnp(subject=team("a"), egress=[to("Deny")])],
     [(A, Y, "80", False), (Y, A, "80", True)]),
]  # fmt: skip


CASES = table(PLACES, ROWS, names=NAMES)
