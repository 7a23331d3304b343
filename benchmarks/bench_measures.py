"""Measures of a package on a chain of 10 000 contracts: what a plan pays for each kind of gate."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from benchmarks.bench_field import index_chain
from benchmarks.harness import Row, interleaved_ns
from strategies.chain_lookup import ChainLookup, nearest_expiration
from strategies.legs.measures import package_measures
from strategies.legs.rules import placed
from strategies.package_prices import natural_price
from strategies.structures.shapes import SHAPES
from strategies.views import ChainView

__all__ = ["run"]

_N_CONTRACTS = 10_000
_N_EXPIRIES = 40
_CALLS = 20
_REACH_US = 300.0
_SIZING = ("max_loss", "max_profit", "break_evens")
_GATES = (*_SIZING, "greeks", "probability_of_profit")
_ALL = (*_GATES, "at_quotes", "at_one_volatility", "touches", "margin", "buying_power")


def _measured(view: ChainView, name: str, wanted: Sequence[str]) -> Callable[[], None]:
    """Return a call that asks for measures of a structure that is placed already, a new object each time."""
    shape = SHAPES[name]
    series = tuple(nearest_expiration(view, days, max(days - 20, 1), days + 30) for days in shape.days)
    found = placed(view, series, shape.structure)
    price = Decimal(repr(round(natural_price(view, found.legs), 2)))

    def measure() -> None:
        for _ in range(_CALLS):
            measures = package_measures(view, found, price)
            for each in wanted:
                getattr(measures, each)

    return measure


def run() -> list[Row]:
    """Return the time per package by structure and by what is asked for.

    Returns
    -------
    list of Row
        A condor has one expiration, a calendar two.
    """
    view = ChainLookup().view(index_chain(_N_CONTRACTS, _N_EXPIRIES))
    rows = []
    for name in ("iron_condor", "calendar"):
        wanted = {"largest loss and profit": _SIZING, "with Greeks and chance of profit": _GATES, "everything": _ALL}
        calls = {words: _measured(view, name, each) for words, each in wanted.items()}
        # The processor's time: a figure of fractions of a millisecond, not of who else was waiting.
        times = interleaved_ns(calls, clock=time.process_time_ns)
        for words, found in times.items():
            value = statistics.median(found) / _CALLS / 1e3
            row = Row(name=f"{name}: {words}", size=_N_CONTRACTS, value=value, unit="us")
            judged = replace(row, reach=f"<= {_REACH_US:g}", passed=value <= _REACH_US)
            rows.append(judged if wanted[words] is _GATES and name == "iron_condor" else row)
    return rows
