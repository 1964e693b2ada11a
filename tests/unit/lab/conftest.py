import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

Run = Callable[[socketserver.TCPServer], int]


def serve(stack: ExitStack, server: socketserver.TCPServer) -> int:
    running = stack.enter_context(server)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    stack.callback(thread.join)
    stack.callback(running.shutdown)
    return int(running.server_address[1])


@pytest.fixture
def run() -> Iterator[Run]:
    """Run a server until the test ends; its port."""
    with ExitStack() as stack:
        yield lambda server: serve(stack, server)


@pytest.fixture(scope="module")
def run_for_module() -> Iterator[Run]:
    with ExitStack() as stack:
        yield lambda server: serve(stack, server)
