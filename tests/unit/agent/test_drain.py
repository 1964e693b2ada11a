"""The numbers that stand for keys. What is drained is tested on the kernel's own tables, in tests/kernel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairway.agent.drain import hash_keys
from fairway.wire.address import packed


def flow_keys(spec: object, count: int) -> np.ndarray:
    """As many keys as a busy node has, alike as such keys are: a few pods and peers, all ports of each."""
    keys = np.zeros(count, spec.tables["flows"].key)
    index = np.arange(count)
    keys["ifindex"], keys["local_port"], keys["remote_port"] = 3 + index // 65536, index % 65536, 443
    keys["family"], keys["protocol"] = 4, 6
    keys["remote"] = np.frombuffer(packed("10.0.0.1"), "V16")[0]
    return keys


def test_different_keys_have_different_numbers(spec: object) -> None:
    keys = flow_keys(spec, 100_000)
    assert len(np.unique(hash_keys(keys))) == len(keys)


def test_equal_keys_have_equal_numbers_wherever_they_stand(spec: object) -> None:
    keys = flow_keys(spec, 1000)
    numbers = hash_keys(keys)
    order = np.random.default_rng(1).permutation(1000)
    assert np.array_equal(hash_keys(keys[order]), numbers[order])
    assert np.array_equal(hash_keys(keys[::2]), numbers[::2])
    assert np.array_equal(hash_keys(keys[500:501]), numbers[500:501])


@given(bit=st.integers(0, 8 * 32 - 1))
def test_every_bit_counts(spec: object, bit: int) -> None:
    size = spec.tables["flows"].key.itemsize
    one = bytearray(bytes(size))
    one[bit // 8 % size] ^= 1 << bit % 8
    pair = np.frombuffer(bytes(size) + bytes(one), spec.tables["flows"].key)
    first, second = hash_keys(pair).tolist()
    assert first != second


@pytest.mark.parametrize("size", [1, 7, 8, 9, 33])
def test_keys_of_any_size(size: int) -> None:
    content = b"".join(bytes(size - 1) + bytes([number]) for number in range(50))
    keys = np.frombuffer(content, np.dtype([("all", f"V{size}")]))
    assert len(set(hash_keys(keys).tolist())) == 50
    assert hash_keys(keys[:0]).tolist() == []
