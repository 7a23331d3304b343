"""Liquidation: the worst mark of a span decides, the price is no gift, and nothing grows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.events import CashKind, CashMovement
from execution.holdings import PackagePosition
from execution.liquidation import (
    MarkRange,
    cross_liquidations,
    isolated_liquidation,
    liquidation_events,
    reducing,
)
from market.errors import DataError
from market.fills import Fill
from market.tradables import Perpetual
from risk.margin.perpetual import MarginTier, PerpetualPosition, PerpetualTerms

_TERMS = PerpetualTerms(
    tiers=(MarginTier(up_to=Decimal("Infinity"), initial_rate=Decimal("0.01"), maintenance_rate=Decimal("0.005")),),
    fee_rate=Decimal("0.0006"),
)
_BTC = Perpetual(symbol="BTC", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))


def _marks(first: str, low: str, high: str) -> MarkRange:
    return MarkRange(ts_ns=60, first=Decimal(first), low=Decimal(low), high=Decimal(high))


def _position(quantity: str, entry: str, collateral: str = "0", symbol: str = "BTC") -> PerpetualPosition:
    return PerpetualPosition(
        symbol=symbol, quantity=Decimal(quantity), entry_price=Decimal(entry), collateral=Decimal(collateral)
    )


def test_a_wick_is_enough() -> None:
    """A long at ten times lives through a low of 91 and dies at one of 90, whatever the close is; at 90, its ruin."""
    long = _position("1", "100", "10")
    assert isolated_liquidation(long, _marks("100", "91", "101"), _TERMS) is None
    found = isolated_liquidation(long, _marks("100", "90", "101"), _TERMS)
    assert found is not None
    assert (found.quantity, found.price, found.fee) == (Decimal(-1), Decimal(90), Decimal("0.054"))
    assert 90.0 < float(found.trigger_price) < 91.0
    assert found.reason == "liquidated_isolated"


def test_a_gap_beyond_ruin_is_ours() -> None:
    """A span that begins at 85 closes the same long at 85, and a short at ten times from 115 at 115."""
    long = isolated_liquidation(_position("1", "100", "10"), _marks("85", "84", "86"), _TERMS)
    short = isolated_liquidation(_position("-1", "100", "10"), _marks("115", "114", "116"), _TERMS)
    assert long is not None
    assert short is not None
    assert (long.price, short.price) == (Decimal(85), Decimal(115))


_SPANS = st.tuples(*(st.decimals(min_value=50, max_value=150, places=1) for _ in range(3))).map(
    lambda prices: MarkRange(ts_ns=60, first=sorted(prices)[1], low=min(prices), high=max(prices))
)


@given(side=st.sampled_from([-1, 1]), collateral=st.integers(1, 60), marks=_SPANS)
def test_a_liquidation_closes_all_and_never_better_than_its_trigger(
    side: int, collateral: int, marks: MarkRange
) -> None:
    """What is traded is minus the position; the price is no better than trigger and first mark."""
    position = _position(str(side), "100", str(collateral))
    found = isolated_liquidation(position, marks, _TERMS)
    if found is None:
        return
    assert found.quantity == -position.quantity
    assert side * found.price <= side * found.trigger_price
    assert side * found.price <= side * marks.first
    assert side * marks.worst_for(position.quantity) <= side * found.trigger_price + Decimal("1e-9")


def test_a_wallet_closes_its_largest_need_first() -> None:
    """BTC falls so far that the wallet is down; ETH is spared where the rest then holds, and all of it goes else."""
    btc, eth = _position("1", "100"), _position("-1", "10", symbol="ETH")
    terms = {"BTC": _TERMS, "ETH": _TERMS}
    calm = {"BTC": _marks("100", "95", "100"), "ETH": _marks("10", "9", "10")}
    crash = {"BTC": _marks("100", "80", "100"), "ETH": _marks("10", "9", "10.5")}
    assert cross_liquidations([btc, eth], calm, terms, Decimal(15)) == ()
    closed = cross_liquidations([btc, eth], crash, terms, Decimal(15))
    assert closed[0].symbol == "BTC"
    assert closed[0].quantity == -1
    assert {item.reason for item in closed} == {"liquidated_cross"}
    assert closed[0].price < 100


_QUANTITIES = st.integers(-3, 3).filter(bool)


@given(btc=_QUANTITIES, eth=_QUANTITIES, wallet=st.integers(0, 200), one=_SPANS, other=_SPANS)
def test_a_wallet_only_loses_positions(btc: int, eth: int, wallet: int, one: MarkRange, other: MarkRange) -> None:
    """Every closing is minus one whole position, each at most once; what is left keeps its maintenance."""
    positions = [_position(str(btc), "100"), _position(str(eth), "100", symbol="ETH")]
    terms = {"BTC": _TERMS, "ETH": _TERMS}
    closed = cross_liquidations(positions, {"BTC": one, "ETH": other}, terms, Decimal(wallet))
    traded = {item.symbol: item.quantity for item in closed}
    assert len(traded) == len(closed)
    assert all(-position.quantity == traded.get(position.symbol, -position.quantity) for position in positions)
    assert all(item.fee >= 0 and item.price >= 0 for item in closed)
    lost = sum(p.unrealised(i.price) - i.fee for i in closed for p in positions if p.symbol == i.symbol)
    left = [position for position in positions if position.symbol not in traded]
    assert cross_liquidations(left, {"BTC": one, "ETH": other}, terms, Decimal(wallet) + lost) == ()


def test_bookings_split_over_packages_and_lose_nothing() -> None:
    """Three packages of one position get a fill each, and the fee in parts that add up."""
    found = isolated_liquidation(_position("3", "100", "30"), _marks("100", "80", "100"), _TERMS)
    assert found is not None
    parts = [
        PackagePosition(package_id=name, strategy="s", instrument=_BTC, quantity=Decimal(1)) for name in ("a", "b", "c")
    ]
    events = liquidation_events(found, _BTC, parts)
    fills = [event for event in events if isinstance(event, Fill)]
    fees = [event for event in events if isinstance(event, CashMovement)]
    assert sum(fill.quantity for fill in fills) == -3
    assert {fill.price for fill in fills} == {found.price}
    assert all(fill.simulated for fill in fills)
    assert sum(fee.amount for fee in fees) == -found.fee
    assert {fee.kind for fee in fees} == {CashKind.FEE}
    with pytest.raises(DataError, match="not the position"):
        liquidation_events(found, _BTC, parts[:2])


@given(held=st.integers(-10, 10), wanted=st.integers(-20, 20))
def test_an_emergency_never_enlarges_nor_turns(held: int, wanted: int) -> None:
    """The part that is traded leaves the position on its side, smaller or as it was."""
    traded = reducing(Decimal(held), Decimal(wanted))
    after = held + traded
    assert abs(after) <= abs(held)
    assert after * held >= 0
    assert traded * wanted >= 0
    assert abs(traded) <= abs(wanted)


def test_marks_that_are_missing_are_an_error() -> None:
    """A span without a mark, or a wallet with an unknown one, is not a position that lives."""
    with pytest.raises(DataError):
        _marks("NaN", "1", "2")
    with pytest.raises(DataError, match="ETH"):
        cross_liquidations([_position("1", "1", symbol="ETH")], {}, {"ETH": _TERMS}, Decimal(1))
