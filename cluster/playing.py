"""Recordings played through live states, without actors: chains, quotes and trades as they became known.

The states are those of the live desk and take their messages in the same order, so that a field of `hedgefield fields`
and one of `hedgefield up` are the same field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, final
from zoneinfo import ZoneInfo

from market.calendars import session_on
from market.clock import datetime_of_ns
from market.errors import DataError, TradingError
from market.ports import ContextMessage, MarketBatch

if TYPE_CHECKING:
    from adapters.chains import ChainSource, SnapshotKey
    from adapters.ticks import TickSource
    from fields.live.context import MarketContext
    from fields.live.context_config import ContextConfig
    from fields.live.state import LiveField, SymbolState
    from market.chains import FloatArray, OptionChain
    from market.ports import MarketFeed

__all__ = ["ChosenChains", "PlayedField", "Player", "choose_chains", "play", "require_chain"]

_EASTERN: Final = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedField:
    """A field and the chain that it describes.

    Parameters
    ----------
    field : LiveField
        The field, with what history adds to it.
    chain : OptionChain
        The newest full chain with the quotes that came after it, as they stood for the field.
    """

    field: LiveField
    chain: OptionChain


@final
class _Symbol:
    """One underlying while it is played."""

    def __init__(
        self, state: SymbolState, positions: Callable[[OptionChain], FloatArray] | None, context: MarketContext
    ) -> None:
        self._state, self._positions, self._context = state, positions, context
        self._told = state.market
        self._chain: OptionChain | None = None
        self._latest: LiveField | TradingError | None = None
        self._changed = self._at_close = False

    def take(self, batch: MarketBatch, symbol: str) -> None:
        """Take its part of a batch as a shard does: quotes, trades, book, chain; the first chain before all else."""
        quotes = [part for part in batch.quotes if part.symbol == symbol]
        trades = [part for part in batch.trades if part.symbol == symbol]
        chains = [part for part in batch.chains if part.symbol == symbol]
        if self._chain is None:
            self._open(chains)
            chains = []
        for quote_batch in quotes:
            self._state.on_quotes(quote_batch)
        for trade_batch in trades:
            self._state.on_trades(trade_batch)
        for book in (part for part in batch.books if part.symbol == symbol):
            self._state.on_book(book)
        self._open(chains)
        self._changed = True
        if self._state.is_due:
            self._compute()

    def _open(self, chains: list[OptionChain]) -> None:
        for chain in chains:
            if self._chain is None:
                self._at_close = _is_of_close(chain)
            self._state.on_chain(chain, None if self._positions is None else self._positions(chain))
            self._chain = chain

    def _compute(self) -> None:
        self._changed = False
        try:
            if self._chain is not None:
                inputs = self._context.inputs(self._chain.symbol, self._state.now_ns)
                self._state.on_market(inputs.under(self._told))
            self._latest = self._state.field()
        except TradingError as error:  # the next chain may be better
            self._latest = error

    def result(self) -> PlayedField | TradingError | None:
        """Return its field as of the newest message, or why there is none; None before a chain."""
        if self._chain is None:
            return None
        if self._changed:
            self._compute()
        if self._latest is None or isinstance(self._latest, TradingError):
            return self._latest
        missed = self._latest.live.stream.before_chain
        if missed and self._at_close:
            return DataError(
                f"the trades and quotes of {self._chain.symbol} come before its chain, which is that of the close",
                found=f"{missed:,} that no chain could place",
                expected="a chain from before the trades, such as the morning's",
                action="leave the chain file out: with option quotes among the ticks, chains are built from them",
            )
        return PlayedField(field=self._latest, chain=self._state.chain())


def _is_of_close(chain: OptionChain) -> bool:
    session = session_on(chain.series[0].product.calendar, chain.session) if chain.series else None
    return session is not None and chain.ts_event_ns >= session.close_ns


@final
class Player:
    """Live states of the underlyings of a recording.

    Parameters
    ----------
    recipe : callable
        Makes the state of a symbol.
    positions : callable, optional
        Signed dealer contracts that the user knows, in the order of a chain.
    symbol : str, optional
        Only this underlying.
    context : ContextConfig, optional
        What feeds the inputs from other markets; what a recipe has told a state comes before them.
    """

    def __init__(
        self,
        recipe: Callable[[str], SymbolState],
        positions: Callable[[OptionChain], FloatArray] | None = None,
        symbol: str | None = None,
        context: ContextConfig | None = None,
    ) -> None:
        from fields.live.context import MarketContext
        from fields.live.context_config import ContextConfig

        self._context = MarketContext(context or ContextConfig())
        self._recipe, self._positions, self._only = recipe, positions, symbol
        self._symbols: dict[str, _Symbol] = {}

    def apply(self, batch: MarketBatch) -> None:
        """Take what became known at one instant."""
        self._context.on_context(batch.context)
        told = {part.symbol for part in batch.quotes} | {part.symbol for part in batch.trades}
        told |= {chain.symbol for chain in batch.chains} | {book.symbol for book in batch.books}
        for symbol in sorted(told):
            if self._only in {None, symbol}:
                if symbol not in self._symbols:
                    self._symbols[symbol] = _Symbol(self._recipe(symbol), self._positions, self._context)
                self._symbols[symbol].take(batch, symbol)

    def apply_chain(self, chain: OptionChain, context: tuple[ContextMessage, ...] = ()) -> None:
        """Take a chain alone, with what was known beside it."""
        self.apply(MarketBatch(sequence=0, ts_event_ns=chain.ts_event_ns, chains=(chain,), context=context))

    def fields(self) -> Iterator[PlayedField | TradingError]:
        """Yield the field of each underlying that has had a chain, by name, or why there is none."""
        for _, state in sorted(self._symbols.items()):
            found = state.result()
            if found is not None:
                yield found

    @property
    def symbols(self) -> tuple[str, ...]:
        """Underlyings of which anything was told, by name."""
        return tuple(sorted(self._symbols))


def play(
    feed: MarketFeed,
    player: Player,
    *,
    until_ns: int | None = None,
    every_ns: int | None = None,
    session: date | None = None,
) -> Iterator[PlayedField | TradingError]:
    """Play a recording, and yield fields.

    Parameters
    ----------
    feed : MarketFeed
        Chains, quotes and trades; it is read to its end and not waited for.
    player : Player
        The states.
    until_ns : int, optional
        Batches after this instant, ns since the epoch, UTC, are not read.
    every_ns : int, optional
        A field at the end of each interval of this length in which anything was told, beside that of the end.
    session : datetime.date, optional
        Only batches of this day in New York; of chains: of this session.

    Yields
    ------
    PlayedField or TradingError
        At the end, one for each underlying with a chain. Nothing that became known later is in it.
    """
    edge_ns = 0
    while (batch := feed.next_batch()) is not None:
        if until_ns is not None and batch.ts_event_ns > until_ns:
            break
        if session is not None and session not in _days(batch):
            continue
        if every_ns is not None:
            reached_ns = -(-batch.ts_event_ns // every_ns) * every_ns
            if 0 < edge_ns < reached_ns:
                yield from player.fields()
            edge_ns = reached_ns
        player.apply(batch)
    yield from player.fields()


def _days(batch: MarketBatch) -> set[date]:
    if batch.chains:
        return {chain.session for chain in batch.chains}
    return {datetime_of_ns(batch.ts_event_ns).astimezone(_EASTERN).date()}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenChains:
    """Some of the snapshots of a source; a `ChainSource` itself.

    Parameters
    ----------
    source : ChainSource
        All of them.
    places : tuple of int
        The chosen ones.
    """

    source: ChainSource
    places: tuple[int, ...]

    @property
    def format(self) -> str:
        """Vendor and layout."""
        return self.source.format

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    @property
    def snapshots(self) -> tuple[SnapshotKey, ...]:
        """The chosen snapshots, in time order."""
        found = self.source.snapshots
        return tuple(found[place] for place in self.places)

    def read(self, index: int) -> OptionChain:
        """Return the chain of ``snapshots[index]``."""
        return self.source.read(self.places[index])


def choose_chains(sources: list[ChainSource], ticks: TickSource) -> list[ChosenChains]:
    """Choose the chains that belong to some trades and quotes: same underlying, same session.

    Parameters
    ----------
    sources : list of ChainSource
        Opened files of chains.
    ticks : TickSource
        Trades and quotes.

    Returns
    -------
    list of ChosenChains
        Raises DataError where chains were named and none belongs to the ticks.
    """
    if not ticks.files and not ticks.books:
        raise DataError(
            "there are no trades and no quotes",
            found=f"open interest of {_few({item.symbol for item in ticks.interest})} alone",
            action="name a file of ticks",
        )
    symbols, days = set(ticks.symbols), _tick_days(ticks)
    keys = [key for source in sources for key in source.snapshots]
    same = [key for key in keys if key.symbol in symbols]
    if keys and not same:
        raise DataError(
            "chains and ticks speak of different underlyings",
            found=f"chains of {_few({key.symbol for key in keys})}, ticks of {_few(symbols)}",
            expected="one underlying in both",
            action="name a chain file of the underlying that the ticks trade",
        )
    if same and not any(key.session in days for key in same):
        raise DataError(
            "chains and ticks are of different sessions",
            found=f"chains of {_few({str(key.session) for key in same})}, ticks of {_few({str(d) for d in days})}",
            expected="one session in both",
            action="name the chain of the same day, or none: option quotes among the ticks make chains too",
        )
    chosen = [
        ChosenChains(
            source=source,
            places=tuple(n for n, k in enumerate(source.snapshots) if k.symbol in symbols and k.session in days),
        )
        for source in sources
    ]
    return [source for source in chosen if source.places]


def _tick_days(ticks: TickSource) -> set[date]:
    # Exchanges of the United States count days in New York, crypto exchanges in UTC.
    moments = [
        datetime_of_ns(instant) for part in (ticks.instants(), ticks.book_instants()) for instant in part.tolist()
    ]
    return {day for moment in moments for day in (moment.date(), moment.astimezone(_EASTERN).date())}


def require_chain(player: Player) -> None:
    """Raise DataError where quotes and trades were played and no chain came, neither from a file nor from them.

    Parameters
    ----------
    player : Player
        After the replay.
    """
    if player.symbols:
        raise DataError(
            f"there is no option chain of {_few(set(player.symbols))}",
            found="trades and quotes without an option quote among them, and no file of chains",
            expected="a chain to place them in",
            action="name a chain file of the same session, or option quotes by a further --ticks",
        )


def _few(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
