"""The real kernel, or a skip that names what is missing."""

import os
from collections.abc import Iterator

import pytest

from fairway.agent.kernel import Kernel
from fairway.kit.errors import EnvironmentLacksError
from support.pod import PodUnderTest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/kernel/" in str(item.path):
            item.add_marker("kernel")


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    if os.geteuid() != 0:
        pytest.skip("needs root: BPF programs cannot be loaded")
    try:
        loaded = Kernel(sizes={"addresses": 4096, "networks": 4096, "rules": 65536})
    except EnvironmentLacksError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs BPF: {error}")
    yield loaded
    loaded.close()


@pytest.fixture
def pod(kernel: Kernel) -> PodUnderTest:
    return PodUnderTest(kernel)
