"""Strikes by rules against searches written out in full, and refusals where nothing is listed."""

from __future__ import annotations

from math import ceil, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.chains import OptionChain
from strategies.chain_lookup import ChainLookup
from strategies.legs.finding import Found, at_delta, at_expected_move, at_level, at_spot, beside, expected_move
from strategies.legs.strikes import AtDelta, AtExpectedMove, AtLevel, AtSpot, Rounding, SkewPenalty
from strategies.views import ChainView
from tests.generators import skewed_smile, synthetic_chain
from tests.strategies.chains import IN_FIVE_WEEKS, chain_at, view_at


def _view(chain: OptionChain) -> ChainView:
    return ChainLookup().view(chain)


def _strike(view: ChainView, found: Found) -> float:
    assert (found.place >= 0, found.reason) == (True, "")
    return float(view.chain.strike[found.place])


def _skewed(slope: float) -> ChainView:
    strikes = np.arange(3400.0, 4605.0, 5.0)
    return _view(synthetic_chain(4000.0, (IN_FIVE_WEEKS,), strikes, smile=skewed_smile(slope=slope), root="SPXW"))


def _costs(view: ChainView, wanted: float, rule: SkewPenalty, *, is_call: bool) -> dict[int, float]:
    """Return the cost of every strike of the band, one after the other as the rule is written (Q12, Q13)."""
    side = view.side(0, is_call=is_call)
    delta, volatility = view.delta(side), view.implied_vol(side)
    strikes = view.chain.strike[side]
    middle = volatility[int(np.argmin(np.abs(strikes - view.spot)))]
    quarter = []
    for right in (False, True):
        places = view.side(0, is_call=right)
        quarter.append(view.implied_vol(places)[int(np.argmin(np.abs(np.abs(view.delta(places)) - 0.25)))])
    steep = 100.0 * (quarter[0] - quarter[1]) > rule.skew_vol_points
    found = {}
    for place, size, level in zip(side.tolist(), np.abs(delta).tolist(), volatility.tolist(), strict=True):
        if rule.low <= size <= rule.high:
            cost = abs(size - wanted) + rule.per_vol_point * 100.0 * max(0.0, middle - level)
            found[place] = cost + (rule.put_penalty if steep and not is_call and size > wanted else 0.0)
    return found


@settings(deadline=None, max_examples=30)
@given(wanted=st.floats(0.12, 0.3), slope=st.floats(-1.2, 0.3), is_call=st.booleans())
def test_the_strike_of_a_penalty_is_the_cheapest_of_its_band(wanted: float, slope: float, is_call: bool) -> None:  # noqa: FBT001  # drawn
    """What bisection and arrays find costs no more than anything that a walk over the band finds."""
    view, rule = _skewed(slope), SkewPenalty()
    costs = _costs(view, wanted, rule, is_call=is_call)
    found = at_delta(view, 0, AtDelta(delta=wanted, penalty=rule), is_call=is_call, is_sold=True)
    assert costs[found.place] == pytest.approx(min(costs.values()), abs=1e-12)


_SIZES = np.round(np.arange(0.10, 0.905, 0.05), 2)


def _ladder(put_volatility: np.ndarray, call_volatility: np.ndarray) -> ChainView:
    """Return strikes a hundred apart whose puts have the deltas of `_SIZES`, with volatilities as told."""
    strikes = 3200.0 + 100.0 * np.arange(_SIZES.shape[0])
    chain = synthetic_chain(4000.0, (IN_FIVE_WEEKS,), strikes, root="SPXW")
    delta = np.where(chain.is_call, np.tile(1.0 - _SIZES, 2), -np.tile(_SIZES, 2))
    iv = np.where(chain.is_call, np.tile(call_volatility, 2), np.tile(put_volatility, 2))
    return _view(chain.updated({"vendor_delta": delta, "vendor_iv": iv}))


def _size(view: ChainView, found: Found) -> float:
    assert found.place >= 0, found.reason
    return abs(float(view.delta(np.array([found.place]))[0]))


@pytest.mark.parametrize(("points", "size"), [(4.99, 0.25), (5.01, 0.20)])
def test_a_steep_skew_keeps_a_sold_put_away_from_the_money(points: float, size: float) -> None:
    """Above five vol points, and not below, a put nearer to the money than wanted costs 2 more; a bought one never."""
    level = np.full(_SIZES.shape, 0.20)
    view, rule = _ladder(level + points / 100.0, level), AtDelta(delta=0.24, penalty=SkewPenalty())
    assert _size(view, at_delta(view, 0, rule, is_call=False, is_sold=True)) == pytest.approx(size)
    assert _size(view, at_delta(view, 0, rule, is_call=False, is_sold=False)) == pytest.approx(0.25)
    assert _size(view, at_delta(view, 0, rule, is_call=True, is_sold=True)) == pytest.approx(0.25)


@pytest.mark.parametrize(("points", "size"), [(0.49, 0.15), (0.51, 0.20)])
def test_a_strike_below_the_volatility_at_the_money_costs_a_tenth_a_vol_point(points: float, size: float) -> None:
    """Half a vol point is worth a distance of 0.05 in delta; volatility above the money costs nothing."""
    calls = np.where(np.isclose(_SIZES, 0.85), 0.20 - points / 100.0, 0.20)
    calls = np.where(np.isclose(_SIZES, 0.90), 0.50, calls)
    view = _ladder(np.full(_SIZES.shape, 0.20), calls)
    found = at_delta(view, 0, AtDelta(delta=0.15, penalty=SkewPenalty()), is_call=True, is_sold=True)
    assert _size(view, found) == pytest.approx(size)


def test_the_penalty_has_the_numbers_of_the_requirements() -> None:
    """Deltas of 0.12 to 0.30, else within 0.05; 0.1 a vol point below the money; 2 for a put above 5 points of skew."""
    rule = SkewPenalty()
    assert (rule.low, rule.high, rule.fallback) == (0.12, 0.30, 0.05)  # Q12
    assert (rule.per_vol_point, rule.put_penalty, rule.skew_vol_points) == (0.1, 2.0, 5.0)  # Q13


def test_outside_of_the_band_the_neighbourhood_of_the_delta_serves_and_then_nothing() -> None:
    """0.45 to 0.48 holds no strike of the ladder: 0.40 lies within 0.05 of 0.41, and nothing within 0.01 of 0.42."""
    view = _ladder(np.full(_SIZES.shape, 0.20), np.full(_SIZES.shape, 0.20))
    near = AtDelta(delta=0.41, penalty=SkewPenalty(low=0.46, high=0.48))
    far = AtDelta(delta=0.42, penalty=SkewPenalty(low=0.46, high=0.48, fallback=0.01))
    assert _size(view, at_delta(view, 0, near, is_call=False, is_sold=True)) == pytest.approx(0.40)
    found = at_delta(view, 0, far, is_call=False, is_sold=True)
    assert (found.place, found.reason) == (-1, "no delta from 0.46 to 0.48 nor within 0.01 of 0.42")


def test_a_penalty_without_its_volatility_finds_nothing() -> None:
    """A missing volatility is a reason, and no strike is taken as if it cost nothing."""
    view = _ladder(np.full(_SIZES.shape, np.nan), np.full(_SIZES.shape, np.nan))
    blind = view.chain.updated({name: np.zeros(view.chain.n_contracts) for name in ("bid", "ask")})
    found = at_delta(_view(blind), 0, AtDelta(delta=0.2, penalty=SkewPenalty()), is_call=False, is_sold=True)
    assert (found.place, found.reason) == (-1, "no volatility at the money")


def test_a_delta_too_far_from_the_one_wanted_is_not_taken() -> None:
    """The ladder has 0.10 and 0.15; 0.12 lies 0.02 from the nearer."""
    view = _ladder(np.full(_SIZES.shape, 0.20), np.full(_SIZES.shape, 0.20))
    for within, place_found in ((0.02, True), (0.019, False)):
        found = at_delta(view, 0, AtDelta(delta=0.12, within=within), is_call=False, is_sold=True)
        assert (found.place >= 0) is place_found
        assert bool(found.reason) is not place_found


@settings(deadline=None, max_examples=50)
@given(spot=st.floats(3700.0, 4300.0), step=st.sampled_from([5.0, 10.0, 25.0]), points=st.sampled_from([0.0, 10.0]))
def test_a_level_is_the_multiple_that_its_rounding_names(spot: float, step: float, points: float) -> None:
    """Up is the lowest multiple at or above the price, and the points come after."""
    view = view_at(spot)
    rule = AtLevel(step=step, rounding=Rounding.UP, points=points)
    assert _strike(view, at_level(view, 0, rule, is_call=True)) == ceil(round(view.spot / step, 6)) * step + points
    down = _strike(view, at_level(view, 0, AtLevel(step=step, rounding=Rounding.DOWN), is_call=True))
    near = _strike(view, at_level(view, 0, AtLevel(step=step, rounding=Rounding.NEAREST), is_call=True))
    assert down <= view.spot + 1e-6
    assert abs(near - view.spot) <= 0.5 * step + 1e-6


def test_a_level_that_is_not_listed_is_not_replaced() -> None:
    """Strikes lie five apart: there is no 4002."""
    found = at_level(view_at(), 0, AtLevel(step=1.0, rounding=Rounding.UP, points=2.0), is_call=True)
    assert (found.place, "is not listed" in found.reason) == (-1, True)


@pytest.mark.parametrize("moves", [-1.5, -1.0, 1.0, 1.5])
def test_an_expected_move_is_four_fifths_of_the_straddle(moves: float) -> None:
    """From the mid prices of the call and put nearest to the price, and the strike nearest to that point."""
    view = view_at(4001.0)
    chain, is_call = view.chain, moves > 0
    body = 4000.0
    mids = [0.5 * (chain.bid + chain.ask)[(chain.series_index == 0) & (chain.strike == body)].sum()]
    assert expected_move(view, 0) == pytest.approx(0.8 * sum(mids))
    wanted = view.spot + moves * 0.8 * sum(mids)
    found = _strike(view, at_expected_move(view, 0, AtExpectedMove(moves=moves), is_call=is_call))
    assert abs(found - wanted) <= 2.5 + 1e-9


def test_the_most_traded_strike_near_an_expected_move_is_taken() -> None:
    """Within a quarter of a move; strikes beyond do not count however much they trade, and without volume none does."""
    chain = chain_at()
    view = _view(chain)
    rule = AtExpectedMove(moves=1.0, volume_reach=0.2)
    move = expected_move(view, 1)
    side = view.side(1, is_call=True)
    strikes = chain.strike[side]
    inside = side[np.abs(strikes - view.spot - move) <= 0.2 * move]
    volume = np.full(chain.n_contracts, 1.0)
    volume[inside[3]], volume[side[-1]] = 500.0, 9_000.0
    told = _view(chain.updated({"volume": volume}))
    assert at_expected_move(told, 1, rule, is_call=True).place == inside[3]
    assert at_expected_move(view, 1, rule, is_call=True).reason == "no volume near 1 expected moves"


def test_without_a_straddle_there_is_no_expected_move() -> None:
    """A put without a bid has no mid price; a share of the price is not put in its stead."""
    chain = chain_at()
    bid = np.where(chain.is_call, chain.bid, 0.0)
    view = _view(chain.updated({"bid": bid}))
    assert isnan(expected_move(view, 1))
    assert at_expected_move(view, 1, AtExpectedMove(moves=1.0), is_call=True).reason.startswith("no expected move")


@pytest.mark.parametrize(("spot", "is_listed"), [(4602.0, True), (4603.0, False), (3398.0, True), (3397.0, False)])
def test_a_point_beyond_the_listed_strikes_has_none(spot: float, *, is_listed: bool) -> None:
    """Half of the last step beyond the ends, and no farther."""
    view = view_at()
    found = at_spot(view, 0, AtSpot(points=spot - view.spot), is_call=True)
    assert (found.place >= 0) is is_listed
    assert ("beyond the listed strikes" in found.reason) is not is_listed


def test_a_strike_is_near_enough_or_it_is_none() -> None:
    """Exactly 4002 is not listed; nearer than 3 points lies 4000, and 2.5 points is not nearer than 2.5."""
    view = view_at()
    assert beside(view, 0, 4002.0, 0.0, is_call=True).place < 0
    assert _strike(view, beside(view, 0, 4002.0, 3.0, is_call=True)) == 4000.0
    assert beside(view, 0, 4002.5, 2.5, is_call=True).place < 0
