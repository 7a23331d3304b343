"""What can be traded: one symbol and one object per contract, and the steps of its price."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendars import expiry_series
from market.errors import DataError
from market.instruments import product_of
from market.tradables import contract_at, occ_symbol, option_contract, option_ticks
from market.trades import ContractTable

_DAY = date(2023, 5, 26)


def _table(root: str, strikes: list[float]) -> ContractTable:
    return ContractTable(
        series=(expiry_series(product_of(root), _DAY),),
        series_index=np.zeros(len(strikes), dtype=np.int32),
        strike=np.array(strikes),
        is_call=np.zeros(len(strikes), dtype=np.bool_),
    )


@pytest.mark.parametrize(
    ("strike", "symbol"),
    [("4100", "SPXW230526P04100000"), ("7.5", "SPXW230526P00007500"), ("123456.789", "SPXW230526P123456789")],
)
def test_a_symbol_holds_the_strike_in_thousandths(strike: str, symbol: str) -> None:
    """Halves, and strikes that need more than eight digits, are written whole."""
    assert occ_symbol("SPXW", _DAY, Decimal(strike), is_call=False) == symbol


@pytest.mark.parametrize("strike", ["0", "-5", "100.0001"])
def test_a_strike_that_no_symbol_can_hold_is_refused(strike: str) -> None:
    """A strike below a thousandth, or between two, has no symbol."""
    with pytest.raises(DataError, match="thousandths"):
        occ_symbol("SPXW", _DAY, Decimal(strike), is_call=True)


def test_a_contract_is_one_object_however_its_strike_is_told() -> None:
    """A float, a decimal and a row of a table name the same contract."""
    table = _table("SPY", [432.5])
    series = table.series[0]
    contract = option_contract(series, 432.5, is_call=False)
    assert contract is option_contract(series, Decimal("432.50"), is_call=False)
    assert contract is contract_at(table, 0)
    assert contract.strike == Decimal("432.5")


@given(st.lists(st.decimals("0", "500", places=2), min_size=1, max_size=8), st.sampled_from(["SPXW", "SPY"]))
def test_ticks_of_a_table_are_those_of_its_contracts(prices: list[Decimal], root: str) -> None:
    """The array tells each contract's tick at each price as the contract itself does."""
    table = _table(root, [100.0 + place for place in range(len(prices))])
    ticks = option_ticks(table, np.array([float(price) for price in prices]))
    expected = [contract_at(table, place).tick_at(price) for place, price in enumerate(prices)]
    assert [Decimal(repr(tick)) for tick in ticks.tolist()] == expected
