"""Filters as conditions in SQL: every value bound as a parameter, every column named here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from fairway.kit.errors import UsageError
from fairway.views.filter import All, AnyOf, Expression, Not, Term, Word

_ENDS: Final = {"src": "client", "dst": "server"}
_END_COLUMNS: Final = {
    "namespace": "{end}_namespace",
    "workload": "{end}_workload",
    "name": "{end}_name",
    "kind": "{end}_kind",
    "node": "{end}_node",
    "zone": "{end}_zone",
    "ip": "{end}_address",
}
FLOW_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    **{
        f"{side}.{name}": (column.format(end=end),)
        for side, end in _ENDS.items()
        for name, column in _END_COLUMNS.items()
    },
    **{name: tuple(column.format(end=end) for end in _ENDS.values()) for name, column in _END_COLUMNS.items()},
    "dst.port": ("port",),
    "port": ("port",),
    "proto": ("protocol",),
    "service": ("service",),
    "category": ("category",),
    "reporter": ("reporter",),
    "rule": ("verdict_rule", "staged_rule"),
    "reason": ("reason", "staged_reason"),
    "verdict": ("verdict",),
    "bytes": ("(sent_bytes + received_bytes)",),
    "packets": ("(sent_packets + received_packets)",),
    "connections": ("connections",),
    "retransmissions": ("retransmissions",),
}
"""The columns of `flows` that a field of the filter language means; any one of several."""

_NOT_ROLLED: Final = {"ip", "reporter", "rule", "reason", "bytes", "packets", "connections", "retransmissions"}
ROLLUP_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    field: tuple(
        column.replace("_workload", "_group").replace("_name", "_replica") if "namespace" not in column else column
        for column in columns
    )
    for field, columns in FLOW_COLUMNS.items()
    if field.rpartition(".")[2] not in _NOT_ROLLED
}
"""The same of a rollup, which knows less."""
WORKLOAD_COLUMNS: Final = {
    field: columns
    for field, columns in ROLLUP_COLUMNS.items()
    if not any(column.endswith(("_replica", "_node")) for column in columns)
}
"""The same of workloads' sums, which know no single pods."""
_NOT_SEEN: Final = {"verdict", "rule", "reason"}
SEEN_COLUMNS: Final = {field: columns for field, columns in FLOW_COLUMNS.items() if field not in _NOT_SEEN}
"""The columns of `edges_seen`."""
_NOT_EVENTS: Final = {"verdict", "node", "zone", "category", "bytes", "retransmissions"}
EVENT_COLUMNS: Final = {
    field: (field,) if field in ("rule", "reason", "packets") else columns
    for field, columns in FLOW_COLUMNS.items()
    if field.rpartition(".")[2] not in _NOT_EVENTS
}
"""The columns of `verdicts`."""

ASKED_COLUMNS: Final = {
    field: (f"client_{name}",)
    for name in ("namespace", "workload", "name", "node", "zone")
    for field in (name, f"src.{name}")
}
"""The columns of `names_asked`, which has clients only."""

_VERDICTS: Final = {
    "allowed": "verdict = 'allow'",
    "denied": "verdict = 'deny'",
    "unjudged": "verdict = 'unjudged'",
    "would-deny": "would_deny > 0",
}


_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class Conditions:
    """Translates expressions over `columns`; `parameters` grow with each value."""

    def __init__(self, columns: Mapping[str, tuple[str, ...]]) -> None:
        self._columns = columns
        self.parameters: dict[str, Any] = {}

    def sql(self, expression: Expression) -> str:
        """A condition without any value in its text; UsageError for a field that these columns do not have."""
        match expression:
            case Term():
                return self._term(expression)
            case Not(part):
                return f"NOT ({self.sql(part)})"
            case All(parts):
                return " AND ".join(f"({self.sql(part)})" for part in parts) or "1"
            case AnyOf(parts):
                return " OR ".join(f"({self.sql(part)})" for part in parts) or "0"

    def bind(self, value: Any, kind: str) -> str:
        """A placeholder for the value, of a ClickHouse type."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def moment(self, value: datetime) -> str:
        """A placeholder for a moment, to the millisecond, between 1970 and 2200."""
        value = min(max(value if value.tzinfo else value.replace(tzinfo=UTC), _FIRST), _LAST)
        return self.bind(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3], "DateTime64(3, 'UTC')")

    def _term(self, term: Term) -> str:
        if term.field == "verdict":
            told = " OR ".join(_VERDICTS[word.text] for word in term.values)
        else:
            columns = self._columns.get(term.field)
            if columns is None:
                raise UsageError(f"filter: `{term.field}` is not known here; it is of single flows")
            told = " OR ".join(self._compared(term, column) for column in columns)
        return f"NOT ({told})" if term.operator == "!=" else f"({told})"

    def _compared(self, term: Term, column: str) -> str:
        field = term.field.rpartition(".")[2]
        if field == "ip":
            networks = (self.bind(word.text, "String") for word in term.values)
            return " OR ".join(f"isIPAddressInRange(if({column} = '', '::', {column}), {one})" for one in networks)
        if column in ("port",) or column.startswith("(") or field in ("packets", "connections", "retransmissions"):
            operator = "=" if term.operator == "!=" else term.operator
            numbers = (self.bind(int(word.text), "UInt64") for word in term.values)
            return " OR ".join(f"{column} {operator} {one}" for one in numbers)
        return " OR ".join(self._word(field, column, word) for word in term.values)

    def _word(self, field: str, column: str, word: Word) -> str:
        if field == "workload" and "/" not in word.text:
            # `ui` is Deployment/ui; where no workload is, the name stands alone.
            column = f"substring({column}, position({column}, '/') + 1)"
        if field in ("kind", "proto", "category", "reporter"):
            column = f"lower({column})"
            word = Word(word.text.lower(), word.prefix)
        text = self.bind(word.text, "String")
        return f"startsWith({column}, {text})" if word.prefix else f"{column} = {text}"
