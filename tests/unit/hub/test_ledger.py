"""The set of stored batches: whatever comes in whatever order, it knows exactly that."""

from hypothesis import given
from hypothesis import strategies as st

from fairway.hub.ledger import BatchId, Ledger

ids = st.builds(BatchId, st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]), st.integers(0, 30))
EVERY = [BatchId(node, boot, n) for node in "ab" for boot in "12" for n in range(32)]


@given(st.lists(ids), st.lists(ids))
def test_it_is_a_set(first: list[BatchId], second: list[BatchId]) -> None:
    ledger = Ledger(first)
    ledger.update(Ledger.decode(Ledger(second).encode()))
    assert {batch for batch in EVERY if batch in ledger} == {*first, *second}


def test_runs_without_gaps_are_one() -> None:
    ledger = Ledger(BatchId("a", "1", n) for n in (3, 1, 2, 5, 4, 9))
    assert ledger.encode() == b'[["a","1",[[1,5],[9,9]]]]'
