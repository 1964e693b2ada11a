"""The book of rollouts: one file for each, replaced at one stroke, so that a crash leaves a whole state."""

import threading
from pathlib import Path

import msgspec

from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically
from fairway.rollout.state import State


class Book:
    """Every rollout's latest state, in `folder/NAME.json`. For any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}

    def open(self) -> None:
        """Read what was kept; UsageError for a file that is none of ours."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                state = msgspec.json.decode(path.read_bytes(), type=State)
            except (OSError, msgspec.MsgspecError) as error:
                raise UsageError(f"{path}: is no rollout's state: {error}; move it away, or restore it") from None
            self._states[state.order.name] = state

    def all(self) -> list[State]:
        """By name."""
        with self._lock:
            return [self._states[name] for name in sorted(self._states)]

    def find(self, name: str) -> State:
        """The state of a rollout; UsageError if there is none of that name."""
        with self._lock:
            if name in self._states:
                return self._states[name]
            known = ", ".join(sorted(self._states)) or "none"
        raise UsageError(f"there is no rollout `{name}`; there are: {known}")

    def has(self, name: str) -> bool:
        """Is there one of that name?"""
        with self._lock:
            return name in self._states

    def keep(self, state: State) -> None:
        """Keep a state, on disk first; OSError when the disk refuses."""
        name = state.order.name
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / f"{name}.json", msgspec.json.format(msgspec.json.encode(state)) + b"\n")
            self._states[name] = state
