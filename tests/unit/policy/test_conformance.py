"""Cluster-wide policies as network-policy-api's conformance suite asserts them, where its data lies beside the
repository; `test_tiers.py` has cases of its own for every feature."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairway.policy.cases import Case
from fairway.policy.verdicts import judge, judge_line

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"


@pytest.mark.parametrize(("name", "assertions"), [("anp", 265), ("cnp", 277)])
def test_every_assertion_of_the_suite(name: str, assertions: int) -> None:
    file = CASES / f"{name}_conformance.json"
    if not file.is_file():
        pytest.skip(f"the suite's assertions are not at {file}")
    suite: dict[str, Any] = json.loads(file.read_bytes())
    wrong = []
    for number, asserted in enumerate(suite["cases"]):
        shared = {key: suite[key] for key in ("pods", "nodes")}
        case, where = shared | asserted | {"probes": [asserted["probe"]]}, f"{name}:{number}"
        answers = judge(msgspec.convert(case, Case), where), judge_line(msgspec.json.encode(case), where)
        if answers != (str(int(asserted["expect"])),) * 2:
            wrong.append((number, asserted["test"], asserted["sub"], asserted["probe"]))
    assert wrong == []
    assert len(suite["cases"]) == assertions
