"""docs/edge-cases.md is true: every line has tests, by exactly the evaluators that it names."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "edge-cases.md"
LIST = ROOT.parent / "shared" / "policy-edge-cases.md"
JUDGES = {
    "test_by_decide": "D",
    "test_the_rows_say_the_same_of_each_side": "R",
    "test_by_verdicts": "V",
    "test_by_the_kernel": "K",
    "test_refused": "X",
}


def documented() -> dict[int, str]:
    """Who judges a line, by its number."""
    rows = re.findall(r"^\| (\d+) \|.*\| ([A-Z ]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return {int(number): judges for number, judges in rows}


@pytest.fixture(scope="module")
def tested() -> dict[int, str]:
    """The same, from the ids of all tests of policies and of the kernel."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command += ["tests/unit/policy", "tests/kernel"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout
    found: dict[int, set[str]] = defaultdict(set)
    for file, _, test in (line.partition("::") for line in listed.splitlines() if "::" in line):
        judge = JUDGES.get(test.partition("[")[0], "C" if file.startswith("tests/kernel/") else "")
        for number in re.findall(r"np(\d\d)", test):
            found[int(number)].add(judge)
    return {number: " ".join(j for j in "DRVKCX" if j in judges) for number, judges in found.items()}


def test_every_line_is_tested_by_those_it_names(tested: dict[int, str]) -> None:
    assert tested == documented()


def test_every_number_of_the_list_is_a_line() -> None:
    if not LIST.is_file():
        pytest.skip(f"the list is not at {LIST}")
    numbers = [int(number) for number in re.findall(r"^ ?(\d+)\. ", LIST.read_text(), re.MULTILINE)]
    assert sorted(documented()) == numbers
