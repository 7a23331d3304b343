"""What textbooks state of each structure, in points: from its strikes and price, without the code under test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final

import numpy as np

from market.chains import FloatArray
from market.tradables import OptionContract
from strategies.legs.rules import PlacedStructure, placed
from strategies.structures.shapes import Shape
from strategies.views import ChainView

Stated = Callable[[Sequence[float], float], tuple[float, float]]


def strikes_of(found: PlacedStructure) -> list[float]:
    """Return the strikes in the order of the rules."""
    return [float(leg.instrument.strike) for leg in found.legs if isinstance(leg.instrument, OptionContract)]


def series_for(view: ChainView, shape: Shape) -> tuple[int, ...]:
    """Return for each expiration of a shape the series that ends nearest to its days, each after the one before."""
    days = np.array([(each.expiration - view.chain.session).days for each in view.chain.series])
    days = np.where(np.bincount(view.chain.series_index, minlength=days.shape[0]) > 0, days, 10**6)
    found: list[int] = []
    for wanted in shape.days:
        later = days if not found else np.where(days > days[found[-1]], days, 10**6)
        found.append(int(np.argmin(np.abs(later - wanted))))
    return tuple(found)


def placed_shape(view: ChainView, shape: Shape) -> PlacedStructure:
    """Return a shape in the expirations of its days."""
    return placed(view, series_for(view, shape), shape.structure)


def brute_value(found: PlacedStructure, prices: FloatArray) -> FloatArray:
    """Return what a package is worth at settlement prices, points, if all its legs end there."""
    total = np.zeros_like(prices)
    for leg in found.legs:
        contract = leg.instrument
        assert isinstance(contract, OptionContract)
        gain = prices - float(contract.strike) if contract.is_call else float(contract.strike) - prices
        total += leg.ratio * np.maximum(gain, 0.0)
    return total


def _credit_spread(k: Sequence[float], paid: float) -> tuple[float, float]:
    return -paid, abs(k[0] - k[1]) + paid


def _debit_spread(k: Sequence[float], paid: float) -> tuple[float, float]:
    return abs(k[0] - k[1]) - paid, paid


def _condor(k: Sequence[float], paid: float) -> tuple[float, float]:
    return -paid, max(k[0] - k[1], k[3] - k[2]) + paid  # the wider wing less the credit


def _iron_butterfly(k: Sequence[float], paid: float) -> tuple[float, float]:
    return -paid, max(k[0] - k[2], k[3] - k[1]) + paid


def _broken_wing(k: Sequence[float], paid: float) -> tuple[float, float]:
    near, far = abs(k[1] - k[0]), abs(k[2] - k[0])
    return near - paid, max(far - near, 0.0) + paid


def _flyagonal(k: Sequence[float], paid: float) -> tuple[float, float]:
    near, far, width = k[1] - k[0], k[2] - k[1], k[3] - k[4]
    return near - paid, max(far - near, width) + paid  # one side at a time can lose


STATED: Final[Mapping[str, Stated]] = {
    "bull_put_spread": _credit_spread,
    "bear_call_spread": _credit_spread,
    "bull_call_spread": _debit_spread,
    "bear_put_spread": _debit_spread,
    "iron_condor": _condor,
    "expected_move_condor": _condor,
    "iron_butterfly": _iron_butterfly,
    "long_butterfly": lambda k, paid: (k[0] - k[1] - paid, paid),
    "short_butterfly": lambda k, paid: (-paid, k[0] - k[1] + paid),
    "bullish_broken_wing": _broken_wing,
    "bearish_broken_wing": _broken_wing,
    "calendar": lambda _k, paid: (-paid, paid),  # were both to end at once; the debit is the loss
    "diagonal": lambda k, paid: (k[0] - k[1] - paid, paid),
    "long_straddle": lambda _k, paid: (inf, paid),
    "short_straddle": lambda _k, paid: (-paid, inf),
    "long_strangle": lambda _k, paid: (inf, paid),
    "short_strangle": lambda _k, paid: (-paid, inf),
    "flyagonal": _flyagonal,
    "long_put": lambda k, paid: (k[0] - paid, paid),
}
"""Largest profit and loss by strikes, in the order of the rules, and net price paid; a loss below 0 is none."""
