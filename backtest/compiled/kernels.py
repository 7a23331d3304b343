"""The loops of compiled runs, over integer ticks."""

from __future__ import annotations

from typing import Any

from numba import types

from fields.jit import F64_2D, I64, INT, OUT_2D, kernel, primitive

__all__ = ["crossing_days", "crossing_grid", "crossing_targets", "fill_targets"]

_I8 = types.Array(types.int8, 1, "C", readonly=True)
_I64_2D = types.Array(types.int64, 2, "C", readonly=True)
_OUT_I8 = types.Array(types.int8, 1, "C")
_OUT_I64 = types.Array(types.int64, 1, "C")


@primitive
def _side(fast_sum: Any, slow_sum: Any, fast: Any, slow: Any, before: Any) -> Any:
    # fast_sum / fast against slow_sum / slow without a division: exact, so a tie is a tie.
    left, right = fast_sum * slow, slow_sum * fast
    if left > right:
        return 1
    if left < right:
        return -1
    return before


@primitive
def _legs(position: Any, wanted: Any) -> Any:
    # A reversal is an order to close and one to open.
    return (1 if position != 0 else 0) + (1 if wanted != 0 else 0)


@primitive
def _filled(opened: Any, seen: Any, half: Any, change: Any, collar: Any) -> Any:
    # The price of a taker, and 1 where it could lie beyond the limit that was set at the price seen.
    way = 1 if change > 0 else -1
    price, quoted = opened + way * half, seen + way * half
    return price, 1.0 if float(way * (price - quoted)) > 0.999 * collar * float(quoted) else 0.0


@kernel(I64, INT, INT, _OUT_I8)
def crossing_targets(close: Any, fast: Any, slow: Any, target: Any) -> None:
    """Fill the side of two moving averages after each bar: 1, -1, 0 before the slow window is full; a tie keeps it.

    Parameters
    ----------
    close : ndarray of int64, shape (n_bars,)
        Closes in ticks.
    fast, slow : int
        Windows in bars, ``1 <= fast < slow``.
    target : ndarray of int8, shape (n_bars,)
        Output.
    """
    fast_sum = 0
    slow_sum = 0
    side = 0
    for t in range(close.shape[0]):
        fast_sum += close[t]
        slow_sum += close[t]
        if t >= fast:
            fast_sum -= close[t - fast]
        if t >= slow:
            slow_sum -= close[t - slow]
        if t >= slow - 1:
            side = _side(fast_sum, slow_sum, fast, slow, side)
        target[t] = side


@kernel(I64, I64, _I8, INT, INT, _OUT_I64, _OUT_I64, _OUT_I64, _OUT_I64, returns=INT)
def fill_targets(
    opened: Any,
    close: Any,
    target: Any,
    quantity: Any,
    half_spread: Any,
    order_bar: Any,
    order_change: Any,
    order_price: Any,
    equity: Any,
) -> Any:
    """Trade towards the target of each bar at the next bar's open; return the number of orders.

    Parameters
    ----------
    opened, close : ndarray of int64, shape (n_bars,)
        Opens and closes in ticks.
    target : ndarray of int8, shape (n_bars,)
        Side that is wanted after each bar.
    quantity : int
        Units of a whole position, > 0.
    half_spread : int
        Ticks beyond the open at which a taker fills, >= 0.
    order_bar, order_change, order_price : ndarray of int64, shape (n_bars,)
        Outputs, the first entries: bar of each fill, signed change of the position, price in ticks.
    equity : ndarray of int64, shape (n_bars,)
        Output: profit at each close before costs, ticks times units.

    Returns
    -------
    int
        Orders that were filled.
    """
    position = 0
    cash = 0
    wanted = 0
    n_orders = 0
    for t in range(close.shape[0]):
        if wanted != position:
            change = wanted - position
            price = opened[t] + (half_spread if change > 0 else -half_spread)
            cash -= change * price
            position = wanted
            order_bar[n_orders] = t
            order_change[n_orders] = change
            order_price[n_orders] = price
            n_orders += 1
        equity[t] = cash + position * close[t]
        wanted = target[t] * quantity
    return n_orders


@kernel(I64, I64, I64, I64, I64, INT, INT, OUT_2D)
def crossing_grid(
    opened: Any, close: Any, sums: Any, fasts: Any, slows: Any, half_spread: Any, fee: Any, result: Any
) -> None:
    """Run a crossing of moving averages for many pairs of windows over one set of bars.

    Parameters
    ----------
    opened, close : ndarray of int64, shape (n_bars,)
        Opens and closes in ticks.
    sums : ndarray of int64, shape (n_bars + 1,)
        Running sums of `close`, beginning with 0: every window of every pair is one difference of it.
    fasts, slows : ndarray of int64, shape (n_pairs,)
        Windows in bars, ``1 <= fast < slow``.
    half_spread : int
        Ticks beyond the open at which a taker fills, >= 0.
    fee : int
        Thousandths of a tick charged per unit and fill, >= 0.
    result : ndarray, shape (n_pairs, 4)
        Output: orders; profit at the last close, its largest drawdown, and the sum of squares of its changes from bar
        to bar, in ticks of one unit after costs.
    """
    for k in range(fasts.shape[0]):
        fast, slow = fasts[k], slows[k]
        position = 0
        wanted = 0
        cash = 0  # thousandths of a tick
        n_orders = 0
        before = 0
        peak = 0
        drop = 0
        squares = 0.0
        for t in range(slow - 1, close.shape[0]):
            if wanted != position:
                change = wanted - position
                price = opened[t] + (half_spread if change > 0 else -half_spread)
                cash -= 1000 * change * price + fee * abs(change)
                position = wanted
                n_orders += 1
            equity = cash + 1000 * position * close[t]
            step = float(equity - before)
            squares += step * step
            before = equity
            peak = max(peak, equity)
            drop = max(drop, peak - equity)
            wanted = _side(sums[t + 1] - sums[t + 1 - fast], sums[t + 1] - sums[t + 1 - slow], fast, slow, wanted)
        result[k, 0] = n_orders
        result[k, 1] = before * 1e-3
        result[k, 2] = drop * 1e-3
        result[k, 3] = squares * 1e-6


@kernel(I64, I64, I64, I64, I64, I64, _I64_2D, F64_2D, OUT_2D, OUT_2D)
def crossing_days(
    opened: Any,
    close: Any,
    sums: Any,
    end_ns: Any,
    day_last: Any,
    span: Any,
    whole: Any,
    money: Any,
    equity: Any,
    facts: Any,
) -> None:
    """Run accounts that follow a crossing of moving averages over some bars of a recording, each from cash alone.

    Parameters
    ----------
    opened, close : ndarray of int64, shape (n_bars,)
        Opens and closes in ticks.
    sums : ndarray of int64, shape (n_bars + 1,)
        Running sums of `close`, beginning with 0.
    end_ns : ndarray of int64, shape (n_bars,)
        Ends of the bars.
    day_last : ndarray of int64, shape (n_days,)
        Places of the last bars of the days, rising.
    span : ndarray of int64, shape (3,)
        First bar of the account, the bar after its last, and this once more, plus 1 where it opens before the account
        ends, so that its last order is filled and not marked any more. Averages know the bars before.
    whole : ndarray of int64, shape (4, n_points)
        Windows in bars, ``1 <= fast < slow``; 1 where a point sells short below; half spread, ticks.
    money : ndarray, shape (5, n_points)
        Money for a tick of a whole position; charge as a fraction of the traded value, and for each order; money at
        the start, account currency; how far beyond the price seen an order may fill, fraction.
    equity : ndarray, shape (n_points, n_days)
        Output: the account at the last bar of each day.
    facts : ndarray, shape (n_points, 7)
        Output: orders; packages closed; traded value; charges until the last mark; sum of the account times ns to the
        next bar; 1 where a position is open at the end; 1 where an order could have missed its limit, or a position
        be more than half of the account, so that the row is not what an account with limits would be.
    """
    first, stop, last_open = span[0], span[1], span[2]
    for k in range(whole.shape[1]):
        fast, slow, short, half = whole[0, k], whole[1, k], whole[2, k], whole[3, k]
        unit, rate, fee, start, collar = money[0, k], money[1, k], money[2, k], money[3, k], money[4, k]
        position = wanted = cash = n_orders = n_trades = traded = day = 0
        costs = charged = weighted = bound = 0.0
        for t in range(first, last_open):
            if wanted != position:
                change = wanted - position
                price, beyond = _filled(opened[t], close[t - 1], half, change, collar)
                bound = max(bound, beyond)
                legs = _legs(position, wanted)
                n_orders += legs
                n_trades += 1 if position != 0 else 0
                cash -= change * price
                traded += abs(change) * price
                costs += fee * legs + rate * unit * float(abs(change) * price)
                position = wanted
            if t == stop:
                break
            charged = costs
            account = start + unit * float(cash + position * close[t]) - costs
            if t + 1 < stop:
                weighted += account * float(end_ns[t + 1] - end_ns[t])
            if t == day_last[day]:
                equity[k, day] = account
                day += 1
            if t >= slow - 1:
                wanted = _side(sums[t + 1] - sums[t + 1 - fast], sums[t + 1] - sums[t + 1 - slow], fast, slow, wanted)
                if wanted < 0 and short == 0:
                    wanted = 0
            if (wanted != 0 or position != 0) and 2.0 * unit * float(close[t]) > account:
                bound = 1.0
        if wanted != position:
            n_orders += _legs(position, wanted)
        facts[k, 0], facts[k, 1], facts[k, 2] = n_orders, n_trades, unit * float(traded)
        facts[k, 3], facts[k, 4], facts[k, 5], facts[k, 6] = charged, weighted, _legs(position, 0), bound
