"""Contract numbers are stable, unique and independent of order."""

from __future__ import annotations

from datetime import date

import numpy as np

from market.contracts import ContractIndex
from market.instruments import ExpirySeries, product_of
from market.trades import ContractTable


def _table(strikes: list[float], roots: list[str], *, call: bool = True) -> ContractTable:
    names = sorted(set(roots))
    series = tuple(
        ExpirySeries(product=product_of(name), expiration=date(2024, 1, 19), expiry_ns=1, last_trade_ns=1)
        for name in names
    )
    return ContractTable(
        series=series,
        series_index=np.array([names.index(r) for r in roots], dtype=np.int32),
        strike=np.array(strikes),
        is_call=np.full(len(strikes), call),
    )


def test_numbers_follow_first_sight_and_stay() -> None:
    """A contract keeps its number when others come before it in a later message."""
    index = ContractIndex()
    assert index.register(_table([100.0, 90.0], ["SPX", "SPX"])).tolist() == [0, 1]
    assert index.register(_table([80.0, 90.0, 100.0], ["SPX"] * 3)).tolist() == [2, 1, 0]
    assert len(index) == 3


def test_root_and_right_tell_contracts_apart() -> None:
    """The same strike and day in another root, or of the other right, is another contract."""
    index = ContractIndex()
    assert index.register(_table([100.0, 100.0], ["SPX", "SPXW"])).tolist() == [0, 1]
    assert index.register(_table([100.0], ["SPX"], call=False)).tolist() == [2]
    assert index.find(_table([7.5], ["SPX"])).tolist() == [-1]


def test_a_repeated_contract_gets_one_number() -> None:
    """Two rows of one contract in one message share a number."""
    assert ContractIndex().register(_table([7.5, 7.5, 8.0], ["SPX"] * 3)).tolist() == [0, 0, 1]


def test_a_restored_index_goes_on_with_the_same_numbers() -> None:
    """Numbers given before a restart stay, and new contracts get the next ones."""
    first = ContractIndex()
    first.register(_table([100.0, 90.0, 90.0], ["SPX", "SPX", "SPXW"]))
    second = ContractIndex(first.given())
    for index in (first, second):
        assert index.register(_table([95.0, 90.0, 90.0], ["SPXW", "SPXW", "SPX"])).tolist() == [3, 2, 1]
