"""Figures of a loan served from hedged income: coverage, net rate, funding efficiency, loan-to-value stability."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np

from backtest.metrics.figures import Figure, figure, missing
from execution.events import CashKind, CashMovement, LedgerEvent
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = ["coverage_ratio", "funding_efficiency", "funding_paid", "ltv_stability", "net_apr"]

_STABLE_LTV: Final = 0.65


def coverage_ratio(principal_repaid: Decimal, initial_loan: Decimal) -> Figure:
    """Return repaid principal over the initial loan (H83); interest payments repay nothing and must not be in it."""
    if initial_loan <= 0:
        return missing("there is no loan")
    return figure(float(principal_repaid / initial_loan))


def net_apr(profit: float, capital_at_risk: float, days: float) -> Figure:
    """Return the simple annual rate of a profit (H84).

    Parameters
    ----------
    profit : float
        Equity at the end less at the start less deposits, account currency.
    capital_at_risk : float
        Capital that could be lost, account currency, > 0.
    days : float
        Calendar days between the two, > 0.

    Returns
    -------
    Figure
        ``profit / capital x 365 / days``, a fraction. A few days make any rate look large: show the days beside it.
    """
    if capital_at_risk <= 0.0 or days <= 0.0:
        return missing("no capital at risk" if capital_at_risk <= 0.0 else "no time has passed")
    return figure(profit / capital_at_risk * 365.0 / days)


def funding_paid(ledger: Sequence[LedgerEvent]) -> Decimal:
    """Return the funding that was paid less what was received: negative where the account earned by it."""
    moves = (event for event in ledger if isinstance(event, CashMovement) and event.kind is CashKind.FUNDING)
    return -sum((move.amount for move in moves), Decimal(0))


def funding_efficiency(paid: Decimal, gross_profit: Decimal) -> Figure:
    """Return funding paid over gross profit (H87).

    Parameters
    ----------
    paid : Decimal
        As `funding_paid`, with its sign.
    gross_profit : Decimal
        Profit before funding, account currency.

    Returns
    -------
    Figure
        Negative where funding was earned; missing for a gross profit of 0 or less, where a share means nothing.
    """
    if gross_profit <= 0:
        return missing("the gross profit is not above 0")
    return figure(float(paid / gross_profit))


def ltv_stability(ts_ns: Int64Array, ltv: FloatArray, *, below: float = _STABLE_LTV) -> Figure:
    """Return the share of time in which the loan-to-value ratio lay below a bound (H88).

    Parameters
    ----------
    ts_ns : ndarray of int64, shape (n,)
        Instants of the readings, ns since the epoch, UTC, rising; the last only ends the time.
    ltv : ndarray, shape (n,)
        Ratio, in force until the next reading; NaN where it was not known.
    below : float
        Bound.

    Returns
    -------
    Figure
        Weighted by time and not by readings, 0 to 1. Missing where the ratio was not known at some time: unknown is
        neither stable nor unstable.
    """
    span = np.diff(ts_ns).astype(np.float64)
    total = float(span.sum())
    if total <= 0.0:
        return missing("fewer than two readings")
    unknown = float(span[~np.isfinite(ltv[:-1])].sum())
    if unknown > 0.0:
        return missing(f"the ratio was not known in {unknown / total:.1%} of the time")
    return figure(float(span[ltv[:-1] < below].sum()) / total)
