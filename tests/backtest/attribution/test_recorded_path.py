"""The engine's path of Greeks on chains that a formula priced: the attribution must find what moved them."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import pytest

from backtest.attribution.greeks import GREEK_TERMS, GreekProfit, greek_profit, greek_profit_by_package
from backtest.attribution.life_cycle import trade_lives
from backtest.results import GreeksPath, RunResult
from fields.greeks import greeks
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import Decision
from tests.backtest.option_recordings import Board, chains, contract, of_chains, order
from tests.backtest.recordings import START_NS, Scripted, run

_EXPIRATION = date(2023, 6, 9)
_EXPIRY_NS = 1_686_340_800_000_000_000  # 16:00 New York
_STEP_NS = 300_000_000_000
_WINGS = ((4200.0, "P"), (4240.0, "P"), (4340.0, "C"), (4380.0, "C"))
_RATIOS = (1, -1, -1, 1)
_STRIKES = tuple(float(strike) for strike in range(4200, 4390, 10))


def _board(place: int, spot: float, volatility: float) -> Board:
    """Quotes of 0.10 about the formula's prices, at rate 0."""
    keys = [(strike, right) for strike in _STRIKES for right in "CP"]
    strike = np.array([key[0] for key in keys])
    tau = (_EXPIRY_NS - START_NS - place * _STEP_NS) / (365 * 86_400e9)
    price = greeks(spot, strike, tau, 0.0, 0.0, volatility, np.array([key[1] == "C" for key in keys])).price
    return {key: (float(value) - 0.05, float(value) + 0.05) for key, value in zip(keys, price, strict=True)}


def _condor(package: str = "", limit: str = "0.00") -> Decision:
    legs = [(contract(*key, day=_EXPIRATION), ratio) for key, ratio in zip(_WINGS, _RATIOS, strict=True)]
    return order(legs, limit, package=package)


@cache
def _held(spots: tuple[float, ...], volatilities: tuple[float, ...]) -> RunResult:
    """A condor that is sold at the second chain and held to the end."""
    boards = [_board(place, *pair) for place, pair in enumerate(zip(spots, volatilities, strict=True))]
    table = chains(boards, day=_EXPIRATION, step_ns=_STEP_NS)
    return run(of_chains(table), Scripted([_condor()]), limits=PretradeLimits(collar_fraction=None))


def _path(result: RunResult) -> GreeksPath:
    assert result.stopped == ""
    assert result.greeks is not None
    return result.greeks


def _while_held(result: RunResult) -> GreekProfit:
    """Sums of the steps after the entry, whose spread no Greek explains."""
    path = _path(result)
    names = ("ts_ns", "spot", "total_usd", "residual_usd", *(f"{name}_usd" for name in GREEK_TERMS))
    return greek_profit(GreeksPath(**{name: getattr(path, name)[1:] for name in names}))


_MOVES = (4290.0, 4290.0, 4296.0, 4288.0, 4281.0, 4285.0)
_SHIFTS = (0.15, 0.15, 0.152, 0.149, 0.155, 0.153)


def test_the_path_adds_up_to_what_the_account_earned() -> None:
    """Nothing is charged, so all that the equity gained stands in the path, spread of the entry included."""
    result = _held(_MOVES, _SHIFTS)
    assert greek_profit(_path(result)).total == pytest.approx(result.curve.equity[-1] - 100_000.0, abs=1e-6)


def test_the_packages_make_the_book() -> None:
    """One package: its path is the book's, term by term."""
    result = _held(_MOVES, _SHIFTS)
    whole, (part,) = greek_profit(_path(result)), greek_profit_by_package(result)
    for name in (*GREEK_TERMS, "residual", "total"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name), abs=1e-6)


def test_the_entry_pays_half_of_each_spread_and_no_greek_explains_it() -> None:
    """Four legs at 0.05 from their mids, 100 units each: 20 in the residual of the first step."""
    path = _path(_held(_MOVES, _SHIFTS))
    assert path.total_usd[0] == pytest.approx(-20.0, abs=1e-6)
    assert path.residual_usd[0] == pytest.approx(-20.0, abs=1e-6)


def test_moves_of_a_smooth_surface_are_explained_to_a_few_per_cent() -> None:
    """Spot, volatility and time move together; second order leaves little."""
    found = _while_held(_held(_MOVES, _SHIFTS))
    assert found.explained > 0.97
    assert abs(found.residual) < 0.05 * sum(abs(getattr(found, name)) for name in GREEK_TERMS)


def test_a_still_market_pays_theta_alone() -> None:
    """No move of spot or volatility: the short condor earns time value, and nothing else stands beside it."""
    found = _while_held(_held((4290.0,) * 6, (0.15,) * 6))
    assert found.theta > 0.0
    assert found.total == pytest.approx(found.theta, rel=0.02)
    for name in GREEK_TERMS:
        assert name == "theta" or abs(getattr(found, name)) < 0.02 * found.theta


def test_a_rise_of_volatility_alone_costs_vega() -> None:
    """Short options lose when volatility rises; delta and gamma stay out of it."""
    found = _while_held(_held((4290.0,) * 3, (0.15, 0.15, 0.16)))
    assert found.vega < 0.0
    assert found.total == pytest.approx(found.vega + found.volga + found.theta, rel=0.03)
    assert abs(found.delta) + abs(found.gamma) < 0.02 * abs(found.vega)


def test_a_large_move_alone_costs_gamma_on_either_side() -> None:
    """The sign of gamma is the short seller's, whichever way spot goes."""
    for spot in (4270.0, 4310.0):
        assert _while_held(_held((4290.0, 4290.0, spot), (0.15,) * 3)).gamma < 0.0


def test_the_life_of_a_closed_condor_has_its_attribution() -> None:
    """Opened and closed by two decisions: the record's total is the trade's gross profit."""
    boards = [_board(place, spot, 0.15) for place, spot in enumerate((4290.0, 4290.0, 4295.0, 4292.0, 4291.0))]

    def closing(view: object) -> Decision:
        (package,) = view.account.packages  # type: ignore[attr-defined]  # the engine's view
        legs = [(contract(*key, day=_EXPIRATION), -ratio) for key, ratio in zip(_WINGS, _RATIOS, strict=True)]
        return order(legs, "50.00", package=package.package_id)

    table = chains(boards, day=_EXPIRATION, step_ns=_STEP_NS)
    hold = Decision(reason="hold")
    script = Scripted([_condor(), hold, closing])
    result = run(of_chains(table), script, limits=PretradeLimits(collar_fraction=None))
    (life,) = trade_lives(result)
    assert life.attribution is not None
    assert life.attribution.total == pytest.approx(float(life.trade.gross_pnl), abs=1e-6)
    assert life.signal is not None
    assert life.exit_signal is not None
    assert life.seconds_to_entry == pytest.approx(300.0)
