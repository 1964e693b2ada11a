"""Flows and edges as columns that a filter can be held against."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.database.conditions import FLOW_COLUMNS, SEEN_COLUMNS
from fairway.kit.errors import UsageError
from fairway.views.filter import Expression
from fairway.views.matching import Bools, Coded, matching
from fairway.wire.edge import Edge


def flows_matching(expression: Expression, flows: pa.Table) -> Bools:
    """Of each flow, in the columns of `hub.columns`, whether the expression is true of it."""

    def columns(field: str) -> Sequence[Coded]:
        if field == "verdict":
            return _verdicts(flows)
        return [_coded(_column(flows, name)) for name in FLOW_COLUMNS[field]]

    return matching(expression, columns, len(flows))


def edges_matching(expression: Expression, edges: Sequence[Edge]) -> list[Edge]:
    """The edges that the expression is true of; UsageError for a field that edges do not have."""

    def columns(field: str) -> Sequence[Coded]:
        names = SEEN_COLUMNS.get(field)
        if names is None or field == "reporter":
            raise UsageError(f"filter: `{field}` is not known of edges; it is of single flows")
        return [_distinct([_value(edge, name) for edge in edges]) for name in names]

    kept = matching(expression, columns, len(edges))
    return [edge for edge, keep in zip(edges, kept, strict=True) if keep]


def _column(flows: pa.Table, name: str) -> Any:
    if not name.startswith("("):
        return flows[name]
    one, other = name.strip("()").split(" + ")
    return pc.add(flows[one], flows[other])


def _coded(column: Any) -> Coded:
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    return coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist()


def _verdicts(flows: pa.Table) -> list[Coded]:
    codes, words = _coded(flows["verdict"])
    said = {"allow": "allowed", "deny": "denied", "unjudged": "unjudged"}
    denied, staged = (pc.equal(flows[name].cast(pa.string()), "deny") for name in ("verdict", "staged"))
    audited = pc.and_(denied, pc.equal(flows["denied"], 0))
    would = pc.and_(pc.or_(staged, audited), pc.greater(flows["connections"], 0))
    judged = would.to_numpy().astype(np.intp)
    return [(codes, [said.get(word, word) for word in words]), (judged, ["", "would-deny"])]


def _distinct(values: list[Any]) -> Coded:
    codes: dict[Any, int] = {}
    indices = np.array([codes.setdefault(value, len(codes)) for value in values], np.intp)
    return indices, list(codes)


def _value(edge: Edge, name: str) -> Any:
    if name.startswith("("):
        return sum(getattr(edge, part) for part in name.strip("()").split(" + "))
    end, _, field = name.partition("_")
    return str(getattr(getattr(edge, end), field)) if end in ("client", "server") else getattr(edge, name)
