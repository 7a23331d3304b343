"""Margin in a stressed state: what the rules would ask of the positions at the prices of a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Final

from market.chains import FloatArray
from market.tradables import Instrument, OptionContract, Share
from risk.book import PricedBook
from risk.margin.reg_t import MarginReading, RegTRules, strategy_margin

__all__ = ["stressed_margin"]

_DIGITS: Final = 6


def stressed_margin(
    book: PricedBook,
    instruments: Sequence[Instrument],
    value: FloatArray,
    spot_return: FloatArray,
    rules: RegTRules,
) -> MarginReading:
    """Return the requirement of shares and options in one scenario.

    Parameters
    ----------
    book : PricedBook
        Positions.
    instruments : sequence of Instrument
        Of each leg; perpetuals and futures are margined elsewhere and left out.
    value : ndarray, shape (n_legs,)
        Of each leg per unit, as a row of `risk.stress.revaluation.Revaluation.value`.
    spot_return : ndarray, shape (n_underlyings,)
        What each underlying did.
    rules : RegTRules
        Rates; those of the maintenance, as a rule.

    Returns
    -------
    MarginReading
        NaN with a reason where a price of the scenario is not known.
    """
    prices = {
        name: _exact(float(spot))
        for name, spot in zip(book.underlyings, book.spot * (1.0 + spot_return), strict=True)
        if isfinite(spot)
    }
    held = []
    for item, units, worth in zip(instruments, book.units.tolist(), value.tolist(), strict=True):
        if isinstance(item, Share | OptionContract):
            held.append((item, _exact(units)))
            if isfinite(worth):
                prices[item.symbol] = _exact(max(worth, 0.0))
    return strategy_margin(held, prices, rules)


def _exact(number: float) -> Decimal:
    return Decimal(repr(round(number, _DIGITS)))
