"""What is known of each agent from its batches, late ones and gaps included."""

import msgspec
import pytest

from fairway.hub.agents import Agents
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, SECOND, report


def after(*batches: tuple[str, int]) -> Agents:
    agents = Agents()
    for boot, sequence in batches:
        batch = report(DB, ORDERS, 5432, Initiator.REMOTE, boot=boot, sequence=sequence)
        agents = agents.received(batch.header, 1)
    return agents


@pytest.mark.parametrize(
    ("batches", "sequence", "missing"),
    [
        pytest.param([("a", 5)], 5, 0, id="first"),
        pytest.param([("a", 1), ("a", 2)], 2, 0, id="next"),
        pytest.param([("a", 1), ("a", 5)], 5, 3, id="gap"),
        pytest.param([("a", 1), ("a", 4), ("a", 2)], 4, 1, id="late"),
        pytest.param([("a", 1), ("a", 4), ("b", 1)], 1, 2, id="new-boot"),
    ],
)
def test_missing(batches: list[tuple[str, int]], sequence: int, missing: int) -> None:
    agents = after(*batches)
    agent = agents.agents["node-c"]
    assert (agent.sequence, agent.missing, agent.batches) == (sequence, missing, len(batches))
    assert (agents.totals.batches, agents.totals.rows) == (len(batches), len(batches))


def test_cores_are_of_late() -> None:
    header = report(DB, ORDERS, 5432, Initiator.REMOTE).header
    agents, told = Agents(), []
    for sequence, (boot, second, cpu) in enumerate(
        [
            ("a", 0, 100.0),  # nothing to reckon from
            ("a", 10, 100.5),
            ("a", 11, 100.9),  # a first sight: it says nothing of its own
            ("a", 20, 101.0),
            ("b", 30, 0.2),  # a new agent
            ("b", 40, 0.4),
            ("b", 50, 0.1),  # another one that took over, by the same number
            ("b", 60, 0.0),  # an older one does not tell
        ]
    ):
        header = msgspec.structs.replace(
            header,
            boot=boot,
            sequence=sequence,
            end_us=second * SECOND,
            cpu_seconds=cpu,
            kernel="6.1",
            resident_bytes=7,
            services="nftables",
        )
        agents = agents.received(header, 1)
        told.append(agents.agents["node-c"].cores)
    assert told == [
        None,
        pytest.approx(0.05),
        pytest.approx(0.05),
        pytest.approx(0.05),
        None,
        pytest.approx(0.02),
        None,
        None,
    ]
    assert (agents.agents["node-c"].kernel, agents.agents["node-c"].resident_bytes) == ("6.1", 7)
    assert agents.agents["node-c"].services == "nftables"
