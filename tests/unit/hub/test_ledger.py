"""The set of stored batches: whatever comes in whatever order, it knows exactly that."""

from hypothesis import given
from hypothesis import strategies as st

from fairway.hub.ledger import BatchId, Ledger

ids = st.builds(BatchId, st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]), st.integers(0, 30))
EVERY = [BatchId(node, boot, n) for node in "ab" for boot in "12" for n in range(32)]


@given(st.lists(ids), st.lists(st.tuples(ids, st.integers(0, 3))))
def test_it_is_a_set(single: list[BatchId], runs: list[tuple[BatchId, int]]) -> None:
    ledger = Ledger(single)
    for first, more in runs:
        ledger.add_run(*first, first.sequence + more)
    told = {first._replace(sequence=first.sequence + n) for first, more in runs for n in range(more + 1)}
    assert {batch for batch in EVERY if batch in ledger} == {*single, *told} & {*EVERY}
