"""From the spool into the store: each batch once, what is none aside, also across a crash."""

import os
from pathlib import Path

import pytest

from fairway.hub import ingest as module
from fairway.hub.agents import Agents
from fairway.hub.ingest import Ingest
from fairway.hub.names import Names
from fairway.hub.state import State
from fairway.hub.store import Store, read_flows
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.wire import batch as wire
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, T0, UI, put, report, write_cluster


class Room:
    """A state folder with an ingest on it; `restart` is a new process on the same folder."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder / "state")
        self.state.spool.mkdir(parents=True)
        self.lines: list[str] = []
        self.names = Names()
        self.names.observe(read_cluster(read_documents([write_cluster(folder / "cluster")])).cluster, T0)
        self.restart()

    def restart(self) -> None:
        self.store = Store(self.state.store)
        self.store.open()
        self.ingest = Ingest(self.state, self.store, Agents(), self.lines.append)

    def put(self, sequence: int, **options: object) -> Path:
        batch = report(DB, ORDERS, 5432, Initiator.REMOTE, sequence=sequence, tx_bytes=sequence, **options)
        return put(self.state.spool, batch)

    def run(self) -> list[int]:
        """One pass; then the sequences whose rows are stored."""
        self.ingest.run(self.names)
        return sorted(read_flows(self.state.folder)["received_bytes"].to_pylist())

    @property
    def spool(self) -> list[str]:
        return sorted(path.name for path in self.state.spool.iterdir() if path.is_file())


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_batches_are_stored_in_order_and_deleted(room: Room) -> None:
    for sequence in (3, 1, 2):
        room.put(sequence)
    assert (room.run(), room.spool) == ([1, 2, 3], [])
    agent = room.ingest.agents.agents["node-c"]
    assert (agent.sequence, agent.batches, agent.rows, agent.packets, agent.missing) == (3, 3, 3, 30, 0)


def test_a_batch_sent_twice_is_stored_once(room: Room) -> None:
    room.put(1)
    room.run()
    room.put(1)
    assert (room.run(), room.spool, room.ingest.agents.totals.duplicates) == ([1], [], 1)


def test_a_crash_between_storing_and_deleting_doubles_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.put(1)
    with monkeypatch.context() as dying:
        dying.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            room.ingest.run(room.names)
    assert room.spool == ["node-c-b1-000000000001.arrow"]
    room.restart()
    room.put(2)
    assert (room.run(), room.spool) == ([1, 2], [])


@pytest.mark.parametrize("call", [1, 2], ids=["content", "folder"])
def test_a_disk_that_refuses_loses_and_doubles_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    room.put(1)
    calls = iter(range(1, 100))

    def fsync(_: int) -> None:
        if next(calls) == call:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="No space left"):
            room.ingest.run(room.names)
    assert room.spool == ["node-c-b1-000000000001.arrow"]
    assert room.ingest.agents == Agents()
    assert (room.run(), room.spool) == ([1], [])


def test_another_boot_begins_anew(room: Room) -> None:
    room.put(5)
    room.put(1, boot="b2")
    assert room.run() == [1, 5]


def test_a_report_without_rows_is_heard(room: Room) -> None:
    batch = report(DB, ORDERS, 5432, Initiator.REMOTE, revision=4)
    put(room.state.spool, wire.Batch(batch.header, batch.rows[:0]))
    assert (room.run(), room.spool) == ([], [])
    assert room.ingest.agents.agents["node-c"].revision == 4


def test_one_pass_is_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    for sequence in range(1, 6):
        room.put(sequence)
    assert [room.run() for _ in range(3)] == [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5]]


def misnamed(spool: Path) -> Path:
    return put(spool, report(UI, DB, 5432, Initiator.POD)).replace(spool / "node-z-b1-000000000001.arrow")


def cut(spool: Path) -> Path:
    path = put(spool, report(UI, DB, 5432, Initiator.POD))
    path.write_bytes(path.read_bytes()[:200])
    return path


def garbage(spool: Path) -> Path:
    path = spool / "x.arrow"
    path.write_bytes(b"x" * 300)
    return path


def huge(spool: Path) -> Path:
    path = spool / "huge.arrow"
    with path.open("wb") as file:
        file.truncate(wire.MAX_BYTES + 1)
    return path


def other(spool: Path) -> Path:
    path = put(spool, report(UI, DB, 5432, Initiator.POD))
    return path.replace(spool / "notes.txt")


def folder(spool: Path) -> Path:
    path = spool / "folder.arrow"
    path.mkdir()
    return path


def link(spool: Path) -> Path:
    path = spool / "link.arrow"
    path.symlink_to("/etc/passwd")
    return path


def pipe(spool: Path) -> Path:
    path = spool / "pipe.arrow"
    os.mkfifo(path)
    return path


def unknown_rule(spool: Path) -> Path:
    return put(spool, report(UI, DB, 5432, Initiator.POD, verdict_rule=3))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (misnamed, "another name, `node-a-b1-000000000001.arrow`"),
        (cut, "is not an Arrow stream"),
        (garbage, "is not an Arrow stream"),
        (huge, "over the limit"),
        (other, "is no batch file"),
        (folder, "is no batch file"),
        (link, "is no batch file"),
        (pipe, "is no batch file"),
        (unknown_rule, "names rule 3 of 1"),
    ],
)
def test_what_is_no_batch_is_put_aside(room: Room, make: object, said: str) -> None:
    path = make(room.state.spool)
    room.put(1)
    assert (room.run(), room.spool) == ([1], [])
    assert [entry.name for entry in room.state.rejected.iterdir()] == [path.name]
    assert room.ingest.agents.totals.rejected == 1
    [line] = room.lines
    assert f"`{path.name}`" in line
    assert said in line


def test_rejected_files_are_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REJECTED", 2)
    for number in range(4):
        (room.state.spool / f"{number}.arrow").write_bytes(b"x")
    assert (room.run(), room.spool) == ([], [])
    assert len(list(room.state.rejected.iterdir())) == 2
    assert room.ingest.agents.totals.rejected == 4


def test_files_under_way_are_left_alone(room: Room) -> None:
    under_way = room.state.spool / ".node-c-b1-000000000001.arrow.tmp"
    under_way.write_bytes(b"half")
    room.run()
    assert under_way.exists()
