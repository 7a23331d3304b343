"""The crossing of two averages, as a function of the averages and the position alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import nan

import pytest

from market.errors import ConfigError
from market.orders import Leg, PositionEffect
from market.tradables import Share
from strategies.decisions import HOLD
from strategies.features import MovingAverage
from strategies.moving_average import MovingAverageCross
from strategies.views import HeldPackage, WorkingOrder
from tests.strategies.scene import NOW_NS, Scene, SceneAccount

_SPY = Share(symbol="SPY")
_CROSS = MovingAverageCross(instrument=_SPY, quantity=Decimal(3), collar=0.01)


def _held(side: int) -> HeldPackage:
    return HeldPackage(
        package_id="p1",
        strategy="moving_average",
        structure="long" if side > 0 else "short",
        legs=(Leg(instrument=_SPY, ratio=side),),
        quantity=Decimal(3),
        opened_ns=NOW_NS,
        entry_price=100.0 * side,
        is_whole=True,
    )


def _averages(fast: float, slow: float) -> Mapping[str, float]:
    return {"moving_average.fast": fast, "moving_average.slow": slow}


def _scene(fast: float, slow: float, *packages: HeldPackage) -> Scene:
    return Scene(account=SceneAccount(packages=packages), closes={"SPY": [100.0]}, features=_averages(fast, slow))


def test_a_flat_account_takes_the_side_of_the_averages() -> None:
    """Above it buys at up to 101, below it sells at down to 99."""
    for fast, ratio, limit in ((101.0, 1, Decimal(101)), (99.0, -1, Decimal(-99))):
        (opened,) = _CROSS.decide(_scene(fast, 100.0)).proposals
        assert (opened.legs[0].ratio, opened.quantity, opened.limit_price) == (ratio, Decimal(3), limit)
        assert opened.effect is PositionEffect.OPEN


def test_a_crossing_closes_the_package_and_opens_the_other_side() -> None:
    """The reversal is two orders, because an order that closes may never turn a position."""
    closed, opened = _CROSS.decide(_scene(99.0, 100.0, _held(1))).proposals
    assert (closed.effect, closed.package_id, closed.legs[0].ratio) == (PositionEffect.CLOSE, "p1", -1)
    assert (opened.effect, opened.package_id, opened.legs[0].ratio) == (PositionEffect.OPEN, "", -1)


def test_without_short_sales_it_goes_flat() -> None:
    """Below the slow average it only closes."""
    long_only = MovingAverageCross(instrument=_SPY, quantity=Decimal(3), allows_short=False)
    (closed,) = long_only.decide(_scene(99.0, 100.0, _held(1))).proposals
    assert closed.effect is PositionEffect.CLOSE
    assert long_only.decide(_scene(99.0, 100.0)) is HOLD


@pytest.mark.parametrize(
    ("fast", "slow", "side"),
    [(101.0, 100.0, 1), (99.0, 100.0, -1), (100.0, 100.0, 1), (100.0, 100.0, -1), (nan, 100.0, 1), (100.0, nan, -1)],
)
def test_the_right_side_a_tie_and_a_missing_average_hold(fast: float, slow: float, side: int) -> None:
    """Nothing is traded where the side is held already or cannot be told."""
    assert _CROSS.decide(_scene(fast, slow, _held(side))) is HOLD


def test_rounding_is_no_crossing() -> None:
    """Two averages that differ in the sixteenth digit are equal."""
    assert _CROSS.decide(_scene(100.00000000000001, 100.0)) is HOLD


def test_nothing_is_sent_while_an_order_works() -> None:
    """An order under way is waited for."""
    order = WorkingOrder(
        order_id="o",
        package_id="p",
        strategy="moving_average",
        reason="",
        remaining=Decimal(3),
        effect=PositionEffect.OPEN,
        decided_ns=0,
    )
    scene = Scene(account=SceneAccount(working=(order,)), closes={"SPY": [100.0]}, features=_averages(101.0, 100.0))
    assert _CROSS.decide(scene) is HOLD


def test_it_declares_its_two_averages() -> None:
    """What it asks the view for is what it declares."""
    fast, slow = _CROSS.features
    assert isinstance(fast, MovingAverage)
    assert isinstance(slow, MovingAverage)
    assert (fast.name, fast.lookback, slow.name, slow.lookback) == (
        "moving_average.fast",
        50,
        "moving_average.slow",
        200,
    )


@pytest.mark.parametrize(
    ("fast", "slow", "quantity"), [(200, 50, 1), (50, 50, 1), (0, 50, 1), (5, 20, 0), (5, 20, Decimal("0.5"))]
)
def test_impossible_parameters_are_refused(fast: int, slow: int, quantity: Decimal | int) -> None:
    """Windows that do not rise and quantities that cannot be traded are errors before any run."""
    with pytest.raises(ConfigError, match="cannot be"):
        MovingAverageCross(instrument=_SPY, fast=fast, slow=slow, quantity=Decimal(quantity))
