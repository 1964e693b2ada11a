"""NetworkPolicies: the API server's defaults, and its refusals in words."""

from ipaddress import ip_network
from typing import Any

import pytest

from fairway.kit.errors import InputErrors
from fairway.policy.model import IPBlock
from fairway.policy.read import read_policies
from support.objects import policy


def read(**spec: Any) -> Any:
    return read_policies([("p.yaml", policy("a/p", **spec))])[0]


def peer(**content: Any) -> dict[str, Any]:
    return {"ingress": [{"from": [content]}]}


def ports(**content: Any) -> dict[str, Any]:
    return {"ingress": [{"ports": [content]}]}


def expression(**content: Any) -> dict[str, Any]:
    return {"podSelector": {"matchExpressions": [content]}}


BLOCK = {"cidr": "10.0.0.0/16"}
REFUSED = [
    (
        "np35-block-and-selector",
        peer(ipBlock=BLOCK, podSelector={}),
        "ingress[0].from[0]` has both `ipBlock` and sel",
    ),
    ("empty-peer", peer(), "ingress[0].from[0]` is empty"),
    ("null-peer", peer(podSelector=None), "ingress[0].from[0]` is empty"),
    ("misspelt-peer", peer(podSelektor={}), "from[0]` has no field `podSelektor`"),
    ("misspelt-rule", {"ingress": [{"form": []}]}, "ingress[0]` has no field `form`; one of from, ports"),
    ("np23-end-below", ports(port=80, endPort=79), "ports[0].endPort` 79 is below port 80"),
    ("np23-end-of-a-name", ports(port="web", endPort=90), "endPort` 90 has no numeric port to start from"),
    ("np23-end-of-nothing", ports(endPort=90), "endPort` 90 has no numeric port to start from"),
    ("port-zero", ports(port=0), "ports[0].port` 0 is not a number from 1 to 65535"),
    ("port-too-high", ports(port=65536), "65536 is not a number from 1 to 65535"),
    ("port-in-quotes", ports(port="80"), "`80` is not a port's name; write a number without quotes"),
    ("port-true", ports(port=True), "ports[0].port` `true` is not a number"),
    ("protocol", ports(protocol="ICMP"), "ports[0].protocol` `ICMP` is not a protocol of policies"),
    ("operator", expression(key="a", operator="Like"), "operator` `Like` is not an operator; one of In, NotIn"),
    ("in-without-values", expression(key="a", operator="In"), "values` is empty; write the values for operator In"),
    (
        "exists-with-values",
        expression(key="a", operator="Exists", values=["b"]),
        "values` must be absent; remove it",
    ),
    ("no-key", expression(operator="Exists"), "matchExpressions[0].key` is missing"),
    (
        "label-number",
        {"podSelector": {"matchLabels": {"v": 1.0}}},
        "matchLabels.v` 1.0 is not text; put it in quotes",
    ),
    ("cidr", peer(ipBlock={"cidr": "10.0.0.0/33"}), "ipBlock.cidr` `10.0.0.0/33` is not a network"),
    ("cidr-without-length", peer(ipBlock={"cidr": "10.0.0.1"}), "`10.0.0.1` is not a network"),
    ("cidr-missing", peer(ipBlock={}), "ipBlock.cidr` is missing"),
    (
        "np33-except-is-all",
        peer(ipBlock={**BLOCK, "except": ["10.0.0.0/16"]}),
        "except[0]` `10.0.0.0/16` is not a par",
    ),
    (
        "except-outside",
        peer(ipBlock={**BLOCK, "except": ["10.1.0.0/24"]}),
        "`10.1.0.0/24` is not a part of 10.0.0.0",
    ),
    ("except-family", peer(ipBlock={**BLOCK, "except": ["fd00::/64"]}), "`fd00::/64` is not a part of 10.0.0.0/16"),
    ("type", {"policyTypes": ["ingress"]}, "policyTypes[0]` `ingress` is not a policy type"),
    ("rules-are-a-list", {"ingress": {"from": []}}, 'ingress` `{"from": []}` is not a list'),
    ("rule-is-null", {"ingress": [None]}, "ingress[0]` `null` is not a rule; write `{}`"),
]


@pytest.mark.parametrize(("spec", "part"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused_by_path(spec: dict[str, Any], part: str) -> None:
    with pytest.raises(InputErrors) as caught:
        read(**spec)
    assert any(
        line.startswith("p.yaml: NetworkPolicy a/p: `$.spec.") and part in line for line in caught.value.problems
    )


def test_a_policy_without_spec_is_refused() -> None:
    with pytest.raises(InputErrors, match=r"`\$\.spec` is missing"):
        read_policies([("p.yaml", {"kind": "NetworkPolicy", "metadata": {"name": "p"}})])


@pytest.mark.parametrize(
    ("spec", "isolates"),
    [
        ({}, (True, False)),
        ({"policyTypes": []}, (True, False)),
        ({"egress": []}, (True, False)),
        ({"egress": [{}]}, (True, True)),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, (False, True)),
        ({"policyTypes": ["Egress", "Ingress"]}, (True, True)),
    ],
)
def test_np03_np04_types_by_default(spec: dict[str, Any], isolates: tuple[bool, bool]) -> None:
    found = read(**spec)
    assert (found.ingress is not None, found.egress is not None) == isolates


def test_np31_np34_networks_are_canonical() -> None:
    blocks = [
        read(**peer(ipBlock={"cidr": cidr, "except": [hole]})).ingress[0].peers[0].block
        for cidr, hole in (
            ("10.161.0.0/8", "10.1.2.3/24"),
            ("10.0.0.0/8", "10.1.2.0/24"),
            ("::ffff:10.0.0.0/104", "::ffff:10.1.2.0/120"),
        )
    ]
    assert set(blocks) == {IPBlock(ip_network("10.0.0.0/8"), (ip_network("10.1.2.0/24"),))}


def test_np05_null_and_empty_selectors_are_equal() -> None:
    assert read(podSelector=None).subject == read(podSelector={}).subject
