"""Fairway's dashboards. scripts/signals writes them as JSON; a test runs every query of every panel."""

from aws import AWS
from cluster import CLUSTER
from flows import FLOWS
from itself import ITSELF
from node import NODES
from panels import text_of
from policy import POLICY
from workload import WORKLOAD
from zones import ZONES

BOARDS = (CLUSTER, NODES, WORKLOAD, ZONES, POLICY, ITSELF, AWS, FLOWS)


def pages() -> dict[str, str]:
    """Each file's name and what it should hold."""
    return {f"{board.name}.json": text_of(board) for board in BOARDS}
