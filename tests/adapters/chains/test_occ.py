"""Contract symbols of the Options Clearing Corporation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chains.occ import parse_occ


@pytest.mark.parametrize(
    ("symbol", "root", "expiration", "right", "strike"),
    [
        (b"SPX   240119C04500000", b"SPX", "2024-01-19", 1, 4500.0),
        (b"SPXW240119P00007500", b"SPXW", "2024-01-19", 0, 7.5),
        (b"SPY 150102C00120000", b"SPY", "2015-01-02", 1, 120.0),
        (b"AAPL7140621C00092860", b"AAPL7", "2014-06-21", 1, 92.86),
        (b"O:SPY250902C00625000", b"SPY", "2025-09-02", 1, 625.0),
        (b"NDXP230616P12000000", b"NDXP", "2023-06-16", 0, 12000.0),
    ],
)
def test_symbol_gives_root_expiration_right_and_exact_strike(
    symbol: bytes, root: bytes, expiration: str, right: int, strike: float
) -> None:
    """Padded, compact, blank-separated and prefixed forms read alike."""
    found = parse_occ(np.array([symbol]))
    assert found.valid[0]
    assert bytes(found.root[0]) == root
    assert str(found.expiration[0]) == expiration
    assert (int(found.right[0]), float(found.strike[0])) == (right, strike)


@pytest.mark.parametrize(
    "symbol", [b"", b"SPX", b"240119C04500000", b"SPX240231C04500000", b"SPX241319C04500000", b"SPX240119X04500000"]
)
def test_what_is_no_symbol_is_marked_invalid(symbol: bytes) -> None:
    """No root, an impossible date or another right make a symbol unreadable, not wrong."""
    found = parse_occ(np.array([symbol]))
    assert not found.valid[0]
    assert np.isnan(found.strike[0])
    assert found.right[0] == -1


@given(
    root=st.from_regex(r"[A-Z]{1,5}[0-9]?", fullmatch=True),
    day=st.dates(
        min_value=np.datetime64("2000-01-01").astype(object), max_value=np.datetime64("2099-12-31").astype(object)
    ),
    call=st.booleans(),
    thousandths=st.integers(min_value=0, max_value=99_999_999),
    padded=st.booleans(),
)
def test_a_written_symbol_is_read_back(*, root: str, day: object, call: bool, thousandths: int, padded: bool) -> None:
    """Any listed contract survives being written as a symbol."""
    text = f"{root:<6}" if padded else root
    found = parse_occ(np.array([f"{text}{day:%y%m%d}{'C' if call else 'P'}{thousandths:08d}".encode()]))
    assert found.valid[0]
    assert bytes(found.root[0]).decode() == root
    assert found.expiration[0] == np.datetime64(str(day), "D")
    assert float(found.strike[0]) == thousandths / 1000.0
    assert bool(found.right[0]) is call
