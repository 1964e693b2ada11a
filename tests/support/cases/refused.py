"""What the API server would refuse, and what is refused with it: no evaluator ever sees such a policy."""

from typing import Any

from support.cases.case import Object
from support.cases.policies import block, ingress, pods
from support.tiered import anp, application, aws, banp, by, cnp, named, nets, tcp, to


def _ports(**element: Any) -> Object:
    return ingress({"ports": [element]})


def _from(**peer: Any) -> Object:
    return ingress({"from": [peer]})


def _range(start: int, end: int) -> Object:
    return anp(egress=[to("Deny", ports=[{"portRange": {"start": start, "end": end}}])])


REFUSED: list[tuple[str, Object, str]] = [
    ("np23-end-below-the-port", _ports(port=80, endPort=79), "endPort` 79 is below port 80"),
    ("np23-end-of-a-name", _ports(port="web", endPort=90), "endPort` 90 has no numeric port"),
    ("np33-except-is-the-whole", _from(**block("10.0.0.0/16", "10.0.9.9/16")), "`10.0.9.9/16` is not a part of"),
    ("np33-except-outside", _from(**block("10.0.0.0/16", "10.1.0.0/24")), "is not a part of 10.0.0.0/16"),
    ("np35-block-and-selector", _from(**block("10.0.0.0/16"), **pods(app="a")), "has both `ipBlock` and selectors"),
    ("np53-nodes-on-ingress", cnp(ingress=[by("Deny", {"nodes": {}})]), "from[0]` has no field `nodes`"),
    ("np68-networks-on-ingress", cnp(ingress=[by("Deny", nets("0.0.0.0/0"))]), "from[0]` has no field `networks`"),
    ("np70-a-name-beside-networks",
     cnp(egress=[to("Deny", nets("10.0.0.0/8"), protocols=[{"destinationNamedPort": "web"}])]),
     "has a port's name"),
    ("np70-a-name-beside-nodes", anp(egress=[to("Deny", {"nodes": {}}, ports=[{"namedPort": "web"}])]),
     "has a port's name"),
    ("np73-start-is-end", cnp(egress=[to("Deny", protocols=[tcp(80, 80)])]), "end` 80 is not above start 80"),
    ("np73-start-above-end", cnp(egress=[to("Deny", protocols=[tcp(81, 80)])]), "end` 80 is not above start 81"),
    ("np73-start-is-end-in-v1alpha1", _range(80, 80), "portRange.end` 80 is not above start 80"),
    ("np73-start-above-end-in-v1alpha1", _range(81, 80), "portRange.end` 80 is not above start 81"),
    ("np75-deny-by-name", cnp(egress=[to("Deny", named("a.example.com"))]), "which action Deny cannot have"),
    ("np75-pass-by-name", cnp(egress=[to("Pass", named("a.example.com"))]), "which action Pass cannot have"),
    ("np75-two-stars", cnp(egress=[to("Accept", named("*.*.com"))]), "`*.*.com` is not a domain name"),
    ("np75-names-on-ingress", application("x/p", ingress=[{"from": [named("a.com")]}]), "no field `domainNames`"),
    ("np76-26-rules", cnp(egress=[to("Deny")] * 26), "egress` has 26 elements, the API allows 25"),
    ("np76-26-peers", cnp(egress=[to("Deny", *[nets("10.0.0.0/8")] * 26)]), "to` has 26 elements"),
    ("np76-101-rules-of-v1alpha1", anp(egress=[to("Deny")] * 101), "has 101 elements, the API allows 100"),
    ("np76-101-rules-of-aws", aws(egress=[to("Deny")] * 101), "has 101 elements, the API allows 100"),
    ("np76-priority-1001", cnp(priority=1001), "1001 is not a number from 0 to 1000"),
    ("np76-baseline-is-called-default", banp("other"), "`other` is not `default`"),
]  # fmt: skip
