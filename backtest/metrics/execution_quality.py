"""What trading cost beside its fees: slippage, delay and spread by group; what share was filled, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import nan
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from backtest.metrics.days import CRYPTO_CALENDAR, calendar_of
from backtest.results import FillQuote, RunResult
from execution.filled import filled_units, target_quantity
from execution.orders import Order, OrderStatus
from market.clock import datetime_of_ns
from market.fills import CostKind, Fill
from market.tradables import OptionContract

__all__ = ["FillQuality", "OrderQuality", "fill_quality", "fill_quality_by_group", "leg_label", "order_quality"]

_NS_PER_S: Final = 1_000_000_000
_NOT_RECORDED: Final = "no quote was recorded for any fill"


@dataclass(frozen=True, slots=True, kw_only=True)
class FillQuality:
    """Implementation shortfall of a group of fills; account currency, positive where it cost us.

    Parameters
    ----------
    axis, group : str
        Such as ``leg`` and ``sell put``.
    n_fills, n_quoted : int
        Fills, and those with quotes on both sides at decision and execution; slippage is known of the latter alone.
    traded_value : float
        ``|quantity| x multiplier x price`` of the quoted fills.
    delay : float
        Move of the mid from decision to execution, against us.
    spread : float
        Price against the mid at the execution.
    slippage : float
        Price against the mid at the decision: `delay` plus `spread`.
    beyond_quote : float
        Price against the side that had to be taken; 0 where it was met exactly, negative inside it.
    effective_spread_share : float
        `spread` over half of the quoted spread: 1 crosses it wholly, 0 trades at the mid.
    slippage_bps : float
        `slippage` over the traded value, basis points.
    charges : mapping of str to float
        Fees of all fills of the group by kind.
    shortfall : float
        `slippage` plus the charges of the quoted fills; what was never filled is not in it.
    reason : str
        Why slippage is missing; empty where it is not.
    """

    axis: str
    group: str
    n_fills: int
    n_quoted: int
    traded_value: float
    delay: float
    spread: float
    slippage: float
    beyond_quote: float
    effective_spread_share: float
    slippage_bps: float
    charges: Mapping[str, float]
    shortfall: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuality:
    """How orders ended.

    Parameters
    ----------
    n_orders, n_filled, n_partial, n_unfilled : int
        All at their end; filled wholly, in part, and not at all.
    ended : mapping of str to int
        Orders by last status.
    fill_ratio : float
        Filled packages over asked ones; NaN without orders.
    n_with_partial_fills : int
        Orders that were filled in more than one step of any leg.
    median_seconds, p90_seconds : float
        From the decision to the last fill, of orders that were filled wholly; NaN without any.
    """

    n_orders: int
    n_filled: int
    n_partial: int
    n_unfilled: int
    ended: Mapping[str, int]
    fill_ratio: float
    n_with_partial_fills: int
    median_seconds: float
    p90_seconds: float


def leg_label(fill: Fill) -> str:
    """Return the kind of a leg: what was done with what, such as ``sell put`` or ``buy perpetual``."""
    instrument = fill.instrument
    if isinstance(instrument, OptionContract):
        kind = "call" if instrument.is_call else "put"
    else:
        kind = type(instrument).__name__.lower()
    return f"{'buy' if fill.quantity > 0 else 'sell'} {kind}"


def _charges(fills: Sequence[Fill]) -> dict[str, float]:
    sums = dict.fromkeys(CostKind, Decimal(0))
    for fill in fills:
        for cost in fill.costs:
            sums[cost.kind] += cost.amount
    return {kind.value: float(amount) for kind, amount in sums.items()}


def _is_whole(quote: FillQuote) -> bool:
    return bool(np.isfinite([quote.decided_bid, quote.decided_ask, quote.bid, quote.ask]).all())


def fill_quality(
    fills: Sequence[Fill], quotes: Mapping[str, FillQuote], *, axis: str = "all", group: str = "all"
) -> FillQuality:
    """Return the execution quality of fills.

    Parameters
    ----------
    fills : sequence of Fill
        Executions.
    quotes : mapping of str to FillQuote
        Quotes by fill id; a fill without one counts, and is left out of every slippage.
    axis, group : str
        Names of the group.

    Returns
    -------
    FillQuality
        Quotes that are modelled give a modelled slippage: it repeats the assumption.
    """
    quoted = [
        (fill, quotes[fill.fill_id]) for fill in fills if fill.fill_id in quotes and _is_whole(quotes[fill.fill_id])
    ]
    units = np.array([float(fill.quantity * fill.instrument.multiplier) for fill, _ in quoted])
    price = np.array([float(fill.price) for fill, _ in quoted])
    decided = np.array([(quote.decided_bid + quote.decided_ask) / 2.0 for _, quote in quoted])
    bid, ask = np.array([quote.bid for _, quote in quoted]), np.array([quote.ask for _, quote in quoted])
    mid, taken = (bid + ask) / 2.0, np.where(units > 0.0, ask, bid)
    value, quoted_spread = float((np.abs(units) * price).sum()), float((np.abs(units) * (ask - bid) / 2.0).sum())
    known = bool(quoted)
    slippage = float((units * (price - decided)).sum()) if known else nan
    spread = float((units * (price - mid)).sum()) if known else nan
    paid = float(sum((fill.total_cost for fill, _ in quoted), Decimal(0)))
    return FillQuality(
        axis=axis,
        group=group,
        n_fills=len(fills),
        n_quoted=len(quoted),
        traded_value=value,
        delay=float((units * (mid - decided)).sum()) if known else nan,
        spread=spread,
        slippage=slippage,
        beyond_quote=float((units * (price - taken)).sum()) if known else nan,
        effective_spread_share=spread / quoted_spread if quoted_spread > 0.0 else nan,
        slippage_bps=1e4 * slippage / value if value > 0.0 else nan,
        charges=_charges(fills),
        shortfall=slippage + paid,
        reason="" if known else _NOT_RECORDED,
    )


def fill_quality_by_group(result: RunResult) -> tuple[FillQuality, ...]:
    """Return the execution quality of a run: all fills, then by leg, structure, strategy and hour.

    Parameters
    ----------
    result : RunResult
        A run; slippage needs its `fill_quotes`.

    Returns
    -------
    tuple of FillQuality
        Hours in New York, of coins in UTC; groups by name.
    """
    quotes = {quote.fill_id: quote for quote in result.fill_quotes}
    structure = {order.order_id: order.intent.structure or "unnamed" for order in result.orders}
    listed = calendar_of(result.description.periods_per_year) != CRYPTO_CALENDAR
    zone = ZoneInfo("America/New_York" if listed else "UTC")
    labels: dict[str, Callable[[Fill], str]] = {
        "leg": leg_label,
        "structure": lambda fill: structure.get(fill.order_id, "unnamed"),
        "strategy": lambda fill: fill.strategy,
        "hour": lambda fill: f"{datetime_of_ns(fill.ts_event_ns).astimezone(zone):%H}",
    }
    rows = [fill_quality(result.fills, quotes)]
    for axis, label in labels.items():
        groups: dict[str, list[Fill]] = {}
        for fill in result.fills:
            groups.setdefault(label(fill), []).append(fill)
        rows += [fill_quality(part, quotes, axis=axis, group=name) for name, part in sorted(groups.items())]
    return tuple(rows)


def _filled_share(order: Order) -> float:
    # A package is filled as far as its least filled leg.
    parts = [filled / leg.ratio for filled, leg in zip(filled_units(order), order.intent.legs, strict=True)]
    return float(min(parts) / target_quantity(order))


def order_quality(orders: Sequence[Order], fills: Sequence[Fill]) -> OrderQuality:
    """Return how orders were filled.

    Parameters
    ----------
    orders : sequence of Order
        At their end.
    fills : sequence of Fill
        Their executions.

    Returns
    -------
    OrderQuality
        Cheap fills of few orders say little: read the fill ratio beside every slippage.
    """
    shares = np.array([_filled_share(order) for order in orders])
    asked = np.array([float(target_quantity(order)) for order in orders])
    last = {fill.order_id: fill.ts_event_ns for fill in sorted(fills, key=lambda fill: fill.ts_event_ns)}
    whole = [order for order in orders if order.status is OrderStatus.FILLED and order.order_id in last]
    seconds = np.array([(last[order.order_id] - order.intent.ts_event_ns) / _NS_PER_S for order in whole])
    ended = {status.value: sum(order.status is status for order in orders) for status in OrderStatus}
    return OrderQuality(
        n_orders=len(orders),
        n_filled=int((shares >= 1.0).sum()),
        n_partial=sum(0.0 < share < 1.0 for share in shares.tolist()),
        n_unfilled=int((shares <= 0.0).sum()),
        ended={status: count for status, count in ended.items() if count},
        fill_ratio=float((shares * asked).sum() / asked.sum()) if orders else nan,
        n_with_partial_fills=sum(len(order.fill_ids) > len(order.intent.legs) for order in orders),
        median_seconds=float(np.median(seconds)) if seconds.size else nan,
        p90_seconds=float(np.quantile(seconds, 0.9)) if seconds.size else nan,
    )
