"""Files: YAML that reads back as the policy, with the evidence above each rule."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairway.policy.generate import Generated, GeneratedPolicy, generate
from fairway.policy.model import NetworkPolicy, Selector
from fairway.policy.read import read_policies
from fairway.policy.render import _mapping, render, render_policy
from support.shop import shop, traffic

SHOP = shop()


def test_the_files_read_back_as_the_policies() -> None:
    generated = generate(traffic(SHOP), SHOP)
    files = render(generated)
    assert sorted(files) == [
        "kube-system-coredns.yaml",
        "monitoring-prometheus.yaml",
        "orders-orders-postgresql.yaml",
        "orders-orders.yaml",
        "ui-ui.yaml",
    ]
    read = read_policies(((name, yaml.safe_load(text)) for name, text in files.items()), SHOP)
    assert read == tuple(p.policy for p in generated.policies)


def test_a_file_whole() -> None:
    generated = generate([e for e in traffic(SHOP) if e.port == 5432], SHOP)
    assert (
        render(generated)["orders-orders-postgresql.yaml"]
        == """\
# What StatefulSet/orders-postgresql in namespace orders was seen to do; nothing else is allowed.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: orders-postgresql
  namespace: orders
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/component: postgresql
      app.kubernetes.io/name: orders
  policyTypes:
    - Ingress
    - Egress
  ingress:
    # orders/orders: 6 connections, 3.9 KiB, 2026-11-22 20:10 to 20:14 UTC, 1 of 1 replicas, \
dialled orders/orders-postgresql:5432
    - from:
        - podSelector:
            matchLabels:
              app.kubernetes.io/component: service
              app.kubernetes.io/name: orders
      ports:
        - protocol: TCP
          port: postgresql
  # it was seen to call nothing
  egress: []
"""
    )


def test_names_that_run_together_get_files_of_their_own() -> None:
    twins = tuple(
        GeneratedPolicy(NetworkPolicy(home, name, Selector(), ingress=()), "Pod/x", {})
        for home, name in (("a", "b-c"), ("a-b", "c"))
    )
    assert list(render(Generated(twins, (), ()))) == ["a-b-c.yaml", "a-b-c-2.yaml"]


def test_evidence_cannot_break_out_of_its_comment() -> None:
    policy = NetworkPolicy("a", "p", Selector(), ingress=())
    text = render_policy(GeneratedPolicy(policy, "Pod/x\nkind: Secret", {}))
    assert yaml.safe_load(text)["kind"] == "NetworkPolicy"


@pytest.mark.parametrize(
    "text", ["yes", "No", "null", "1", "1.0", "0x1", "~", "a: b", "- a", "#", "", "on", "2026-01-01"]
)
def test_text_stays_text(text: str) -> None:
    assert yaml.safe_load("\n".join(_mapping({"key": text}, (), {}))) == {"key": text}


VALUES = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
    | st.integers()
    | st.booleans(),
    lambda inner: (
        st.lists(st.dictionaries(st.text("abc/.", min_size=1), inner), max_size=2)
        | st.dictionaries(st.text("abc/.", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc/.-", min_size=1, max_size=4), VALUES, min_size=1, max_size=3))
def test_whatever_is_written_reads_back(value: dict[str, Any]) -> None:
    assert yaml.safe_load("\n".join(_mapping(value, (), {}))) == value
