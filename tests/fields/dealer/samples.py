"""Trades, open interests and books for the tests of the dealer book."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fields.config import PositionSource
from fields.dealer.book import DealerBook
from fields.dealer.config import DealerConfig, OpeningMode
from fields.dealer.messages import DealerPosition, OpenInterest
from market.chains import FloatArray
from market.trades import Int64Array

HOUR_NS = 3_600 * 10**9
CLOSE_NS = 1_000 * HOUR_NS  # the close before the first session
KNOWN_NS = CLOSE_NS + 14 * HOUR_NS
OPEN_NS = CLOSE_NS + 17 * HOUR_NS
FAR_NS = CLOSE_NS + 10**6 * HOUR_NS

FLOW = DealerConfig(source=PositionSource.FLOW)


class Trades(NamedTuple):
    """Columns of `DealerBook.on_flow` before the flags."""

    numbers: Int64Array
    aggressor: np.ndarray
    size: FloatArray
    probability: FloatArray
    ts_ns: Int64Array

    def take(self, rows: Int64Array | slice) -> Trades:
        """Return some of the trades, or all in another order."""
        numbers, aggressor, size, probability, ts_ns = self
        return Trades(numbers[rows], aggressor[rows], size[rows], probability[rows], ts_ns[rows])


def random_trades(seed: int, n: int, n_contracts: int, first_ns: int = OPEN_NS, span_ns: int = 6 * HOUR_NS) -> Trades:
    """Return trades in order of time; several share an instant."""
    rng = np.random.default_rng(seed)
    return Trades(
        rng.integers(0, n_contracts, n),
        rng.choice(np.array([-1, 0, 1], dtype=np.int8), n),
        rng.integers(1, 50, n).astype(float),
        rng.uniform(0.5, 1.0, n),
        first_ns + np.sort(rng.integers(0, 60, n)) * (span_ns // 60),
    )


def interest(
    contracts: list[float] | FloatArray,
    *,
    day: int = 0,
    is_call: list[bool] | None = None,
    expiry_ns: int | list[int] = FAR_NS,
    user: list[float] | None = None,
    numbers: list[int] | Int64Array | None = None,
) -> OpenInterest:
    """Return the open interest of the contracts 0, 1, ... as published on a day."""
    values = np.asarray(contracts, dtype=float)
    n = values.shape[0]
    return OpenInterest(
        numbers=np.arange(n) if numbers is None else np.asarray(numbers, dtype=np.int64),
        open_interest=values,
        is_call=np.ones(n, dtype=bool) if is_call is None else np.array(is_call),
        expiry_ns=np.broadcast_to(np.asarray(expiry_ns, dtype=np.int64), (n,)).copy(),
        close_ns=CLOSE_NS + day * 24 * HOUR_NS,
        known_from_ns=KNOWN_NS + day * 24 * HOUR_NS,
        user=np.zeros(0) if user is None else np.array(user),
    )


def hybrid(opening: OpeningMode = OpeningMode.OI_NAIVE, **settings: float) -> DealerConfig:
    """Return settings of a hybrid book."""
    return DealerConfig(source=PositionSource.HYBRID, opening=opening, **settings)  # type: ignore[arg-type]


def same_positions(one: DealerBook, other: DealerBook, *, ts_ns: int | None = None) -> bool:
    """Return whether two books read alike, bit for bit."""
    numbers = np.arange(-1, max(len(one), len(other)) + 1)
    first, second = one.position(numbers, ts_ns=ts_ns), other.position(numbers, ts_ns=ts_ns)
    names = DealerPosition.__slots__
    return all(np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True) for name in names)
