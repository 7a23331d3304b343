"""Laws of a full revaluation: it is the sum of single prices, without a shock the marks, at the end the pay-off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.chains import FloatArray
from market.errors import DataError
from risk.stress.revaluation import Shocks, TermRule, revalue
from tests.risk.books import black, book_of, option_row

_CONDOR = [
    option_row(1.0, "P", 90.0, 30.0),
    option_row(-1.0, "P", 95.0, 30.0),
    option_row(-1.0, "C", 105.0, 30.0),
    option_row(1.0, "C", 110.0, 30.0),
]
_RETURNS = np.linspace(-0.6, 0.9, 61)


def _moves(returns: FloatArray, **more: float) -> Shocks:
    shocks = Shocks.none(returns.size, 1)
    shocks.spot_return[:, 0] = returns
    for name, value in more.items():
        getattr(shocks, name)[...] = value
    return shocks


@given(
    move=st.floats(-0.6, 1.0),
    points=st.floats(-0.1, 0.8),
    scaled=st.floats(-0.05, 0.3),
    days=st.floats(0.0, 29.0),
    shift=st.floats(-0.02, 0.05),
)
def test_revaluation_is_the_sum_of_single_prices(
    move: float, points: float, scaled: float, days: float, shift: float
) -> None:
    """Every leg in a scenario is worth what the full formula says of it alone."""
    book = book_of(_CONDOR, rate=0.03)
    shocks = _moves(np.array([move]), vol_points=points, vol_points_scaled=scaled, years=days / 365, rate_shift=shift)
    weight = TermRule().weight(book.tau)
    found = revalue(book, shocks)
    for leg in range(book.n_legs):
        sigma = max(0.2 + points + scaled * weight[leg], 0.0)
        alone = black(
            100.0 * (1.0 + move), book.strike[leg], (30.0 - days) / 365.0, sigma, is_call=bool(book.is_call[leg]),
            rate=0.03 + shift,
        )  # fmt: skip
        assert found.value[0, leg] == pytest.approx(alone, rel=1e-11, abs=1e-11)
    assert found.pnl[0] == pytest.approx(100.0 * book.units @ (found.value[0] - book.mark), rel=1e-9, abs=1e-9)


@given(noise=st.lists(st.floats(0.5, 1.5), min_size=4, max_size=4))
def test_without_a_shock_each_leg_is_worth_its_mark(noise: list[float]) -> None:
    """Marks that the model does not meet stay marks."""
    book = book_of(_CONDOR, shares=50.0)
    book = replace(book, mark=book.mark * np.array([*noise, 1.0]))
    found = revalue(book, Shocks.none(3, 1))
    np.testing.assert_allclose(found.value, np.broadcast_to(book.mark, found.value.shape), rtol=1e-12)
    assert np.abs(found.pnl).max() < 1e-9


@given(move=st.floats(-0.5, 0.8), points=st.floats(-0.15, 1.0), days=st.floats(0.0, 29.0))
def test_put_call_parity_holds_under_shocks(move: float, points: float, days: float) -> None:
    """A call less a put at one strike moves as the forward does, whatever volatility does."""
    book = book_of([option_row(1.0, "C", 100.0, 30.0), option_row(-1.0, "P", 100.0, 30.0)], rate=0.04)
    found = revalue(book, _moves(np.array([move]), vol_points=points, years=days / 365.0)).value[0]
    left = (30.0 - days) / 365.0
    assert found[0] - found[1] == pytest.approx(100.0 * (1.0 + move) - 100.0 * np.exp(-0.04 * left), abs=1e-9)


@given(noise=st.floats(0.8, 1.3), points=st.floats(-0.3, 2.0))
def test_a_condor_at_its_end_is_worth_its_pay_off_and_no_scenario_loses_more(noise: float, points: float) -> None:
    """However marks and volatility stand, a bounded structure loses at most its width less its mark."""
    book = book_of(_CONDOR)
    book = replace(book, mark=book.mark * noise)
    worth = 100.0 * float(book.units @ book.mark)
    pnl = revalue(book, _moves(_RETURNS, vol_points=points, years=30.0 / 365.0)).pnl
    price = 100.0 * (1.0 + _RETURNS)
    paid = np.minimum(np.maximum(95.0 - price, 0.0), 5.0) + np.minimum(np.maximum(price - 105.0, 0.0), 5.0)
    np.testing.assert_allclose(pnl, -100.0 * paid - worth, atol=1e-9)
    assert pnl.min() >= -(500.0 + worth) - 1e-9


def test_long_puts_gain_more_the_deeper_the_crash() -> None:
    """A crash with its volatility is what puts are bought for."""
    pnl = revalue(book_of([option_row(1.0, "P", 95.0, 30.0)]), _moves(-np.linspace(0.01, 0.4, 20), vol_points=0.2)).pnl
    assert (np.diff(pnl) > 0.0).all()
    assert pnl[0] > 0.0


def test_a_calendar_is_long_a_parallel_shift_and_flat_to_a_scaled_one() -> None:
    """EQ14: at 600, 30 against 60 days gain 0.28 a share on one parallel vol point, and nothing on a scaled one."""
    rows = [option_row(-1.0, "C", 600.0, 30.0), option_row(1.0, "C", 600.0, 60.0)]
    book = book_of(rows, spot=600.0)
    parallel = revalue(book, _moves(np.zeros(1), vol_points=0.01)).pnl[0] / 100.0
    scaled = revalue(book, _moves(np.zeros(1), vol_points_scaled=0.01)).pnl[0] / 100.0
    assert parallel == pytest.approx(0.28, abs=0.005)
    assert abs(scaled) < 5e-4


def test_what_is_american_is_never_below_its_intrinsic_value() -> None:
    """A deep put of an American class is worth its exercise at once, where the European one is not."""
    book = book_of([option_row(1.0, "P", 150.0, 300.0)], rate=0.05)
    shocks = _moves(np.array([-0.3]))
    european = revalue(book, shocks).value[0, 0]
    american = revalue(replace(book, is_american=np.array([True]), mark=np.array([50.0])), shocks).value[0, 0]
    assert european < 80.0 <= american


def test_a_leg_without_volatility_leaves_its_sums_unknown_and_is_named() -> None:
    """Nothing is dropped silently: the book's profit is NaN, and the leg's own name stands in the reason."""
    book = book_of(_CONDOR)
    book = replace(book, volatility=np.array([0.2, np.nan, 0.2, 0.2]))
    found = revalue(book, _moves(np.array([-0.1])))
    assert np.isnan(found.pnl[0])
    assert found.reason(book, 0) == "leg1: no volatility"
    assert [name for name, pnl in found.by(book.package_ids).items() if np.isnan(pnl[0])] == ["p1"]


@given(move=st.floats(-0.5, 0.5), volatility=st.floats(0.01, 3.0))
def test_a_bounded_leg_is_never_better_than_any_volatility_makes_it(move: float, volatility: float) -> None:
    """The worst value that stands in for an unknown one is a bound for every volatility."""
    for units in (-1.0, 1.0):
        for right in "CP":
            book = book_of([option_row(units, right, 100.0, 30.0)])
            unknown = replace(book, volatility=np.array([np.nan]))
            worst = revalue(unknown, _moves(np.array([move])), bounds_unknown=True)
            modelled = replace(book, volatility=np.array([volatility]), mark=np.array([np.nan]))
            model = revalue(modelled, _moves(np.array([move])))
            assert worst.bounded == model.modelled == ("leg0",)
            assert units * worst.value[0, 0] <= units * model.value[0, 0] + 1e-9


def test_shocks_that_cannot_be_are_refused() -> None:
    """A price below nothing, time that runs backwards, and shocks of another book."""
    shocks = Shocks.none(1, 1)
    with pytest.raises(DataError, match="more than all"):
        replace(shocks, spot_return=np.array([[-1.0]]))
    with pytest.raises(DataError, match="backwards"):
        replace(shocks, years=np.array([-1.0]))
    with pytest.raises(DataError, match="other underlyings"):
        revalue(book_of(_CONDOR), Shocks.none(1, 2))
