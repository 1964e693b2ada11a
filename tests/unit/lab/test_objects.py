import json
from datetime import UTC, datetime
from pathlib import Path

from fairway.lab import objects

POD = {"kind": "Pod", "metadata": {"namespace": "ui", "name": "ui-0"}}
NODE = {"kind": "Node", "metadata": {"name": "node-a"}}


def test_one_file_per_object(tmp_path: Path) -> None:
    objects.write(tmp_path, [POD, NODE])
    assert json.loads((tmp_path / "pod" / "ui.ui-0.json").read_text()) == POD
    assert json.loads((tmp_path / "node" / "node-a.json").read_text()) == NODE
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    objects.write_json(path, {"a": 1})
    before = path.stat().st_ino
    objects.write_json(path, {"a": 1})
    assert path.stat().st_ino == before
    objects.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}


def test_times_are_written_as_kubernetes_writes_them() -> None:
    assert objects.timestamp(datetime(2026, 11, 22, 7, 8, 9, 123, UTC)) == "2026-11-22T07:08:09Z"


def test_identities_differ_by_kind() -> None:
    assert objects.uid("Job", "batch", "x") != objects.uid("Pod", "batch", "x")
