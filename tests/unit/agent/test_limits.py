"""What the kernel's own files say, of a machine that had trouble."""

from pathlib import Path

from fairway.agent.limits import MOST_INTERFACES, interfaces, untracked

DEV = """Inter-|   Receive                            |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 100       1    0    0    0     0          0         0      100    1 0 0 0 0 0 0
  eth0: 5000000 4000   0    7    2     0          0         0  6000000 5000 0 9 3 0 0 0
eni1@x:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
"""
TRACKING = """entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop
00000010  0 0 0 0 0 0 0 0 00000003 0000000a 00000001
00000010  0 0 0 0 0 0 0 0 00000001 00000001 00000000
"""


def test_the_nodes_interfaces_without_loopback_and_pods(tmp_path: Path) -> None:
    path = tmp_path / "dev"
    path.write_text(DEV)
    assert interfaces({"eni1@x"}, path) == {
        "eth0": {"ingress": (5000000, 4000, 7, 2), "egress": (6000000, 5000, 9, 3)}
    }
    assert interfaces((), path)["eni1@x"] == {"ingress": (1, 2, 4, 5), "egress": (9, 10, 12, 13)}
    path.write_text(DEV + "".join(f" v{number}: {'1 ' * 16}\n" for number in range(100)))
    assert len(interfaces((), path)) == MOST_INTERFACES


def test_connections_that_could_not_be_tracked(tmp_path: Path) -> None:
    path = tmp_path / "nf_conntrack"
    assert untracked(path) == {}, "tracking is off"
    path.write_text(TRACKING)
    assert untracked(path) == {"drop": 11, "early_drop": 1, "insert_failed": 4}
