"""An order out of a file and flags: flags win."""

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.hub.target import text_of
from fairway.kit.arguments import duration
from fairway.kit.documents import read_documents
from fairway.kit.errors import UsageError
from fairway.rollout.order import Order

_TIMES: Final = (("soak",), ("settle",), ("gates", "quiet"))


def order_of(arguments: argparse.Namespace) -> Order:
    """The order that the arguments of `rollout plan` and `start` mean. UsageError names what is wrong and where."""
    given = _file(arguments.order) if arguments.order else {}
    base = arguments.order.parent if arguments.order else Path()
    for flag, place in (("policies", base), ("decisions", base)):
        own, filed = getattr(arguments, flag), given.get(flag)
        if own is not None or isinstance(filed, str):
            given[flag] = text_of([own if own is not None else place / str(filed)])
    if not given.get("policies"):
        raise UsageError("rollout: no policies; give --policies PATH, or `policies:` in the --order file")
    return order_from(given, arguments)


def order_from(given: dict[str, Any], arguments: argparse.Namespace) -> Order:
    """An order of which `given` says all that flags do not. UsageError names what is wrong."""
    given["name"] = arguments.name
    _put(given, ("posture",), arguments.posture)
    _put(given, ("driver",), arguments.driver)
    _put(given, ("namespaces",), arguments.namespace)
    _put(given, ("nodes",), arguments.node)
    _put(given, ("limits", "canary"), arguments.canary)
    _put(given, ("limits", "budgets"), [{"nodes": nodes} for nodes in arguments.budget or ()] or None)
    _put(given, ("soak",), arguments.soak)
    _put(given, ("gates", "quiet"), arguments.quiet)
    _put(given, ("gates", "score"), arguments.score)
    _put(given, ("back",), arguments.back)
    try:
        return msgspec.convert(given, Order)
    except msgspec.ValidationError as error:
        place = getattr(arguments, "order", None) or "rollout"
        raise UsageError(f"{place}: {error}; see docs/rollout.md") from None


def _file(path: Path) -> dict[str, Any]:
    documents = read_documents([path])
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise UsageError(f"{path}: is no order; write one YAML mapping, as in docs/rollout.md")
    given = dict(documents[0].value)
    for place in _TIMES:
        holder: Any = given
        for key in place[:-1]:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(written := holder.get(place[-1]), str):
            holder[place[-1]] = _time(written, f"{path}: $.{'.'.join(place)}")
    return given


def _time(text: str, where: str) -> timedelta:
    try:
        return duration(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{where}: {error}") from None


def _put(given: dict[str, Any], place: tuple[str, ...], value: object) -> None:
    if value is not None:
        for key in place[:-1]:
            given = given.setdefault(key, {})
        given[place[-1]] = value
