"""Margin at the prices of a scenario."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from market.calendars import expiry_series
from market.instruments import product_of
from market.tradables import Instrument, Share, option_contract
from risk.margin.reg_t import MarginStage, RegTRules
from risk.stress.margin import stressed_margin
from tests.risk.books import book_of, option_row

_RULES = RegTRules(stage=MarginStage.MAINTENANCE)
_SERIES = expiry_series(product_of("SPXW"), date(2023, 6, 16))


def test_a_naked_put_requires_more_in_a_crash_and_a_spread_its_width() -> None:
    """The rule of the exchange at the shocked price: value and 15 % less what is out of the money."""
    put, wing = (option_contract(_SERIES, strike, is_call=False) for strike in (95.0, 90.0))
    book = book_of([option_row(-1.0, "P", 95.0, 30.0)])
    book = replace(book, symbols=(put.symbol,))
    calm = stressed_margin(book, [put], np.array([0.5]), np.array([0.0]), _RULES).requirement
    crash = stressed_margin(book, [put], np.array([9.0]), np.array([-0.1]), _RULES).requirement
    assert calm == pytest.approx(100 * (0.5 + max(0.15 * 100 - 5, 0.10 * 95)))
    assert crash == pytest.approx(100 * (9.0 + 0.15 * 90))
    spread = book_of([option_row(-1.0, "P", 95.0, 30.0), option_row(1.0, "P", 90.0, 30.0)])
    spread = replace(spread, symbols=(put.symbol, wing.symbol))
    found = stressed_margin(spread, [put, wing], np.array([9.0, 6.0]), np.array([-0.1]), _RULES)
    assert found.requirement == pytest.approx(500.0)


def test_an_unknown_price_leaves_the_margin_unknown() -> None:
    """A leg that a scenario cannot value has no margin, and is named; shares count a quarter of their value."""
    put: Instrument = option_contract(_SERIES, 95.0, is_call=False)
    book = replace(book_of([option_row(-1.0, "P", 95.0, 30.0)]), symbols=(put.symbol,))
    found = stressed_margin(book, [put], np.array([np.nan]), np.array([-0.1]), _RULES)
    assert np.isnan(found.requirement)
    assert put.symbol in found.reason
    shares = replace(book_of([], shares=10.0), symbols=("SPY",), underlyings=("SPY",))
    told = stressed_margin(shares, [Share(symbol="SPY")], np.array([90.0]), np.array([-0.1]), _RULES)
    assert told.requirement == pytest.approx(225.0)
