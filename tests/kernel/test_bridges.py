"""Pods behind a bridge, as Flannel and the bridge plugin make them: found, told and held to their rules."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.agent.bpffs import ROOT
from fairway.agent.bridges import Bridges
from fairway.agent.kernel import Kernel
from fairway.agent.netlink import Netlink
from fairway.wire import batch
from fairway.wire.address import packed, text
from fairway.wire.rules import FIRST_POLICY, OPEN, NodeFeed, NodePod, PodRules, RuleTable
from fairway.wire.words import Direction, Mode
from support.bridged import V4, bridge, plug
from support.net import Host, Net, ip, net
from support.stage import Stage, allow, wait_for


@pytest.fixture
def bridged(kernel: Kernel, tmp_path: Path) -> Iterator[tuple[Net, Stage]]:
    """A node with two pods behind its bridge, one that is to come, and an agent that is not started yet."""
    with net(pods=0, waiting=3) as made:
        pins = ROOT / f"fairway-test-bridges-{os.getpid()}"
        stage = Stage(made, tmp_path, pins)
        bridge(made.node, *made.waiting[:2])
        try:
            yield made, stage
        finally:
            if stage.agent:
                stage.kill()
            shutil.rmtree(pins, ignore_errors=True)


def feed(made: Net, stage: Stage, count: int, *rules: PodRules, **table: object) -> None:
    pods = tuple(NodePod(f"uid-{i}", "test", f"pod-{i}", (V4[i], f"fd00:244::{2 + i}")) for i in range(count))
    stage.revision += 1
    stage.write(NodeFeed("node", pods, RuleTable(stage.revision, local=(made.node.v4,), pods=rules, **table)))


def told(stage: Stage) -> set[str]:
    return {text(bytes(one)) for one in stage.rows(batch.EDGE)["pod_address"]}


def reaches(one: Host, address: str, port: int = 8080) -> bool:
    """Whether a TCP connection is made."""
    return one.run(
        "bash", "-c", f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/{port}' && echo yes || echo no"
    ).stdout.startswith("yes")


def test_pods_behind_a_bridge_are_found_told_and_held_to_their_rules(bridged: tuple[Net, Stage]) -> None:
    made, stage = bridged
    client, server, late = made.waiting
    feed(made, stage, 2)
    stage.start()
    wait_for(lambda: len(stage.batches()[-1].header.pods) == 2)
    with stage.serve(server):
        assert reaches(client, V4[1])
        assert reaches(client, "fd00:244::3")
        wait_for(lambda: {V4[0], V4[1], "fd00:244::2", "fd00:244::3"} <= told(stage))

        # Nothing may come in but what the node itself opens: the kubelet's probes come from the bridge's address,
        # which the cluster does not know.
        closed = PodRules("uid-1", active=(FIRST_POLICY, OPEN), mode=(Mode.ENFORCE, Mode.ENFORCE))
        feed(made, stage, 2, closed)
        wait_for(lambda: stage.batches()[-1].header.revision == stage.revision)
        assert not reaches(client, V4[1])
        wait_for(lambda: reaches(made.node, V4[1]))
        wait_for(lambda: reaches(made.node, "fd00:244::3"))
        feed(made, stage, 2, closed, rows=(allow(Direction.INGRESS, 8080),))
        wait_for(lambda: stage.batches()[-1].header.revision == stage.revision)
        assert reaches(client, V4[1])

        # One that comes while the agent runs.
        plug(made.node, late, 2)
        feed(made, stage, 3)
        wait_for(lambda: len(stage.batches()[-1].header.pods) == 3)
        assert reaches(late, V4[1])
        wait_for(lambda: V4[2] in told(stage))


def test_a_pod_that_may_open_nothing_is_found_by_its_neighbours_over_ipv6(bridged: tuple[Net, Stage]) -> None:
    made, stage = bridged
    client, server, _ = made.waiting
    ends = tuple(
        PodRules(f"uid-{i}", active=(OPEN, FIRST_POLICY), mode=(Mode.ENFORCE, Mode.ENFORCE)) for i in range(2)
    )
    feed(made, stage, 2, *ends[1:])
    stage.start()
    wait_for(lambda: len(stage.batches()[-1].header.pods) == 2)
    with stage.serve(server):
        for asking, device in ((made.node, "cni0"), (client, "eth0")):
            ip(f"neigh flush dev {device}", namespace=asking.namespace)
            assert reaches(asking, "fd00:244::3")


def test_an_address_that_two_claim_stays_with_who_had_it(bridged: tuple[Net, Stage]) -> None:
    made, _ = bridged
    client = made.waiting[0]
    answers: list[tuple[int | None, ...]] = []

    def look() -> None:
        netlink = Netlink()
        cni0, mine, theirs = (socket.if_nametoindex(name) for name in ("cni0", "veth0", "veth1"))
        wanted = [packed(V4[1])]
        answers.append((Bridges(netlink).port_to(cni0, wanted), Bridges(netlink).port_to(mine, wanted)))
        ip(f"addr add {V4[1]}/32 dev lo", namespace=client.namespace)
        answers.append((Bridges(netlink).port_to(cni0, wanted), Bridges(netlink).port_to(cni0, wanted, theirs)))
        answers.append((mine, theirs))
        netlink.close()

    made.node.inside(look)
    (alone, not_a_bridge), (both, known), (_, theirs) = answers
    assert (alone, not_a_bridge, both, known) == (theirs, None, None, theirs)
