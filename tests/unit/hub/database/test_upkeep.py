"""A store that is whole is found so; one that is not, is not."""

from pathlib import Path

import numpy as np
import pytest

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.upkeep import compact, held, troubles
from support.flows import random_flows

FLOWS = random_flows(31, 1000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store's folder, closed."""
    with Embedded(tmp_path / "store") as database:
        base = FlowBase(database)
        base.open()
        for number in range(4):
            base.append(FLOWS, np.arange(1000) % 3 > 0, f"part-{number}")
        assert troubles(database) == []
    return tmp_path / "store"


def test_compacting_leaves_what_there_is(folder: Path) -> None:
    with Embedded(folder) as database:
        before = {one.table: one for one in held(database)}
        assert before["flows"].rows == 4000
        compact(database)
        after = {one.table: one for one in held(database)}
        assert after["flows"].rows == 4000
        assert after["flows"].parts == 1
        assert after["edges_1h"].rows <= before["edges_1h"].rows
        assert troubles(database) == []


def test_flows_that_vanished_are_missed(folder: Path) -> None:
    with Embedded(folder) as database:
        database.execute("ALTER TABLE flows DELETE WHERE port = 53 SETTINGS mutations_sync = 1")
        told = troubles(database)
        assert any(line.startswith("edges_1m: sent_bytes adds up to") for line in told)
        assert any(line.startswith("edges_1h: connections adds up to") for line in told)


def test_a_damaged_part_is_found(folder: Path) -> None:
    with Embedded(folder) as database:
        compact(database)
        [path] = database.query("SELECT path FROM system.parts WHERE active AND table = 'flows'")[
            "path"
        ].to_pylist()
    file = Path(path) / "data.bin"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))
    with Embedded(folder) as database:
        assert any(line.startswith("flows: ") for line in troubles(database))
