"""Measures of packages: against the pay-off, simulation, prices themselves and one another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from math import isfinite, isinf, isnan

import numpy as np
import pytest
from scipy.special import ndtr

from market.chains import OptionChain
from market.errors import DataError
from market.orders import Leg
from market.tradables import contract_at
from risk.horizon_payoff import horizon_value
from strategies.chain_lookup import ChainLookup
from strategies.legs.measures import PackageMeasures, package_measures
from strategies.legs.rules import PlacedStructure, placed
from strategies.structures.iron_condor import condor_by_delta
from strategies.structures.shapes import SHAPES, Shape
from strategies.views import ChainView
from tests.generators import Expiry, Smile, flat_smile, skewed_smile, synthetic_chain

EXPIRIES = (Expiry(date(2023, 6, 9)), Expiry(date(2023, 6, 16)), Expiry(date(2023, 7, 7)), Expiry(date(2023, 8, 4)))
SPREAD = 0.05


def chain_of(smile: Smile | None = None, *, half_spread: float = SPREAD) -> OptionChain:
    """Return an index chain of every fifth strike."""
    return synthetic_chain(4000.0, EXPIRIES, np.arange(2800.0, 5205.0, 5.0), smile=smile, half_spread=half_spread)


FLAT, SKEWED = (ChainLookup().view(chain_of(smile)) for smile in (flat_smile(), skewed_smile()))


def series_of(shape: Shape) -> Sequence[int]:
    """Return a month, or two of them."""
    return (2,) if len(shape.days) == 1 else (2, 3)


def at_mid(view: ChainView, found: PlacedStructure, *, rounded: bool = False) -> Decimal:
    """Return what the package costs at the mids of its legs."""
    chain = view.chain
    mids = [0.5 * float(chain.bid[place] + chain.ask[place]) for place in found.places]
    total = sum(leg.ratio * mid for leg, mid in zip(found.legs, mids, strict=True))
    return Decimal(repr(round(total, 2) if rounded else total))


def measured(name: str, view: ChainView = SKEWED) -> PackageMeasures:
    """Return the measures of a default structure at its mid."""
    found = placed(view, series_of(SHAPES[name]), SHAPES[name].structure)
    assert found.legs, found.reason
    return package_measures(view, found, at_mid(view, found))


def condor(short_delta: float, view: ChainView = SKEWED, series: int = 2) -> PackageMeasures:
    """Return an iron condor at its mid."""
    found = placed(view, (series,), condor_by_delta(short_delta, 50.0))
    return package_measures(view, found, at_mid(view, found))


@pytest.mark.parametrize("name", SHAPES)
def test_extremes_and_break_evens_are_those_of_the_payoff_on_a_dense_grid(name: str) -> None:
    """A dense grid of prices at the first expiry finds no more profit, no more loss and no other change of sign."""
    m = measured(name)
    price = np.linspace(0.1, 12_000.0, 120_000)
    profit = horizon_value(m.book, price, horizon_years=m.front_years) - float(m.cost)
    if isfinite(m.max_profit):
        assert profit.max() == pytest.approx(m.max_profit, abs=12.0)
    else:
        assert profit[-1] > 100_000.0
    if isfinite(m.max_loss):
        assert -profit.min() <= float(m.max_loss) + 0.01
    else:
        assert profit[-1] < -100_000.0
    changes = price[:-1][profit[1:] * profit[:-1] < 0.0]
    np.testing.assert_allclose(changes, m.break_evens, atol=0.11)


@pytest.mark.parametrize("name", SHAPES)
def test_a_package_at_fair_prices_has_no_expectation(name: str) -> None:
    """Under a density that reprices the options the mean of the value is the price: 3 USD of some 20 000 at most."""
    m = measured(name, FLAT)
    assert m.at_one_volatility.expected_value == pytest.approx(0.0, abs=0.5 if m.has_one_expiry else 2.0)
    assert m.at_quotes.expected_value == pytest.approx(0.0, abs=3.0)


def test_on_a_skewed_chain_the_quotes_reprice_and_one_volatility_does_not() -> None:
    """The expectation by the smile is what crossing costs; that by one volatility is the skew."""
    m = condor(0.16)
    dearer = package_measures(SKEWED, m._placed, m.net_price + Decimal("0.20"))
    assert m.at_quotes.expected_value == pytest.approx(0.0, abs=1.0)
    assert dearer.at_quotes.expected_value == pytest.approx(m.at_quotes.expected_value - 20.0)
    assert abs(m.at_one_volatility.expected_value) > 5.0


def test_a_condor_wins_its_credit_and_loses_its_wing_less_the_credit() -> None:
    """Q102 and Q103: credit times contracts times 100, and width less credit times the same, to the cent."""
    m = condor(0.16)
    assert m.width == Decimal(50)
    assert m.max_profit == float(-m.net_price * 100)
    assert m.max_loss == (Decimal(50) + m.net_price) * 100


def _at(view: ChainView, *parts: tuple[int, int, bool, float]) -> PlacedStructure:
    """Return legs by ratio, expiration, right and strike."""
    chain = view.chain
    sides = [(view.side(series, is_call=is_call), strike) for _, series, is_call, strike in parts]
    places = tuple(int(side[chain.strike[side].searchsorted(strike)]) for side, strike in sides)
    legs = (Leg(instrument=contract_at(chain, place), ratio=part[0]) for place, part in zip(places, parts, strict=True))
    return PlacedStructure(legs=tuple(legs), places=places)


def test_spreads_of_two_expirations_may_lose_one_after_the_other() -> None:
    """A fall takes the near put spread and a rise the far call spread: both widths, less what was received."""
    puts, calls = ((-1, 2, False, 3900.0), (1, 2, False, 3850.0)), ((-1, 3, True, 4100.0), (1, 3, True, 4150.0))
    m = package_measures(SKEWED, _at(SKEWED, *puts, *calls), Decimal(-20))
    assert (m.max_loss, m.width) == (Decimal(8_000), Decimal(100))
    apart = [package_measures(SKEWED, _at(SKEWED, *each), Decimal(-10)).max_loss for each in (puts, calls)]
    assert sum(apart) == m.max_loss


def test_a_condors_probability_of_profit_is_closed_form_and_simulation() -> None:
    """At one volatility it is a difference of two normal probabilities, and the share of simulated ends."""
    m = condor(0.2, FLAT)
    low, high = m.break_evens
    forward, discount = FLAT.parity(2)
    a = m.at_one_volatility.volatility * np.sqrt(m.front_years)
    closed = ndtr((np.log(high / forward) + a * a / 2) / a) - ndtr((np.log(low / forward) + a * a / 2) / a)
    found = m.at_one_volatility.probability_of_profit
    assert found == pytest.approx(closed, abs=1e-9)
    ends = forward * np.exp(a * np.random.default_rng(5).standard_normal(200_000) - a * a / 2)
    profit = horizon_value(m.book, ends, horizon_years=m.front_years) - float(m.cost)
    assert found == pytest.approx(float((profit > 0).mean()), abs=0.005)
    lost = float((profit <= -float(m.max_loss) + 1e-6).mean())
    assert m.at_one_volatility.probability_of_max_loss == pytest.approx(lost, abs=0.005)
    assert m.at_one_volatility.expected_value == pytest.approx(
        discount * (profit + float(m.cost)).mean() - float(m.cost), abs=15.0
    )


def test_a_condors_probability_of_profit_follows_its_deltas() -> None:
    """EQ5: with shorts of 12 to 30 deltas it lies between 0.4 and 0.8 by construction."""
    found = [condor(delta).probability_of_profit for delta in (0.12, 0.16, 0.2, 0.25, 0.3)]
    assert found == sorted(found, reverse=True)
    assert 0.4 <= found[-1] <= found[0] <= 0.8


@pytest.mark.parametrize("name", SHAPES)
def test_a_touch_is_at_least_as_likely_as_the_end_beyond(name: str) -> None:
    """Of every sold strike; and the rule of twice the end is near out of the money and never exact."""
    m = measured(name)
    assert len(m.touches) == sum(leg.ratio < 0 for leg in m._placed.legs)
    for touch in m.touches:
        assert touch.probability_beyond - 1e-12 <= touch.probability_of_touch <= 1.0
        if touch.probability_beyond < 0.3:
            assert touch.probability_of_touch == pytest.approx(2.0 * touch.probability_beyond, rel=0.2)


@pytest.mark.parametrize("name", SHAPES)
def test_greeks_are_the_differences_of_the_value_now(name: str) -> None:
    """Delta, gamma, vega and theta agree with what a small move changes, in the units of Q18."""
    m = measured(name)
    spot, step = float(m.book.spot[0]), 0.5
    value = horizon_value(m.book, np.array([spot - step, spot, spot + step]), horizon_years=0.0)
    assert m.greeks.reason == ""
    assert m.greeks.delta_shares == pytest.approx((value[2] - value[0]) / (2 * step), abs=0.02)
    assert m.greeks.gamma_shares_per_usd == pytest.approx((value[2] - 2 * value[1] + value[0]) / step**2, abs=0.002)
    assert m.at_horizon(0.0).reason == ""


@pytest.mark.parametrize("name", SHAPES)
def test_a_bounded_package_ties_up_no_more_than_it_can_lose(name: str) -> None:
    """With one expiration buying power is the largest loss; what has no bound needs margin beyond its value."""
    m = measured(name)
    if m.has_one_expiry and SHAPES[name].is_defined_risk:
        assert m.buying_power == pytest.approx(float(m.max_loss), abs=0.01)
    elif m.has_one_expiry:
        assert isinf(m.max_loss)
        assert m.margin.requirement > abs(m.margin.option_value)
        assert isnan(m.at_quotes.probability_of_max_loss)
        assert m.at_quotes.reason == "the loss has no bound"


def test_what_is_not_quoted_is_missing_with_its_reason() -> None:
    """Without quotes and published volatilities nothing is made up; the exact pay-off stands."""
    chain = chain_of()
    found = placed(SKEWED, (2,), condor_by_delta(0.16, 50.0))
    bare = chain.updated(
        {name: np.full(chain.n_contracts, np.nan) for name in ("bid", "ask", "vendor_iv", "vendor_delta")}
    )
    m = package_measures(ChainLookup().view(bare), found, Decimal(-10))
    assert m.max_loss == Decimal(4000)
    assert m.max_profit == 1000.0
    for reading in (m.at_quotes, m.at_one_volatility):
        assert isnan(reading.probability_of_profit)
        assert reading.reason == "no forward by parity"
    assert isnan(m.probability_of_profit)
    assert "no forward" in m.greeks.reason
    assert isnan(m.buying_power)
    assert "no price of" in m.margin.reason
    assert all(isnan(touch.probability_of_touch) for touch in m.touches)


def test_the_density_is_kept_with_the_chain() -> None:
    """Packages of one expiration share what was made of its quotes; each expiration has its own."""
    assert condor(0.2).density is condor(0.3).density is SKEWED.density(2)
    assert SKEWED.density(0) is not SKEWED.density(2)


def test_a_structure_without_a_place_has_no_measures() -> None:
    """The reason why it has none is in the error."""
    with pytest.raises(DataError, match="not listed"):
        package_measures(FLAT, PlacedStructure(legs=(), places=(), reason="not listed"), Decimal(0))
