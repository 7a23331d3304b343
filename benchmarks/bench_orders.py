"""Ids and the life of an order: what each decision, booking and order of a backtest pays for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from functools import reduce

from benchmarks.harness import Row, interleaved_ns, time_row
from execution.identity import client_order_id, decision_id, digest_of
from execution.lifecycle import advance
from execution.order_events import Accepted, Executed, OrderEvent, Sent
from execution.orders import Order, OrderStatus
from market.fills import Cost, CostKind, Fill, Liquidity
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Share

__all__ = ["run"]

_N = 2_000
_SHARE = Share(symbol="SPY")
_ORDER = Order(
    order_id="order",
    intent=OrderIntent(
        intent_id="intent",
        cause_id="decision",
        ts_event_ns=1,
        strategy="moving_average",
        package_id="package",
        legs=(Leg(instrument=_SHARE, ratio=1),),
        quantity=Decimal(10),
        limit_price=Decimal("420.10"),
        effect=PositionEffect.OPEN,
        time_in_force=TimeInForce.DAY,
    ),
    status=OrderStatus.INTENT,
)
_LIFE: tuple[OrderEvent, ...] = (
    Sent(order_id="order", ts_event_ns=2),
    Accepted(order_id="order", ts_event_ns=3, venue_order_id="v"),
    Executed(order_id="order", ts_event_ns=4, fill_id="fill", leg=0, quantity=Decimal(10)),
)
_FILL = Fill(
    fill_id="fill",
    order_id="order",
    cause_id="decision",
    package_id="package",
    strategy="moving_average",
    ts_event_ns=4,
    instrument=_SHARE,
    quantity=Decimal(10),
    price=Decimal("420.08"),
    costs=(Cost(kind=CostKind.COMMISSION, amount=Decimal("0.65")),),
    liquidity=Liquidity.TAKER,
    simulated=True,
)
_INPUTS = (("chain SPX", "3f" * 16), ("series VIX", "a0" * 16))


def _repeated(call: Callable[[int], object]) -> Callable[[], None]:
    def many() -> None:
        for number in range(_N):
            call(number)

    return many


def run() -> list[Row]:
    """Return processor time for each id, for the digest of a fill, and for an order from intent to filled."""
    times = interleaved_ns(
        {
            "id of a decision": _repeated(lambda n: decision_id("moving_average", "7c" * 32, n, _INPUTS)),
            "client order id": _repeated(lambda n: client_order_id("moving_average", "d1" * 16, "e2" * 16, n)),
            "digest of a fill": _repeated(lambda _n: digest_of(_FILL)),
            "an order from intent to filled": _repeated(lambda _n: reduce(advance, _LIFE, _ORDER)),
        },
        clock=time.thread_time_ns,
    )
    return [time_row(f"orders: {name}", _N, found) for name, found in times.items()]
