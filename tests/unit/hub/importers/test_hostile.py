"""Records are anybody's: whatever they hold, a reader counts them and goes on."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.hub.importers.ends import Ends, Words
from fairway.hub.importers.fold import Fold
from fairway.hub.importers.formats import READERS, detect
from fairway.hub.importers.tally import Tally
from support import records
from support.records import Conn
from support.shop import shop

SHOP = shop()
CONNS = [Conn("10.0.1.131", "10.0.1.141", 8080), Conn("10.0.2.190", "10.0.1.160", 5432, denied=True)]
WRITERS: dict[str, Callable[[list[Conn]], Iterator[str]]] = {
    "vpc-flow-log": records.vpc,
    "vpc-cni": records.cni,
    "hubble": lambda conns: records.hubble(conns, SHOP),
    "calico": lambda conns: records.calico(conns, SHOP),
    "netobserv": records.netobserv,
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["-", "*", "::1%lo", "10.0.0.1", "2026-11-22T10:00:00Z", "9" * 400, "\x00", "a" * 600]),
    st.sampled_from([[], {}, [[]], [None]]),
    st.dictionaries(st.sampled_from(["source", "labels", "values", "items", "message"]), st.none(), max_size=2),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a JSON value, the value itself first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The value with what is at `path` replaced."""
    if not path:
        return odd
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], odd)
    return copy


def read(form: str, lines: list[bytes]) -> tuple[Tally, int]:
    """Take the lines in as an import does; the account, and the rows of flows that came of it."""
    tally, ends, words = Tally("x"), Ends(SHOP), Words()
    fold = Fold(ends, words, 60_000_000, lambda _: None, tally.unknown)
    fold.add(READERS[form](ends, words, tally, ()).read((1, lines)))
    fold.flush()
    return tally, fold.rows


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_one_value_is_another(form: str, data: st.DataObject) -> None:
    lines = list(WRITERS[form](CONNS))
    index = data.draw(st.integers(1, len(lines) - 1))
    if form == "vpc-flow-log":
        fields = lines[index].split()
        fields[data.draw(st.integers(0, len(fields) - 1))] = str(data.draw(ODD))
        lines[index] = " ".join(fields)
    else:
        record = json.loads(lines[index])
        path = data.draw(st.sampled_from(places(record)))
        lines[index] = json.dumps(changed(record, path, data.draw(ODD)))
    tally, rows = read(form, [line.encode() for line in lines])
    assert rows >= 2
    assert tally.records + sum(tally.not_used.values()) >= len(lines) - 2


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=30, deadline=None)
@given(lines=st.lists(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)), max_size=5))
def test_bytes_of_any_kind(form: str, lines: list[bytes]) -> None:
    tally, rows = read(form, lines)
    assert rows == 0
    assert sum(tally.not_used.values()) <= sum(max(1, line.count(b"\n") + 1) for line in lines)


@pytest.mark.parametrize("form", WRITERS)
def test_nesting_without_end(form: str) -> None:
    lines = [b"[" * 100_000, b'{"flow":' * 100_000, b'{"items":[' * 5000 + b"]}" * 5000]
    tally, rows = read(form, lines)
    assert rows == 0
    assert tally.not_used


@pytest.mark.parametrize("form", WRITERS)
def test_each_format_is_told_from_the_others(form: str) -> None:
    assert detect("\n".join(WRITERS[form](CONNS)).encode()) == form
