"""The list of semantics that implementations get wrong: each case before each evaluator.

The number in a test's id is that of the line. `tests/kernel/test_edge_cases.py` asks the kernel the same cases.
"""

from pathlib import Path

import pytest

from fairway.kit.errors import InputErrors
from fairway.policy.decide import decide_service
from fairway.policy.read import read_policy_set
from fairway.wire.words import Verdict
from support.cases import CASES
from support.cases.case import Case, Object, Probe
from support.cases.pods import MIXED, MIXED_PLACES, SIX
from support.cases.policies import A6, A, ingress, sel
from support.cases.refused import REFUSED
from support.evaluators import Trial, by_verdicts, known_to_verdicts
from support.objects import at

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
    assert by_verdicts(tmp_path, case) == expected


@pytest.mark.parametrize(
    ("subject", "dialled", "accepted"),
    [("c", (A, MIXED, "80"), False), ("a", (A, MIXED, "80"), True), ("c", (A6, SIX, "80"), True)],
    ids=["np57-a-backend-refuses", "np57-no-backend-does", "np41-none-of-the-family-does"],
)
def test_backends_must_let_the_client_in(
    subject: str, dialled: tuple[str, str, str], accepted: bool, tmp_path: Path
) -> None:
    """Not for the rows and the kernel: at the client's interface nobody knows who will answer."""
    probe = Probe(*dialled, accepted)
    case = Case("", MIXED_PLACES, [ingress(subject=sel(app=subject))], [probe])
    trial = Trial(case)
    ends = at(trial.cluster, probe.client), probe.server, probe.number, probe.protocol
    assert bool(decide_service(trial.settled, trial.directory, *ends).refusing) is not accepted
    assert by_verdicts(tmp_path, case) == [accepted]


@pytest.mark.parametrize(("policy", "part"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(policy: Object, part: str, tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as told:
        read_policy_set([("p.yaml", policy)])
    assert any(part in problem for problem in told.value.problems), told.value.problems
    said = by_verdicts(tmp_path, Case("", [], [policy], []))
    assert isinstance(said, str)
    assert part in said
