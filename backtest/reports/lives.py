"""The life of each trade as a line of JSON: signal, orders, entry, Greeks on the way, exit, and what it gave back."""

from __future__ import annotations

import json
from typing import Any

from backtest.attribution.life_cycle import TradeLife, trade_lives
from backtest.reports.figures import plain
from backtest.results import RunResult

__all__ = ["trade_lives_lines"]


def trade_lives_lines(result: RunResult) -> bytes:
    """Return the lives of closed trades, one a line, in order of closing.

    Parameters
    ----------
    result : RunResult
        The run.

    Returns
    -------
    bytes
        UTF-8 lines of JSON; null where something was not recorded. Greeks are the profit of each step, account
        currency.
    """
    lines = (json.dumps(_told(life), ensure_ascii=False, allow_nan=False) for life in trade_lives(result))
    return "".join(f"{line}\n" for line in lines).encode()


def _told(life: TradeLife) -> dict[str, Any]:
    return {
        "trade": plain(life.trade),
        "signal": life.signal.decision_id if life.signal else None,
        "exit_signal": life.exit_signal.decision_id if life.exit_signal else None,
        "order_ids": list(life.order_ids),
        "n_fills": life.n_fills,
        "n_settlements": life.n_settlements,
        **plain({"seconds_to_entry": life.seconds_to_entry, "captured": life.captured, "given_back": life.given_back}),
        "attribution": plain(life.attribution),
        "path": plain(life.path),
    }
