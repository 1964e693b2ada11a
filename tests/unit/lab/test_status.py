from pathlib import Path

import pytest

from fairway.lab import objects, pod_objects, shop, status

CREATED = "2026-11-22T21:00:00Z"
UI = next(pod for pod in shop.pods() if pod.workload.name == "ui")


@pytest.mark.parametrize(
    ("phase", "ready", "running", "state"),
    [
        ("Running", True, True, "ready"),
        ("Running", False, True, "not ready"),
        ("Running", True, False, "program ended"),
        ("Succeeded", False, False, "Succeeded"),
    ],
)
def test_state(tmp_path: Path, phase: str, ready: bool, running: bool, state: str) -> None:
    objects.write(tmp_path, [pod_objects.pod(UI, CREATED, ready=ready, phase=phase)])
    (found,) = status.read(tmp_path, {UI.process} if running else set())
    assert (found.title, found.state) == (UI.title, state)
    assert (found.node, found.zone, found.addresses) == (UI.node, "lab-1b", UI.addresses)


def test_a_file_under_way_is_no_pod(tmp_path: Path) -> None:
    objects.write(tmp_path, [pod_objects.pod(UI, CREATED, ready=True)])
    (tmp_path / "pod" / ".ui.half.json").write_text("{")
    assert len(status.read(tmp_path, set())) == 1
