"""What a backtest runs over: recorded or simulated data, each row with the instant from which it was available."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from execution.events import DividendNotice, Split
from market.bars import BarBatch
from market.chains import OptionChain
from market.errors import DataError
from market.forecasts import Forecast, PolicyReading
from market.funding import FundingBatch
from market.provenance import Provenance
from market.series import EventBatch, SeriesBatch
from market.tradables import Instrument
from market.trades import Int64Array, QuoteBatch, TradeBatch

__all__ = ["ChainSequence", "DataSource", "DividendNotice", "Halt", "History", "ModelAnswers"]


class ChainSequence(Protocol):
    """The chains of one underlying in order of availability, read one at a time."""

    @property
    def symbol(self) -> str:
        """Underlying."""

    @property
    def available_ns(self) -> Int64Array:
        """Instant from which each could be known, ns since the epoch, UTC, rising."""

    def chain(self, place: int) -> OptionChain:
        """Return one; sequences keep at most a few in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A span in which an underlying and its options do not trade: no fill, and marks are carried.

    Parameters
    ----------
    symbol : str
        Underlying.
    start_ns, end_ns : int
        From, and up to but not at, ns since the epoch, UTC.
    """

    symbol: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """One input of a run, for its report.

    Parameters
    ----------
    name : str
        What it is, such as ``SPX chains``.
    provenance : Provenance
        Source, origin and the simulated mark.
    digest : str
        SHA-256 of the content that was read.
    rows : int
        Rows read.
    first_ns, last_ns : int
        Span, ns since the epoch, UTC.
    """

    name: str
    provenance: Provenance
    digest: str
    rows: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswers:
    """What a model said, recorded: each answer with the instant from which it could be known.

    Parameters
    ----------
    name : str
        Tells recordings apart, such as ``SPX forecast``.
    available_ns : ndarray of int64, shape (n_answers,)
        From when each could be known, ns since the epoch, UTC, rising.
    answers : tuple of Forecast or PolicyReading
        The answers.

    Raises
    ------
    DataError
        Lengths differ, or an answer is available before the instant of its newest input.

    Notes
    -----
    That a model was not *fitted* on what came later is for whoever makes the recording: the times cannot show it.
    """

    name: str
    available_ns: Int64Array
    answers: tuple[Forecast | PolicyReading, ...]

    def __post_init__(self) -> None:
        if self.available_ns.shape != (len(self.answers),):
            raise DataError(
                f"the answers of {self.name} and their instants do not go together",
                found=f"{len(self.answers)} and {self.available_ns.shape}",
                expected="one instant for each answer",
            )
        early = [
            each
            for each, known in zip(self.answers, self.available_ns.tolist(), strict=True)
            if known < each.ts_event_ns
        ]
        if early:
            raise DataError(
                f"an answer of {self.name} is known before its own inputs",
                found=f"inputs of {early[0].ts_event_ns} ns",
                expected="an instant of availability at or after the newest input",
                action="record when the answer was given",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All data of a run; the engine orders it by availability and shows each row only from then on.

    Parameters
    ----------
    sources : tuple of DataSource
        What was read.
    instruments : tuple of Instrument
        Shares, perpetuals and futures that may be traded; options come with their chains.
    bars : tuple of BarBatch
        Closed bars; each available at its end.
    quotes : tuple of QuoteBatch
        Quotes of underlyings and perpetuals; each available at its instant.
    trades : tuple of TradeBatch
        Trades, each available at its instant.
    chains : tuple of ChainSequence
        At most one per underlying.
    funding : tuple of FundingBatch
        Funding of perpetuals.
    series : tuple of SeriesBatch
        Rates, volatility indices and other numbers, each with its own availability.
    events : tuple of EventBatch
        Announced events.
    dividends : tuple of DividendNotice
        Cash dividends.
    splits : tuple of Split
        Splits, at the open of their day.
    halts : tuple of Halt
        Spans without trading.
    answers : tuple of ModelAnswers
        Recorded forecasts and policy readings.
    """

    sources: tuple[DataSource, ...]
    instruments: tuple[Instrument, ...] = ()
    bars: tuple[BarBatch, ...] = ()
    quotes: tuple[QuoteBatch, ...] = ()
    trades: tuple[TradeBatch, ...] = ()
    chains: tuple[ChainSequence, ...] = ()
    funding: tuple[FundingBatch, ...] = ()
    series: tuple[SeriesBatch, ...] = ()
    events: tuple[EventBatch, ...] = ()
    dividends: tuple[DividendNotice, ...] = ()
    splits: tuple[Split, ...] = ()
    halts: tuple[Halt, ...] = ()
    answers: tuple[ModelAnswers, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether any input was simulated."""
        told = any(answer.simulated for each in self.answers for answer in each.answers)
        return told or any(source.provenance.simulated for source in self.sources)
