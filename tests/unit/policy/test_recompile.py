"""Compiled again after changes: the same tables and verdicts as compiled anew, and most of it is kept."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.model import Cluster, Pod, PolicySet, Service
from fairway.policy.recompile import Compiler
from fairway.wire.endpoint import NamedPort
from fairway.wire.words import Mode, Slot
from support.random_clusters import (
    NAMES,
    PORTS,
    PROTOCOLS,
    RESOLVED,
    random_cluster,
    random_policies,
    random_probe,
    random_tiers,
)

Change = Callable[[random.Random, Cluster], Cluster]


def relabelled(rng: random.Random, cluster: Cluster) -> Cluster:
    def change(pod: Pod) -> Pod:
        return replace(pod, labels=(("app", rng.choice("xyz")), ("track", rng.choice("xyz"))))

    return one_pod(rng, cluster, change)


def reported(rng: random.Random, cluster: Cluster) -> Cluster:
    port = NamedPort(rng.choice(NAMES), rng.choice(PROTOCOLS), rng.choice(PORTS))
    return one_pod(rng, cluster, lambda pod: replace(pod, ports=(port,)))


def finished(rng: random.Random, cluster: Cluster) -> Cluster:
    return one_pod(rng, cluster, lambda pod: replace(pod, finished=not pod.finished))


def readdressed(rng: random.Random, cluster: Cluster) -> Cluster:
    """A new address, or one that another pod may have."""
    address = rng.choice((f"10.0.0.{rng.randrange(1, 9)}", "10.0.1.130", f"2001:db8:1::{rng.randrange(1, 9)}"))
    return one_pod(rng, cluster, lambda pod: replace(pod, addresses=(address,), host_network=False))


def one_pod(rng: random.Random, cluster: Cluster, change: Callable[[Pod], Pod]) -> Cluster:
    if not cluster.pods:
        return cluster
    index = rng.randrange(len(cluster.pods))
    pods = list(cluster.pods)
    pods[index] = change(pods[index])
    return replace(cluster, pods=tuple(pods))


def removed(rng: random.Random, cluster: Cluster) -> Cluster:
    keep = rng.randrange(max(1, len(cluster.pods)))
    return replace(cluster, pods=tuple(pod for i, pod in enumerate(cluster.pods) if i != keep))


def added(rng: random.Random, cluster: Cluster) -> Cluster:
    number = rng.randrange(40, 60)
    pod = Pod(
        uid=f"new-{number}",
        namespace=rng.choice(sorted(cluster.namespaces)),
        name=f"new-{number}",
        labels=(("app", rng.choice("xyz")), ("tier", rng.choice("xyz"))),
        addresses=(f"10.0.1.{number}", f"2001:db8:1::{number:x}"),
        node=cluster.nodes[0].name,
    )
    return replace(cluster, pods=(*(p for p in cluster.pods if p.uid != pod.uid), pod))


def rebacked(rng: random.Random, cluster: Cluster) -> Cluster:
    if not cluster.services:
        return cluster
    addresses = [a for pod in cluster.pods for a in pod.addresses] or ["10.0.0.77"]

    def change(service: Service) -> Service:
        backends = tuple((a, rng.choice(PORTS)) for a in rng.sample(addresses, min(2, len(addresses))))
        return replace(service, ports=tuple(replace(port, backends=backends) for port in service.ports))

    chosen = rng.randrange(len(cluster.services))
    services = tuple(change(s) if i == chosen else s for i, s in enumerate(cluster.services))
    return replace(cluster, services=services)


def same(one: Compiled, other: Compiled, cluster: Cluster, rng: random.Random) -> None:
    for node in cluster.nodes:
        assert one.table(node.name, 3, Mode.ENFORCE) == other.table(node.name, 3, Mode.ENFORCE)
    for _ in range(20):
        probe = random_probe(rng, cluster)
        for slot in Slot:
            assert one.verdict(slot, *probe) == other.verdict(slot, *probe), probe


SEED = 177
CHANGES = (relabelled, reported, finished, readdressed, removed, added, rebacked)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_a_sequence_of_changes_ends_where_a_fresh_compilation_does(seed: int) -> None:
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    tiers = rng.random() < 0.5
    active, staged = random_policies(rng, cluster), random_policies(rng, cluster)
    if tiers:
        active, staged = random_tiers(rng, active), random_tiers(rng, staged)
    compiler = Compiler()
    for _ in range(7):
        again = compiler.compile(cluster, active, staged, RESOLVED)
        same(again, compile_rules(cluster, active, staged, RESOLVED), cluster, rng)
        for change in rng.sample(CHANGES, rng.choice((1, 1, 2))):
            cluster = change(rng, cluster)
        if rng.random() < 0.1:
            active = random_policies(rng, cluster)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_easy_change_compiles_nothing_anew(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(SEED)
    cluster = random_cluster(rng)
    assert cluster.services
    assert [pod for pod in cluster.pods if not pod.finished and not pod.host_network]
    policies = random_policies(rng, cluster)
    compiler = Compiler()
    compiler.compile(cluster, policies, None)
    changed = change(rng, cluster)
    assert changed != cluster
    expected = compile_rules(changed, policies, None)
    monkeypatch.setattr("fairway.policy.recompile.Compilation", None)
    same(compiler.compile(changed, policies, None), expected, changed, rng)


def test_an_earlier_result_stays_as_it_is() -> None:
    rng = random.Random(SEED)
    cluster = random_cluster(rng)
    policies = random_policies(rng, cluster)
    compiler = Compiler()
    first = compiler.compile(cluster, policies, None)
    compiler.compile(relabelled(rng, added(rng, cluster)), policies, None)
    same(first, compile_rules(cluster, policies, None), cluster, rng)


def test_nothing_changed_gives_the_same_result() -> None:
    cluster = random_cluster(random.Random(SEED))
    compiler = Compiler()
    first = compiler.compile(cluster, PolicySet(), None)
    assert compiler.compile(replace(cluster), PolicySet(), None) is first
