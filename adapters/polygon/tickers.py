"""The vendor's names of instruments, and of the numbers that it prints beside trades."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from adapters.chains.occ import parse_occ
from adapters.ticks.tables import contract_rows
from market.errors import DataError
from market.trades import UNDERLYING, ContractTable, TradeFlag

__all__ = ["SOURCE", "contract_of", "flag_of"]

SOURCE: Final = "polygon"
_OPTION: Final = "O:"
_AUCTION: Final = TradeFlag.AUCTION
_COMPLEX: Final = TradeFlag.COMPLEX
_AWAY: Final = TradeFlag.OFF_EXCHANGE
_OPTION_FLAGS: Final[dict[int, TradeFlag]] = {
    **dict.fromkeys((201, 203, 205, 207), TradeFlag.CANCELLED),
    **dict.fromkeys((202, 204, 206, 208), TradeFlag.OUT_OF_SEQUENCE),
    **dict.fromkeys((227, 228), _AUCTION),
    **dict.fromkeys((229, 230, 231), _AWAY),  # crosses and the floor
    **dict.fromkeys((232, 236, 240, 243), _COMPLEX),
    **dict.fromkeys((233, 237, 238, 244), _COMPLEX | _AUCTION),
    **dict.fromkeys((234, 235, 239, 241, 242, 245, 246), _COMPLEX | _AWAY),
}
_SHARE_FLAGS: Final[dict[int, TradeFlag]] = {
    **dict.fromkeys((8, 15, 16, 17, 18, 19, 25, 28, 55), _AUCTION),  # openings, closings and reopenings
    **dict.fromkeys((5, 13, 22, 30, 31, 32, 33), TradeFlag.OUT_OF_SEQUENCE),
    **dict.fromkeys((2, 10, 52, 53), _AWAY),  # priced elsewhere: averages, derivatives, contingent trades
}
_REPORTING_FACILITY: Final = 4


def contract_of(ticker: str, ts_ns: int) -> tuple[ContractTable, int]:
    """Return the contract that a ticker names, and its place; no contract and `UNDERLYING` for an underlying.

    Parameters
    ----------
    ticker : str
        Such as ``SPY``, ``I:SPX`` or ``O:SPY251231C00600000``.
    ts_ns : int
        About when, ns since the epoch, UTC.

    Returns
    -------
    ContractTable
        At most one contract.
    int
        0, or `UNDERLYING`.
    """
    if not ticker.startswith(_OPTION):
        return ContractTable.empty(), UNDERLYING
    found = parse_occ(np.array([ticker.encode()]))
    table, _, bad = contract_rows(
        root=found.root.astype("U64"),
        expiration=found.expiration,
        strike=found.strike,
        right=np.where(found.right == 1, "C", "P"),
        ts_ns=np.array([ts_ns], dtype=np.int64),
        path=Path(SOURCE),
    )
    if bad.any():
        raise DataError(
            "a ticker names no option",
            found=ticker[:40],
            expected="O:, the root, the date, C or P, and the strike in thousandths",
            action="take the ticker from the vendor's chain",
        )
    return table, 0


def flag_of(conditions: list[int] | None, *, is_option: bool, exchange: int | None, correction: int | None) -> int:
    """Return the `TradeFlag` of a trade from the numbers that stand beside it."""
    table = _OPTION_FLAGS if is_option else _SHARE_FLAGS
    found = TradeFlag.NONE
    for code in conditions or ():
        found |= table.get(code, TradeFlag.NONE)
    found |= TradeFlag.CANCELLED if correction else TradeFlag.NONE
    found |= _AWAY if not is_option and exchange == _REPORTING_FACILITY else TradeFlag.NONE
    return int(found)
