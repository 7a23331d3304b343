"""The flow features from their definitions: every minute anew from all rows of the session, in plain loops."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.features import FlowColumn as C
from tests.fields.flow.streams import OPEN_NS, Day

NAN = float("nan")


def expected_sign(aggressor: int, probability: float) -> float:
    """Return the mean of a sign that is right with a probability."""
    return 0.0 if math.isnan(probability) else float(aggressor) * (2.0 * probability - 1.0)


def accepted(ts_ns: np.ndarray, arrival_ns: np.ndarray, until: int) -> list[int]:
    """Return the rows that arrived before their minute ended, older than `until`, in order of time."""

    def minute_end(ts: int) -> int:
        return OPEN_NS + ((ts - OPEN_NS) // MINUTE_NS + 1) * MINUTE_NS

    chosen = [i for i, ts in enumerate(ts_ns.tolist()) if OPEN_NS <= ts < until and arrival_ns[i] < minute_end(ts)]
    return sorted(chosen, key=lambda i: int(ts_ns[i]))


def option_reference(day: Day, config: FlowConfig, minute: int) -> dict[C, float]:
    """Return the readings of the options of one minute."""
    options = day.options
    held: dict[int, float] = defaultdict(float)
    doubt: dict[int, float] = defaultdict(float)
    seen = {"call": 0.0, "put": 0.0, "call_usd": 0.0, "put_usd": 0.0}
    flow_g = flow_d = gross = selected = valued = sided = 0.0
    for k in range(minute + 1):
        table, start = day.greeks[k], OPEN_NS + k * MINUTE_NS
        place = {} if table is None else {int(c): i for i, c in enumerate(table.number)}
        flow_g = flow_d = gross = selected = valued = sided = 0.0
        for i in accepted(options.ts_ns, day.arrivals.option_trades, start + MINUTE_NS):
            if options.ts_ns[i] < start or not options.size[i] > 0:
                continue
            size, c = float(options.size[i]), int(options.number[i])
            right = "call" if options.is_call[i] else "put"
            seen[right] += size
            seen[right + "_usd"] += size * float(options.price[i]) * 100.0
            sign, j = expected_sign(int(options.aggressor[i]), float(options.probability[i])), place.get(c)
            if table is not None and j is not None:
                if abs(table.strike[j] / table.spot - 1) > config.strike_window:
                    continue
                if table.open_interest[j] < config.min_open_interest:
                    continue
                valued += size
                sided += abs(sign) * size
                unit = table.gamma[j] * 100.0 * table.spot**2 * 0.01
                flow_g -= sign * size * unit
                gross += abs(sign) * size * unit
                flow_d -= sign * size * table.delta[j] * 100.0 * table.spot
            selected += size
            held[c] -= sign * size
            doubt[c] += (1.0 - sign * sign) * size * size
    now = day.greeks[minute]
    unknown = selected > 0 and (valued == 0 or sided == 0)
    known = {} if now is None else {int(c): float(g) for c, g in zip(now.number, now.gamma, strict=True)}
    spot = NAN if now is None else now.spot
    open_ones = {c for c in held if held[c] or doubt[c]}
    value_g = sum(held[c] * known[c] * 100.0 * spot**2 * 0.01 for c in open_ones & set(known))
    if open_ones and not open_ones & set(known):
        value_g = NAN
    return {
        C.NET_GAMMA_FLOW_USD_PER_PCT: NAN if unknown else flow_g,
        C.NET_DELTA_FLOW_USD: NAN if unknown else flow_d,
        C.GAMMA_SENTIMENT_RATIO: NAN if unknown else flow_g / gross if gross else 0.0,
        C.FLOW_COVERAGE: valued / selected if selected else NAN,
        C.INVENTORY_GAMMA_USD_PER_PCT: value_g,
        C.PUT_CALL_CONTRACTS: seen["put"] / seen["call"] if seen["call"] else NAN,
        C.PUT_CALL_PREMIUM: seen["put_usd"] / seen["call_usd"] if seen["call"] else NAN,
    }


def ticks(day: Day, until: int) -> list[tuple[int, float, float, float, float]]:
    """Return (instant, middle of the range, volume, volume x price, net volume) of each instant with trades."""
    trades, found = day.trades, []
    rows = [i for i in accepted(trades.ts_ns, day.arrivals.underlying_trades, until) if trades.size[i] > 0]
    for ts in sorted({int(trades.ts_ns[i]) for i in rows}):
        same = [i for i in rows if trades.ts_ns[i] == ts]
        p, v = trades.price[same], trades.size[same]
        net = sum(
            expected_sign(int(trades.aggressor[i]), float(trades.probability[i])) * float(trades.size[i]) for i in same
        )
        found.append((ts, 0.5 * float(p.min() + p.max()), float(v.sum()), float((p * v).sum()), net))
    return found


def trade_reference(day: Day, config: FlowConfig, minute: int) -> dict[C, float]:
    """Return the readings of the underlying's trades of one minute."""
    end = OPEN_NS + (minute + 1) * MINUTE_NS
    all_ticks = ticks(day, end)
    chosen = [i for i in accepted(day.trades.ts_ns, day.arrivals.underlying_trades, end) if day.trades.size[i] > 0]
    p, v = day.trades.price[chosen], day.trades.size[chosen]
    if not all_ticks:
        return {C.PRICE: NAN, C.VWAP_DAY: NAN, C.ANCHORED_VWAP_Z: NAN, C.TICK_RUN: 0.0, C.VOLUME: 0.0}
    vwap = float((p * v).sum() / v.sum())
    std = math.sqrt(float((v * (p - vwap) ** 2).sum() / v.sum()))
    run = 0
    for (_, before, *_), (_, price, *_) in pairwise(all_ticks):
        run = max(run, 0) + 1 if price > before else min(run, 0) - 1 if price < before else run
    window = [t for t in all_ticks if t[0] >= end - config.vwap_window_min * MINUTE_NS]
    trailing = sum(t[3] for t in window) / sum(t[2] for t in window) if window else NAN
    price = all_ticks[-1][1]
    return {
        C.PRICE: price,
        C.VOLUME: sum(t[2] for t in all_ticks if t[0] >= end - MINUTE_NS),
        C.VWAP_DAY: vwap,
        C.VWAP_STD: std,
        C.ANCHORED_VWAP_Z: (price - vwap) / std if len(set(p.tolist())) > 1 else NAN,
        C.VWAP_WINDOW: trailing,
        C.VWAP_DIVERGENCE: math.log(trailing / vwap) if minute >= config.vwap_window_min else NAN,
        C.TICK_RUN: float(run),
    }


def standing(day: Day, until: int) -> Iterator[tuple[int, int, float, float, float, float, bool]]:
    """Yield each quote with the instant at which the next one, or the end, replaces it."""
    quotes = day.quotes
    rows = accepted(quotes.ts_ns, day.arrivals.underlying_quotes, until)
    for i, following in zip(rows, [*(int(quotes.ts_ns[j]) for j in rows[1:]), until], strict=True):
        bid, ask = float(quotes.bid[i]), float(quotes.ask[i])
        usable = bid > 0 and ask >= bid
        yield (int(quotes.ts_ns[i]), following, bid, ask, float(quotes.bid_size[i]), float(quotes.ask_size[i]), usable)


def quote_reference(day: Day, config: FlowConfig, minute: int) -> dict[C, float]:
    """Return the readings of the quotes of one minute."""
    end = OPEN_NS + (minute + 1) * MINUTE_NS
    start, age = end - MINUTE_NS, config.quote_max_age_ns
    found = list(standing(day, end))
    lived = area = flow = 0.0
    for since, until, bid, ask, _, _, usable in found:
        held = min(until, since + age) - max(since, start)
        if usable and held > 0:
            lived, area = lived + held, area + held * (ask - bid) / (0.5 * (ask + bid))
    for (t0, _, b0, a0, qb0, qa0, ok0), (t1, _, b1, a1, qb1, qa1, ok1) in pairwise(found):
        if t1 >= start and ok0 and ok1 and t1 - t0 <= age and not math.isnan(qb0 + qa0 + qb1 + qa1):
            flow += (qb1 if b1 >= b0 else 0.0) - (qb0 if b1 <= b0 else 0.0)
            flow += (qa0 if a1 >= a0 else 0.0) - (qa1 if a1 <= a0 else 0.0)
    spread = NAN
    if found and found[-1][6] and end - found[-1][0] <= age:
        bid, ask = found[-1][2], found[-1][3]
        spread = (ask - bid) / (0.5 * (ask + bid))
    return {
        C.SPREAD: spread,
        C.SPREAD_TIME_WEIGHTED: area / lived if lived else NAN,
        C.ORDER_FLOW_IMBALANCE: flow,
    }
