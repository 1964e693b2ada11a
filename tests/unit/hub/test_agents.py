"""What is known of each agent from its batches, late ones and gaps included."""

import pytest

from fairway.hub.agents import Agents
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, report


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
