"""What domain names resolved to, from documents: by name a list of addresses, or of `address`, `since`, `until`."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from fairway.kit.errors import InputErrors
from fairway.policy.fields import Field, shown
from fairway.policy.settle import Answer, Names


def read_names(documents: Iterable[tuple[str, Any]]) -> Names:
    """The names of all documents together; InputErrors with every problem. A time without a zone is UTC."""
    names: dict[str, list[Answer]] = defaultdict(list)
    problems: list[str] = []
    for source, value in documents:
        root = Field(value, "$", source, problems)
        if not isinstance(value, dict):
            root.problem(f"{shown(value)} is no mapping; write `name: [address, ...]`")
            continue
        for name in value:
            answers = names[str(name).lower().removesuffix(".")]
            answers += [answer for element in root.get(str(name)).each() if (answer := _answer(element))]
    if problems:
        raise InputErrors(problems)
    return dict(names)


def _answer(field: Field) -> Answer | None:
    if not isinstance(field.value, dict):
        address = field.address()
        return Answer(address) if address else None
    field.only("address", "since", "until")
    field.get("address").required()
    address = field.get("address").address()
    since, until = _time(field.get("since")), _time(field.get("until"))
    return Answer(address, since, until) if address else None


def _time(field: Field) -> datetime | None:
    """A time as YAML or ISO 8601 writes it."""
    try:
        value = datetime.fromisoformat(field.value) if isinstance(field.value, str) else field.value
    except ValueError:
        value = field.value
    if value is None:
        return None
    if not isinstance(value, datetime):
        field.problem(f"{shown(value)} is no time; write one such as `2026-11-22T20:10:00Z`")
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
