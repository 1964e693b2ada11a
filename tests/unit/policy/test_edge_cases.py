"""The list of semantics that implementations get wrong: each case before each evaluator.

The number in a test's id is that of the line. `tests/kernel/test_edge_cases.py` asks the kernel the same cases.
"""

from pathlib import Path

import pytest

from fairway.wire.words import Verdict
from support.cases import CASES
from support.cases.case import Case
from support.evaluators import Trial, by_verdicts, known_to_verdicts

each_case = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])


@each_case
def test_by_decide(case: Case) -> None:
    trial = Trial(case)
    answers = [probe._replace(allowed=Verdict.DENY not in trial.by_decide(probe)) for probe in case.probes]
    assert answers == case.probes


@each_case
def test_the_rows_say_the_same_of_each_side(case: Case) -> None:
    trial = Trial(case)
    assert [trial.by_rows(probe) for probe in case.probes] == [trial.by_decide(probe) for probe in case.probes]


@each_case
def test_by_verdicts(case: Case, tmp_path: Path) -> None:
    expected = [probe.allowed for probe in case.probes if known_to_verdicts(probe)]
    assert by_verdicts(tmp_path, case) == [expected]
