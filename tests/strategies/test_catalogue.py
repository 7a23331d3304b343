"""Strategies from plain data: every key and value is checked, and errors say what would do."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest

from market.errors import ConfigError
from market.tradables import Perpetual, Share
from strategies.catalogue import CATALOGUE, parameters_of, strategy_of
from strategies.legs.liquidity import Liquidity
from strategies.moving_average import MovingAverageCross
from strategies.structures.calendar import Calendar
from strategies.structures.zero_dte_condor import ZeroDteCondor

_COIN = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))
_OPTIONS = (
    *("broken_wing", "calendar", "credit_spread", "debit_spread", "diagonal", "expected_move_condor", "flyagonal"),
    *("intraday_butterfly", "intraday_condor", "iron_butterfly", "iron_condor", "long_butterfly", "long_put"),
    *("long_straddle", "long_strangle", "policy", "short_butterfly", "zero_dte_condor"),
    *("divergence_condor", "regime_selector"),
)
_SIGNALS = ("field_momentum", "gamma_flip", "mean_reversion", "vanna")
_UNBOUNDED = ("intraday_straddle", "short_straddle", "short_strangle", "zero_dte_straddle")
_REQUIRED: dict[str, dict[str, object]] = {
    "buy_and_hold": {"instrument": "SPY"},
    "confluence": {"instrument": "SPY"},
    "divergence_hedge": {"instrument": "SPY"},
    "moving_average": {"instrument": "SPY"},
    "noop": {},
    **{name: {"underlying": "SPX"} for name in _OPTIONS},
    **{name: {"underlying": "SPX", "instrument": "SPY"} for name in _SIGNALS},
    **{name: {"underlying": "SPX", "allows_undefined_risk": True} for name in _UNBOUNDED},
}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_strategy_is_made_of_its_required_parameters(name: str) -> None:
    """The rest have defaults that fit each other, and their kinds can all be read."""
    assert strategy_of(name, _REQUIRED[name]).name == name
    defaults = {each.name: each.default for each in parameters_of(name) if each.default is not None}
    assert strategy_of(name, {**defaults, **_REQUIRED[name]}) == strategy_of(name, _REQUIRED[name])


@pytest.mark.parametrize("name", _UNBOUNDED)
def test_a_loss_without_a_bound_must_be_allowed(name: str) -> None:
    """By default what is sold uncovered is refused, and a stop that is no number is refused where it is allowed."""
    with pytest.raises(ConfigError, match=r"has no bound.*set allows_undefined_risk = true"):
        strategy_of(name, {"underlying": "SPX"})
    flat = "stop_multiple" in {each.name for each in parameters_of(name)}
    endless: dict[str, Any] = {"stop_multiple": inf} if flat else {"exits": {"stop_multiple": inf}}
    with pytest.raises(ConfigError, match="stop_multiple cannot be"):
        strategy_of(name, {**_REQUIRED[name], **endless})


def test_a_table_replaces_single_numbers_of_a_structure() -> None:
    """The rest of the exits stays what the strategy's defaults say."""
    made = strategy_of("calendar", {"underlying": "SPX", "exits": {"exit_days": 3}, "liquidity": {"min_bid": 0.1}})
    assert isinstance(made, Calendar)
    assert made == Calendar(
        underlying="SPX", exits=replace(Calendar(underlying="SPX").exits, exit_days=3), liquidity=Liquidity(min_bid=0.1)
    )
    with pytest.raises(ConfigError, match=r"close_before_end_s cannot be.*what is left when the front ends"):
        strategy_of("calendar", {"underlying": "SPX", "exits": {"close_before_end_s": 0.0}})


def test_values_are_read_by_their_kind() -> None:
    """Texts of times and exact numbers become what they mean; whole numbers serve as numbers."""
    condor = strategy_of("zero_dte_condor", {"underlying": "SPX", "at": "11:30", "width": 15})
    assert condor == ZeroDteCondor(underlying="SPX", at=time(11, 30), width=15.0)
    cross = strategy_of("moving_average", {"instrument": "SPY", "quantity": "3", "fast": 5, "slow": 20})
    assert cross == MovingAverageCross(instrument=Share(symbol="SPY"), quantity=Decimal(3), fast=5, slow=20)


def test_an_instrument_is_named_by_its_symbol() -> None:
    """Where the data have instruments, only those may be named, with their own ticks."""
    made = strategy_of("buy_and_hold", {"instrument": _COIN.symbol}, (_COIN,))
    assert getattr(made, "instrument", None) is _COIN
    with pytest.raises(ConfigError, match=r"instrument cannot be.*of the data may be traded: BTC/USDT:USDT"):
        strategy_of("buy_and_hold", {"instrument": "SPY"}, (_COIN,))


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("iron_condr", {}, "did you mean iron_condor"),
        ("iron_condor", {"underlying": "SPX", "widht": 5.0}, "did you mean width"),
        ("iron_condor", {}, "lacks a parameter.*expected underlying"),
        ("iron_condor", {"underlying": "SPX", "plan": 1}, "no parameter"),
        ("iron_condor", {"underlying": "SPX", "width": "wide"}, "width cannot be; found 'wide'; expected a number"),
        ("iron_condor", {"underlying": "SPX", "width": nan}, "width cannot be"),
        ("iron_condor", {"underlying": "SPX", "days": 30.5}, "days cannot be.*a whole number"),
        ("iron_condor", {"underlying": "SPX", "days": True}, "days cannot be"),
        ("iron_condor", {"underlying": ""}, "underlying cannot be"),
        ("iron_condor", {"underlying": "SPX", "short_delta": 0.4}, "short_delta < max_short_delta"),
        ("iron_condor", {"underlying": "SPX", "exit_days": 30}, "exit_days < shortest"),
        ("iron_condor", {"underlying": "SPX", "shortest": 60}, "shortest < longest"),
        ("iron_condor", {"underlying": "SPX", "min_credit_share": 1.0}, "below 1"),
        ("iron_condor", {"underlying": "SPX", "risk_share": 0.0}, "above 0"),
        ("zero_dte_condor", {"underlying": "SPX", "at": "25:00"}, "at cannot be"),
        ("zero_dte_condor", {"underlying": "SPX", "reenters": 1}, "true or false"),
        ("moving_average", {"instrument": "SPY", "quantity": 1.5}, "exact one as text"),
        ("moving_average", {"instrument": "SPY", "quantity": "x"}, "quantity cannot be"),
        ("moving_average", {"instrument": "SPY", "quantity": "NaN"}, "quantity cannot be"),
        ("moving_average", {"instrument": "SPY", "fast": 200, "slow": 50}, "fast < slow"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_do(name: str, parameters: dict[str, Any], message: str) -> None:
    """Unknown and missing keys, values of the wrong kind, ranges, and values that do not fit each other (Q4)."""
    with pytest.raises(ConfigError, match=message):
        strategy_of(name, parameters)
