"""Timeframes that agree, sized by how much they agree: less agreement and more volatility never make a trade larger."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product
from math import nan
from typing import Any

import numpy as np
import pytest

from market.bars import BarBatch
from market.calendars import sessions_between
from market.clock import datetime_of_ns
from market.errors import ConfigError
from market.orders import Leg, PositionEffect
from market.tradables import Share
from strategies.confluence import Confluence, ConfluenceTerms, ConfluenceVotes
from strategies.decisions import HOLD
from strategies.market_state import MarketState
from strategies.views import HeldPackage
from tests.backtest.recordings import bars
from tests.strategies.scene import NOW_NS, Scene, SceneAccount, quote

_SPY = Share(symbol="SPY")
_GOOD = {"week": 0.02, "day": 0.01, "hour": 30.0, "minute": 0.001, "volatility": 0.4, "range": 4.0}


def _view(held: tuple[HeldPackage, ...] = (), *, price: float = 400.0, **changed: float) -> Scene:
    features = {f"confluence.{name}": value for name, value in (_GOOD | changed).items()}
    account = SceneAccount(equity=1e6, buying_power=1e7, packages=held)
    return Scene(features=features, quotes={"SPY": quote(price - 0.01, price + 0.01)}, account=account)


def _strategy(**terms: Any) -> Confluence:
    return Confluence(instrument=_SPY, terms=ConfluenceTerms(**terms), max_notional_share=10.0)


def _quantity(**changed: Any) -> Decimal:
    found = _strategy(min_confluence=0.1).decide(_view(**changed)).proposals
    return found[0].quantity if found else Decimal(0)


def test_both_sides_are_traded_alike() -> None:
    """All four timeframes one way: the whole budget to the stop of two ranges."""
    (long,) = _strategy().decide(_view()).proposals
    down: dict[str, Any] = {"week": -0.02, "day": -0.01, "hour": 70.0, "minute": -0.001}
    (short,) = _strategy().decide(_view(**down)).proposals
    assert (long.legs[0].ratio, short.legs[0].ratio) == (1, -1)
    assert long.quantity == short.quantity == int(1e6 * 0.01 / 8.0)
    alone = replace(_strategy(), allows_short=False)
    assert alone.decide(_view(**down)).reason == "trend_and_momentum"


def test_a_share_never_exceeds_what_agrees() -> None:
    """Over all votes: within 0 and 1, 0 without a direction, and not smaller where one more vote agrees."""
    weights = ConfluenceTerms().weights
    for week, day, hour, minute in product((-1, 0, 1), repeat=4):
        votes = ConfluenceVotes(week=week, day=day, hour=hour, minute=minute)
        share = votes.share(weights)
        assert 0.0 <= share <= 1.0
        assert bool(share) <= bool(votes.direction)
        if votes.direction:
            assert replace(votes, hour=votes.direction).share(weights) >= share
            assert replace(votes, hour=-votes.direction).share(weights) <= share


def test_less_agreement_and_more_volatility_make_it_smaller() -> None:
    """The hour against it, or a percentile above the calm one; at the highest there is nothing."""
    whole = _quantity()
    assert whole > _quantity(hour=50.0) > _quantity(hour=70.0) > 0
    sizes = [_quantity(volatility=percentile) for percentile in (0.1, 0.5, 0.7, 0.9, 1.0)]
    assert sizes[0] == sizes[1] == whole
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0


@pytest.mark.parametrize(
    ("changed", "gate"),
    [
        ({"week": nan}, "trend_and_momentum"),
        ({"day": -0.01}, "trend_and_momentum"),
        ({"minute": -0.001}, "minute_turned"),
        ({"hour": 70.0}, "confluence"),
        ({"volatility": nan}, "volatility_known"),
        ({"range": nan}, "stop_known"),
    ],
)
def test_the_funnel_names_what_is_missing(changed: dict[str, Any], gate: str) -> None:
    """What is not known is no vote, and no trade where the size stands on it."""
    decision = _strategy().decide(_view(**changed))
    assert (decision.reason, decision.proposals) == (gate, ())


def _held(*, days: float = 1.0, stop: float = 8.0) -> HeldPackage:
    return HeldPackage(
        package_id="p1",
        strategy="confluence",
        structure="long",
        legs=(Leg(instrument=_SPY, ratio=1),),
        quantity=Decimal(10),
        opened_ns=NOW_NS - int(days * 86_400e9),
        entry_price=400.0,
        is_whole=True,
        factors={"level": 400.0, "stop_distance": stop},
    )


@pytest.mark.parametrize(
    ("held", "changed", "price", "reason"),
    [
        (_held(), {}, 391.9, "stop_loss"),
        (_held(days=11.0), {}, 400.0, "time_stop"),
        (_held(), {"day": -0.01}, 400.0, "trend_turned"),
        (_held(), {"week": -0.01}, 400.0, "trend_turned"),
        (_held(stop=nan), {}, 400.0, "stop_unknown"),
        (_held(), {"hour": 70.0, "minute": -0.01}, 393.0, ""),
    ],
)
def test_it_is_closed_by_stop_time_or_the_turn_of_the_trend(
    held: HeldPackage, changed: dict[str, Any], price: float, reason: str
) -> None:
    """In this order; the hour and the minute close nothing."""
    decision = _strategy().decide(_view((held,), price=price, **changed))
    assert (decision is HOLD) is (not reason)
    if reason:
        assert (decision.reason, decision.proposals[0].effect) == (reason, PositionEffect.CLOSE)


def _minutes(n_sessions: int) -> BarBatch:
    """Return bars of half an hour over whole sessions."""
    rng, parts = np.random.default_rng(2), []
    sessions = sessions_between("NYSE", datetime_of_ns(NOW_NS).date().replace(year=2022), datetime_of_ns(NOW_NS).date())
    level = 400.0
    for session in sessions[-n_sessions:]:
        closes = level * np.exp(np.cumsum(rng.normal(1e-4, 0.002, 13)))
        level = float(closes[-1])
        parts.append(bars(closes.tolist(), symbol="SPY", start_ns=session.open_ns, width_ns=1_800_000_000_000))
    columns = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return replace(parts[-1], **joined)


def test_the_week_and_the_day_under_way_are_not_seen() -> None:
    """Prices after an instant, and the rest of its week, change nothing that was read until then."""
    strategy = Confluence(
        instrument=_SPY, terms=ConfluenceTerms(week_bars=3, day_bars=3, volatility_bars=5, volatility_days=10)
    )
    batch = _minutes(45)
    spoiled = batch.close.copy()
    cut = batch.n_bars - 20
    spoiled[cut:] *= 3.0
    seen = []
    for each in (batch, replace(batch, close=spoiled, high=np.maximum(batch.high, spoiled))):
        state = MarketState(strategy.features)
        (history,) = state.record_bars((each,))
        rows = []
        for row in range(cut - 30, cut):
            history.n_known = row + 1
            rows.append([state.feature(feature.name) for feature in strategy.features])
        seen.append(rows)
    assert np.array_equal(np.array(seen[0]), np.array(seen[1]))
    assert np.isfinite(np.array(seen[0])).all()


def test_terms_that_cannot_be_are_refused() -> None:
    """Weights of another sum, levels that do not rise."""
    for wrong in ({"weights": (0.5, 0.5, 0.5, 0.5)}, {"hour_low": 70.0}, {"stop_ranges": 0.0}):
        with pytest.raises(ConfigError):
            ConfluenceTerms(**wrong)
