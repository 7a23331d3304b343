"""A strategy with a share of the money: it buys its part, sees the same market, and keeps its name and its id."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from execution.identity import digest_of
from market.errors import ConfigError
from market.tradables import Share
from strategies.buy_and_hold import BuyAndHold
from strategies.moving_average import MovingAverageCross
from strategies.sleeve import Sleeve
from tests.strategies.scene import Scene, SceneAccount, quote

_VIEW = Scene(quotes={"SPY": quote(400.0, 400.02)})
_HOLD = BuyAndHold(instrument=Share(symbol="SPY"))


def test_half_of_the_money_buys_half_of_the_shares() -> None:
    """Equity is what the strategy within reckons with; the price is the market's."""
    (whole,) = _HOLD.decide(_VIEW).proposals
    (half,) = Sleeve(inner=_HOLD, weight=0.5).decide(_VIEW).proposals
    assert half.quantity in {whole.quantity // 2, whole.quantity // 2 + 1}
    assert (half.limit_price, half.legs) == (whole.limit_price, whole.legs)


def test_a_whole_share_decides_as_the_strategy_within() -> None:
    """A weight of 1 changes nothing but the id of the parameters."""
    assert Sleeve(inner=_HOLD, weight=1.0).decide(_VIEW) == _HOLD.decide(_VIEW)
    assert digest_of(Sleeve(inner=_HOLD, weight=1.0)) != digest_of(Sleeve(inner=_HOLD, weight=0.5))


def test_what_the_strategy_within_declares_is_declared() -> None:
    """Its name owns the packages, and its features are kept for it."""
    inner = MovingAverageCross(instrument=Share(symbol="SPY"))
    sleeve = Sleeve(inner=inner, weight=0.25)
    assert (sleeve.name, sleeve.features) == (inner.name, inner.features)
    assert [field.name for field in fields(Sleeve)] == ["inner", "weight"]


@pytest.mark.parametrize("weight", [0.0, -0.5, 1.5])
def test_no_share_is_none_or_more_than_all(weight: float) -> None:
    """Money that is not there cannot be given."""
    with pytest.raises(ConfigError, match="weight"):
        Sleeve(inner=_HOLD, weight=weight)


def test_without_a_weight_of_its_own_the_account_says_how_much() -> None:
    """The same order as with that weight; with nothing allocated none is opened, and the funnel says why."""
    sleeve = Sleeve(inner=_HOLD, weight=None)
    told = Scene(quotes=_VIEW.quotes, account=SceneAccount(weights={sleeve.name: 0.5}))
    assert sleeve.decide(told) == Sleeve(inner=_HOLD, weight=0.5).decide(_VIEW)
    none = Scene(quotes=_VIEW.quotes, account=SceneAccount(weights={sleeve.name: 0.0}))
    fixed = Sleeve(inner=MovingAverageCross(instrument=Share(symbol="SPY"), name=sleeve.name), weight=None)
    decision = fixed.decide(replace(none, features={f"{sleeve.name}.fast": 2.0, f"{sleeve.name}.slow": 1.0}))
    assert decision.proposals == ()
    assert (decision.gates[-1].name, decision.gates[-1].passed) == ("money_allocated", False)
