"""The kernel tests on Debian's own kernels, each booted under QEMU.

Always a few: load, allow, deny, audit, IPv6, restart; about a minute for each kernel. `make test-kernels`, which
sets FAIRWAY_MACHINES, passes all that are marked `every_kernel`. FAIRWAY_GUEST_TESTS=tests/kernel runs what it
names.
"""

import os
import re
import sys

import pytest

from machines.debian import Archive, MissingError
from machines.guest import ROOT, boot, pack

ALL = bool(os.environ.get("FAIRWAY_MACHINES"))
FEW = (
    "tests/kernel/test_agent.py::test_enforcement_audit_and_the_kubelet",
    "tests/kernel/test_agent.py::test_enforcement_outlives_the_agent_and_the_next_takes_over",
    "tests/kernel/test_verdicts.py::test_replies_pass_and_are_not_connections",
)
TESTS = os.environ.get("FAIRWAY_GUEST_TESTS", "tests/kernel -m every_kernel" if ALL else " ".join(FEW))
SECONDS = 3600 if ALL else 600


@pytest.fixture(scope="session")
def archive() -> Archive:
    found = Archive(ROOT / "build/machines")
    try:
        found.prepare()
    except MissingError as missing:
        pytest.skip(f"needs {missing}")
    pack(found)
    return found


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("series", ["5.10", "6.1", "6.12"])
def test_the_kernel_tests_pass_on(series: str, archive: Archive) -> None:
    try:
        kernel = archive.kernel(series)
    except MissingError as missing:
        pytest.skip(f"needs {missing}")
    command = f"python -m pytest -q --color=no --tb=short -p no:cacheprovider -o timeout=0 {TESTS}"
    outcome = boot(archive, kernel, archive.folder / "root.cpio", command, SECONDS)
    if outcome.status != 0:
        pytest.fail(outcome.console[-6000:], pytrace=False)
    assert re.search(r"[1-9]\d* passed", outcome.console), "something ran"
    sys.stdout.write(f"{kernel.name}: {re.findall(r'^.* passed.*$', outcome.console, re.MULTILINE)[-1]}\n")
