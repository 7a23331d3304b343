"""Baselines: returns that no rule can foresee, and entries that no rule chose."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Final

import numpy as np
from scipy.stats import t as student

from backtest.audit.findings import AuditFinding, WayToRun, net_profit
from backtest.audit.restruck import Boards, profits_elsewhere
from backtest.history import History
from backtest.results import RunResult
from execution.trades import Trade
from market.bars import BarBatch
from market.chains import FloatArray
from market.tradables import OptionContract
from market.trades import UNDERLYING, Int64Array

__all__ = ["coin_flipped", "random_entry_baseline", "shuffled_label_baseline", "why_not_flipped"]

_NAN: Final = float("nan")
_LEVEL: Final = 0.95
_MOST_CHAINS: Final = 5_000
_FEWEST: Final = 8  # runs; below, the interval of their mean says nothing


def why_not_flipped(history: History) -> str:
    """Return why the returns of a history cannot be shuffled; empty where they can.

    Parameters
    ----------
    history : History
        Data of a run.

    Returns
    -------
    str
        A reason.
    """
    if history.chains or history.quotes or history.trades:
        return "prices of chains, quotes and trades hang together with those of bars, and cannot be shuffled alone"
    if not history.bars:
        return "there are no bars"
    if len({batch.symbol for batch in history.bars}) != len(history.bars):
        return "a symbol has bars of several widths, whose returns would contradict each other"
    for batch in history.bars:
        moves = _moves(batch)
        if (batch.contract != UNDERLYING).any() or not ((moves > 0.0) & (moves < 2.0)).all():
            return f"{batch.symbol} has bars of options, without a price, or with a move that has no mirror"
    return ""


def coin_flipped(history: History, generator: np.random.Generator) -> History:
    """Return a history whose bars come in another order, each rising or falling by the toss of a coin.

    Parameters
    ----------
    history : History
        Bars alone (`why_not_flipped`).
    generator : numpy.random.Generator
        Draws orders and coins.

    Returns
    -------
    History
        Prices at which nothing can be earned but by luck: the expected price of tomorrow is that of today. Dividends
        and splits are left out. Series, events and instants stay: signals that stand on them lose their outcomes.
    """
    return replace(
        history, bars=tuple(_flipped(batch, generator) for batch in history.bars), dividends=(), splits=(), funding=()
    )


def shuffled_label_baseline(
    run: WayToRun, history: History, generator: np.random.Generator, *, n_runs: int = 20
) -> AuditFinding:
    """Run on returns that a coin decides; whoever earns there has seen the coin.

    Parameters
    ----------
    run : WayToRun
        The run.
    history : History
        Its data.
    generator : numpy.random.Generator
        Draws the returns.
    n_runs : int, optional
        Runs, at least 8.

    Returns
    -------
    AuditFinding
        `value` is the lower end of the 95 % interval of the mean net profit, account currency; passed where it is not
        above 0. A run without look-ahead fails once in forty.
    """
    name = "shuffled_label_baseline"
    why = why_not_flipped(history)
    if why or n_runs < _FEWEST:
        text = why or f"{n_runs} runs are too few for an interval; {_FEWEST} or more"
        return AuditFinding(name=name, passed=None, value=_NAN, bound=0.0, text=text)
    profits = np.array([net_profit(run(coin_flipped(history, generator))) for _ in range(n_runs)])
    if not np.isfinite(profits).all():
        text = "a run on shuffled returns was never marked"
        return AuditFinding(name=name, passed=None, value=_NAN, bound=0.0, text=text)
    mean, error = float(profits.mean()), float(profits.std(ddof=1)) / sqrt(n_runs)
    reach = float(student.ppf(0.5 + 0.5 * _LEVEL, n_runs - 1)) * error
    ends = f"95 % from {mean - reach:.2f} to {mean + reach:.2f}"
    text = f"mean net profit {mean:.2f} of {n_runs} runs on shuffled returns, {ends}"
    return AuditFinding(name=name, passed=mean - reach <= 0.0, value=mean - reach, bound=0.0, text=text)


def random_entry_baseline(
    result: RunResult, history: History, generator: np.random.Generator, *, n_draws: int = 1000
) -> AuditFinding:
    """Hold each trade's instrument as long and as large from a random instant on, at the same costs.

    Parameters
    ----------
    result : RunResult
        The run.
    history : History
        Its data.
    generator : numpy.random.Generator
        Draws the entries.
    n_draws : int, optional
        Draws of all trades.

    Returns
    -------
    AuditFinding
        `value` is the share of draws that earned at least as much as the run, counting the run itself as one; `bound`
        is 0.05. Nothing is passed or failed: a run that does not beat random entries may be honest.

    Notes
    -----
    Shares, perpetuals and futures are priced at closes of bars, without dividends and funding. A package of options is
    struck anew as far from spot, in the expiration of the nearest time to live, at mids, or at expiry by its intrinsic
    value. The run's own trades are priced in the same way. Nothing is asked where a trade can be priced by neither, or
    where chains are more than 5,000.
    """
    name = "random_entry_baseline"
    moved = _Elsewhere(history)
    priced = [moved.of(trade) for trade in result.trades]
    known = [each for each in priced if each is not None]
    if not known or len(known) < len(priced):
        n_unknown = len(priced) - len(known)
        text = f"{n_unknown} of {len(priced)} trades cannot be priced at other instants" if priced else "no trade"
        return AuditFinding(name=name, passed=None, value=_NAN, bound=0.05, text=text)
    drawn = np.sum([generator.choice(elsewhere, n_draws) for _, elsewhere in known], axis=0)
    actual = sum(earned for earned, _ in known)
    share = float((1 + np.count_nonzero(drawn >= actual)) / (n_draws + 1))
    low, high = np.quantile(drawn, (0.025, 0.975))
    text = (
        f"{len(known)} trades earned {actual:.2f} by closes or mids net of costs; at random entries 95 % lie from "
        f"{low:.2f} to {high:.2f}, and {share:.3f} of the draws earn as much"
    )
    return AuditFinding(name=name, passed=None, value=share, bound=0.05, text=text)


class _Elsewhere:
    """What trades earned, and what they would have earned from other instants on."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._boards: dict[str, Boards | None] = {}

    def of(self, trade: Trade) -> tuple[float, FloatArray] | None:
        """Return profit by plain prices, and the same from every instant; None where it cannot be told."""
        kinds = {isinstance(leg.instrument, OptionContract) for leg in trade.legs}
        if kinds == {True}:
            boards = self._boards_of(trade.legs[0].instrument.underlying)
            actual, elsewhere = (_NAN, np.zeros(0)) if boards is None else profits_elsewhere(trade, boards)
        elif len(trade.legs) == 1:
            actual, elsewhere = self._linear(trade)
        else:
            return None
        return (actual, elsewhere) if elsewhere.shape[0] and np.isfinite(actual) else None

    def _boards_of(self, underlying: str) -> Boards | None:
        if underlying not in self._boards:
            found = next((each for each in self._history.chains if each.symbol == underlying), None)
            is_few = found is not None and found.available_ns.shape[0] <= _MOST_CHAINS
            self._boards[underlying] = Boards(found) if found is not None and is_few else None
        return self._boards[underlying]

    def _linear(self, trade: Trade) -> tuple[float, FloatArray]:
        instrument = trade.legs[0].instrument
        batch = next((each for each in self._history.bars if each.symbol == instrument.symbol), None)
        if batch is None:
            return _NAN, np.zeros(0)
        rows = np.flatnonzero((batch.contract == UNDERLYING) & np.isfinite(batch.close))
        rows = rows[np.argsort(batch.end_ns[rows], kind="stable")]
        instants, closes = batch.end_ns[rows], batch.close[rows]
        units = trade.legs[0].ratio * float(trade.quantity * instrument.multiplier)
        held_ns = trade.closed_ns - trade.opened_ns
        entries = instants[instants <= instants[-1] - held_ns] if rows.shape[0] else instants

        def earned(since: Int64Array) -> FloatArray:
            # From the newest close before the entry to the newest before the exit.
            first, last = (np.searchsorted(instants, at, side="right") - 1 for at in (since, since + held_ns))
            profit: FloatArray = units * (closes[last] - closes[np.maximum(first, 0)]) - float(trade.costs)
            return profit

        if not entries.shape[0]:
            return _NAN, np.zeros(0)
        return float(earned(np.array([trade.opened_ns], dtype=np.int64))[0]), earned(entries)


def _moves(batch: BarBatch) -> FloatArray:
    """Return open, high, low and close over the close before, shape ``(4, n_bars)``, in order of time."""
    order = np.argsort(batch.end_ns, kind="stable")
    close = batch.close[order]
    before = np.concatenate((batch.open[order][:1], close[:-1]))
    return np.asarray(np.stack([getattr(batch, name)[order] for name in ("open", "high", "low", "close")]) / before)


def _flipped(batch: BarBatch, generator: np.random.Generator) -> BarBatch:
    moves = _moves(batch)[:, generator.permutation(batch.n_bars)]
    is_tails = generator.random(batch.n_bars) < 0.5
    # Mirrored about the close before, where high and low change places; in expectation the price stays where it is.
    mirrored = np.where(is_tails, 2.0 - moves[[0, 2, 1, 3]], moves)
    order = np.argsort(batch.end_ns, kind="stable")
    start = batch.open[order][:1]
    before = np.concatenate((start, start * np.cumprod(mirrored[3])[:-1])) if batch.n_bars else start
    columns = {}
    for name, row in zip(("open", "high", "low", "close"), mirrored * before, strict=True):
        column = np.empty_like(row)
        column[order] = row
        columns[name] = column
    return replace(batch, **columns)
