"""Histories rewritten: cut, spoiled after an instant, in another order of rows, or dearer to trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from backtest.history import ChainSequence, History, ModelAnswers
from market.bars import BarBatch
from market.chains import BoolArray, FloatArray, OptionChain
from market.forecasts import Forecast, PolicyReading
from market.funding import FundingBatch
from market.series import EventBatch, SeriesBatch
from market.trades import Int64Array, QuoteBatch, TradeBatch

__all__ = ["RewrittenChains", "cut", "reordered", "spoiled", "widened"]

_Item = TypeVar("_Item")
_Rows = TypeVar("_Rows", BarBatch, QuoteBatch, TradeBatch)
_Batch = TypeVar("_Batch", BarBatch, QuoteBatch, TradeBatch, FundingBatch, SeriesBatch)

_COLUMNS: Final[Mapping[type, tuple[str, ...]]] = {
    kind: tuple(item.name for item in fields(kind) if "Array" in str(item.type))
    for kind in (BarBatch, QuoteBatch, TradeBatch, FundingBatch, SeriesBatch)
}
# Spread of the logarithm of the factors that spoil prices: wide enough that no rule overlooks it.
_SPOIL: Final = 0.5


@final
class RewrittenChains:
    """The chains of a sequence, each changed by a rule when it is read.

    Parameters
    ----------
    chains : ChainSequence
        What is changed.
    available_ns : ndarray of int64, shape (n_chains,)
        Instants that are left, ns since the epoch, UTC.
    rule : callable
        Takes place and chain, returns the chain as it is to be seen.
    """

    def __init__(
        self, chains: ChainSequence, available_ns: Int64Array, rule: Callable[[int, OptionChain], OptionChain]
    ) -> None:
        self._chains, self._rule = chains, rule
        self.available_ns = available_ns

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self._chains.symbol

    def chain(self, place: int) -> OptionChain:
        """Return one, changed."""
        return self._rule(place, self._chains.chain(place))


def cut(history: History, instant_ns: int) -> History:
    """Return a history as it could be known at an instant.

    Parameters
    ----------
    history : History
        All of it.
    instant_ns : int
        ns since the epoch, UTC.

    Returns
    -------
    History
        Without what became known later; a bar that was under way is left out whole.
    """
    left = [_chains_until(chains, instant_ns) for chains in history.chains]
    return replace(
        history,
        bars=_rows_until(history.bars, instant_ns, "end_ns"),
        quotes=_rows_until(history.quotes, instant_ns, "ts_ns"),
        trades=_rows_until(history.trades, instant_ns, "ts_ns"),
        funding=_rows_until(history.funding, instant_ns, "ts_ns"),
        series=_rows_until(history.series, instant_ns, "available_ns"),
        chains=tuple(each for each in left if each.available_ns.shape[0]),
        events=tuple(_events_at(batch, batch.available_ns <= instant_ns) for batch in history.events),
        dividends=tuple(each for each in history.dividends if each.announced_ns <= instant_ns),
        splits=tuple(each for each in history.splits if each.ts_event_ns <= instant_ns),
        halts=tuple(each for each in history.halts if each.start_ns <= instant_ns),
        answers=tuple(_answers_until(each, instant_ns) for each in history.answers),
    )


def spoiled(history: History, instant_ns: int, generator: np.random.Generator) -> History:
    """Return a history whose values after an instant are garbage, at the same instants.

    Parameters
    ----------
    history : History
        What is spoiled.
    instant_ns : int
        Everything that could be known up to it stays, ns since the epoch, UTC.
    generator : numpy.random.Generator
        Draws the garbage.

    Returns
    -------
    History
        Later values stand at each other's places and are scaled at random; later splits differ, later halts are gone.
        Of a bar that is under way the open stays: the market knows it.
    """

    def spoil(batch: _Batch, instants: str, names: tuple[str, ...]) -> _Batch:
        return _spoiled_rows(batch, getattr(batch, instants) > instant_ns, names, generator)

    return replace(
        history,
        bars=tuple(
            spoil(spoil(b, "end_ns", ("high", "low", "close", "volume", "vwap")), "start_ns", ("open",))
            for b in history.bars
        ),
        quotes=tuple(spoil(b, "ts_ns", ("bid", "ask", "bid_size", "ask_size")) for b in history.quotes),
        trades=tuple(spoil(b, "ts_ns", ("price", "size")) for b in history.trades),
        funding=tuple(spoil(b, "ts_ns", ("rate", "mark", "index")) for b in history.funding),
        series=tuple(spoil(b, "available_ns", ("value",)) for b in history.series),
        chains=tuple(_spoiled_chains(chains, instant_ns, generator) for chains in history.chains),
        events=tuple(_spoiled_events(batch, instant_ns) for batch in history.events),
        dividends=tuple(
            replace(each, amount=each.amount * 3) if each.announced_ns > instant_ns else each
            for each in history.dividends
        ),
        splits=tuple(
            replace(each, numerator=each.numerator + 1) if each.ts_event_ns > instant_ns else each
            for each in history.splits
        ),
        halts=tuple(each for each in history.halts if each.start_ns <= instant_ns),
        answers=tuple(_spoiled_answers(each, instant_ns) for each in history.answers),
    )


def reordered(history: History, generator: np.random.Generator) -> History:
    """Return a history whose inputs, rows of one instant and contracts of a chain stand in another order.

    Parameters
    ----------
    history : History
        What is reordered.
    generator : numpy.random.Generator
        Draws the orders.

    Returns
    -------
    History
        The same facts. Rows of one contract at one instant keep their order, because there the later one counts.
    """
    return replace(
        history,
        instruments=_shuffled(history.instruments, generator),
        bars=_shuffled(tuple(_other_order(b, b.end_ns, generator) for b in history.bars), generator),
        quotes=_shuffled(tuple(_other_order(b, b.ts_ns, generator) for b in history.quotes), generator),
        trades=_shuffled(tuple(_other_order(b, b.ts_ns, generator) for b in history.trades), generator),
        chains=_shuffled(tuple(_mixed_chains(chains, generator) for chains in history.chains), generator),
        funding=_shuffled(history.funding, generator),
        series=_shuffled(history.series, generator),
        dividends=_shuffled(history.dividends, generator),
        splits=_shuffled(history.splits, generator),
        halts=_shuffled(history.halts, generator),
        answers=_shuffled(history.answers, generator),
    )


def widened(history: History, factor: float) -> History:
    """Return a history whose recorded spreads are wider around the same mids.

    Parameters
    ----------
    history : History
        Quotes and chains; spreads that a model puts around prints are the engine's.
    factor : float
        What spreads are multiplied by, >= 1.

    Returns
    -------
    History
        A bid never falls below 0; a missing side stays missing.
    """

    def chain(_place: int, each: OptionChain) -> OptionChain:
        bid, ask = _wider(each.bid, each.ask, factor)
        return each.updated({"bid": bid, "ask": ask})

    quotes = []
    for batch in history.quotes:
        bid, ask = _wider(batch.bid, batch.ask, factor)
        quotes.append(replace(batch, bid=bid, ask=ask))
    chains = tuple(RewrittenChains(each, each.available_ns, chain) for each in history.chains)
    return replace(history, quotes=tuple(quotes), chains=chains)


def _wider(bid: FloatArray, ask: FloatArray, factor: float) -> tuple[FloatArray, FloatArray]:
    mid, half = 0.5 * (bid + ask), 0.5 * (ask - bid)
    # A crossed or one-sided quote stays as it is: there is no spread to widen.
    is_quoted = (bid >= 0.0) & (ask > 0.0) & (half >= 0.0)
    lower = np.where(is_quoted, np.maximum(mid - factor * half, 0.0), bid)
    return lower, np.where(is_quoted, mid + factor * half, ask)


def _rows_until(batches: tuple[_Batch, ...], instant_ns: int, name: str) -> tuple[_Batch, ...]:
    kept = tuple(_rows(batch, getattr(batch, name) <= instant_ns) for batch in batches)
    return tuple(batch for batch in kept if getattr(batch, name).shape[0])


def _rows(batch: _Batch, rows: NDArray[Any]) -> _Batch:
    return replace(batch, **{name: getattr(batch, name)[rows] for name in _columns(batch)})


def _columns(batch: _Batch) -> tuple[str, ...]:
    return _COLUMNS[type(batch)]


def _chains_until(chains: ChainSequence, instant_ns: int) -> RewrittenChains:
    left = chains.available_ns[chains.available_ns <= instant_ns]
    return RewrittenChains(chains, left, lambda _place, chain: chain)


def _answers_until(recorded: ModelAnswers, instant_ns: int) -> ModelAnswers:
    left = int(recorded.available_ns.searchsorted(instant_ns, side="right"))
    return replace(recorded, available_ns=recorded.available_ns[:left], answers=recorded.answers[:left])


def _spoiled_answers(recorded: ModelAnswers, instant_ns: int) -> ModelAnswers:
    """Return answers of which the later ones say the opposite."""
    left = int(recorded.available_ns.searchsorted(instant_ns, side="right"))
    return replace(recorded, answers=recorded.answers[:left] + tuple(map(_opposite, recorded.answers[left:])))


def _opposite(answer: Forecast | PolicyReading) -> Forecast | PolicyReading:
    if isinstance(answer, Forecast):
        return replace(answer, prob_bull=answer.prob_bear, prob_bear=answer.prob_bull)
    hold, call, put, close = answer.probabilities
    return replace(answer, probabilities=(close, put, call, hold))


def _events_at(batch: EventBatch, rows: BoolArray) -> EventBatch:
    kept = np.flatnonzero(rows).tolist()
    return replace(
        batch,
        event_id=tuple(batch.event_id[row] for row in kept),
        kind=tuple(batch.kind[row] for row in kept),
        symbol=tuple(batch.symbol[row] for row in kept),
        name=tuple(batch.name[row] for row in kept),
        event_ns=batch.event_ns[rows],
        available_ns=batch.available_ns[rows],
        forecast=batch.forecast[rows],
        actual=batch.actual[rows],
    )


def _spoiled_rows(batch: _Batch, later: BoolArray, names: tuple[str, ...], generator: np.random.Generator) -> _Batch:
    places = np.flatnonzero(later)
    # One order and one factor a row: prices of one row keep their order, so that quotes do not cross.
    source, factor = generator.permutation(places), np.exp(generator.normal(0.0, _SPOIL, places.shape[0]))
    columns = {}
    for name in names:
        column = getattr(batch, name).copy()
        column[places] = column[source] * factor
        columns[name] = column
    return replace(batch, **columns)


def _spoiled_events(batch: EventBatch, instant_ns: int) -> EventBatch:
    later = batch.available_ns > instant_ns
    return replace(
        batch,
        event_ns=np.where(later, batch.event_ns + 3_600_000_000_000, batch.event_ns),
        forecast=np.where(later, -batch.forecast, batch.forecast),
        actual=np.where(later, -batch.actual, batch.actual),
    )


def _spoiled_chains(chains: ChainSequence, instant_ns: int, generator: np.random.Generator) -> RewrittenChains:
    instants = chains.available_ns
    factors = np.exp(generator.normal(0.0, _SPOIL, instants.shape[0]))

    def rule(place: int, chain: OptionChain) -> OptionChain:
        if instants[place] <= instant_ns:
            return chain
        factor = float(factors[place])
        columns = {name: getattr(chain, name) * factor for name in ("bid", "ask", "last", "vendor_iv", "vendor_delta")}
        counts = {name: getattr(chain, name)[::-1] for name in ("open_interest", "volume", "bid_size", "ask_size")}
        spots = {name: getattr(chain, name) * factor for name in ("spot_last", "spot_bid", "spot_ask")}
        return chain.updated({**columns, **counts, **spots, "vendor_forward": chain.vendor_forward * factor})

    return RewrittenChains(chains, instants, rule)


def _mixed_chains(chains: ChainSequence, generator: np.random.Generator) -> RewrittenChains:
    seeds = generator.integers(0, 2**62, size=chains.available_ns.shape, dtype=np.int64)

    def rule(place: int, chain: OptionChain) -> OptionChain:
        order = np.random.default_rng(seeds[place]).permutation(chain.n_contracts)
        arrays = {item.name: getattr(chain, item.name) for item in fields(chain) if item.name != "vendor_forward"}
        columns = {
            name: value[order]
            for name, value in arrays.items()
            if isinstance(value, np.ndarray) and value.shape == order.shape
        }
        return chain.updated(columns)

    return RewrittenChains(chains, chains.available_ns, rule)


def _other_order(batch: _Rows, instants: Int64Array, generator: np.random.Generator) -> _Rows:
    contract = batch.contract + 1
    rank = generator.permutation(int(contract.max(initial=0)) + 1)[contract]
    return _rows(batch, np.lexsort((np.arange(contract.shape[0]), rank, instants)))


def _shuffled(items: tuple[_Item, ...], generator: np.random.Generator) -> tuple[_Item, ...]:
    return tuple(items[place] for place in generator.permutation(len(items)))
