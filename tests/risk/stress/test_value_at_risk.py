"""Value at risk: the quantile that it says, no look-ahead, refusal of thin samples, coverage of what it promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from risk.stress.value_at_risk import (
    MarketMoves,
    VarConfig,
    VarMethod,
    book_var,
    expected_shortfall,
    tail_losses,
    value_at_risk,
)
from tests.risk.books import book_of, option_row

_SHARES = book_of([], shares=10.0)  # 1000 of value
_PUT = book_of([option_row(-1.0, "P", 95.0, 30.0)])
_QUICK = VarConfig(n_draws=200)


def _moves(n: int, *, seed: int = 5, scale: float = 0.01, end: int = 0) -> MarketMoves:
    rng = np.random.default_rng(seed)
    spot = scale * rng.standard_normal((n, 1))
    vol = -4.0 * spot + 0.02 * rng.standard_normal((n, 1))
    known = np.arange(end - n + 1, end + 1, dtype=np.int64)
    return MarketMoves(known_ns=known, underlyings=("SPX",), spot_return=spot, vol_log=vol)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.sampled_from([0.9, 0.95, 0.975, 0.99]))
def test_tail_figures_are_those_of_their_definition(pnl: list[float], confidence: float) -> None:
    """The loss at rank ceil(q n), and the integral of losses beyond it; shortfall is never the smaller."""
    column = np.array(pnl)
    losses = np.sort(-column)[::-1]
    tail = round((1.0 - confidence) * column.size, 9)
    rank = int(np.ceil(tail))
    assert value_at_risk(column, confidence) == losses[rank - 1]
    mean = (losses[: rank - 1].sum() + (tail - rank + 1) * losses[rank - 1]) / tail
    assert expected_shortfall(column, confidence) == pytest.approx(mean, rel=1e-9, abs=1e-6)
    assert expected_shortfall(column, confidence) >= value_at_risk(column, confidence) - 1e-6


def test_tail_figures_agree_with_another_library() -> None:
    """The library of portfolios says the same of profits whose tail is a whole number of days and a part."""
    measures = pytest.importorskip("skfolio.measures", reason="the portfolio library is not installed")
    pnl = np.random.default_rng(3).standard_normal(509)
    assert value_at_risk(pnl, 0.95) == pytest.approx(measures.value_at_risk(pnl, beta=0.95))
    assert expected_shortfall(pnl, 0.95) == pytest.approx(measures.cvar(pnl, beta=0.95))


def test_shares_have_the_quantile_of_their_returns() -> None:
    """A linear book needs no model: value times quantile, inside its own interval, below its shortfall."""
    moves = _moves(500)
    found = book_var(_SHARES, moves, _QUICK, rng=_rng())
    assert found.value_at_risk == pytest.approx(1000.0 * value_at_risk(moves.spot_return[:, 0], 0.99))
    assert found.var_low <= found.value_at_risk <= found.var_high
    assert found.value_at_risk <= found.expected_shortfall <= found.worst_loss
    assert (found.n_days, found.n_left_out, found.reason) == (500, 0, "")


def test_a_day_that_was_not_known_does_not_count() -> None:
    """Moves after the book's instant change nothing, however large they are."""
    known = _moves(400)
    later = MarketMoves(
        known_ns=np.append(known.known_ns, np.arange(1, 51)),
        underlyings=("SPX",),
        spot_return=np.vstack((known.spot_return, np.full((50, 1), -0.5))),
        vol_log=np.vstack((known.vol_log, np.full((50, 1), 2.0))),
    )
    assert book_var(_PUT, later, _QUICK, rng=_rng()) == book_var(_PUT, known, _QUICK, rng=_rng())


def test_too_few_days_give_a_reason_and_no_figure() -> None:
    """At 99 % and a least tail of 2.5 days, 249 are too few and 250 enough."""
    thin = book_var(_SHARES, _moves(249), _QUICK, rng=_rng())
    assert np.isnan(thin.value_at_risk)
    assert tail_losses(_SHARES, _moves(0), _QUICK)[2] == "0 past days with all moves, 250 are needed"
    assert thin.reason == "249 past days with all moves, 250 are needed"
    assert np.isfinite(book_var(_SHARES, _moves(250), _QUICK, rng=_rng()).value_at_risk)


def test_what_is_missing_is_named_and_counted() -> None:
    """Days without volatility count for shares and not for options; an unknown underlying has no figure."""
    moves = _moves(400)
    moves.vol_log[10:20] = np.nan
    assert book_var(_SHARES, moves, _QUICK, rng=_rng()).n_left_out == 0
    assert book_var(_PUT, moves, _QUICK, rng=_rng()).n_left_out == 10
    other = replace(moves, underlyings=("NDX",))
    assert book_var(_PUT, other, _QUICK, rng=_rng()).reason == "no past days of SPX"
    blind = replace(_PUT, volatility=np.array([np.nan]))
    assert book_var(blind, moves, _QUICK, rng=_rng()).reason == "leg0: no volatility"


def test_a_quantile_knows_nothing_of_many_missing_days() -> None:
    """The worst days of a source that fails in crashes are not made good by calm ones; what begins late is whole."""
    moves = _moves(600)
    worst = np.argsort(moves.spot_return[:, 0])
    for n_lost, is_told in ((30, True), (31, False)):
        less = replace(moves, spot_return=moves.spot_return.copy())
        less.spot_return[worst[:n_lost]] = np.nan
        assert bool(np.isfinite(book_var(_SHARES, less, _QUICK, rng=_rng()).value_at_risk)) is is_told
        assert (tail_losses(_SHARES, less, _QUICK)[2] == "") is is_told
    young = replace(moves, spot_return=moves.spot_return.copy())
    young.spot_return[:300] = np.nan
    assert tail_losses(_SHARES, young, _QUICK)[2] == ""


def test_longer_horizons_add_up_overlapping_days() -> None:
    """Four sessions of independent days carry about twice the risk of one; and need four times the days."""
    config = replace(_QUICK, confidence=0.95, horizon_days=4, window_days=4000)
    one = book_var(_SHARES, _moves(4000), replace(config, horizon_days=1), rng=_rng())
    four = book_var(_SHARES, _moves(4000), config, rng=_rng())
    assert four.value_at_risk == pytest.approx(2.0 * one.value_at_risk, rel=0.15)
    assert "needed" in book_var(_SHARES, _moves(150), config, rng=_rng()).reason


def test_filtered_moves_follow_the_volatility_of_now() -> None:
    """After a calm past a stormy month raises the figure, where the plain history averages it away."""
    moves = _moves(800)
    stormy = replace(moves, spot_return=moves.spot_return * np.where(np.arange(800) < 760, 0.4, 2.5)[:, None])
    config = replace(_QUICK, method=VarMethod.FILTERED, confidence=0.95)
    filtered = book_var(_SHARES, stormy, config, rng=_rng())
    plain = book_var(_SHARES, stormy, replace(config, method=VarMethod.HISTORICAL), rng=_rng())
    assert filtered.value_at_risk > 2.0 * plain.value_at_risk
    with pytest.raises(ConfigError, match="one session"):
        VarConfig(method=VarMethod.FILTERED, horizon_days=2)


def test_intervals_hold_what_they_promise() -> None:
    """Of 60 samples of 500 days about nine in ten intervals hold the true quantile of the returns."""
    truth = 1000.0 * 0.01 * 1.6448536
    config = replace(_QUICK, confidence=0.95)
    found = [book_var(_SHARES, _moves(500, seed=seed), config, rng=_rng()) for seed in range(60)]
    held = np.mean([each.var_low <= truth <= each.var_high for each in found])
    assert 0.78 <= held <= 0.98


def test_no_positions_lose_nothing() -> None:
    """An empty book has a figure, and it is 0."""
    assert book_var(book_of([]), _moves(300), _QUICK, rng=_rng()).value_at_risk == 0.0
