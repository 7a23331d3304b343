"""Every structure by its pay-off: extremes and slopes of a dense grid, break-evens, and what textbooks state."""

from __future__ import annotations

from decimal import Decimal
from math import inf, isfinite
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chains import open_chains
from risk.payoff import Payoff
from strategies.chain_lookup import ChainLookup
from strategies.legs.rules import PlacedStructure
from strategies.package_prices import natural_price
from strategies.structures.shapes import SHAPES
from strategies.views import ChainView
from tests.generators import Expiry, skewed_smile, synthetic_chain
from tests.strategies.chains import IN_FIVE_WEEKS
from tests.strategies.structures.books import STATED, brute_value, placed_shape, strikes_of

_SPOTS, _SLOPES = st.floats(3800.0, 4200.0), st.floats(-0.6, 0.2)
_CENTS = st.decimals(min_value=-80, max_value=80, places=2)


def _view(spot: float, slope: float, level: float = 0.2) -> ChainView:
    strikes = np.arange(2800.0, 5205.0, 5.0)
    days = (Expiry(IN_FIVE_WEEKS.day), Expiry(IN_FIVE_WEEKS.day.replace(month=8, day=4)))
    smile = skewed_smile(level=level, slope=slope)
    return ChainLookup().view(synthetic_chain(spot, days, strikes, smile=smile, half_spread=0.05, root="SPXW"))


def _check(found: PlacedStructure, name: str, price: Decimal) -> Payoff:
    """Hold the pay-off of one package against brute values on a dense grid and against the textbook."""
    payoff, paid, strikes = found.payoff(price), float(price), strikes_of(found)
    grid = np.unique(np.concatenate([np.linspace(0.0, 3.0 * max(strikes), 6_001), strikes]))
    brute = 100.0 * (brute_value(found, grid) - paid)
    rise = (brute[-1] - brute[-2]) / (grid[-1] - grid[-2])
    profit = inf if rise > 1e-6 else float(brute.max())
    loss = inf if rise < -1e-6 else max(-float(brute.min()), 0.0)
    assert float(payoff.max_profit) == pytest.approx(profit, abs=1e-6)
    assert float(payoff.max_loss) == pytest.approx(loss, abs=1e-6)
    stated_profit, stated_loss = STATED[name](strikes, paid)
    assert profit == pytest.approx(100.0 * stated_profit, abs=1e-6)
    assert loss == pytest.approx(max(100.0 * stated_loss, 0.0), abs=1e-6)
    roots = np.array([float(each) for each in payoff.break_evens])
    np.testing.assert_allclose(100.0 * (brute_value(found, roots) - paid), 0.0, atol=1e-6)
    signs = np.sign(np.where(np.abs(brute) < 1e-6, 0.0, brute))
    turns = np.count_nonzero(np.diff(signs[signs != 0.0]))
    assert turns <= roots.shape[0]
    return payoff


@pytest.mark.parametrize("name", sorted(SHAPES))
@settings(deadline=None, max_examples=8)
@given(spot=_SPOTS, slope=_SLOPES, price=_CENTS)
def test_extremes_and_break_evens_are_those_of_a_dense_grid(
    name: str, spot: float, slope: float, price: Decimal
) -> None:
    """On any chain and at any price, profit, loss and roots are found by brute force and stated by the textbook."""
    found = placed_shape(_view(spot, slope), SHAPES[name])
    assert found.reason == ""
    _check(found, name, price)


def test_every_shape_has_its_textbook() -> None:
    """Names are those of the structures, and no structure goes without an oracle."""
    assert set(STATED) == set(SHAPES)
    assert all(name == shape.structure.name for name, shape in SHAPES.items())
    assert all(len(shape.days) == shape.structure.n_expirations for shape in SHAPES.values())


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_risk_is_defined_where_the_loss_is_bounded(name: str) -> None:
    """The policy flag goes by the legs: what it calls undefined loses without end, and nothing else does."""
    shape, view = SHAPES[name], _view(4000.0, -0.3)
    assert shape.is_defined_risk is isfinite(placed_shape(view, shape).width)
    assert shape.is_defined_risk is (name not in {"short_straddle", "short_strangle"})


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_what_is_sold_brings_a_credit(name: str) -> None:
    """At the quotes of a chain with an equity skew the sign of the price is the one that the shape tells."""
    view = _view(4000.0, -0.3)
    found = placed_shape(view, SHAPES[name])
    assert (natural_price(view, found.legs) < 0) is SHAPES[name].is_sold


@settings(deadline=None, max_examples=20)
@given(spot=_SPOTS, slope=_SLOPES, credit=st.decimals(min_value="0.05", max_value=20, places=2))
def test_the_direction_of_a_broken_wing_is_that_of_its_payoff(spot: float, slope: float, credit: Decimal) -> None:
    """Opened for a credit, the bullish one of puts cannot lose above, the bearish one of calls not below (EQ15)."""
    view, money = _view(spot, slope), 100 * credit
    low, high = Decimal(0), Decimal(20_000)
    for name, safe, risky in (("bullish_broken_wing", high, low), ("bearish_broken_wing", low, high)):
        found = placed_shape(view, SHAPES[name])
        payoff = found.payoff(-credit)
        assert {leg.instrument.symbol[-9] for leg in found.legs} == {"P" if safe == high else "C"}
        assert payoff.at(safe) == money
        assert payoff.at(risky) == money - 2_500  # the far wing less the near one, 50 - 25
        body = Decimal(repr(strikes_of(found)[0]))
        assert payoff.at(body) == payoff.max_profit == money + 2_500


def _calls(found: PlacedStructure) -> PlacedStructure:
    return PlacedStructure(legs=found.legs[:3], places=found.places[:3])


def test_a_flyagonal_of_the_index_has_the_strikes_and_the_payoff_of_its_description() -> None:
    """At 4146: calls at 4160, 4210, 4270, puts at 4020 and 3970; profit stands at the sold call (Z53a, EZ6)."""
    view = _view(4134.0, -0.3)
    found = placed_shape(view, SHAPES["flyagonal"])
    assert view.spot == pytest.approx(4146.0, abs=0.2)  # the forward of the nearest expiration
    assert strikes_of(found) == [4160.0, 4210.0, 4270.0, 4020.0, 3970.0]
    assert [leg.ratio for leg in found.legs] == [1, -2, 1, -1, 1]
    debit = Decimal(9)
    calls, whole = _calls(found).payoff(debit), found.payoff(debit)
    for payoff in (calls, whole):
        assert payoff.at(Decimal(4210)) == payoff.max_profit == 100 * (50 - debit)
        assert payoff.at(Decimal(4160)) == payoff.at(Decimal(4100)) == -100 * debit
        assert payoff.at(Decimal(4270)) == payoff.at(Decimal(9_000)) == -100 * (debit + 10)
    assert calls.max_loss == 100 * (debit + 10)
    assert calls.at(Decimal(0)) == -100 * debit
    assert whole.max_loss == -whole.at(Decimal(3_970)) == 100 * (debit + 50)  # were the later put to end with the rest


@pytest.mark.data
def test_every_shape_on_every_real_session_of_the_index(data_root: Path) -> None:
    """Placed at the quotes of the day or refused with a reason; what is placed has the extremes of the textbook."""
    lookup, n_placed, n_sessions = ChainLookup(), 0, 0
    for chain in open_chains(data_root / "option_chains" / "cboe_spx_snapshots.parquet"):
        view, n_sessions = lookup.view(chain), n_sessions + 1
        for name, shape in SHAPES.items():
            found = placed_shape(view, shape)
            assert bool(found.legs) is not bool(found.reason)
            price = natural_price(view, found.legs) if found.legs else inf
            if isfinite(price):
                _check(found, name, Decimal(repr(round(price, 2))))
                n_placed += 1
    assert n_sessions >= 24
    assert n_placed >= 0.85 * n_sessions * len(SHAPES)
