"""Stop: how a program that runs until it is told learns that it was."""

import contextlib
import os
import select
import signal
from typing import Final, Protocol

_NUMBERS: Final = (signal.SIGTERM, signal.SIGINT)


class Stoppable(Protocol):
    """What a loop asks; a threading.Event will do where no signal handler sets it."""

    def is_set(self) -> bool:
        """Whether to end."""

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds; whether to end."""


class Stop:
    """Set by a signal, at any moment. A threading.Event may not be: its `set` takes a lock that the interrupted
    code may be holding, and a second signal then waits for the first for ever."""

    def __init__(self) -> None:
        self._set = False
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def on_signals(self) -> "Stop":
        """Be set by SIGTERM and Ctrl-C from now on."""
        for number in _NUMBERS:
            signal.signal(number, lambda *_: self.set())
        return self

    def set(self) -> None:
        self._set = True
        with contextlib.suppress(BlockingIOError):  # nobody waits, and the pipe says so already
            os.write(self._write, b".")

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float) -> bool:
        select.select([self._read], [], [], timeout)
        return self._set
