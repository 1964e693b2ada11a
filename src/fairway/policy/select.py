"""Label selectors, as Kubernetes matches them; many at once by a label that they require."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, Generic, TypeVar

from fairway.policy.model import Expression, Operator, Selector

NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The API server puts it on every namespace; manifests on disk may lack it."""

T = TypeVar("T")


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """All expressions hold; a selector without any selects everything."""
    return all(_holds(expression, labels) for expression in selector.expressions)


def _holds(expression: Expression, labels: Mapping[str, str]) -> bool:
    match expression.operator:
        case Operator.IN:
            return labels.get(expression.key) in expression.values
        case Operator.NOT_IN:  # holds, too, when the key is absent
            return labels.get(expression.key) not in expression.values
        case Operator.EXISTS:
            return expression.key in labels
        case Operator.DOES_NOT_EXIST:
            return expression.key not in labels


class Selected(Generic[T]):
    """Things that selectors stand before. Most require one label's value: few are tried on a set of labels."""

    def __init__(self) -> None:
        self._by_label: dict[tuple[str, str], list[tuple[Selector, T]]] = defaultdict(list)
        self._others: list[tuple[Selector, T]] = []

    def add(self, selector: Selector | None, thing: T) -> None:
        """None selects everything."""
        selector = selector or Selector()
        required = [e for e in selector.expressions if e.operator is Operator.IN]
        if not required:
            self._others.append((selector, thing))
            return
        narrowest = min(required, key=lambda expression: len(expression.values))
        for value in narrowest.values:
            self._by_label[narrowest.key, value].append((selector, thing))

    def by(self, labels: Mapping[str, str]) -> Iterator[T]:
        """What the labels are selected by, each once, in no order."""
        for pair in labels.items():
            for selector, thing in self._by_label.get(pair, ()):
                if selects(selector, labels):
                    yield thing
        for selector, thing in self._others:
            if selects(selector, labels):
                yield thing
