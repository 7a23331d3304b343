"""The kernel that takes the ordered steps of a signing rule over trades whose quotes are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fields.jit import BOOL, F64, INT, OUT, REAL, kernel, primitive

__all__ = ["PRICE_TOLERANCE", "decide"]

I8: Any = types.Array(types.int8, 1, "C", readonly=True)
U8: Any = types.Array(types.uint8, 1, "C", readonly=True)
OUT_I8: Any = types.Array(types.int8, 1, "C")
OUT_U8: Any = types.Array(types.uint8, 1, "C")

PRICE_TOLERANCE = 1e-12
"""Prices closer than this share of themselves are one price: a sum of decimals is exact to a few 1e-16 only."""

_HUGE = 1e300


@primitive
def _usable(bid: float, ask: float) -> float:
    """Return 1 for a quote of two sides that neither lock nor cross, else 0; NaN is not usable."""
    return 1.0 if (bid > 0.0) & (ask > bid) & (ask < _HUGE) else 0.0


@primitive
def _above_mid(price: float, bid: float, ask: float) -> float:
    """Return twice the distance from the mid; differences, because bid + ask rounds."""
    return (price - bid) - (ask - price)


@primitive
def _quote_sign(price: float, bid: float, ask: float) -> float:
    """Return the side of the mid, 0 at the mid."""
    above = _above_mid(price, bid, ask)
    tolerance = PRICE_TOLERANCE * (bid + ask)
    return 1.0 if above > tolerance else (-1.0 if above < -tolerance else 0.0)


@primitive
def _outer_sign(price: float, bid: float, ask: float, width: float) -> float:
    """Return +1 from the ask to `width` below it, -1 from the bid to `width` above it, else 0; beyond the quotes 0."""
    tolerance = PRICE_TOLERANCE * (bid + ask)
    # The inner end is open, the quote itself is not: with no width this is "at the quote".
    inner = max(width - tolerance, tolerance)
    buy = (price <= ask + tolerance) & (price > ask - inner)
    sell = (price >= bid - tolerance) & (price < bid + inner)
    return 1.0 if buy else (-1.0 if sell else 0.0)


@primitive
def _depth_sign(price: float, bid: float, ask: float, bid_size: float, ask_size: float) -> float:
    """Return +1 at the mid where more is offered than bid, -1 where less is."""
    at_mid = abs(_above_mid(price, bid, ask)) <= PRICE_TOLERANCE * (bid + ask)
    sign = 1.0 if ask_size > bid_size else (-1.0 if ask_size < bid_size else 0.0)
    return sign if at_mid else 0.0


@primitive
def _size_sign(size: float, bid_size: float, ask_size: float) -> float:
    """Return +1 where the trade has exactly the size of the bid, -1 that of the ask, 0 where both or neither."""
    return (1.0 if size == bid_size else 0.0) - (1.0 if size == ask_size else 0.0)


@primitive
def _near(price: float, bid: float, ask: float, share: float) -> float:
    """Return 1 in the outer share of the spread and beyond the quotes, else 0."""
    edge = (1.0 - 2.0 * share) * (ask - bid) - PRICE_TOLERANCE * (bid + ask)
    return 1.0 if abs(_above_mid(price, bid, ask)) >= edge else 0.0


@primitive
def _then(code: float, step: float, sign: float) -> float:
    """Return the decision so far, or this step's where there is none: the step's code with the sign of the trade."""
    return code if code != 0.0 else step * sign


@kernel(
    INT, REAL, F64, F64, I8, BOOL, U8,
    F64, F64, F64, F64, F64, F64, F64, F64,
    I8, F64, OUT_I8, OUT_U8, OUT,
)  # fmt: skip
def decide(
    steps: int, share: float, price: Any, size: Any, told: Any, blocked: Any, flags: Any,
    bid: Any, ask: Any, bid_size: Any, ask_size: Any, x_bid: Any, x_ask: Any, x_bid_size: Any, x_ask_size: Any,
    tick: Any, table: Any, sign: Any, source: Any, probability: Any,
) -> None:  # fmt: skip
    """Fill sign, deciding step and probability of trades with the quotes that they meet.

    `x_bid` and so on are the quotes of the trade's own exchange; where no step asks for them any array of the length
    will do. `blocked` trades are not decided; `table` has the probability at ``256 * step + flags``.
    """
    # Each step is code or 0, so that the loop has no branches and becomes SIMD code.
    on = (
        1.0 * (steps >> 1 & 1), 2.0 * (steps >> 2 & 1), 3.0 * (steps >> 3 & 1), 4.0 * (steps >> 4 & 1),
        5.0 * (steps >> 5 & 1), 6.0 * (steps >> 6 & 1), 7.0 * (steps >> 7 & 1), 8.0 * (steps >> 8 & 1),
        9.0 * (steps >> 9 & 1), 10.0 * (steps >> 10 & 1),
    )  # fmt: skip
    for i in range(price.shape[0]):
        p, b, a = price[i], bid[i], ask[i]
        xb, xa = x_bid[i], x_ask[i]
        good = _usable(b, a)
        x_good = _usable(xb, xa)
        code = on[0] * told[i]
        code = _then(code, on[1] * x_good, _size_sign(size[i], x_bid_size[i], x_ask_size[i]) * _near(p, xb, xa, share))
        code = _then(code, on[2] * good, _size_sign(size[i], bid_size[i], ask_size[i]) * _near(p, b, a, share))
        code = _then(code, on[3] * good, _quote_sign(p, b, a))
        code = _then(code, on[4] * good, _outer_sign(p, b, a, 0.0))
        code = _then(code, on[5] * good, _outer_sign(p, b, a, share * (a - b)))
        code = _then(code, on[6] * x_good, _quote_sign(p, xb, xa))
        code = _then(code, on[7] * good, _depth_sign(p, b, a, bid_size[i], ask_size[i]))
        code = _then(code, on[8] * x_good, _depth_sign(p, xb, xa, x_bid_size[i], x_ask_size[i]))
        code = _then(code, on[9], 1.0 * tick[i])
        code = 0.0 if blocked[i] else code
        sign[i] = np.int8(1 if code > 0.0 else (-1 if code < 0.0 else 0))
        source[i] = np.uint8(abs(code))
    for i in range(price.shape[0]):
        probability[i] = table[(np.int64(source[i]) << 8) + np.int64(flags[i])]
