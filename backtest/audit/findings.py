"""What a guard finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backtest.history import History
from backtest.results import RunResult

__all__ = ["AuditFinding", "WayToRun", "net_profit"]

WayToRun = Callable[[History], RunResult]
"""Runs the strategies over a history. It must build everything that depends on data from the history that it is given:
what it remembers of another one is out of reach of every guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """The verdict of one guard.

    Parameters
    ----------
    name : str
        Which guard.
    passed : bool or None
        None where there is nothing to pass: the guard reports a number, or could not be asked.
    value : float
        What was found; NaN where nothing could be.
    bound : float
        What it is held against; NaN where there is no bound.
    text : str
        What it means, or why it could not be asked.
    """

    name: str
    passed: bool | None
    value: float
    bound: float
    text: str


def net_profit(result: RunResult) -> float:
    """Return what a run earned net of costs.

    Parameters
    ----------
    result : RunResult
        Any run.

    Returns
    -------
    float
        Last equity less deposits, account currency; NaN where the account was never marked.
    """
    curve = result.curve
    return float(curve.equity[-1] - curve.deposits[-1]) if curve.equity.shape[0] else float("nan")
