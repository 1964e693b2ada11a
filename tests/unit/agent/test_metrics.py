"""What is shown is documented, and bounded."""

import re
from pathlib import Path

from fairway.agent import metrics
from fairway.agent.compat import AwsWindow, instance_id
from fairway.agent.config import Config
from fairway.agent.readings import Opened, PodOpened, PodReading
from fairway.kit.settings import settings_of
from fairway.wire.rules import NodePod

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "agent.md").read_text()


def test_every_metric_is_in_the_docs() -> None:
    named = set(re.findall(r'"((?:fairway|process)_[a-z_]+)"', Path(metrics.__file__).read_text()))
    documented = {name.removesuffix("_total") for name in re.findall(r"`((?:fairway|process)_[a-z_]+)`", PAGE)}
    assert named == documented


def test_every_setting_is_in_the_docs() -> None:
    documented = set(re.findall(r"`([a-z-]+)`", PAGE.partition("| setting |")[2].partition("\n\n")[0]))
    assert {setting.name for setting in settings_of(Config)} <= documented


def reading(name: str, packets: int) -> PodReading:
    return PodReading(1, NodePod(f"uid-{name}", "shop", name, ()), packets, 0, packets * 100, 0, 0, 0)


def values(window: AwsWindow) -> dict[tuple[str, str], float]:
    return {
        (family.name, labels.get("pod") or labels["eni"]): value
        for family in window.families()
        for labels, value in family.samples
    }


def test_compatible_figures_are_what_moved_in_the_last_full_window() -> None:
    window = AwsWindow("node-a", "i-1", 0.0, 2)
    opened = Opened(pods={"uid-a": PodOpened(tcp_ingress=5)})
    cards = [{"eth0": {"bw_in_allowance_exceeded": 7, "conntrack_allowance_available": 9}}]
    window.roll(lambda: [reading("a", 10), reading("b", 10), reading("c", 10)], opened, lambda: cards[0])
    assert window.families() == []
    opened.pods["uid-a"] = PodOpened(tcp_ingress=8)
    cards[0] = {"eth0": {"bw_in_allowance_exceeded": 9, "conntrack_allowance_available": 9}}
    window.roll(lambda: [reading("a", 14), reading("c", 11), reading("b", 0)], opened, lambda: cards[0])
    found = values(window)
    assert (found["ingress_flow", "a"], found["ingress_packets", "a"], found["ingress_bytes", "a"]) == (3, 4, 400)
    assert found["ingress_packets", "c"] == 11, "a pod that came has moved all it has"
    assert ("ingress_packets", "b") not in found, "beyond the bound"
    assert found["bw_in_allowance_exceeded", "eth0"] == 2
    assert len([family for family in window.families() if family.name.endswith("_exceeded")]) == 5
    assert values(window) == found, "looking changes nothing"


def test_the_instance_is_what_was_given() -> None:
    assert instance_id("i-5") == "i-5"
    assert instance_id("").startswith(("i-", "unknown"))
