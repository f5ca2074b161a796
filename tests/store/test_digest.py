from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stbench.store.digest import combine, sequence_digest


def test_sequence_digest_is_sha256_of_header_and_little_endian_bytes_by_name() -> None:
    arrays = {"b": np.array([[1, 2]], "int16"), "a": np.float32(0.5).reshape(())}
    expected = hashlib.sha256(b'["a","<f4",[]]' + b"\0\0\0\x3f" + b'["b","<i2",[1,2]]' + b"\1\0\2\0").digest()
    assert sequence_digest(arrays) == expected


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(st.sampled_from(["float32", "int64", "uint8", "bool"]), hnp.array_shapes(max_dims=3, max_side=4)))
def test_sequence_digest_ignores_byte_order_and_memory_order(values: np.ndarray) -> None:
    digest = sequence_digest({"values": values})
    assert sequence_digest({"values": values.astype(values.dtype.newbyteorder(">"))}) == digest
    assert sequence_digest({"values": np.asfortranarray(values)}) == digest
    assert sequence_digest({"values": np.repeat(values, 2, axis=0)[::2]}) == digest


@pytest.mark.parametrize(
    "other",
    [
        {"a": np.zeros((2, 3), np.float32), "b": np.ones(1)},
        {"a": np.zeros((3, 2), np.float64), "b": np.ones(1)},
        {"a": np.zeros((3, 2), np.float32), "c": np.ones(1)},
        {"a": np.zeros((3, 2), np.float32), "b": np.full(1, 1 + 1e-16 * 3)},
    ],
    ids=["shape", "dtype", "name", "last bit"],
)
def test_sequence_digest_sees_shape_dtype_name_and_last_bit(other: dict[str, np.ndarray]) -> None:
    assert sequence_digest({"a": np.zeros((3, 2), np.float32), "b": np.ones(1)}) != sequence_digest(other)


def test_store_digest_depends_on_order_and_coordinates() -> None:
    a, b = (sequence_digest({"x": np.array(value)}) for value in (1, 2))
    time = {"time": np.arange(3.0)}
    expected = hashlib.sha256(a + b + sequence_digest(time)).hexdigest()
    assert combine([a, b], time) == expected
    assert expected not in (combine([b, a], time), combine([a, b], {"time": np.arange(3.0) + 1}))
