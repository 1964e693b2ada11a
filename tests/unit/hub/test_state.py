"""Where the files lie, and what is said when they do not."""

from pathlib import Path

import pytest

from fairway.hub import state as module
from fairway.hub.state import find_state
from fairway.kit.errors import UsageError


def test_the_folder_given(tmp_path: Path) -> None:
    assert find_state(tmp_path).segments == tmp_path / "segments"


def test_the_labs_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAB", tmp_path)
    assert find_state(None).folder == tmp_path


def test_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAB", tmp_path / "none")
    with pytest.raises(UsageError, match="give --state DIR"):
        find_state(None)
    with pytest.raises(UsageError, match="is no state folder"):
        find_state(tmp_path / "other")
