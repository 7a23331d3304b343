"""The risk service in a run: it sees marks, fills and orders, and what it denies is named in funnel and order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import isnan
from typing import Any

import numpy as np
import pytest

from backtest.results import RunResult
from market.orders import Leg, PositionEffect, TimeInForce
from market.series import SeriesBatch, SeriesUnit
from risk.book import PortfolioGreeks
from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES, BreakerRule, RiskRules
from risk.state import BreakerClass
from risk.trading_state import TradingState
from strategies.decisions import HOLD, Decision, Proposal
from strategies.views import View
from tests.backtest.option_recordings import chains, contract, of_chains, order
from tests.backtest.recordings import MINUTE_NS, PROVENANCE, SHARE, START_NS, Scripted, bars, of_bars, run

_HOURS_12_NS = 12 * 60 * MINUTE_NS


def _buy(quantity: int, limit: str, **more: Any) -> Decision:
    return _trade(1, quantity, limit, PositionEffect.OPEN, **more)


def _trade(ratio: int, quantity: int, limit: str, effect: PositionEffect, **more: Any) -> Decision:
    proposal = Proposal(
        structure="share",
        legs=(Leg(instrument=SHARE, ratio=ratio),),
        quantity=Decimal(quantity),
        limit_price=Decimal(limit),
        effect=effect,
        **more,
    )
    return Decision(reason="test", proposals=(proposal,))


def _sell_all(view: View) -> Decision:
    (held,) = view.account.packages
    return _trade(-1, int(held.quantity), "-1", PositionEffect.CLOSE, package_id=held.package_id)


def _run(closes: Sequence[float], *answers: Any, rules: RiskRules, **more: Any) -> RunResult:
    """Run answers over minutes; the collar is off, because prices jump."""
    width_ns = more.pop("width_ns", MINUTE_NS)
    limits = more.pop("limits", PretradeLimits(collar_fraction=None))
    history = of_bars(bars(closes, width_ns=width_ns))
    return run(history, Scripted(answers), risk=rules, limits=limits, **more)


def test_a_denial_names_its_row_and_the_quantity_that_would_pass() -> None:
    """30 shares at 100 may lose 3 000 of 100 000; 20 may be bought, and are."""
    result = _run([100.0] * 4, _buy(30, "100"), _buy(20, "100"), rules=RiskRules(risk_share=0.02))
    assert result.funnel["scripted"]["risk: risk_per_trade"] == (1, 0)
    denied, bought = result.orders
    assert denied.reason == "risk_per_trade 3000 is above 2000; at most 20 would pass"
    assert bought.status == "filled"


def test_a_daily_loss_ends_new_positions_until_the_next_session() -> None:
    """At a loss of 600 nothing is opened and resting bids are withdrawn; what is held may be sold; Monday is new."""
    seen: list[tuple[TradingState, tuple[str, ...]]] = []

    def ask(view: View) -> Decision:
        seen.append((view.account.trading_state, view.account.hard_breaches))
        return _buy(1, "94")

    closes = [100.0, 100.0, 100.0, 94.0, 94.0, 94.0, 94.0, 94.0, 94.0]
    rules = RiskRules(daily_loss_amount=500.0)
    resting = _buy(1, "10", time_in_force=TimeInForce.GTC)
    result = _run(
        closes, _buy(100, "100"), resting, HOLD, ask, _sell_all, HOLD, ask, ask, rules=rules, width_ns=_HOURS_12_NS
    )
    assert seen[0] == (TradingState.REDUCING, ("daily_loss",))
    assert seen[-1] == (TradingState.ACTIVE, ())
    assert result.funnel["scripted"]["risk: daily_loss"][0] >= 1
    assert not result.stopped
    by_limit = {each.intent.limit_price: each.status for each in result.orders}
    assert by_limit[Decimal(10)] == "cancelled"
    assert by_limit[Decimal(-1)] == "filled"
    assert result.orders[-1].status == "filled"


def test_a_strategy_waits_after_its_exit() -> None:
    """Flat in the third minute, it is denied in the fourth, and free five minutes later."""
    answers = [_buy(1, "100"), HOLD, _sell_all, HOLD, _buy(2, "100"), HOLD, HOLD, HOLD, HOLD, HOLD, _buy(3, "100")]
    result = _run([100.0] * 14, *answers, rules=RiskRules(cooldown_minutes=5.0))
    by_quantity = {each.intent.quantity: each.status for each in result.orders if each.intent.effect == "open"}
    assert by_quantity == {Decimal(1): "filled", Decimal(2): "rejected", Decimal(3): "filled"}
    assert result.funnel["scripted"]["risk: cooldown_minutes"] == (1, 0)


def test_losses_in_a_row_trip_a_breaker() -> None:
    """After two packages with a loss new orders pause, though the day's loss is small."""
    closes = [100.0, 100.0, 99.0, 99.0, 99.0, 99.0, 98.0, 98.0, 98.0, 98.0, 98.0]
    answers = [_buy(1, "100"), HOLD, _sell_all, HOLD, _buy(1, "99"), HOLD, _sell_all, HOLD, _buy(1, "98")]
    rules = RiskRules(breakers={BreakerClass.CONSECUTIVE_LOSSES: BreakerRule(at=2, minutes=60.0)})
    result = _run(closes, *answers, rules=rules)
    assert len(result.trades) == 2
    assert result.funnel["scripted"]["risk: breaker_consecutive_losses"] == (1, 0)


def test_without_the_index_the_preset_opens_nothing() -> None:
    """A history without the VIX tells no level, and what is not told denies."""
    result = _run([100.0] * 4, _buy(1, "100"), rules=HEDGEFIELD_RULES, limits=HEDGEFIELD_LIMITS)
    assert result.funnel["scripted"]["risk: volatility_index"] == (1, 0)
    assert not result.fills


def _vix(levels: Sequence[float]) -> SeriesBatch:
    """Return the index, known at the ends of the first minutes."""
    ends = START_NS + MINUTE_NS * np.arange(len(levels), dtype=np.int64)
    return SeriesBatch(
        series="VIX",
        unit=SeriesUnit.INDEX_POINTS,
        ts_event_ns=int(ends[-1]),
        cause_id="vix",
        provenance=PROVENANCE,
        event_ns=ends,
        available_ns=ends,
        value=np.array(levels),
    )


def test_the_level_of_the_index_gates_entries_sizes_and_the_breaker() -> None:
    """At 32 four fifths of a size are left and a VIX above 25 opens nothing; at 35 the pause of a day begins."""
    seen: list[tuple[float, tuple[str, ...]]] = []

    def ask(view: View) -> Decision:
        seen.append((view.account.size_multiplier, view.account.hard_breaches))
        return _buy(1, "100")

    rules = replace(HEDGEFIELD_RULES, cooldown_minutes=None, loss_cooldown_minutes=None)
    history = of_bars(bars([100.0] * 5), series=(_vix([18.0, 18.0, 32.0, 35.0, 20.0]),))
    limits = replace(HEDGEFIELD_LIMITS, collar_fraction=None)
    result = run(history, Scripted([ask] * 4), risk=rules, limits=limits)
    assert [size for size, _ in seen] == [1.0, 0.8, 0.8, 1.0]
    assert [names for _, names in seen] == [(), (), ("breaker_volatility",), ("breaker_volatility",)]
    assert result.funnel["scripted"] == {"risk: volatility_index": (1, 0), "risk: breaker_volatility": (2, 0)}
    assert len(result.fills) == 1


_BOARD = {
    (float(strike), right): (value, value + 0.2)
    for strike in range(4200, 4401, 10)
    for right, value in (("C", max(4290.0 - strike, 0.0) + 8.0), ("P", max(strike - 4290.0, 0.0) + 8.0))
}


def _options(*answers: Any, rules: RiskRules) -> RunResult:
    limits = PretradeLimits(collar_fraction=None)
    return run(of_chains(chains([_BOARD] * 4)), Scripted(answers), risk=rules, limits=limits)


@pytest.mark.parametrize(("bound", "status"), [(30.0, "rejected"), (100.0, "filled")])
def test_the_greeks_of_an_order_are_those_of_its_quotes(bound: float, status: str) -> None:
    """A call near the money of 100 units has about 50 shares of delta: too much for 30, little for 100."""
    result = _options(order([(contract(4290.0, "C"), 1)], "8.20"), rules=RiskRules(trade_delta=bound))
    assert [each.status for each in result.orders] == [status]


def test_two_orders_of_one_instant_share_the_room_of_the_book() -> None:
    """The first is on its way and counts as if it were filled, so that the second finds no room for its delta."""
    first, second = (order([(contract(strike, "C"), 1)], "8.20") for strike in (4290.0, 4300.0))
    both = Decision(reason="both", proposals=(*first.proposals, *second.proposals))
    result = _options(both, rules=RiskRules(book_delta=75.0))
    assert [each.status for each in result.orders] == ["rejected", "filled"]
    assert result.funnel["scripted"]["risk: book_delta"] == (1, 0)


def test_a_view_tells_greeks_and_capital_at_risk() -> None:
    """What is held has Greeks and may lose what it cost; another strategy has none of it."""
    seen: list[tuple[PortfolioGreeks, float, float, float]] = []

    def ask(view: View) -> Decision:
        account = view.account
        seen.append(
            (
                account.greeks(),
                account.capital_at_risk(),
                account.capital_at_risk("other"),
                account.greeks("other").delta_shares,
            )
        )
        return HOLD

    _options(order([(contract(4290.0, "C"), 1)], "8.20", quantity=2), ask, rules=RiskRules())
    ((greeks, at_risk, of_other, delta_of_other),) = seen
    assert not greeks.reason
    assert 80.0 < greeks.delta_shares < 120.0
    assert greeks.beta_delta_shares == greeks.delta_shares
    assert greeks.theta_usd_per_day < 0.0 < greeks.vega_usd_per_volpt
    assert (at_risk, of_other, delta_of_other) == (1_640.0, 0.0, 0.0)
    assert not isnan(greeks.delta_usd)


def test_the_parts_of_a_linked_package_are_one_package() -> None:
    """Six legs go as two orders under one id: with room for one package both pass, and a second package does not."""
    legs = [(contract(4300.0 + 10.0 * step, "C"), ratio) for step, ratio in enumerate((1, -2, 1))]
    legs += [(contract(4280.0 - 10.0 * step, "P"), ratio) for step, ratio in enumerate((1, -2, 1))]
    limits = PretradeLimits(collar_fraction=None, most_packages=1)
    answers = [order(legs, "2.00"), order([(contract(4290.0, "C"), 1)], "8.20")]
    result = run(
        of_chains(chains([_BOARD] * 6, step_ns=5 * MINUTE_NS)),
        Scripted([*answers[:1], HOLD, HOLD, *answers[1:]]),
        risk=RiskRules(strategy_packages=1),
        limits=limits,
    )
    assert len({fill.order_id for fill in result.fills}) == 2
    assert len(result.open_packages) == 1
    assert result.funnel["scripted"]["risk: open_packages"] == (1, 0)


def test_a_package_of_several_orders_can_be_closed_while_the_account_only_reduces() -> None:
    """A butterfly on each side goes as two orders; held by a daily loss, both parts of the close pass."""
    legs = [(contract(4300.0 + 10.0 * step, "C"), ratio) for step, ratio in enumerate((1, -2, 1))]
    legs += [(contract(4280.0 - 10.0 * step, "P"), ratio) for step, ratio in enumerate((1, -2, 1))]
    states: list[TradingState] = []

    def close(view: View) -> Decision:
        states.append(view.account.trading_state)
        (held,) = view.account.packages
        return order([(leg, -ratio) for leg, ratio in legs], "6.00", package=held.package_id)

    worse = _BOARD | dict.fromkeys(((4310.0, "C"), (4270.0, "P")), (9.0, 9.2))
    history = of_chains(chains([_BOARD] * 4 + [worse] * 4, step_ns=5 * MINUTE_NS))
    rules = RiskRules(daily_loss_amount=200.0)
    limits = PretradeLimits(collar_fraction=None)
    result = run(history, Scripted([order(legs, "2.00"), HOLD, HOLD, HOLD, close]), risk=rules, limits=limits)
    assert not result.stopped
    assert states == [TradingState.REDUCING]
    assert not result.funnel["scripted"]
    assert len(result.trades) == 1
    assert not result.open_packages
