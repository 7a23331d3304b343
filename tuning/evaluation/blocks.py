"""The days of a sweep, cut into blocks of about equal numbers of sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np

from backtest.history import History
from backtest.metrics.days import DayArray, calendar_of, days_of
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.wiring import periods_per_year
from cluster.histories.span import Span
from market.errors import ConfigError
from market.trades import UNDERLYING, Int64Array
from tuning.configuration.settings import ValidationSettings
from tuning.work import Block

__all__ = ["blocks_of"]

# A fresh account has no return on a first day with one mark, so a block of one day could be without any.
_LEAST_DAYS: Final = 2


def blocks_of(validation: ValidationSettings, base: BacktestSettings, history: History) -> tuple[Block, ...]:
    """Cut the days of a run into blocks.

    Parameters
    ----------
    validation : ValidationSettings
        How many blocks.
    base : BacktestSettings
        Dates and calendar of the run; days of coins are those of UTC.
    history : History
        Only sessions on which it has bars, quotes or chains count.

    Returns
    -------
    tuple of Block
        In order of time. They cover the run without a gap, and differ by one session at most.

    Raises
    ------
    ConfigError
        There are fewer than two days for each block.
    """
    calendar = base.run.calendar
    span = None
    if base.run.first is not None and base.run.last is not None:
        span = Span(first=base.run.first, last=base.run.last, calendar=calendar)
    instants = _marks(history, span)
    days = days_of(instants, calendar_of(periods_per_year(base))).day
    if days.shape[0] < _LEAST_DAYS * validation.blocks:
        raise ConfigError(
            f"the days of the run do not fill {validation.blocks} blocks",
            found=f"{days.shape[0]} days with data",
            expected=f"{_LEAST_DAYS * validation.blocks} or more",
            action="lengthen the run, or set [validation] blocks lower",
        )
    bounds = np.rint(np.linspace(0, days.shape[0], validation.blocks + 1)).astype(np.int64).tolist()
    first_ns = int(instants[0]) if span is None else span.first_ns
    return tuple(_blocks(days, bounds, first_ns, span, calendar))


def _blocks(days: DayArray, bounds: list[int], first_ns: int, span: Span | None, calendar: str) -> Iterator[Block]:
    for index, (start, stop) in enumerate(pairwise(bounds)):
        first, last = _date(days, start), _date(days, stop - 1)
        is_newest = stop == days.shape[0]
        last_ns = (span if is_newest and span else Span(first=last, last=last, calendar=calendar)).last_ns
        yield Block(index=index, first=first, last=last, first_ns=first_ns, last_ns=last_ns, n_days=stop - start)
        first_ns = last_ns + 1


def _date(days: DayArray, place: int) -> date:
    found: date = days[place].item()
    return found


def _marks(history: History, span: Span | None) -> Int64Array:
    """Return the instants at which an account is marked: those of chains, bars and quotes within the run."""
    told = [chains.available_ns for chains in history.chains]
    told += [bars.end_ns[bars.contract == UNDERLYING] for bars in history.bars]
    told += [quotes.ts_ns[quotes.contract == UNDERLYING] for quotes in history.quotes]
    instants = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *told]))
    if span is not None:
        instants = instants[(instants >= span.first_ns) & (instants <= span.last_ns)]
    return instants
