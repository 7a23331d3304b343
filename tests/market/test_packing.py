"""Chains that travel between processes come out bit for bit as they went in, and small."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from market.packing import pack_columns, unpack_columns

_N = 2048
_CENTS = np.round(np.linspace(0.0, 99.99, _N), 2)


@pytest.mark.parametrize(
    ("name", "column", "most_bytes"),
    [
        ("missing throughout", np.full(_N, np.nan), 8),
        ("whole cents", _CENTS, 2 * _N),
        ("contracts", np.arange(_N, dtype=np.float64), 2 * _N),
        ("large counts", np.arange(_N) * 1e5, 4 * _N),
        ("calls and puts", np.arange(_N) % 3 == 0, _N // 8),
        ("places", np.arange(_N, dtype=np.int32) % 23, _N),
        ("thirds", np.arange(_N) / 3.0, 8 * _N),
        ("cents with a gap", np.where(np.arange(_N) == 77, np.nan, _CENTS), 8 * _N),
        ("cents with a negative zero", np.where(np.arange(_N) == 77, -0.0, _CENTS), 8 * _N),
        ("cents with an infinity", np.where(np.arange(_N) == 77, np.inf, _CENTS), 8 * _N),
        ("beyond 32 bits", np.arange(_N) * 1e9, 8 * _N),
        ("instants", np.arange(_N) + 1_795_000_000_000_000_000, 8 * _N),
        ("names", np.array([b"SPXW"] * _N), 4 * _N),
    ],
)
def test_each_kind_of_column_survives_in_its_smallest_form(name: str, column: np.ndarray, most_bytes: int) -> None:
    """Whatever the form, bytes and type are those that went in; a simple column takes few bytes."""
    forms, block = pack_columns([column])
    (found,) = unpack_columns(forms, block)
    assert found.tobytes() == column.tobytes(), name
    assert found.dtype == column.dtype
    assert len(block) <= most_bytes


@given(
    npst.arrays(
        np.float64,
        st.integers(1000, 1500),
        elements=st.one_of(st.floats(), st.decimals(-1000, 1000, places=2).map(float)),
        fill=st.floats(),
    )
)
def test_any_float_column_survives_bit_for_bit(column: np.ndarray) -> None:
    """No value, of any bits, changes."""
    forms, block = pack_columns([column, column[::-1]])
    first, second = unpack_columns(forms, block)
    assert first.tobytes() == column.tobytes()
    assert second.tobytes() == column[::-1].tobytes()


def test_unpacked_columns_are_aligned_for_the_kernels() -> None:
    """Columns of odd lengths do not shift those behind them off their boundary."""
    columns = [np.ones(3, dtype=np.bool_), np.arange(5, dtype=np.int32), np.array([b"abc"]), np.arange(7.0)]
    forms, block = pickle.loads(pickle.dumps(pack_columns(columns), protocol=5))  # noqa: S301  # our own bytes
    assert all(found.flags.aligned for found in unpack_columns(forms, block))
