"""The audit log: every entry on disk, the newest first, whatever a crash left."""

from pathlib import Path

from fairway.hub.audit import Audit


def test_entries_are_told_backwards(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl")
    assert audit.latest(10) == []
    made = [
        audit.record("ann", "intent", f"change {number}", role="editor", why="x" * 900, detail={"n": number})
        for number in range(200)
    ]
    assert [entry.done for entry in audit.latest(3)] == ["change 199", "change 198", "change 197"]
    assert audit.latest(1000) == made[::-1]
    assert audit.latest(2, made[100].at) == [made[99], made[98]]
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    Audit(path).record("ann", "intent", "first")
    with path.open("ab") as file:
        file.write(b'{"at": "2026')
    audit = Audit(path)
    audit.record("bob", "intent", "second")
    assert [entry.done for entry in audit.latest(10)] == ["second", "first"]
