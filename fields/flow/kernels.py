"""One pass over the rows of one minute: trades of the underlying, quotes, and options valued by a table of Greeks.

What lives on from minute to minute stands in small arrays (`carry`, `book`) that the kernels read and write, so that a
stream and a replay run the same code over the same rows.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from fields.flow.features import FlowColumn
from fields.jit import F64, F64_2D, I64, INT, OUT, OUT_2D, REAL, kernel, primitive
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = [
    "BOOK_WIDTH",
    "QUOTE_CARRY",
    "TradeCarry",
    "ValueSum",
    "value_options",
    "walk_quotes",
    "walk_trades",
]

# As in `TradeCarry`; kernels want plain integers.
_REFERENCE, _SUM_V, _SUM_VD, _SUM_VDD, _PRICE, _RUN, _CVD, _SIGNED, _KNOWN, _CVD_BAR = range(10)
# Layout of the standing quote: instant since the open, bid, ask, sizes, and -1 none, 0 unusable, 1 usable.
_Q_TIME, _Q_BID, _Q_ASK, _Q_BID_SIZE, _Q_ASK_SIZE, _Q_STATE = range(6)
QUOTE_CARRY = 6
# Layout of the book, one row a contract: this minute's signed flow, its size without sign, its variance and volume,
# then the session's inventory and its variance.
_NET, _GROSS, _VARIANCE, _TRADED, _HELD, _HELD_VARIANCE = range(6)
BOOK_WIDTH = 6
# Sums of `value_options`, as in `ValueSum`; kernels want plain integers.
_FLOW_GAMMA, _FLOW_GAMMA_ABS, _FLOW_GAMMA_VAR, _FLOW_DELTA, _FLOW_DELTA_VAR = range(5)
_SELECTED, _VALUED, _VALUED_GROSS, _HELD_GAMMA, _HELD_GAMMA_VAR, _HELD_DELTA, _HELD_DELTA_VAR = range(5, 12)
_HELD_ALL, _HELD_VALUED, _G_WEIGHT, _G_STRIKE, _D_WEIGHT, _D_STRIKE = range(12, 18)

_C_MID = int(FlowColumn.MID)
_C_SPREAD = int(FlowColumn.SPREAD)
_C_SPREAD_TIME = int(FlowColumn.SPREAD_TIME_WEIGHTED)
_C_AGE = int(FlowColumn.QUOTE_AGE_S)
_C_OFI = int(FlowColumn.ORDER_FLOW_IMBALANCE)
_C_DEPTH = int(FlowColumn.DEPTH)


class TradeCarry(IntEnum):
    """What the trades of the underlying carry over the minutes of a session; D is price less the reference."""

    REFERENCE = 0  # first price, NaN before it
    VOLUME = 1
    VOLUME_D = 2
    VOLUME_D_SQUARED = 3
    PRICE = 4  # last price, NaN before the first
    RUN = 5
    CVD = 6
    SIGNED = 7  # volume with a side
    KNOWN = 8  # volume whose side the venue tells
    CVD_BAR = 9


class ValueSum(IntEnum):
    """Place of each sum of `value_options`; G is dollar gamma per 1 %, D is dollar delta."""

    FLOW_G = 0
    FLOW_G_GROSS = 1
    FLOW_G_VARIANCE = 2
    FLOW_D = 3
    FLOW_D_VARIANCE = 4
    SELECTED = 5  # contracts traded near spot
    VALUED = 6  # those of them with Greeks
    VALUED_GROSS = 7  # and with a side
    HELD_G = 8
    HELD_G_VARIANCE = 9
    HELD_D = 10
    HELD_D_VARIANCE = 11
    HELD_ALL = 12  # inventory without sign
    HELD_VALUED = 13
    WEIGHT_G = 14
    STRIKE_G = 15
    WEIGHT_D = 16
    STRIKE_D = 17


@kernel(I64, F64_2D, OUT, OUT)
def walk_trades(ts_ns: Int64Array, rows: FloatArray, carry: FloatArray, sums: FloatArray) -> None:
    """Add rows (price, size, expected sign) in the order of time to the session and to the minute's sums.

    The sums are volume, its moment around the reference, net volume, net volume in USD, volume with a side, up ticks
    and down ticks. The prints of one instant are one tick at the middle of their range: their order does not count.
    """
    n = rows.shape[0]
    i = 0
    while i < n:
        low, high = rows[i, 0], rows[i, 0]
        j = i
        while j < n and ts_ns[j] == ts_ns[i]:
            low, high = min(low, rows[j, 0]), max(high, rows[j, 0])
            j += 1
        level = 0.5 * (low + high)
        if np.isnan(carry[_REFERENCE]):
            carry[_REFERENCE] = level
        for k in range(i, j):
            price, size, sign = rows[k, 0], rows[k, 1], rows[k, 2]
            d = price - carry[_REFERENCE]
            sums[0] += size
            sums[1] += size * d
            sums[2] += sign * size
            sums[3] += sign * size * price
            sums[4] += size if sign != 0.0 else 0.0
            carry[_SUM_VDD] += size * d * d
            carry[_KNOWN] += size if abs(sign) == 1.0 else 0.0
        run = carry[_RUN]
        if level > carry[_PRICE]:
            sums[5] += 1.0
            carry[_RUN] = max(run, 0.0) + 1.0
        elif level < carry[_PRICE]:
            sums[6] += 1.0
            carry[_RUN] = min(run, 0.0) - 1.0
        carry[_PRICE] = level
        i = j
    carry[_SUM_V] += sums[0]
    carry[_SUM_VD] += sums[1]
    carry[_CVD] += sums[2]
    carry[_SIGNED] += sums[4]


@kernel(I64, F64_2D, INT, INT, INT, OUT, OUT)
def walk_quotes(
    ts_ns: Int64Array, rows: FloatArray, start: int, end: int, max_age: int, carry: FloatArray, out: FloatArray
) -> None:
    """Fill the readings of the quotes; rows are (bid, ask, bid size, ask size), instants count from the open."""
    lived, area, deep, depth_area, flow, pairs = 0.0, 0.0, 0.0, 0.0, 0.0, 0
    n = rows.shape[0]
    for i in range(n + 1):
        now = ts_ns[i] if i < n else end
        old_time = int(carry[_Q_TIME])
        bid, ask, bid_size, ask_size = carry[_Q_BID], carry[_Q_ASK], carry[_Q_BID_SIZE], carry[_Q_ASK_SIZE]
        sized = bid_size >= 0.0 and ask_size >= 0.0 and bid_size + ask_size < np.inf
        if carry[_Q_STATE] == 1.0:
            until = min(now, old_time + max_age)
            held = float(until - old_time if old_time > start else until - start)
            if held > 0.0:
                lived += held
                area += held * (ask - bid) / (0.5 * (ask + bid))
                if sized:
                    deep += held
                    depth_area += held * 0.5 * (bid_size + ask_size)
        if i == n:
            break
        b, a, bs, as_ = rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3]
        usable = b > 0.0 and a >= b and a < np.inf
        told = bs >= 0.0 and as_ >= 0.0 and bs + as_ < np.inf
        if usable and carry[_Q_STATE] == 1.0 and sized and told and now - old_time <= max_age:
            flow += (bs if b >= bid else 0.0) - (bid_size if b <= bid else 0.0)
            flow += (ask_size if a >= ask else 0.0) - (as_ if a <= ask else 0.0)
            pairs += 1
        carry[_Q_TIME], carry[_Q_BID], carry[_Q_ASK] = float(now), b, a
        carry[_Q_BID_SIZE], carry[_Q_ASK_SIZE], carry[_Q_STATE] = bs, as_, (1.0 if usable else 0.0)
    if carry[_Q_STATE] >= 0.0:
        age = end - int(carry[_Q_TIME])
        out[_C_AGE] = age * 1e-9
        if carry[_Q_STATE] == 1.0 and age <= max_age:
            out[_C_MID] = 0.5 * (carry[_Q_BID] + carry[_Q_ASK])
            out[_C_SPREAD] = (carry[_Q_ASK] - carry[_Q_BID]) / out[_C_MID]
    if lived > 0.0:
        out[_C_SPREAD_TIME] = area / lived
    if deep > 0.0:
        out[_C_DEPTH] = depth_area / deep
    if deep > 0.0 or pairs > 0:
        out[_C_OFI] = flow


@primitive
def _hold(book: FloatArray, c: int) -> None:
    book[c, _HELD] += book[c, _NET]
    book[c, _HELD_VARIANCE] += book[c, _VARIANCE]


@primitive
def _clear(book: FloatArray, c: int) -> None:
    book[c, _NET] = 0.0
    book[c, _GROSS] = 0.0
    book[c, _VARIANCE] = 0.0
    book[c, _TRADED] = 0.0


@primitive
def _add_flow(book: FloatArray, c: int, dollar_gamma: float, dollar_delta: float, sums: FloatArray) -> None:
    sums[_VALUED] += book[c, _TRADED]
    sums[_VALUED_GROSS] += book[c, _GROSS]
    sums[_FLOW_GAMMA] += book[c, _NET] * dollar_gamma
    sums[_FLOW_GAMMA_ABS] += book[c, _GROSS] * abs(dollar_gamma)
    sums[_FLOW_GAMMA_VAR] += book[c, _VARIANCE] * dollar_gamma * dollar_gamma
    sums[_FLOW_DELTA] += book[c, _NET] * dollar_delta
    sums[_FLOW_DELTA_VAR] += book[c, _VARIANCE] * dollar_delta * dollar_delta


@primitive
def _add_held(book: FloatArray, c: int, dollar_gamma: float, dollar_delta: float, sums: FloatArray) -> None:
    held, variance = book[c, _HELD], book[c, _HELD_VARIANCE]
    sums[_HELD_VALUED] += abs(held) + np.sqrt(variance)
    sums[_HELD_GAMMA] += held * dollar_gamma
    sums[_HELD_GAMMA_VAR] += variance * dollar_gamma * dollar_gamma
    sums[_HELD_DELTA] += held * dollar_delta
    sums[_HELD_DELTA_VAR] += variance * dollar_delta * dollar_delta


@primitive
def _add_centroids(
    open_interest: float, strike: float, dollar_gamma: float, dollar_delta: float, sums: FloatArray
) -> None:
    gamma_weight, delta_weight = open_interest * abs(dollar_gamma), open_interest * abs(dollar_delta)
    sums[_G_WEIGHT] += gamma_weight
    sums[_G_STRIKE] += gamma_weight * strike
    sums[_D_WEIGHT] += delta_weight
    sums[_D_STRIKE] += delta_weight * strike


@kernel(F64_2D, I64, F64, F64, F64, F64, F64, REAL, REAL, REAL, OUT_2D, OUT)
def value_options(
    trades: FloatArray,
    number: Int64Array,
    delta: FloatArray,
    gamma: FloatArray,
    multiplier: FloatArray,
    strike: FloatArray,
    open_interest: FloatArray,
    spot: float,
    window: float,
    min_open_interest: float,
    book: FloatArray,
    sums: FloatArray,
) -> None:
    """Add the minute's trades (number, price, size, expected sign, ...) to the book and value flow and inventory."""
    for i in range(trades.shape[0]):
        c, size, sign = int(trades[i, 0]), trades[i, 2], trades[i, 3]
        book[c, _NET] -= sign * size
        book[c, _GROSS] += abs(sign) * size
        book[c, _VARIANCE] += (1.0 - sign * sign) * size * size
        book[c, _TRADED] += size
    for i in range(number.shape[0]):
        c = number[i]
        dollar_gamma, dollar_delta = gamma[i] * 0.01 * spot * spot * multiplier[i], delta[i] * spot * multiplier[i]
        known = multiplier[i] > 0.0 and np.isfinite(dollar_gamma + dollar_delta)
        near = abs(strike[i] - spot) <= window * spot and not open_interest[i] < min_open_interest
        if near and known and 0.0 < open_interest[i] < np.inf:
            _add_centroids(open_interest[i], strike[i], dollar_gamma, dollar_delta, sums)
        if book[c, _TRADED] > 0.0:
            # Without spot nobody can say what is near: the flow is kept and stays unvalued.
            if near or not spot > 0.0:
                sums[_SELECTED] += book[c, _TRADED]
                _hold(book, c)
                if known:
                    _add_flow(book, c, dollar_gamma, dollar_delta, sums)
            _clear(book, c)
        if known:
            _add_held(book, c, dollar_gamma, dollar_delta, sums)
    for i in range(trades.shape[0]):
        # What the table does not name: kept, so that a later table can value it.
        c = int(trades[i, 0])
        if book[c, _TRADED] > 0.0:
            sums[_SELECTED] += book[c, _TRADED]
            _hold(book, c)
            _clear(book, c)
    for c in range(book.shape[0]):
        sums[_HELD_ALL] += abs(book[c, _HELD]) + np.sqrt(book[c, _HELD_VARIANCE])
