"""The kernel tests on Debian's own kernels, each booted under QEMU, as many at a time as there are CPUs.

Always a few: load, allow, deny, audit, IPv6, restart; about a minute for each kernel. `make test-kernels` sets
FAIRWAY_MACHINES and passes all that are marked `every_kernel`. FAIRWAY_GUEST_TESTS=tests/kernel runs what it names.
"""

import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from machines.debian import Archive, MissingError
from machines.guest import ROOT, Outcome, boot, pack

ALL = bool(os.environ.get("FAIRWAY_MACHINES"))
FEW = (
    "tests/kernel/test_agent.py::test_enforcement_audit_and_the_kubelet",
    "tests/kernel/test_agent.py::test_enforcement_outlives_the_agent_and_the_next_takes_over",
    "tests/kernel/test_verdicts.py::test_replies_pass_and_are_not_connections",
)
TESTS = os.environ.get("FAIRWAY_GUEST_TESTS", "tests/kernel -m every_kernel" if ALL else " ".join(FEW))
SECONDS = 3600 if ALL else 600


COMMAND = f"python -m pytest -q --color=no --tb=short -p no:cacheprovider -o timeout=0 {TESTS}"
SERIES = ("5.10", "6.1", "6.12")


@pytest.fixture(scope="session")
def guests(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Outcome]]]:
    """The guests that are asked for, already booting."""
    archive = Archive(ROOT / "build/machines")
    try:
        archive.prepare()
    except MissingError as missing:
        pytest.skip(f"needs {missing}")
    root = pack(archive)
    wanted = {item.callspec.params["series"] for item in request.session.items if "guests" in item.fixturenames}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {series: _booting(pool, archive, root, series) for series in SERIES if series in wanted}


def _booting(pool: ThreadPoolExecutor, archive: Archive, root: Path, series: str) -> Future[Outcome]:
    try:
        kernel = archive.kernel(series)
    except MissingError as missing:
        nothing: Future[Outcome] = Future()
        nothing.set_exception(missing)
        return nothing
    return pool.submit(boot, archive, kernel, root, COMMAND, SECONDS)


@pytest.mark.timeout(2 * SECONDS + 120)
@pytest.mark.parametrize("series", SERIES)
def test_the_kernel_tests_pass_on(series: str, guests: dict[str, Future[Outcome]]) -> None:
    try:
        outcome = guests[series].result()
    except MissingError as missing:
        pytest.skip(f"needs {missing}")
    if outcome.status != 0:
        pytest.fail(outcome.console[-6000:], pytrace=False)
    assert re.search(r"[1-9]\d* passed", outcome.console), "something ran"
    sys.stdout.write(f"Linux {series}: {re.findall(r'^.* passed.*$', outcome.console, re.MULTILINE)[-1]}\n")
