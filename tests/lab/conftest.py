"""The lab needs root, namespaces and a few programs. Where they should be, their absence is a failure."""

import os

import pytest

from fairway.lab import requirements


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lacks = requirements.missing()
    if lacks and os.environ.get("CI"):
        raise pytest.UsageError(f"the lab's tests cannot run here: {'; '.join(lacks)}")
    for item in items:
        if "/tests/lab/" in str(item.path):
            item.add_marker("lab")
            if lacks:
                item.add_marker(pytest.mark.skip(reason="; ".join(lacks)))
