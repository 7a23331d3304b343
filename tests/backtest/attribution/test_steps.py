"""Profit terms of a step: exact where the model is linear, small residual where it is smooth, all adding up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.attribution.greeks import GREEK_TERMS, greek_profit, greek_profit_by_package
from backtest.attribution.steps import GreeksRecorder, LegMarket, StepTerms, step_terms
from fields.greeks import greeks
from market.chains import FloatArray
from market.errors import DataError
from tests.backtest.metrics.samples import run_of_returns

_STRIKE = np.array([3950.0, 3975.0, 4125.0, 4150.0])
_CALL = np.array([False, False, True, True])
_CONDOR = 100.0 * np.array([1.0, -1.0, -1.0, 1.0])
_DAY = 1.0 / 365.0


def _market(spot: float, volatility: float, tau: float, rate: float = 0.04) -> LegMarket:
    times = np.full(4, tau)
    price = greeks(spot, _STRIKE, times, rate, 0.013, volatility, _CALL).price if tau else _intrinsic(spot)
    return LegMarket(price=price, spot=spot, tau=times, rate=rate, dividend_yield=0.013)


def _intrinsic(spot: float) -> FloatArray:
    return np.maximum(np.where(_CALL, spot - _STRIKE, _STRIKE - spot), 0.0)


def _explained(terms: StepTerms) -> FloatArray:
    return np.asarray(np.sum([getattr(terms, name) for name in GREEK_TERMS], axis=0))


@given(
    move=st.floats(-60.0, 60.0),
    shift=st.floats(-0.05, 0.05),
    days=st.integers(0, 6),
    turn=st.floats(-0.01, 0.01),
)
def test_terms_and_residual_make_the_marked_profit(move: float, shift: float, days: int, turn: float) -> None:
    """For any step of a condor, leg by leg."""
    before, after = _market(4050.0, 0.2, 7 * _DAY), _market(4050.0 + move, 0.2 + shift, (7 - days) * _DAY, 0.04 + turn)
    terms = step_terms(_CONDOR, _STRIKE, _CALL, before, after)
    assert terms.total == pytest.approx(_CONDOR * (after.price - before.price))
    assert _explained(terms) + terms.residual == pytest.approx(terms.total, abs=1e-9)


@pytest.mark.parametrize("size", [1.0, 0.5])
def test_the_residual_is_of_third_order(size: float) -> None:
    """Half the step leaves an eighth of the residual: no term of second order is missing but time with volatility."""
    residual = []
    for scale in (size, size / 2.0):
        after = _market(4050.0 + 10.0 * scale, 0.2 + 0.004 * scale, 14 * _DAY - 1e-9)
        residual.append(step_terms(_CONDOR, _STRIKE, _CALL, _market(4050.0, 0.2, 14 * _DAY), after).residual)
    assert np.abs(residual[1] / residual[0]) == pytest.approx(np.full(4, 0.125), rel=0.15)


def test_each_move_alone_stands_in_its_own_terms() -> None:
    """Only spot: delta and gamma. Only volatility: vega and volga. Only the rate: rho. Only time: theta."""
    start = _market(4050.0, 0.2, 10 * _DAY)
    moves = {
        ("delta", "gamma"): _market(4052.0, 0.2, 10 * _DAY),
        ("vega", "volga"): _market(4050.0, 0.203, 10 * _DAY),
        ("rho",): _market(4050.0, 0.2, 10 * _DAY, rate=0.042),
        ("theta",): _market(4050.0, 0.2, 9.99 * _DAY),
    }
    for names, after in moves.items():
        terms = step_terms(_CONDOR, _STRIKE, _CALL, start, after)
        for name in GREEK_TERMS:
            flow = np.abs(getattr(terms, name)).sum()
            assert (flow > 1e-3) == (name in names), (names, name)
        assert np.abs(terms.residual).sum() < 0.01 * np.abs(terms.total).sum()


def test_a_short_condor_earns_theta_and_pays_gamma() -> None:
    """A still day pays the seller; a large move costs by gamma, whatever its sign."""
    still = step_terms(_CONDOR, _STRIKE, _CALL, _market(4050.0, 0.15, 5 * _DAY), _market(4050.0, 0.15, 4 * _DAY))
    assert still.theta.sum() > 0.0
    for move in (-40.0, 40.0):
        after = _market(4050.0 + move, 0.15, 5 * _DAY)
        assert step_terms(_CONDOR, _STRIKE, _CALL, _market(4050.0, 0.15, 5 * _DAY), after).gamma.sum() < 0.0


def test_a_share_has_delta_and_nothing_else() -> None:
    """100 shares and a move of 2: 200 of delta, no residual; beside options too."""
    after = LegMarket(price=np.array([102.0]), spot=102.0, tau=np.zeros(1), rate=0.0)
    before = LegMarket(price=np.array([100.0]), spot=100.0, tau=np.zeros(1), rate=0.0)
    terms = step_terms(np.array([100.0]), np.array([np.nan]), np.array([False]), before, after)
    assert terms.delta.tolist() == [200.0]
    assert terms.residual.tolist() == [0.0]
    assert all(getattr(terms, name).tolist() == [0.0] for name in GREEK_TERMS if name != "delta")


def test_at_expiry_volatility_moves_nothing_and_the_total_is_the_pay_off() -> None:
    """The last step ends at intrinsic value; vega, volga and vanna are 0, not unknown."""
    terms = step_terms(_CONDOR, _STRIKE, _CALL, _market(4050.0, 0.2, 0.2 * _DAY), _market(4060.0, 0.2, 0.0))
    assert not np.abs(np.stack([terms.vega, terms.volga, terms.vanna])).any()
    assert terms.total == pytest.approx(_CONDOR * (_intrinsic(4060.0) - _market(4050.0, 0.2, 0.2 * _DAY).price))


def test_a_mark_without_a_volatility_leaves_the_terms_unknown_and_the_total_known() -> None:
    """A price under intrinsic value has no volatility: all of that leg's profit is residual."""
    before, after = _market(4050.0, 0.2, 7 * _DAY), _market(4200.0, 0.2, 6 * _DAY)
    price = after.price.copy()
    price[2] = 10.0
    terms = step_terms(_CONDOR, _STRIKE, _CALL, before, LegMarket(price=price, spot=4200.0, tau=after.tau, rate=0.04))
    assert np.isnan(terms.delta[2])
    assert terms.residual[2] == terms.total[2]
    assert np.isfinite(terms.delta[[0, 1, 3]]).all()


def test_recorded_steps_make_paths_of_book_and_packages_that_add_up() -> None:
    """Two packages over two steps, and a fill's difference from the mark that no Greek explains."""
    recorder = GreeksRecorder()
    first = step_terms(_CONDOR, _STRIKE, _CALL, _market(4050.0, 0.2, 7 * _DAY), _market(4060.0, 0.21, 6 * _DAY))
    second = step_terms(_CONDOR, _STRIKE, _CALL, _market(4060.0, 0.21, 6 * _DAY), _market(4030.0, 0.2, 5 * _DAY))
    recorder.add(1, 4060.0, ("a", "a", "b", "b"), first, {"a": -12.5})
    recorder.add(2, 4030.0, ("b",) * 4, second)
    whole, packages = greek_profit(recorder.path()), recorder.package_paths()
    assert whole.total == pytest.approx(first.total.sum() + second.total.sum() - 12.5)
    assert packages["a"].ts_ns.tolist() == [1]
    assert packages["b"].ts_ns.tolist() == [1, 2]
    run = run_of_returns(np.linspace(0.0, 0.01, 30))
    parts = greek_profit_by_package(replace(run, package_greeks=packages))
    assert sum(part.total for part in parts) == pytest.approx(whole.total)
    assert sum(part.theta for part in parts) == pytest.approx(whole.theta)


def test_steps_out_of_order_or_without_a_package_are_refused() -> None:
    """A path rises in time, and each leg belongs to one package."""
    recorder = GreeksRecorder()
    terms = step_terms(_CONDOR, _STRIKE, _CALL, _market(4050.0, 0.2, 7 * _DAY), _market(4060.0, 0.2, 6 * _DAY))
    recorder.add(5, 4060.0, ("a",) * 4, terms)
    with pytest.raises(DataError, match="later and later"):
        recorder.add(5, 4060.0, ("a",) * 4, terms)
    with pytest.raises(DataError, match="one package"):
        recorder.add(6, 4060.0, ("a",), terms)


def test_a_recorder_without_steps_has_an_empty_path() -> None:
    """Nothing held is nothing to attribute."""
    assert GreeksRecorder().path().total_usd.size == 0
    assert not GreeksRecorder().package_paths()
