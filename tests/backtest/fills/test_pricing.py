"""What a package trades at: never better than its quotes or worse than its limit, and at it once it has rested."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.fills.models import CrossSpread, FillModel, MidPlusFraction, QueuelessLimit, SizeRule
from backtest.fills.pricing import FillRules, execution_of
from backtest.fills.slippage import (
    FixedSlippage,
    ImpactSlippage,
    MidSlippage,
    NoSlippage,
    SlippageModel,
    VolumeShareSlippage,
)
from backtest.fills.spreads import BarRangeSpread, ClosingSpread, FixedSpread, RelativeSpread, SpreadModel, TickSpread
from market.errors import ConfigError
from market.fills import Liquidity
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Share
from strategies.views import Quote

CENTS = st.integers(1, 500).map(lambda cents: cents / 100.0)
RATIOS = st.lists(st.sampled_from([-2, -1, 1, 2]), min_size=1, max_size=4).map(
    lambda found: [*found[:-1], found[0] // abs(found[0])]
)


def intent(ratios: list[int], limit: Decimal, quantity: str = "1") -> OrderIntent:
    """Return an order for a package of shares."""
    return OrderIntent(
        intent_id="i",
        cause_id="d",
        ts_event_ns=0,
        strategy="s",
        package_id="p",
        legs=tuple(Leg(instrument=Share(symbol=f"S{n}"), ratio=ratio) for n, ratio in enumerate(ratios)),
        quantity=Decimal(quantity),
        limit_price=limit,
        effect=PositionEffect.OPEN,
        time_in_force=TimeInForce.DAY,
    )


def quote(bid: float, ask: float, size: float = nan) -> Quote:
    """Return a quote."""
    return Quote(bid=bid, ask=ask, bid_size=size, ask_size=size, ts_ns=0)


def net(ratios: list[int], prices: tuple[Decimal, ...]) -> Decimal:
    """Return the net price of one unit."""
    return sum((ratio * price for ratio, price in zip(ratios, prices, strict=True)), Decimal(0))


@given(RATIOS, st.data(), st.integers(-2000, 2000))
def test_no_package_trades_better_than_its_quotes_or_worse_than_its_limit(
    ratios: list[int], data: st.DataObject, cents: int
) -> None:
    """For any legs, spreads and limits; and where it does not trade, its limit was out of reach."""
    bids = [data.draw(CENTS) for _ in ratios]
    quotes = [quote(bid, round(bid + data.draw(CENTS), 2)) for bid in bids]
    limit = Decimal(cents) / 100
    found = execution_of(intent(ratios, limit), Decimal(1), quotes, FillRules(), has_rested=False)
    far = sum(Decimal(repr(q.ask if r > 0 else q.bid)) * r for r, q in zip(ratios, quotes, strict=True))
    if found is None:
        assert far > limit
    else:
        assert far <= net(ratios, found.prices) <= limit


@given(st.sampled_from([[1], [-1], [1, -1], [1, -2, 1], [-1, 1, 1, -1]]), st.integers(0, 300))
def test_what_has_rested_trades_at_its_limit_exactly(ratios: list[int], room: int) -> None:
    """However far the market has gone through it, nothing is given away."""
    quotes = [quote(5.0 + n, 5.1 + n) for n in range(len(ratios))]
    far = sum(Decimal(repr(q.ask if r > 0 else q.bid)) * r for r, q in zip(ratios, quotes, strict=True))
    limit = far + Decimal(room) / 100
    found = execution_of(intent(ratios, limit), Decimal(1), quotes, FillRules(), has_rested=True)
    assert found is not None
    assert net(ratios, found.prices) == limit
    assert min(found.prices) >= 0
    assert found.liquidity is Liquidity.MAKER


@pytest.mark.parametrize(
    ("model", "price"),
    [(CrossSpread(), "10.20"), (MidPlusFraction(fraction=0.0), "10.10"), (MidPlusFraction(fraction=0.5), "10.15")],
)
def test_each_model_takes_at_its_place_between_mid_and_far_side(model: FillModel, price: str) -> None:
    """Rounded against the order to the tick."""
    found = execution_of(
        intent([1], Decimal(11)), Decimal(1), [quote(10.0, 10.2)], FillRules(model=model), has_rested=False
    )
    assert found is not None
    assert found.prices == (Decimal(price),)


def test_a_resting_order_first_in_its_queue_fills_when_the_mid_is_there() -> None:
    """The default waits for the far side."""
    order, quotes = intent([1], Decimal("10.10")), [quote(10.0, 10.2)]
    assert execution_of(order, Decimal(1), quotes, FillRules(), has_rested=True) is None
    queueless = execution_of(order, Decimal(1), quotes, FillRules(model=QueuelessLimit()), has_rested=True)
    assert queueless is not None
    assert queueless.prices == (Decimal("10.10"),)


@pytest.mark.parametrize(
    ("size", "shown", "filled"),
    [
        (SizeRule(), 3.0, "3"),
        (SizeRule(share=Decimal("0.5")), 3.0, "1.5"),
        (SizeRule(), nan, "10"),
        (SizeRule(unknown=Decimal(4)), nan, "4"),
        (SizeRule(), 0.0, None),
    ],
)
def test_no_more_trades_than_the_rule_of_sizes_lets_through(size: SizeRule, shown: float, filled: str | None) -> None:
    """Displayed, a share of it, all or a stated number where nothing is told, nothing where nothing stands."""
    rules = FillRules(model=CrossSpread(size=size))
    found = execution_of(
        intent([1], Decimal(11), "10"), Decimal(10), [quote(10.0, 10.2, shown)], rules, has_rested=False
    )
    assert (None if found is None else found.quantity) == (None if filled is None else Decimal(filled))


def test_a_worthless_leg_is_thrown_in_and_cannot_be_sold_alone() -> None:
    """Nobody bids for it."""
    quotes = [quote(5.0, 5.1), quote(0.0, 0.05)]
    found = execution_of(intent([-1, -1], Decimal(-4)), Decimal(1), quotes, FillRules(), has_rested=False)
    assert found is not None
    assert found.prices == (Decimal("5.0"), Decimal(0))
    assert execution_of(intent([-1], Decimal(0)), Decimal(1), quotes[1:], FillRules(), has_rested=False) is None


@pytest.mark.parametrize("bad", [quote(10.2, 10.0), quote(10.0, nan), quote(nan, inf)])
def test_a_crossed_or_missing_quote_fills_nothing(bad: Quote) -> None:
    """It is no market."""
    assert execution_of(intent([1], Decimal(99)), Decimal(1), [bad], FillRules(), has_rested=False) is None


@pytest.mark.parametrize(
    ("model", "beyond"),
    [
        (NoSlippage(), 0.0),
        (FixedSlippage(amount=0.02), 0.02),
        (ImpactSlippage(share=0.10), 0.1 * 0.1 * sqrt(4.0)),
        (MidSlippage(mid_bps=10.0), 10.1e-3),
        (VolumeShareSlippage(impact=0.1, unknown_share=0.025), 0.1 * 0.1**2 * 10.1),
    ],
)
def test_slippage_is_what_its_formula_says(model: SlippageModel, beyond: float) -> None:
    """Of four units against 10.00 to 10.20 with forty shown."""
    assert model.beyond(quote(10.0, 10.2, 40.0), 4.0, is_buy=True) == pytest.approx(beyond)


HOURS = 3_600e9


@pytest.mark.parametrize(
    ("model", "left_h", "half"),
    [
        (FixedSpread(half=0.05), nan, 0.05),
        (TickSpread(ticks=1.5, tick=0.05), nan, 0.075),
        (RelativeSpread(fraction=0.02, least=0.10), nan, 0.10),
        (ClosingSpread(), 3.0, 0.08),
        (ClosingSpread(), 1.0, 0.12),
        (ClosingSpread(), 0.0, 0.16),
        (ClosingSpread(), nan, 0.08),
        (BarRangeSpread(), nan, 0.2),
    ],
)
def test_spreads_around_a_print_are_what_their_formula_says(model: SpreadModel, left_h: float, half: float) -> None:
    """Around 4.00, in a bar of 0.80; alone and in a column."""
    assert float(model.half_spread(4.0, 0.8, left_h * HOURS)) == pytest.approx(half)
    column = model.half_spread(np.full(3, 4.0), np.full(3, 0.8), np.full(3, left_h * HOURS))
    assert column.tolist() == pytest.approx([half] * 3)


@dataclass(frozen=True)
class _Case:
    make: type
    value: dict[str, object]


@pytest.mark.parametrize(
    "case",
    [
        _Case(FixedSpread, {"half": -1.0}),
        _Case(FixedSlippage, {"amount": nan}),
        _Case(MidPlusFraction, {"fraction": 1.5}),
        _Case(SizeRule, {"share": Decimal(0)}),
        _Case(ClosingSpread, {"hours": 0.0}),
    ],
)
def test_impossible_models_are_refused(case: _Case) -> None:
    """A number outside of its range is a setting that cannot work."""
    with pytest.raises(ConfigError):
        case.make(**case.value)


def test_names_hold_the_numbers() -> None:
    """A report that shows a name shows the assumption."""
    names = [FixedSlippage().name, ClosingSpread().name, MidPlusFraction(fraction=0.25).name, FixedSpread().name]
    assert [
        found for found, number in zip(names, ("0.02", "x2", "0.25", "no spread"), strict=True) if number in found
    ] == names
