"""How near a node is to what it may: what is now, what was hit since the last time, and what its cards moved."""

from pathlib import Path

import pytest

from fairway.agent import nodelimits
from fairway.agent.nodelimits import NodeLimits
from fairway.wire.batch import Limit


def test_what_is_told_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, moved, seconds = {"drop": 7, "early_drop": 1, "insert_failed": 3}, {"eth0": 1000, "br0": 9000}, [100.0]
    card = {"eth0": {"bw_in_allowance_exceeded": 5, "conntrack_allowance_exceeded": 0}}
    (tmp_path / "eth0" / "device").mkdir(parents=True)
    (tmp_path / "br0").mkdir()
    monkeypatch.setattr(nodelimits, "untracked", lambda: dict(failed))
    monkeypatch.setattr(nodelimits.Cards, "read", lambda _: card)
    monkeypatch.setattr(nodelimits.time, "monotonic", lambda: seconds[0])
    ways = {name: {"ingress": (count, 0, 0, 0), "egress": (2 * count, 0, 0, 0)} for name, count in moved.items()}
    monkeypatch.setattr(nodelimits, "interfaces", lambda _: ways)
    limits = NodeLimits(lambda: {"count": 90, "max": 100}, tmp_path)
    seconds[0], failed["drop"], failed["insert_failed"] = 110.0, 9, 99
    card["eth0"]["bw_in_allowance_exceeded"] = 6
    ways["eth0"] = {"ingress": (2000, 0, 0, 0), "egress": (2000, 0, 0, 0)}
    ways["br0"] = {"ingress": (9**9, 0, 0, 0), "egress": (9**9, 0, 0, 0)}
    assert limits.take() == (
        Limit("conntrack entries", 90, 100),
        Limit("conntrack drop", 2),
        Limit("eth0 bw_in allowance", 1),
        Limit("bandwidth in", 800.0),
        Limit("bandwidth out", 0.0),
    )
    seconds[0], ways["eth0"] = 120.0, {"ingress": (10, 0, 0, 0), "egress": (2000, 0, 0, 0)}
    assert limits.take() == (Limit("conntrack entries", 90, 100), Limit("bandwidth out", 0.0)), "a card began anew"


def test_of_this_machine_itself() -> None:
    limits = NodeLimits()
    told = {limit.name: limit for limit in limits.take()}
    assert all(limit.used >= 0 for limit in told.values())
    if "conntrack entries" in told:
        assert told["conntrack entries"].most >= told["conntrack entries"].used
