"""Small chains with quotes written by hand, around expiries whose settlement is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from backtest.chain_table import ChainRows, ChainTable
from backtest.history import History
from market.calendars import expiry_series
from market.instruments import product_of
from market.orders import Leg, PositionEffect
from market.tradables import Instrument, OptionContract, option_contract
from strategies.decisions import Decision, Proposal
from tests.backtest.recordings import PROVENANCE, SHARE, START_NS

# Strike and right to bid and ask.
Board = Mapping[tuple[float, str], tuple[float, float]]
FRIDAY = date(2023, 6, 2)
HALF_HOUR_NS = 1_800_000_000_000


def contract(strike: float, right: str, root: str = "SPXW", day: date = FRIDAY) -> OptionContract:
    """Return a contract of a root."""
    return option_contract(expiry_series(product_of(root), day), strike, is_call=right == "C")


def chains(
    boards: Sequence[Board],
    *,
    root: str = "SPXW",
    day: date = FRIDAY,
    spot: float = 4290.0,
    start_ns: int = START_NS,
    step_ns: int = HALF_HOUR_NS,
    sizes: float = np.nan,
) -> ChainTable:
    """Return chains of one expiration at even distances."""
    rows = [(place, key, quote) for place, board in enumerate(boards) for key, quote in board.items()]
    n = len(rows)
    made = ChainRows(
        ts_ns=np.array([start_ns + place * step_ns for place, _, _ in rows], dtype=np.int64),
        expiration=np.full(n, np.datetime64(day)),
        root=root,
        strike=np.array([key[0] for _, key, _ in rows]),
        is_call=np.array([key[1] == "C" for _, key, _ in rows]),
        bid=np.array([quote[0] for _, _, quote in rows]),
        ask=np.array([quote[1] for _, _, quote in rows]),
        bid_size=np.full(n, sizes),
        ask_size=np.full(n, sizes),
        spot=np.full(n, spot),
    )
    return ChainTable(product_of(root).underlying, made, PROVENANCE)


def of_chains(table: ChainTable, **parts: Any) -> History:
    """Return a history of chains."""
    return History(sources=(), instruments=parts.pop("instruments", (SHARE,)), chains=(table,), **parts)


def order(
    legs: Sequence[tuple[Instrument, int]], limit: str, *, quantity: int = 1, package: str = "", **more: Any
) -> Decision:
    """Return a decision to open a package, or to close one."""
    proposal = Proposal(
        structure="package",
        legs=tuple(Leg(instrument=each, ratio=ratio) for each, ratio in legs),
        quantity=Decimal(quantity),
        limit_price=Decimal(limit),
        effect=PositionEffect.CLOSE if package else PositionEffect.OPEN,
        package_id=package,
        **more,
    )
    return Decision(reason="test", proposals=(proposal,))
