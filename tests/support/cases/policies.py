"""NetworkPolicy semantics as a truth table. The number in an id is that of the line in the list of edge cases."""

from fairway.wire.words import Posture
from support.cases.case import Object, Row, table
from support.objects import namespace, node, pod, policy

A, B, Y, Z = "10.0.1.1", "10.0.2.2", "10.0.2.3", "10.0.1.4"
A6, B6, Y6 = "2001:db8:1::1", "2001:db8:2::2", "2001:db8:2::3"
N1, N2, OUTSIDE, OUTSIDE6 = "10.0.1.10", "10.0.2.10", "203.0.113.9", "2001:db8:f::9"
WEB = {"web": 8080, "metrics": (9000, "UDP")}

PLACES = [
    namespace("x", team="a"),
    namespace("y", team="b"),
    namespace("z"),
    node("n1", N1),
    node("n2", N2),
    pod("x/a", A, A6, labels={"app": "a", "tier": "front"}, ports=WEB),
    pod("x/b", B, B6, labels={"app": "b"}, ports={"web": 9090}, on="n2"),
    pod("y/a", Y, Y6, labels={"app": "a"}, on="n2"),
    pod("z/c", Z),
    pod("x/finished", A, labels={"app": "finished"}, phase="Succeeded"),
    pod("x/pending", labels={"app": "pending"}, phase="Pending"),
    pod("x/agent", N2, labels={"app": "agent"}, on="n2", host_network=True),
]


def sel(**labels: str) -> Object:
    return {"matchLabels": labels}


def expr(key: str, operator: str, *values: str) -> Object:
    expression = {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
    return {"matchExpressions": [expression]}


def ingress(*rules: Object, subject: Object | None = None, title: str = "x/p") -> Object:
    """A policy on x/a (unless `subject` says else) with these ingress rules."""
    return policy(title, podSelector=sel(app="a") if subject is None else subject, policyTypes=["Ingress"],
                  ingress=list(rules))  # fmt: skip


def egress(*rules: Object, subject: Object | None = None, title: str = "x/p") -> Object:
    return policy(title, podSelector=sel(app="a") if subject is None else subject, policyTypes=["Egress"],
                  egress=list(rules))  # fmt: skip


def block(cidr: str, *holes: str) -> Object:
    return {"ipBlock": {"cidr": cidr, **({"except": list(holes)} if holes else {})}}


def pods(**labels: str) -> Object:
    return {"podSelector": sel(**labels)}


def spaces(**labels: str) -> Object:
    return {"namespaceSelector": sel(**labels)}


def tcp(*ports: int | str) -> list[Object]:
    return [{"port": port} for port in ports]


DENY_IN, DENY_OUT = ingress(), egress()

ROWS: list[Row] = [
    ("np01-from-empty-is-from-missing", [ingress({"from": [], "ports": []})],
     [(B, A, "1", True), (OUTSIDE, A, "7/UDP", True), (OUTSIDE6, A6, "1", True)]),
    ("np02-no-rules-deny-all", [DENY_IN], [(B, A, "80", False), (OUTSIDE, A, "80", False)]),
    ("np02-one-empty-rule-allows-all", [ingress({})], [(B, A, "80", True), (OUTSIDE, A, "80/SCTP", True)]),
    ("np03-empty-egress-does-not-isolate", [policy("x/p", egress=[])],
     [(A, OUTSIDE, "80", True), (OUTSIDE, A, "80", False)]),
    ("np03-egress-rules-isolate", [policy("x/p", egress=[{"to": [pods(app="b")]}])],
     [(A, OUTSIDE, "80", False), (OUTSIDE, A, "80", False)]),
    ("np04-ingress-rules-of-an-egress-policy-are-ignored",
     [policy("x/p", policyTypes=["Egress"], ingress=[{"from": [pods(app="none")]}])],
     [(Y, A, "80", True), (A, Y, "80", False)]),
    ("np05-null-selects-all", [policy("x/p", podSelector=None, policyTypes=["Ingress"])],
     [(Y, A, "80", False), (Y, B, "80", False), (A, Y, "80", True)]),
    ("np06-pod-selector-is-the-own-namespace", [ingress({"from": [pods(app="b")]})],
     [(B, A, "80", True), (Y, A, "80", False), (Z, A, "80", False)]),
    ("np06-namespace-selector-is-all-its-pods", [ingress({"from": [spaces(team="b")]})],
     [(Y, A, "80", True), (B, A, "80", False)]),
    ("np06-one-element-is-and", [ingress({"from": [{**spaces(team="b"), **pods(app="b")}]})],
     [(Y, A, "80", False), (B, A, "80", False)]),
    ("np06-two-elements-are-or", [ingress({"from": [spaces(team="b"), pods(app="b")]})],
     [(Y, A, "80", True), (B, A, "80", True), (Z, A, "80", False)]),
    ("np07-all-pods-are-not-the-world", [ingress({"from": [{"namespaceSelector": {}}]})],
     [(B, A, "80", True), (Z, A, "80", True), (OUTSIDE, A, "80", False)]),
    ("np08-not-in-holds-without-the-key", [ingress({"from": [{"podSelector": expr("tier", "NotIn", "front")}]})],
     [(B, A, "80", True)]),
    ("np08-does-not-exist", [ingress({"from": [{"namespaceSelector": expr("team", "DoesNotExist")}]})],
     [(Z, A, "80", True), (Y, A, "80", False)]),
    ("np08-in-needs-the-key", [ingress({"from": [{"podSelector": expr("tier", "In", "front")}]})],
     [(B, A, "80", False)]),
    ("np09-namespaces-carry-their-name",
     [ingress({"from": [{"namespaceSelector": sel(**{"kubernetes.io/metadata.name": "y"})}]})],
     [(Y, A, "80", True), (Z, A, "80", False)]),
    ("np10-labels-and-expressions-add-up",
     [ingress({"from": [{"podSelector": {**sel(app="b"), **expr("tier", "Exists")}}]})], [(B, A, "80", False)]),
    ("np10-a-contradiction-isolates-nobody",
     [ingress(subject={**sel(app="a"), **expr("app", "NotIn", "a")})], [(OUTSIDE, A, "80", True)]),
    ("np11-policies-add-up", [DENY_IN, ingress({"from": [pods(app="b")]}, title="x/q")],
     [(B, A, "80", True), (Y, A, "80", False)]),
    ("np12-both-sides-must-agree", [egress({"to": [pods(app="b")]}), ingress(subject=sel(app="b"), title="x/q")],
     [(A, B, "80", False), (A, Y, "80", False), (Y, A, "80", True)]),
    ("np13-isolation-is-per-direction", [DENY_OUT], [(B, A, "80", True), (A, B, "80", False)]),
    ("np15-peer-and-port-of-one-rule",
     [ingress({"from": [pods(app="b")], "ports": tcp(80)}, {"from": [spaces(team="b")], "ports": tcp(81)})],
     [(B, A, "80", True), (B, A, "81", False), (Y, A, "81", True), (Y, A, "80", False)]),
    ("np16-no-protocol-is-tcp", [ingress({"ports": tcp(80)})], [(B, A, "80", True), (B, A, "80/UDP", False)]),
    ("np16-an-empty-port-is-all-tcp", [ingress({"ports": [{}]})],
     [(B, A, "1", True), (B, A, "65535", True), (B, A, "53/UDP", False), (B, A, "5/SCTP", False)]),
    ("np17-an-empty-port-beside-a-number", [ingress({"ports": [{}, *tcp(80)]})], [(B, A, "443", True)]),
    ("np18-names-resolve-on-the-server-in-ingress", [ingress({"ports": tcp("web")}, subject={})],
     [(Y, A, "8080", True), (Y, A, "9090", False), (Y, B, "9090", True), (Y, B, "8080", False)]),
    ("np18-names-resolve-on-the-server-in-egress", [egress({"ports": tcp("web")}, subject={})],
     [(A, B, "9090", True), (A, B, "8080", False), (B, A, "8080", True), (B, A, "9090", False)]),
    ("np19-a-name-needs-its-protocol",
     [ingress({"ports": [{"port": "metrics"}, {"port": "web", "protocol": "UDP"}]})],
     [(B, A, "9000", False), (B, A, "8080/UDP", False), (B, A, "9000/UDP", False)]),
    ("np19-an-unserved-name-matches-nothing", [egress({"ports": tcp("web")})], [(A, Y, "8080", False)]),
    ("np20-a-name-never-matches-outside", [egress({"ports": tcp("web")}), ],
     [(A, OUTSIDE, "8080", False), (A, N2, "8080", False)]),
    ("np21-a-name-opens-no-other-port", [ingress({"ports": tcp("web")})],
     [(B, A, "8080", True), (B, A, "8081", False), (B, A, "9000", False)]),
    ("np23-both-ends-of-a-range", [ingress({"ports": [{"port": 80, "endPort": 82}, {"port": 90, "endPort": 90}]})],
     [(B, A, "79", False), (B, A, "80", True), (B, A, "82", True), (B, A, "83", False), (B, A, "90", True),
      (B, A, "91", False)]),
    ("np24-sctp-is-not-tcp", [ingress({"ports": [{"protocol": "SCTP", "port": 80}]})],
     [(B, A, "80/SCTP", True), (B, A, "80", False), (B, A, "80/UDP", False)]),
    ("np24-udp-is-not-tcp", [ingress({"ports": [{"protocol": "UDP"}]})],
     [(B, A, "1/UDP", True), (B, A, "1", False)]),
    ("np25-icmp-needs-a-rule-without-ports", [ingress({"from": [pods(app="b")]}, {"ports": [{}]})],
     [(B, A, "0/ICMP", True), (Y, A, "0/ICMP", False), (B6, A6, "0/ICMPv6", True)]),
    ("np26-policy-ports-are-pod-ports", [ingress({"ports": tcp(80)})], [(B, A, "8080", False)]),
    ("np27-blocks-match-pods", [ingress({"from": [block("10.0.2.0/24")]})],
     [(B, A, "80", True), (Z, A, "80", False)]),
    ("np28-every-v4-is-no-v6", [ingress({"from": [block("0.0.0.0/0")]})],
     [(B, A, "80", True), (OUTSIDE, A, "80", True), (B6, A6, "80", False), (OUTSIDE6, A6, "80", False)]),
    ("np28-every-v6-is-no-v4", [ingress({"from": [block("::/0")]})],
     [(B6, A6, "80", True), (OUTSIDE6, A6, "80", True), (B, A, "80", False), (OUTSIDE, A, "80", False)]),
    ("np29-except-carves-its-own-block-only",
     [ingress({"from": [block("10.0.0.0/16", "10.0.2.0/24"), block("10.0.2.2/32")]})],
     [(B, A, "80", True), (Y, A, "80", False), (Z, A, "80", True)]),
    ("np30-longer-networks-inherit-except-through-their-own",
     [ingress({"from": [block("203.0.113.0/24")], "ports": tcp(8080)},
              {"from": [block("203.0.0.0/16", "203.0.113.0/24")], "ports": tcp(8081)},
              {"from": [block("203.0.0.0/8")], "ports": tcp(8082)})],
     [(OUTSIDE, A, "8080", True), (OUTSIDE, A, "8081", False), (OUTSIDE, A, "8082", True),
      ("203.0.1.1", A, "8081", True), ("203.0.1.1", A, "8080", False)]),
    ("np31-two-spellings-are-one-network",
     [ingress({"from": [block("203.9.9.9/8")], "ports": tcp(80)},
              {"from": [block("203.0.0.0/8")], "ports": tcp(81)})],
     [(OUTSIDE, A, "80", True), (OUTSIDE, A, "81", True)]),
    ("np31-in-except-too", [ingress({"from": [block("203.0.0.99/8", "203.0.113.77/24")]})],
     [(OUTSIDE, A, "80", False), ("203.1.1.1", A, "80", True)]),
    ("np32-with-ports-and-without", [ingress({"from": [block("203.0.113.0/24")], "ports": tcp(80)},
                                             {"from": [block("203.0.113.0/24")]})],
     [(OUTSIDE, A, "80", True), (OUTSIDE, A, "1/UDP", True)]),
    ("np33-except-one-pod-and-nested",
     [ingress({"from": [block("10.0.0.0/16", "10.0.2.2/32", "10.0.1.0/24", "10.0.1.4/32")]})],
     [(B, A, "80", False), (Y, A, "80", True), (Z, A, "80", False)]),
    ("np34-addresses-are-compared-parsed", [ingress({"from": [block("2001:0db8:2:0::2/128"),
                                                              block("::ffff:10.0.2.3/128")]})],
     [(B6, A6, "80", True), (Y6, A6, "80", False), (Y, A, "80", True)]),
    ("np36-finished-pods-are-nobody",
     [ingress(subject=sel(app="finished")),
      ingress({"from": [pods(app="finished")]}, subject=sel(app="b"), title="x/q")],
     [(OUTSIDE, A, "80", True), (A, B, "80", False)]),
    ("np37-the-running-pod-holds-the-address", [ingress({"from": [pods(app="a")]}, subject=sel(app="b"))],
     [(A, B, "80", True)]),
    ("np40-host-network-is-the-node", [ingress({"from": [pods(app="agent")]}), ingress(subject=sel(app="agent"),
                                                                                       title="x/q")],
     [(N2, A, "80", False), (OUTSIDE, N2, "80", True)]),
    ("np40-blocks-match-nodes", [ingress({"from": [block("10.0.2.10/32")]})], [(N2, A, "80", True)]),
    ("np41-both-families", [ingress({"from": [pods(app="b")], "ports": tcp(80)})],
     [(B6, A6, "80", True), (Y6, A6, "80", False), (B6, A6, "81", False)]),
    ("np51-the-own-node-always-passes", [DENY_IN], [(N1, A, "80", True), (N2, A, "80", False)]),
    ("np52-not-towards-the-node", [DENY_OUT], [(A, N1, "10250", False)]),
    ("np54-the-own-address-always-passes", [DENY_IN, policy("x/q", policyTypes=["Egress"])],
     [(A, A, "80", True), (A6, A6, "80", True)]),
    ("np54-so-does-the-loopback", [DENY_IN, egress(title="x/q")],
     [(A, "127.0.0.1", "80", True), (A6, "::1", "80", True), (A, "127.9.9.9", "53/UDP", True)]),
    ("np58-after-snat-the-node-is-the-client", [ingress({"from": [block("203.0.113.0/24")]})],
     [(N2, A, "80", False), (OUTSIDE, A, "80", True)]),
    ("np59-default-deny-blocks-dns", [egress({"to": [spaces(team="b")], "ports": tcp(443)})],
     [(A, Y, "53/UDP", False), (A, Y, "53", False), (A, Y, "443", True)]),
]  # fmt: skip


CLOSED: list[Row] = [
    ("posture-deny-closes-whom-nothing-selects", [], [(A, B, "80", False), (OUTSIDE, A, "80", False)]),
    ("np51-posture-deny-lets-the-own-node-in", [], [(N1, A, "80", True), (N2, A, "80", False)]),
    ("np54-posture-deny-leaves-the-own-address", [], [(A, A, "80", True), (A6, A6, "80", True)]),
    ("posture-deny-is-per-direction", [ingress({}, subject={})], [(B, A, "80", False), (OUTSIDE, A, "80", True)]),
]
CASES = (*table(PLACES, ROWS), *table(PLACES, CLOSED, posture=Posture.DENY))
