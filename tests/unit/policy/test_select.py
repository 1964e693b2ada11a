"""Label selectors."""

import pytest

from fairway.policy.model import Expression, Operator, Selector
from fairway.policy.select import selects

LABELS = {"app": "a", "tier": "front"}


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ((), True),
        ((("app", Operator.IN, "a"),), True),
        ((("app", Operator.IN, "b"),), False),
        ((("none", Operator.IN, "a"),), False),
        ((("app", Operator.NOT_IN, "a"),), False),
        ((("app", Operator.NOT_IN, "b"),), True),
        ((("none", Operator.NOT_IN, "a"),), True),
        ((("app", Operator.EXISTS, ""),), True),
        ((("none", Operator.EXISTS, ""),), False),
        ((("none", Operator.DOES_NOT_EXIST, ""),), True),
        ((("app", Operator.DOES_NOT_EXIST, ""),), False),
        ((("app", Operator.IN, "a"), ("tier", Operator.IN, "back")), False),
        ((("app", Operator.IN, "a"), ("tier", Operator.IN, "front")), True),
    ],
)
def test_np08_np10_truth_table(expressions: tuple[tuple[str, Operator, str], ...], expected: bool) -> None:
    selector = Selector(tuple(Expression(k, o, frozenset({v} if v else ())) for k, o, v in expressions))
    assert selects(selector, LABELS) is expected
