"""The real kernel, or a skip that names what is missing."""

import errno
import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from fairway.agent.kernel import Kernel
from fairway.agent.libbpf import BPFError
from fairway.agent.obey import Enforcement
from support.pod import PodUnderTest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/kernel/" in str(item.path):
            item.add_marker("kernel")


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    yield from load()


@pytest.fixture(scope="module")
def enforcement() -> Iterator[Enforcement]:
    """For a module's many tests of answers, which leave no state that the next one would see."""
    for kernel in load():
        yield Enforcement(kernel)


def load() -> Iterator[Kernel]:
    """The programs, for as long as the caller waits."""
    if os.geteuid() != 0:
        absent("root: BPF programs cannot be loaded")
    try:
        loaded = Kernel(sizes={"addresses": 4096, "networks": 4096, "rules": 65536})
    except BPFError as error:
        if error.number not in (errno.EPERM, errno.ENOSYS):
            raise  # the kernel has BPF and refuses ours: that is what these tests are for
        absent(f"BPF: {error}")
    yield loaded
    loaded.close()


def absent(what: str) -> NoReturn:
    """Skip for want of something, except where it should be there."""
    if os.environ.get("CI"):
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture
def pod(kernel: Kernel) -> PodUnderTest:
    return PodUnderTest(kernel)
