"""Buying once and holding."""

from __future__ import annotations

from decimal import Decimal
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from market.orders import Leg, PositionEffect
from market.tradables import Perpetual, Share
from strategies.buy_and_hold import BuyAndHold
from strategies.decisions import HOLD
from strategies.views import HeldPackage, WorkingOrder
from tests.strategies.scene import NOW_NS, Scene, SceneAccount, quote

_SPY = Share(symbol="SPY")
_HELD = HeldPackage(
    package_id="p1",
    strategy="buy_and_hold",
    structure="long",
    legs=(Leg(instrument=_SPY, ratio=1),),
    quantity=Decimal(10),
    opened_ns=NOW_NS,
    entry_price=400.0,
    is_whole=True,
)


def test_it_buys_as_much_as_the_equity_pays_for() -> None:
    """At an ask of 400 and a collar of 1 % the limit is 404, and 100,000 buys 247 shares."""
    (bought,) = BuyAndHold(instrument=_SPY).decide(Scene(quotes={"SPY": quote(399.9, 400.0)})).proposals
    assert (bought.quantity, bought.limit_price, bought.effect) == (Decimal(247), Decimal(404), PositionEffect.OPEN)


@given(equity=st.floats(0.0, 1e9), price=st.floats(0.01, 1e5), collar=st.floats(0.0, 0.2))
def test_it_is_never_overdrawn(equity: float, price: float, collar: float) -> None:
    """Quantity times the worst price never exceeds the equity."""
    scene = Scene(account=SceneAccount(equity=equity), quotes={"SPY": quote(price, price)})
    for bought in BuyAndHold(instrument=_SPY, collar=collar).decide(scene).proposals:
        assert bought.quantity * bought.limit_price <= Decimal(repr(equity))
        assert bought.limit_price >= Decimal(repr(price)) - _SPY.tick / 1_000_000  # less is the dust of floats


def test_without_a_quote_the_newest_close_counts() -> None:
    """Bars alone are enough to reckon a quantity."""
    (bought,) = BuyAndHold(instrument=_SPY, collar=0.0).decide(Scene(closes={"SPY": [99.0, 100.0]})).proposals
    assert (bought.quantity, bought.limit_price) == (Decimal(1000), Decimal(100))


def test_without_any_price_it_says_so() -> None:
    """Missing is a gate that has not passed, never a default price."""
    decision = BuyAndHold(instrument=_SPY).decide(Scene())
    assert decision.reason == "no_price"
    assert not decision.proposals
    assert [(gate.name, gate.passed) for gate in decision.gates] == [("price_known", False)]


@pytest.mark.parametrize(
    ("equity", "reason"), [(50.0, "too_small"), (nan, "too_small"), (-5.0, "too_small")], ids=["poor", "nan", "debt"]
)
def test_an_account_that_cannot_pay_for_one_share_buys_none(equity: float, reason: str) -> None:
    """Zero is a legal size, and there is no floor under it."""
    scene = Scene(account=SceneAccount(equity=equity), quotes={"SPY": quote(100.0, 100.0)})
    decision = BuyAndHold(instrument=_SPY).decide(scene)
    assert (decision.reason, decision.proposals) == (reason, ())


def test_a_coin_is_bought_in_whole_lots() -> None:
    """A perpetual's quantity is a multiple of its lot."""
    coin = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))
    scene = Scene(account=SceneAccount(equity=1000.0), quotes={coin.symbol: quote(30_000.0, 30_000.0)})
    (bought,) = BuyAndHold(instrument=coin, collar=0.0).decide(scene).proposals
    assert bought.quantity == Decimal("0.033")


def test_what_is_held_or_under_way_is_not_bought_again() -> None:
    """Its own package or order makes it hold; those of others do not."""
    own = WorkingOrder(
        order_id="o1",
        package_id="p1",
        strategy="buy_and_hold",
        reason="first_price",
        remaining=Decimal(10),
        effect=PositionEffect.OPEN,
        decided_ns=0,
    )
    quotes = {"SPY": quote(400.0, 400.0)}
    for account in (SceneAccount(packages=(_HELD,)), SceneAccount(working=(own,))):
        assert BuyAndHold(instrument=_SPY).decide(Scene(account=account, quotes=quotes)) is HOLD
    others = Scene(account=SceneAccount(packages=(_HELD,)), quotes=quotes)
    assert BuyAndHold(instrument=_SPY, name="another").decide(others).proposals


@pytest.mark.parametrize("wrong", [{"fraction": 0.0}, {"fraction": 1.1}, {"collar": -0.1}, {"fraction": nan}])
def test_impossible_parameters_are_refused(wrong: dict[str, float]) -> None:
    """A range is checked before any run."""
    with pytest.raises(ConfigError, match=r"buy_and_hold: (fraction|collar) cannot be"):
        BuyAndHold(instrument=_SPY, **wrong)  # type: ignore[arg-type]  # the numbers alone
