"""Batches survive the wire whole, and anything else is refused with a sentence."""

import contextlib

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.wire import batch as wire
from fairway.wire.address import packed
from fairway.wire.rules import NodePod


def sample(rows: int = 3) -> wire.Batch:
    table = np.zeros(rows, wire.RECORD)
    table["tx_bytes"] = np.arange(rows) * 2**40
    table["remote_address"] = np.frombuffer(packed("10.0.0.7"), "V16")[0]
    header = wire.Header(
        node="node-a",
        boot="b1",
        sequence=7,
        start_us=1,
        end_us=2,
        pods=(NodePod("u1", "shop", "ui-1", ("10.0.0.1",)),),
        losses={"ring": 2},
    )
    return wire.Batch(header, table)


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_round_trip(rows: int) -> None:
    sent = sample(rows)
    received = wire.decode(wire.encode(sent))
    assert received.header == sent.header
    assert np.array_equal(received.rows, sent.rows)


def test_a_batch_of_version_1_has_zeros_for_what_it_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, later = sample(), ("failed", "timeouts", "connect_sum_us", "srtt_sum_us")
    sent.rows["tx_packets"] = 7
    kept = [name for name in wire.RECORD.names or () if name not in later]
    older = wire.Batch(msgspec.structs.replace(sent.header, version=1), sent.rows)
    with monkeypatch.context() as patched:
        patched.setattr(wire, "RECORD", np.dtype([(name, wire.RECORD[name]) for name in kept]))
        older = wire.Batch(older.header, sent.rows[kept].astype(wire.RECORD))
        stream = wire.encode(older)
    received = wire.decode(stream)
    assert received.header.version == 1
    assert received.rows["tx_packets"].tolist() == [7] * 3
    assert not any(received.rows[name].any() for name in later)


def test_answers_travel_and_older_hubs_and_agents_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = (wire.Answer("192.0.2.1", "api.example.com", 5, 60),)
    newer = wire.Batch(msgspec.structs.replace(sample().header, answers=answers), sample().rows)
    stream = wire.encode(newer)
    assert wire.decode(stream).header == newer.header
    older = [field for field in wire.Header.__struct_fields__ if field != "answers"]
    defined = [(name, wire.Header.__annotations__[name], None) for name in older]
    monkeypatch.setattr(wire, "Header", msgspec.defstruct("Header", defined, kw_only=True))
    header = wire.decode(stream).header
    assert (header.sequence, hasattr(header, "answers")) == (7, False)
    monkeypatch.undo()
    told = msgspec.json.decode(msgspec.json.encode(header), type=wire.Header)
    assert told.answers == ()


def test_questions_travel_with_the_pod_they_are_of() -> None:
    def with_asked(pod: int, name: str = "api.example.com", asked: int = 3) -> wire.Batch:
        one = wire.Asked(pod, name, asked, noerror=2, nxdomain=1, waited_us=900, longest_us=500, last_us=7)
        return wire.Batch(msgspec.structs.replace(sample().header, asked=(one,)), sample().rows)

    assert wire.decode(wire.encode(with_asked(0))).header == with_asked(0).header
    assert wire.decode(wire.encode(with_asked(0, ""))).header.asked[0].name == ""
    for wrong in (with_asked(1), with_asked(-1), with_asked(0, "a b"), with_asked(0, asked=-1)):
        with pytest.raises(wire.BatchError):
            wire.decode(wire.encode(wrong))


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "x" * 254, "A"])
def test_an_answer_has_a_name_that_hosts_have(name: str) -> None:
    header = msgspec.structs.replace(sample().header, answers=(wire.Answer("192.0.2.1", name, 5, 60),))
    with pytest.raises(wire.BatchError, match="malformed header"):
        wire.decode(wire.encode(wire.Batch(header, sample().rows)))


def test_a_newer_version_is_refused_in_words() -> None:
    sent = sample()
    newer = wire.Batch(msgspec.structs.replace(sent.header, version=99), sent.rows)
    with pytest.raises(wire.BatchError, match="version 99"):
        wire.decode(wire.encode(newer))


def test_a_row_of_an_unknown_pod_is_refused() -> None:
    sent = sample()
    sent.rows["pod"] = 5
    with pytest.raises(wire.BatchError, match="pod 5 of 1"):
        wire.decode(wire.encode(sent))


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_garbage_is_refused(content: bytes) -> None:
    with pytest.raises(wire.BatchError):
        wire.decode(content)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_batch_is_refused_or_read(data: st.DataObject) -> None:
    stream = bytearray(wire.encode(sample()))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(stream)))
    with contextlib.suppress(wire.BatchError):
        wire.decode(bytes(stream[:cut]))
