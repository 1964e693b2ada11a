"""Selectors: few labels, lasting ones, and exactly the workload's pods."""

import pytest

from fairway.policy.labels import Choice, LabelChooser

NAME, COMPONENT, INSTANCE = "app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/instance"
ORDERS = ("shop", "Deployment/orders")
DB = ("shop", "StatefulSet/db")


def choose(own: list[dict[str, str]], other: dict[str, str] | None = None, home: str = "shop") -> Choice | None:
    known = [(ORDERS, tuple(sorted(one.items()))) for one in own]
    if other:
        known.append(((home, DB[1]), tuple(sorted(other.items()))))
    return LabelChooser(known).choice(ORDERS)


@pytest.mark.parametrize(
    ("own", "other", "chosen"),
    [
        ([{NAME: "orders", "app": "o", "zz": "1"}], None, {NAME: "orders"}),
        ([{"app": "orders", "track": "x"}], None, {"app": "orders"}),
        ([{NAME: "orders", COMPONENT: "service"}], {NAME: "orders", COMPONENT: "db"},
         {NAME: "orders", COMPONENT: "service"}),
        ([{NAME: "s", INSTANCE: "i", "own": "o"}], {NAME: "s", INSTANCE: "i"}, {NAME: "s", "own": "o"}),
        ([{"app": "a", "v": "1"}, {"app": "a", "v": "2"}], None, {"app": "a"}),
        ([{"odd": "x"}], None, {"odd": "x"}),
    ],
)  # fmt: skip
def test_chosen(own: list[dict[str, str]], other: dict[str, str] | None, chosen: dict[str, str]) -> None:
    assert choose(own, other) == Choice(tuple(sorted(chosen.items())))


def test_another_namespace_may_use_the_same_labels() -> None:
    assert choose([{"app": "a"}], {"app": "a"}, home="other") == Choice((("app", "a"),))


def test_what_cannot_be_told_apart_is_said() -> None:
    assert choose([{"app": "a"}], {"app": "a", "more": "b"}) == Choice((("app", "a"),), ("db",))


@pytest.mark.parametrize(
    "key",
    [
        "pod-template-hash",
        "controller-revision-hash",
        "rollouts-pod-template-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-name",
        "job-name",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "helm.sh/chart",
        "chart",
        "heritage",
        "version",
        "app.kubernetes.io/version",
        "app.kubernetes.io/managed-by",
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ],
)
def test_f07_passing_labels_are_no_choice(key: str) -> None:
    assert choose([{key: "x"}]) is None


def test_labels_to_avoid() -> None:
    chooser = LabelChooser([(ORDERS, (("app", "a"), ("name", "b")))], frozenset({"app"}))
    assert chooser.choice(ORDERS) == Choice((("name", "b"),))
