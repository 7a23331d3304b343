"""Margin, gate and costs: what an order of a backtest pays for being allowed and charged."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from backtest.costs.schedules import us_options_and_shares
from benchmarks.harness import Row, interleaved_ns, time_row
from market.calendars import expiry_series
from market.instruments import product_of
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Instrument, OptionContract, Share, option_contract
from risk.limits.orders import OrderFacts, TokenBucket, TradingState
from risk.limits.pretrade import PretradeGate, PretradeLimits
from risk.margin.reg_t import RegTRules, strategy_margin

__all__ = ["run"]

_N = 200
_NOW = 1_686_931_200 * 1_000_000_000  # 2023-06-16 12:00 New York
_DAYS = (date(2023, 6, 16), date(2023, 7, 21))
_SPY = Share(symbol="SPY")
Positions = list[tuple[Instrument, Decimal]]


def _option(right: str, strike: int, *, day: date = _DAYS[0], root: str = "SPXW") -> OptionContract:
    return option_contract(expiry_series(product_of(root), day), strike, is_call=right == "C")


def _condor(shift: int = 0, day: date = _DAYS[0]) -> Positions:
    strikes = ((-1, "C", 4100), (1, "C", 4110), (-1, "P", 3900), (1, "P", 3890))
    return [(_option(right, strike + shift, day=day), Decimal(units)) for units, right, strike in strikes]


def _margin(held: Positions, spot: int) -> Callable[[], None]:
    prices = {item.symbol: Decimal(2) for item, _ in held} | {item.underlying: Decimal(spot) for item, _ in held}
    rules = RegTRules()
    return _repeated(lambda: strategy_margin(held, prices, rules))


def _repeated(call: Callable[[], object]) -> Callable[[], None]:
    def many() -> None:
        for _ in range(_N):
            call()

    return many


def _checked(gate: PretradeGate, legs: tuple[Leg, ...], prices: tuple[float, ...]) -> Callable[[], None]:
    intent = OrderIntent(
        intent_id="intent",
        cause_id="decision",
        ts_event_ns=_NOW,
        strategy="condor",
        package_id="package",
        legs=legs,
        quantity=Decimal(2),
        limit_price=Decimal(-2) if len(legs) > 1 else Decimal(2),
        effect=PositionEffect.OPEN,
        time_in_force=TimeInForce.DAY,
    )
    facts = OrderFacts(
        now_ns=_NOW,
        state=TradingState.ACTIVE,
        leg_prices=prices,
        input_ns=_NOW,
        open_packages=1,
        buying_power=1e6,
        buying_power_effect=1e3,
        session_close_ns=_NOW + 4 * 3_600 * 1_000_000_000,
        bucket=TokenBucket.full(capacity=5.0, per_second=5.0, now_ns=_NOW),
    )
    if not gate.check(intent, facts).is_allowed:
        raise AssertionError(gate.check(intent, facts))
    return _repeated(lambda: gate.check(intent, facts))


def run() -> list[Row]:
    """Return processor time of one requirement, one check of the gate and one fill's costs."""
    every = PretradeLimits(
        most_quantity=10.0,
        most_notional=1e6,
        most_loss=1e5,
        most_packages=5,
        orders_per_second=5.0,
        order_burst=5.0,
        most_input_age_s=60.0,
        cutoff_minutes=30.0,
    )
    condor = tuple(Leg(instrument=item, ratio=int(units)) for item, units in _condor())
    costs = us_options_and_shares()
    sold = _option("P", 3900)
    times = interleaved_ns(
        {
            "requirement of a condor": _margin(_condor(), 4_000),
            "requirement of eight condors of two expiries": _margin(
                [row for shift in range(0, 40, 10) for day in _DAYS for row in _condor(shift, day)], 4_000
            ),
            "requirement of a short strangle": _margin(
                [(_option("C", 105, root="SPY"), Decimal(-1)), (_option("P", 95, root="SPY"), Decimal(-1))], 100
            ),
            "requirement that needs the programme": _margin(
                [(_SPY, Decimal(150)), *((_option("C", k, root="SPY"), Decimal(-1)) for k in (100, 105))], 100
            ),
            "check of a condor, all rows": _checked(PretradeGate(every), condor, (2.0, 1.0, 2.0, 1.0)),
            "check of a share, default rows": _checked(
                PretradeGate(PretradeLimits()), (Leg(instrument=_SPY, ratio=1),), (2.0,)
            ),
            "costs of a fill": _repeated(lambda: costs.costs(sold, Decimal(-2), Decimal(5), _NOW, PositionEffect.OPEN)),
        },
        clock=time.thread_time_ns,
    )
    return [time_row(f"margin: {name}", _N, found) for name, found in times.items()]
