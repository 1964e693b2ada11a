"""From alarm to cause on the lab: faults that are really there, and the first cause that a person is told."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from fairway.cli.main import main
from fairway.hub.intent import Intent, PolicyChoice
from fairway.lab import faults, requirements
from fairway.lab.config import LabConfig
from fairway.lab.crew import Crew
from fairway.lab.lab import Lab
from fairway.lab.shop import pods
from fairway.policy.generate import generate
from fairway.policy.render import render
from fairway.wire.words import Posture

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(bool(requirements.missing()), reason="; ".join(requirements.missing())),
]

EDGE = "ui/ui -> catalog/catalog"
SLOW = next(pod for pod in pods() if pod.workload.name == "catalog")
FAULTS: dict[str, tuple[Callable[[Crew, Path], AbstractContextManager[None]], str, str, str]] = {
    "loss of a fifth on a node's link": (
        lambda crew, _: faults.loss(crew.lab, "node-b", 20),
        EDGE,
        "loss",
        "node-b",
    ),
    "a missing rule": (
        lambda crew, folder: missing_rule(crew, folder),
        EDGE,
        "policy",
        "ui/ui -> catalog/catalog:80",
    ),
    "no DNS": (lambda crew, _: faults.no_dns(crew.lab), "ui/ui", "dns", "ui/ui"),
    "a slow replica": (lambda crew, _: faults.slow(crew.lab, SLOW.title), EDGE, "replica", SLOW.name),
}
if os.environ.get("FAIRWAY_FAULTS") == "all":  # what would take too long each time
    FAULTS["a narrow link"] = (
        lambda crew, _: faults.narrow(crew.lab, "node-b", "100kbit"),
        EDGE,
        "bandwidth",
        "node-b",
    )


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """A shop at work that was well for a while."""
    lab = Lab(LabConfig(f"i{time.monotonic_ns() % 1_000_000}"))
    crew = Crew(lab)
    try:
        lab.up(lambda _: None)
        crew.start()
        assert all(result.ok for result in lab.check(topology=False, timeout=20))
        crew.caught_up()
        yield crew
    finally:
        crew.stop()
        lab.down()


@contextmanager
def missing_rule(crew: Crew, folder: Path) -> Iterator[None]:
    """Default-deny with policies for all that was seen, but for one edge."""
    edges = [
        edge for edge in crew.edges() if (edge.client.group, edge.server.group) != ("ui/ui", "catalog/catalog")
    ]
    for name, content in render(generate(edges, crew.cluster())).items():
        (folder / name).write_text(content)
    try:
        crew.intend(Intent(active=PolicyChoice(policies=str(folder), posture=Posture.ALLOW)))
        yield
    finally:
        crew.intend(Intent())


@pytest.mark.parametrize("name", FAULTS)
def test_the_first_cause_is_the_fault(
    name: str,
    crew: Crew,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
) -> None:
    put, subject, kind, where = FAULTS[name]

    def table() -> str:
        capsys.readouterr()
        main(["investigate", subject, "--window", "6s", "--state", str(crew.state.folder)])
        return capsys.readouterr().out

    def told() -> bool:
        lines[:] = table().splitlines()
        return lines[1].startswith(f"1. {kind}: {where}  (")

    lines: list[str] = []
    with put(crew, tmp_path):
        began = time.monotonic()
        wait(told, table)
        record_property("seconds until it was told", round(time.monotonic() - began, 1))
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {lines[1]}\n")
    wait(partial(well, crew), table)


def well(crew: Crew) -> bool:
    """The next fault must find the shop as the first did."""
    return all(result.ok for result in crew.lab.check(topology=False, timeout=5))


def wait(condition: Callable[[], bool], told: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.3)
