"""Signals end a waiting loop at once, however many come."""

import os
import signal
import subprocess
import sys
import threading
import time

from fairway.kit.stop import Stop

WAITS = """
from fairway.kit.stop import Stop
stop = Stop().on_signals()
print("up", flush=True)
while not stop.wait(60):
    pass
print("ended")
"""


def test_a_burst_of_signals_ends_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        while process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
        assert process.stdout.read() in ("ended\n", "")
        assert process.returncode in (0, -signal.SIGTERM)  # the last one may come after the handlers are gone
    finally:
        process.kill()
        process.communicate()


def test_waiting_ends_when_it_is_set_and_after_the_timeout() -> None:
    stop = Stop()
    assert not stop.wait(0.01)
    threading.Timer(0.05, stop.set).start()
    started = time.monotonic()
    assert stop.wait(30)
    assert time.monotonic() - started < 10
    for _ in range(100_000):
        stop.set()  # more than the pipe holds
    assert stop.is_set()
