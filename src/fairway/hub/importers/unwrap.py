"""Unwrap: the records inside the envelopes that log pipelines and APIs put around them."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 6

_LISTS: Final = ("logEvents", "items", "flows", "result", "hits", "streams")
_INNER: Final = ("data", "hits", "_source", "jsonPayload")
_TEXTS: Final = ("message", "log", "line", "@message")


def records(value: Any, depth: int = MAX_DEPTH) -> Iterator[dict[str, Any]]:
    """The JSON objects in an answer or a list: Whisker's and Loki's API answers, Elasticsearch hits, arrays.

    Loki's stream labels become fields of the records below them.
    """
    if depth == 0:
        return
    if isinstance(value, list):
        for one in value:
            yield from records(one, depth - 1)
    elif isinstance(value, dict):
        inner = _inner(value)
        if inner is not None:
            yield from records(inner, depth - 1)
        elif isinstance(value.get("stream"), dict) and isinstance(value.get("values"), list):
            for pair in value["values"]:
                for found in _parsed(pair[1] if isinstance(pair, list) and len(pair) > 1 else None):
                    yield {**value["stream"], **found}
        elif isinstance(value.get("line"), str):
            for found in _parsed(value["line"]):
                yield {**labels, **found} if isinstance(labels := value.get("labels"), dict) else found
        else:
            yield value


def texts(value: Any, depth: int = MAX_DEPTH) -> Iterator[str]:
    """The log lines in a CloudWatch, Kinesis, Loki or container log envelope."""
    if depth == 0:
        return
    if isinstance(value, list):
        for one in value:
            yield from texts(one, depth - 1)
    elif isinstance(value, dict):
        inner = _inner(value)
        text = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), None)
        if inner is not None:
            yield from texts(inner, depth - 1)
        elif text is not None:
            yield from text.splitlines()
        elif isinstance(value.get("values"), list):
            pairs = (pair for pair in value["values"] if isinstance(pair, list) and len(pair) > 1)
            yield from (pair[1] for pair in pairs if isinstance(pair[1], str))


def _inner(value: dict[str, Any]) -> Any:
    for name in _LISTS:
        if isinstance(value.get(name), list):
            return value[name]
    for name in _INNER:
        if isinstance(value.get(name), dict):
            return value[name]
    return None


def _parsed(text: Any) -> Iterator[dict[str, Any]]:
    try:
        found = msgspec.json.decode(text) if isinstance(text, str) else None
    except (msgspec.DecodeError, RecursionError):
        return
    if isinstance(found, dict):
        yield found
