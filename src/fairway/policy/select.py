"""Label selectors, as Kubernetes matches them."""

from collections.abc import Mapping
from typing import Final

from fairway.policy.model import Expression, Operator, Selector

NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The API server puts it on every namespace; manifests on disk may lack it."""


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
