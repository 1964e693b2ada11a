"""A filter held against columns in memory, each condition asked once for each distinct value.

The database answers the same filters in SQL; a test compares the two on random flows.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairway.views.filter import FIELDS, All, AnyOf, Expression, Form, Not, Term, Word

Bools = NDArray[np.bool_]
Coded = tuple[NDArray[Any], Sequence[Any]]
"""A column: of each row an index into the distinct values, and these."""
Columns = Callable[[str], Sequence[Coded]]
"""The columns that a field means, any of which may match; UsageError for a field that is not there."""

_NUMBERS: Final = {"=": eq, "!=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
_ANY_CASE: Final = ("kind", "proto", "category", "reporter")


def matching(expression: Expression, columns: Columns, rows: int) -> Bools:
    """Of each of so many rows, whether the expression is true of it."""
    match expression:
        case Term():
            told = np.zeros(rows, np.bool_)
            for codes, values in columns(expression.field):
                answers = np.array([_is(expression, value) for value in values] or [False], np.bool_)
                told |= answers[codes]
            return ~told if expression.operator == "!=" else told
        case Not(part):
            return ~matching(part, columns, rows)
        case All(parts):
            return _joined(np.logical_and, np.ones(rows, np.bool_), parts, columns)
        case AnyOf(parts):
            return _joined(np.logical_or, np.zeros(rows, np.bool_), parts, columns)


def _joined(how: Callable[..., Any], start: Bools, parts: Sequence[Expression], columns: Columns) -> Bools:
    for part in parts:
        start = how(start, matching(part, columns, len(start)))
    return start


def _is(term: Term, value: Any) -> bool:
    """Whether the value is one of the term's, without regard to a `!=`."""
    form, field = FIELDS[term.field], term.field.rpartition(".")[2]
    if form is Form.NUMBER:
        return any(_NUMBERS[term.operator](value, int(word.text)) for word in term.values)
    if form is Form.ADDRESS:
        return _within(value, term.values)
    return any(_said(field, str(value), word) for word in term.values)


def _within(address: str, networks: Sequence[Word]) -> bool:
    """An end without an address, as an unknown one may be, is in the network that holds `::`, as it is in SQL."""
    found = ip_address(address or "::")
    return any(found in ip_network(word.text) for word in networks)


def _said(field: str, value: str, word: Word) -> bool:
    text = word.text
    if field == "workload" and "/" not in text:
        value = value.partition("/")[2] or value
    if field in _ANY_CASE:
        value, text = value.lower(), text.lower()
    return value.startswith(text) if word.prefix else value == text
