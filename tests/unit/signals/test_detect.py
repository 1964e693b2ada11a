"""Detectors over four weeks of a small cluster: each thing that is unlike itself, and its like that is not."""

import numpy as np
import pytest

from fairway.signals.detect import Detectors
from fairway.signals.traffic import COUNTERS, Hour, Pair, Past, Traffic

HOURS = 28 * 24
BEGIN = 496_944
NOW = BEGIN + HOURS
MB = 1e6

PAGES = Pair("shop/ui", "shop/db", 5432, "TCP")
JOB = Pair("data/job", "shop/db", 5432, "TCP")
NAMES = Pair("shop/ui", "kube-system/coredns", 53, "UDP")
CRAWL = [Pair("web/crawler", f"203.0.{number}.0/24", 443, "TCP", outside=True) for number in range(HOURS // 4 + 50)]
Counts = dict[str, float]
USUAL: dict[Pair, Counts] = {
    PAGES: {"connections": 900, "failed": 1, "sent_bytes": 9 * MB, "received_bytes": 90 * MB, "sent_packets": 9e4,
            "received_packets": 9e4, "retransmissions": 20},
    NAMES: {"sent_bytes": 70_000, "received_bytes": 150_000, "sent_packets": 1000, "received_packets": 1000},
}  # fmt: skip


def traffic(*rows: tuple[Pair, int, Counts]) -> Traffic:
    pairs = tuple(dict.fromkeys(pair for pair, _, _ in rows))
    return Traffic(
        pairs,
        np.array([pairs.index(pair) for pair, _, _ in rows], np.int64),
        np.array([hour for _, hour, _ in rows], np.int64),
        np.array([[counts.get(name, 0.0) for name in COUNTERS] for _, _, counts in rows]).reshape(
            -1, len(COUNTERS)
        ),
    )


def weeks() -> list[tuple[Pair, int, Counts]]:
    rows = [(pair, hour, counts) for hour in range(BEGIN, NOW) for pair, counts in USUAL.items()]
    rows += [(JOB, hour, {"connections": 2, "sent_bytes": 5 * MB, "received_packets": 9}) for hour in _nights()]
    fresh = {"connections": 1, "sent_bytes": 900.0, "received_packets": 5}
    return rows + [(pair, BEGIN + 4 * index, fresh) for index, pair in enumerate(CRAWL[: HOURS // 4])]


def _nights() -> list[int]:
    return [hour for hour in range(BEGIN, NOW) if hour % 24 == 2]


DETECTORS = Detectors(Past.of(traffic(*weeks()), BEGIN, NOW))


def found(*changes: tuple[Pair, Counts], without: Pair | None = None, **about: object) -> list[tuple[str, str]]:
    """Findings of an hour that is as usual but for some pairs, at noon."""
    rows = {pair: counts for pair, counts in USUAL.items() if pair != without}
    rows |= {pair: USUAL.get(pair, {}) | counts for pair, counts in changes}
    hour = Hour(NOW, traffic(*((pair, NOW, counts) for pair, counts in rows.items())), **about)  # type: ignore[arg-type]
    return [(one.kind, one.subject) for one in DETECTORS.find(hour)]


def tried(number: int, *, answered: bool, port: int = 22) -> list[tuple[Pair, Counts]]:
    counts = {"connections": 1.0, "failed": 0.0 if answered else 1.0, "received_packets": 4.0 * answered}
    return [(Pair("shop/db", f"10.9.0.{index}", port, "TCP"), counts) for index in range(number)]


STRANGE = Pair("shop/db", "198.51.100.0/24", 443, "TCP", outside=True)
NEW = Pair("shop/db", "data/job", 8080, "TCP")
CASES = [
    ("as usual", [], []),
    ("twice the volume", [(PAGES, {"received_bytes": 190 * MB})], []),
    ("ten times the volume", [(PAGES, {"received_bytes": 990 * MB})], [("volume", PAGES.title)]),
    ("a tenth of the volume", [(PAGES, {"sent_bytes": 1 * MB, "received_bytes": 9 * MB})],
     [("volume", PAGES.title)]),
    ("ten times next to nothing", [(NAMES, {"sent_bytes": 700_000, "sent_packets": 10_000})], []),
    ("a few failures", [(PAGES, {"failed": 6})], []),
    ("many failures", [(PAGES, {"failed": 300})], [("failures", PAGES.title)]),
    ("loss", [(PAGES, {"retransmissions": 4000})], [("retransmissions", PAGES.title)]),
    ("longer and many more questions", [(NAMES, {"sent_bytes": 4 * MB, "sent_packets": 20_000})],
     [("dns-tunnel", "shop/ui")]),
    ("a job at noon", [(JOB, {"connections": 2, "sent_bytes": 5 * MB, "received_packets": 9})],
     [("off-hours", JOB.title)]),
    ("a new edge", [(NEW, {"connections": 1, "received_packets": 5})], [("new-edge", NEW.title)]),
    ("a crawler meets new networks", [(one, {"connections": 1, "received_packets": 5}) for one in CRAWL[-9:]], []),
    ("a stranger outside", [(STRANGE, {"connections": 1, "sent_bytes": 9000})], [("new-edge", STRANGE.title)]),
    ("much to a stranger", [(STRANGE, {"connections": 1, "sent_bytes": 80 * MB})], [("exfiltration", "shop/db")]),
    ("much from a stranger", [(STRANGE, {"connections": 1, "sent_bytes": 60 * MB, "received_bytes": 90 * MB})],
     [("new-edge", STRANGE.title)]),
    ("addresses that do not answer", tried(40, answered=False), [("scan", "shop/db")]),
    ("many new ends that answer", tried(40, answered=True), [("fan-out", "shop/db")]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_unlike_itself(changes: list[tuple[Pair, Counts]], wanted: list[tuple[str, str]]) -> None:
    assert found(*changes) == wanted


def test_silence_is_told_of_workloads_that_have_pods_when_the_hour_is_over() -> None:
    rest = {"without": PAGES}
    assert found(alive=frozenset({"shop/db"}), **rest) == [("silent", "shop/db")]
    assert found(alive=frozenset(), **rest) == []
    assert found(alive=frozenset({"shop/db"}), whole=False, **rest) == []


def test_a_deploy_explains_a_new_edge_and_a_few_failures() -> None:
    changed = frozenset({"shop/db"})
    assert found((NEW, {"connections": 1}), changed=changed) == []
    assert found((PAGES, {"failed": 60}), changed=changed) == []
    assert found((PAGES, {"failed": 60})) == [("failures", PAGES.title)]


def test_what_was_wrong_is_not_learned() -> None:
    wrong = [(PAGES, hour, USUAL[PAGES] | {"received_bytes": 1900 * MB}) for hour in range(NOW - 5, NOW)]
    rows = [row for row in weeks() if not (row[0] == PAGES and row[1] >= NOW - 5)] + wrong
    now = Hour(NOW, traffic((PAGES, NOW, USUAL[PAGES] | {"received_bytes": 1500 * MB}), (NAMES, NOW, USUAL[NAMES])))
    left_out = [(PAGES.title, hour) for hour in range(NOW - 5, NOW)]
    told = [
        [one.kind for one in Detectors(Past.of(traffic(*rows), BEGIN, NOW, out)).find(now)]
        for out in ([], left_out)
    ]
    assert told == [[], ["volume"]]


def test_nothing_is_new_to_who_has_seen_nothing() -> None:
    empty = Detectors(Past.of(traffic(), BEGIN, NOW))
    young = Detectors(Past.of(traffic(*(row for row in weeks() if row[1] >= NOW - 48)), BEGIN, NOW))
    strange = (STRANGE, NOW, {"sent_bytes": 9e9})
    assert empty.find(Hour(NOW, traffic(strange))) == []
    assert young.find(Hour(NOW, traffic(strange))) == []
    with pytest.raises(ValueError, match="does not follow"):
        empty.find(Hour(NOW + 1, traffic()))
