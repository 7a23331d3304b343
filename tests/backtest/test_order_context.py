"""The market around an order: what trades say of the moments at which they were entered and left."""

from __future__ import annotations

from dataclasses import replace
from math import erf, exp, isfinite, isnan, log, pi, sqrt

import numpy as np
import pytest

from backtest.results import RunResult
from execution.trades import Trade
from market.series import SeriesBatch, SeriesUnit
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision
from strategies.views import View
from tests.backtest.option_recordings import Board, chains, contract, of_chains, order
from tests.backtest.recordings import MINUTE_NS, PROVENANCE, START_NS, Scripted, bars, run

STRIKE, SPOT, VOLATILITY = 4300.0, 4290.0, 0.20
DAYS_LEFT = 1.0 / 24.0  # of one hour, in days


def black(is_call: bool) -> float:  # noqa: FBT001  # a formula of one sign
    """Return Black's price without a rate."""
    s = VOLATILITY * sqrt(DAYS_LEFT / 365.0)
    d1 = log(SPOT / STRIKE) / s + 0.5 * s
    call = SPOT * _phi(d1) - STRIKE * _phi(d1 - s)
    return call if is_call else call - SPOT + STRIKE


def _phi(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


def straddle_board() -> Board:
    """Return call and put at one volatility, a tenth around their prices."""
    return {(STRIKE, right): (black(right == "C") - 0.1, black(right == "C") + 0.1) for right in ("C", "P")}


def vix() -> SeriesBatch:
    """Return a volatility index that is revised while the package is held."""
    instants = np.array([START_NS - MINUTE_NS, START_NS + 90 * 10**9], dtype=np.int64)
    return SeriesBatch(
        series="VIX",
        unit=SeriesUnit.INDEX_POINTS,
        ts_event_ns=int(instants[-1]),
        cause_id="vix",
        provenance=PROVENANCE,
        event_ns=instants,
        available_ns=instants,
        value=np.array([14.5, 18.0]),
    )


def sold_and_bought_back(**changed: object) -> tuple[RunResult, Trade]:
    """Run a short straddle that is closed two chains later."""
    legs = [(contract(STRIKE, "C"), -1), (contract(STRIKE, "P"), -1)]

    def close(view: View) -> Decision:
        (package,) = view.account.packages
        closing = order([(each, 1) for each, _ in legs], "60", package=package.package_id)
        return replace(closing, factors=(("closing_price", 60.0),))

    table = chains([straddle_board()] * 5, step_ns=MINUTE_NS, spot=SPOT)
    history = of_chains(table, series=(vix(),))
    script = Scripted([order(legs, "-10"), HOLD, close])
    result = run(history, script, limits=PretradeLimits(collar_fraction=None), **changed)
    (trade,) = result.trades
    return result, trade


def test_a_trade_says_what_the_market_was_at_entry_and_exit() -> None:
    """Spot, price and spread of the package, and the volatility index as it was known at each."""
    _, trade = sold_and_bought_back()
    price = black(is_call=True) + black(is_call=False)
    entry, left = trade.entry_context, trade.exit_context
    assert (entry["spot"], entry["VIX"], left["VIX"]) == (SPOT, 14.5, 18.0)
    assert [entry["mid"], left["mid"]] == pytest.approx([-price, price])
    assert [entry["spread"], left["spread"]] == pytest.approx([0.4, 0.4])
    assert entry["days_to_expiry"] == pytest.approx(DAYS_LEFT)


def test_the_greeks_at_entry_are_those_of_blacks_formula_as_the_package_is_ordered() -> None:
    """Of a straddle that is sold: twice the gamma and vega of one leg, with a minus."""
    _, trade = sold_and_bought_back()
    s = VOLATILITY * sqrt(DAYS_LEFT / 365.0)
    d1 = log(SPOT / STRIKE) / s + 0.5 * s
    density = exp(-0.5 * d1 * d1) / sqrt(2.0 * pi)
    context = trade.entry_context
    assert context["delta"] == pytest.approx(1.0 - 2.0 * _phi(d1), abs=1e-6)
    assert context["gamma"] == pytest.approx(-2.0 * density / (SPOT * s), rel=1e-6)
    assert context["vega"] == pytest.approx(-2.0 * SPOT * density * sqrt(DAYS_LEFT / 365.0), rel=1e-6)
    assert context["theta"] > 0.0
    assert context["short_iv"] == pytest.approx(VOLATILITY, rel=1e-6)
    assert all(isfinite(value) for value in context.values())


def test_an_exit_says_what_it_was_decided_by() -> None:
    """The numbers of the decision that closed stand beside the market; nothing that buys back sells a volatility."""
    _, trade = sold_and_bought_back()
    assert trade.exit_context["closing_price"] == 60.0
    assert isnan(trade.exit_context["short_iv"])
    assert "closing_price" not in trade.entry_context


def test_a_settled_package_tells_the_price_that_decided() -> None:
    """No order leaves it: what is known of the exit is the settlement."""
    close_ns = START_NS + 60 * MINUTE_NS
    index = bars([SPOT, 4288.25], symbol="SPX", start_ns=close_ns - 20 * MINUTE_NS, width_ns=10 * MINUTE_NS)
    legs = [(contract(STRIKE, "C"), -1), (contract(STRIKE, "P"), -1)]
    table = chains([straddle_board()] * 2, step_ns=MINUTE_NS, spot=SPOT)
    result = run(
        of_chains(table, bars=(index,)), Scripted([order(legs, "-10")]), limits=PretradeLimits(collar_fraction=None)
    )
    assert dict(result.trades[0].exit_context) == {"spot": 4288.25}


def test_a_run_without_greeks_values_no_option() -> None:
    """The rest of the context stands."""
    _, trade = sold_and_bought_back(with_greeks=False)
    assert "delta" not in trade.entry_context
    assert trade.entry_context["spot"] == SPOT
