"""Another agent's metrics, for dashboards that exist: the names and labels of Amazon's Network Flow Monitor agent.

They are gauges of what moved within a time. There it is the time since the last scrape, whoever scraped; here it
is the last full window, so that a second scraper takes nothing from the first. A window as long as the interval of
scraping gives the same figures. `eni` is the interface's name: only the cloud's metadata service knows the id.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fairway.agent.ethtool import ALLOWANCES
from fairway.agent.readings import Opened, PodReading
from fairway.kit.openmetrics import Family, Sample, gauge

_ASSET_TAG: Final = Path("/sys/class/dmi/id/board_asset_tag")
_MOVED: Final = {
    "ingress_flow": "Ingress TCP flow count",
    "egress_flow": "Egress TCP flow count",
    "ingress_packets": "Ingress packet count",
    "egress_packets": "Egress packet count",
    "ingress_bytes": "Ingress bytes count",
    "egress_bytes": "Egress bytes count",
}
Pod = tuple[str, str, str, str]  # uid, interface, pod, namespace
Card = tuple[str, str]  # counter, interface


class AwsWindow:
    """Figures of the last full window of `seconds`. `roll` it now and then; nothing is shown before the first one
    is over."""

    def __init__(self, node: str, instance: str, seconds: float, most_pods: int) -> None:
        self._labels = {"instance_id": instance, "node": node}
        self._seconds, self._most_pods = seconds, most_pods
        self._due = 0.0
        self._before: tuple[dict[Pod, list[int]], dict[Card, int]] = ({}, {})
        self._families: list[Family] = []

    def roll(
        self,
        readings: Callable[[], list[PodReading]],
        opened: Opened,
        cards: Callable[[], dict[str, dict[str, int]]],
    ) -> None:
        """Begin a new window if the last one is over."""
        if time.monotonic() < self._due:
            return
        first, self._due = not self._due, time.monotonic() + self._seconds
        pods = {_key(r): _values(r, opened) for r in readings()[: self._most_pods]}
        allowed = {(name, card): v for card, values in cards().items() for name, v in values.items()}
        if not first:
            self._families = [*self._moved(pods), *self._exceeded(allowed)]
        self._before = (pods, allowed)

    def families(self) -> list[Family]:
        """As of the last window."""
        return self._families

    def _moved(self, pods: dict[Pod, list[int]]) -> list[Family]:
        samples: dict[str, list[Sample]] = {name: [] for name in _MOVED}
        for pod, now in pods.items():
            before = self._before[0].get(pod, [0] * len(now))
            _, interface, name, namespace = pod
            labels = {
                "instance_id": self._labels["instance_id"],
                "iface": interface,
                "pod": name,
                "namespace": namespace,
                "node": self._labels["node"],
            }
            for metric, new, old in zip(_MOVED, now, before, strict=True):
                samples[metric].append((labels, max(0, new - old)))
        return [gauge(name, about, *samples[name]) for name, about in _MOVED.items()]

    def _exceeded(self, now: dict[Card, int]) -> list[Family]:
        return [
            gauge(
                name,
                f"Packets beyond the {short} allowance",
                *(
                    (
                        {"instance_id": self._labels["instance_id"], "eni": card, "node": self._labels["node"]},
                        max(0, value - self._before[1].get((metric, card), value)),
                    )
                    for (metric, card), value in now.items()
                    if metric == name
                ),
            )
            for name, short in ALLOWANCES.items()
        ]


def instance_id(given: str) -> str:
    """The label's value: what was given, or what the cloud wrote into the machine's own description."""
    if given:
        return given
    try:
        tag = _ASSET_TAG.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return "unknown"
    return tag if tag.startswith("i-") else "unknown"


def _key(reading: PodReading) -> Pod:
    try:
        interface = socket.if_indextoname(reading.interface)
    except OSError:
        interface = str(reading.interface)  # gone a moment ago
    return reading.pod.uid, interface, reading.pod.name, reading.pod.namespace


def _values(r: PodReading, opened: Opened) -> list[int]:
    sums = opened.of(r.pod)
    return [sums.tcp_ingress, sums.tcp_egress, r.ingress_packets, r.egress_packets, r.ingress_bytes, r.egress_bytes]
