"""Margin of perpetuals: the prices of liquidation and bankruptcy, tiers, fees, and wallets that are shared."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError, DataError
from risk.margin.perpetual import (
    MaintenanceBasis,
    MarginTier,
    PerpetualPosition,
    PerpetualTerms,
    cross_margin,
    isolated_margin,
)

_INF = Decimal("Infinity")
_FLAT = PerpetualTerms(tiers=(MarginTier(up_to=_INF, initial_rate=Decimal("0.01"), maintenance_rate=Decimal("0.005")),))
_TIERED = PerpetualTerms(
    tiers=(
        MarginTier(up_to=Decimal(50_000), initial_rate=Decimal("0.01"), maintenance_rate=Decimal("0.004")),
        MarginTier(up_to=Decimal(500_000), initial_rate=Decimal("0.02"), maintenance_rate=Decimal("0.01")),
        MarginTier(up_to=_INF, initial_rate=Decimal("0.10"), maintenance_rate=Decimal("0.05")),
    ),
    fee_rate=Decimal("0.0006"),
)


def _position(quantity: str, entry: str, collateral: str) -> PerpetualPosition:
    return PerpetualPosition(
        symbol="BTC", quantity=Decimal(quantity), entry_price=Decimal(entry), collateral=Decimal(collateral)
    )


def test_a_short_at_25_times_is_liquidated_3_5_percent_from_its_entry() -> None:
    """EH8: 1/25 - 0.5 % from the entry on its basis; the distance from the mark moves with the market."""
    terms = replace(_FLAT, basis=MaintenanceBasis.ENTRY)
    short = _position("-1", "50000", "2000")
    readings = {mark: isolated_margin(short, Decimal(mark), terms) for mark in (48_000, 50_000, 51_000, 51_750)}
    assert {reading.liquidation_price for reading in readings.values()} == {51_750.0}
    assert {reading.distance_from_entry for reading in readings.values()} == {0.035}
    distances = [reading.distance_from_mark for reading in readings.values()]
    assert distances == [float(Decimal(51_750 - mark) / mark) for mark in readings]
    assert [reading.is_liquidated for reading in readings.values()] == [False, False, False, True]


def test_maintenance_on_the_mark_is_reached_a_little_earlier() -> None:
    """The same short on the basis of the mark: 1.04 / 1.005 of its entry; a long one 0.96 / 0.995."""
    assert isolated_margin(_position("-1", "1", "0.04"), None, _FLAT).liquidation_price == pytest.approx(1.04 / 1.005)
    assert isolated_margin(_position("1", "1", "0.04"), None, _FLAT).liquidation_price == pytest.approx(0.96 / 0.995)


_SIDES = st.sampled_from([-1, 1])
_ENTRIES = st.decimals(min_value=1, max_value=100_000, places=2)
_SIZES = st.decimals(min_value="0.001", max_value=100, places=3)
_LEVERAGES = st.integers(1, 50)
_TERMS = st.sampled_from([_FLAT, _TIERED, replace(_TIERED, basis=MaintenanceBasis.ENTRY)])


@given(side=_SIDES, entry=_ENTRIES, size=_SIZES, leverage=_LEVERAGES, terms=_TERMS)
def test_margin_and_maintenance_are_equal_at_the_liquidation_price(
    side: int, entry: Decimal, size: Decimal, leverage: int, terms: PerpetualTerms
) -> None:
    """There and only there the two meet: before it there is more margin, behind it less."""
    collateral = terms.initial(size * entry, Decimal(leverage))
    position = PerpetualPosition(symbol="BTC", quantity=side * size, entry_price=entry, collateral=collateral)
    price = Decimal(repr(isolated_margin(position, entry, terms).liquidation_price))
    if price == 0:
        assert side == 1
        return
    at = isolated_margin(position, price, terms)
    assert at.margin == pytest.approx(at.maintenance, rel=1e-9, abs=1e-9 * float(size * entry))
    safe, lost = price * (1 + side * Decimal("1e-6")), price * (1 - side * Decimal("1e-6"))
    assert not isolated_margin(position, safe, terms).is_liquidated
    assert isolated_margin(position, lost, terms).is_liquidated


@given(side=_SIDES, entry=_ENTRIES, size=_SIZES, leverage=_LEVERAGES, more=st.integers(1, 1_000))
def test_liquidation_lies_between_entry_and_bankruptcy_and_more_collateral_moves_it_away(
    side: int, entry: Decimal, size: Decimal, leverage: int, more: int
) -> None:
    """A venue closes before the margin is gone; money that is added makes the distance longer."""
    collateral = _TIERED.initial(size * entry, Decimal(leverage))
    position = PerpetualPosition(symbol="BTC", quantity=side * size, entry_price=entry, collateral=collateral)
    reading = isolated_margin(position, entry, _TIERED)
    richer = isolated_margin(replace(position, collateral=collateral + more), entry, _TIERED)
    assert side * reading.bankruptcy_price <= side * reading.liquidation_price
    assert richer.distance_from_entry >= reading.distance_from_entry
    assert richer.distance_from_mark >= reading.distance_from_mark


@given(notional=st.decimals(min_value=0, max_value=2_000_000, places=2))
def test_maintenance_is_continuous_and_convex_in_the_notional(notional: Decimal) -> None:
    """A cent more of notional costs at most the highest rate of a cent, also where a tier ends."""
    cent = Decimal("0.01")
    step = _TIERED.maintenance(notional + cent) - _TIERED.maintenance(notional)
    assert Decimal("0.004") * cent <= step <= Decimal("0.05") * cent


def test_initial_margin_is_never_below_the_tier() -> None:
    """A leverage beyond the tier's own counts as the tier's."""
    assert _TIERED.initial(Decimal(10_000), Decimal(10)) == 1_000
    assert _TIERED.initial(Decimal(10_000), Decimal(125)) == 100
    assert _TIERED.initial(Decimal(1_000_000), Decimal(125)) == 100_000
    with pytest.raises(ConfigError):
        _TIERED.initial(Decimal(1), Decimal("0.5"))


def test_a_wallet_is_shared_by_its_positions() -> None:
    """Each position's price is the one at which the whole wallet is down, other marks unchanged."""
    long = PerpetualPosition(symbol="BTC", quantity=Decimal(1), entry_price=Decimal(50_000))
    short = PerpetualPosition(symbol="ETH", quantity=Decimal(-10), entry_price=Decimal(3_000))
    marks = {"BTC": Decimal(51_000), "ETH": Decimal(2_900)}
    terms = {"BTC": _TIERED, "ETH": _TIERED}
    reading = cross_margin([long, short], marks, terms, Decimal(3_000))
    assert reading.equity == 3_000 + 1_000 + 1_000
    assert not reading.is_liquidated
    for item in reading.positions:
        there = marks | {item.symbol: Decimal(repr(item.liquidation_price))}
        at = cross_margin([long, short], there, terms, Decimal(3_000))
        assert at.equity == pytest.approx(at.maintenance, rel=1e-9)


def test_a_missing_mark_leaves_the_numbers_missing() -> None:
    """Isolated prices of liquidation do not need the mark; a wallet with one unknown position is unknown."""
    reading = isolated_margin(_position("1", "100", "10"), Decimal("NaN"), _FLAT)
    assert reading.reason
    assert reading.margin != reading.margin
    assert reading.liquidation_price == pytest.approx(90 / 0.995)
    wallet = cross_margin([_position("1", "100", "0")], {}, {"BTC": _FLAT}, Decimal(10))
    assert wallet.equity != wallet.equity
    assert "BTC" in wallet.reason


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (MarginTier(up_to=Decimal(1), initial_rate=Decimal("0.1"), maintenance_rate=Decimal("0.05")),),
        (MarginTier(up_to=_INF, initial_rate=Decimal("0.01"), maintenance_rate=Decimal("0.05")),),
    ],
)
def test_terms_that_cannot_be_are_refused(tiers: tuple[MarginTier, ...]) -> None:
    """No tiers, a last one that ends, or an opening that is liquidated at once."""
    with pytest.raises(ConfigError):
        PerpetualTerms(tiers=tiers)


def test_positions_that_cannot_be_are_refused() -> None:
    """No quantity, no price, or collateral below 0."""
    for quantity, entry, collateral in (("0", "1", "1"), ("1", "0", "1"), ("1", "1", "-1")):
        with pytest.raises(DataError):
            _position(quantity, entry, collateral)
