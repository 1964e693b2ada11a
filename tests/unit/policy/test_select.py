"""Label selectors."""

import random

import pytest

from fairway.policy.model import Expression, Operator, Selector
from fairway.policy.select import Selected, selects

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


def test_selected_finds_what_selects_for_every_label_set() -> None:
    rng = random.Random(1)
    selectors = [None, *(_random_selector(rng) for _ in range(200))]
    selected = Selected[int]()
    for number, selector in enumerate(selectors):
        selected.add(selector, number)
    for _ in range(200):
        labels = {key: rng.choice("xyz") for key in ("app", "tier", "track") if rng.random() < 0.6}
        expected = [n for n, selector in enumerate(selectors) if selector is None or selects(selector, labels)]
        assert sorted(selected.by(labels)) == expected


def _random_selector(rng: random.Random) -> Selector:
    def expression() -> Expression:
        operator = rng.choice(list(Operator))
        values = frozenset(rng.sample("xyz", rng.randint(1, 2))) if "In" in operator else frozenset[str]()
        return Expression(rng.choice(("app", "tier", "track")), operator, values)

    return Selector(tuple(expression() for _ in range(rng.randrange(4))))
