"""What one shard knows of its symbols, without a process around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, final

from actors.messages import Publication, ShardBatch, SymbolStatus
from fields.live.config import LiveConfig
from fields.live.context import ContextCheckpoint, MarketContext
from market.books import BookSnapshot
from market.calendars import MarketPhase, phase_at
from market.chains import OptionChain
from market.clock import Clock
from market.errors import TradingError
from market.ports import MarketBatch
from market.trades import QuoteBatch, TradeBatch

if TYPE_CHECKING:  # the settings need this module's small classes, and not the kernels behind a state
    from fields.live.state import LiveField, SymbolCheckpoint, SymbolState

__all__ = ["Impact", "ShardConfig", "ShardCounts", "ShardState", "SymbolFactory"]

_Message = QuoteBatch | TradeBatch | BookSnapshot | OptionChain
_CONTEXT: Final = "context"  # where a reason would name a symbol
_NS_PER_S: Final = 1_000_000_000
_NAN: Final = float("nan")


class SymbolFactory(Protocol):
    """A recipe for the state of one symbol."""

    def __call__(self, symbol: str, config: LiveConfig, saved: SymbolCheckpoint | None, /) -> SymbolState:
        """Return a new state, or one that goes on from a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Price impact of one symbol.

    Parameters
    ----------
    return_per_usd : float
        Fractional price move per USD of signed flow; NaN where unknown.
    source : str
        Where it comes from: ``assumed``, ``settings`` or ``simulated``.
    """

    return_per_usd: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardConfig:
    """Settings of one shard.

    Parameters
    ----------
    name : str
        Name, as placement uses it.
    run_id : str
        Identity of the run; sequences of another run mean nothing to this one.
    live : LiveConfig
        Settings of every symbol; the impact of its field is replaced by that of the symbol.
    impacts : mapping of str to Impact
        By symbol; a symbol that is not listed keeps the impact of `live`.
    stale_after_s : float
        A field older than this is stale, seconds since the feed had its chain.
    """

    name: str
    run_id: str
    live: LiveConfig = field(default_factory=LiveConfig)
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    stale_after_s: float = 10.0


@dataclass(slots=True, kw_only=True)
class ShardCounts:
    """Counts since the shard started.

    Parameters
    ----------
    updates : int
        Fields computed.
    failed : int
        Messages of a symbol that could not be taken, or gave no field.
    out_of_order : int
        Chains, books, quote, trade and context messages dropped because their batch had been seen.
    compute_ns : int
        Time spent computing, ns.
    context : int
        Context messages taken.
    """

    updates: int = 0
    failed: int = 0
    out_of_order: int = 0
    compute_ns: int = 0
    context: int = 0


def _give(item: _Message, state: SymbolState) -> None:
    if isinstance(item, OptionChain):
        state.on_chain(item)
    elif isinstance(item, BookSnapshot):
        state.on_book(item)
    elif isinstance(item, QuoteBatch):
        state.on_quotes(item)
    else:
        state.on_trades(item)


def _lose(rows: int, state: SymbolState) -> None:
    state.on_lost(rows)


@final
class ShardState:
    """Live states of many symbols.

    Parameters
    ----------
    config : ShardConfig
        Settings.
    open_symbol : SymbolFactory
        Makes the state of a symbol when its first message comes.
    clock : Clock
        Where ages and publication times come from.
    sequence : int, optional
        Newest batch that `publications` covers; -1 for none.
    publications : iterable of Publication, optional
        Restored from a checkpoint; they are stale until the feed has caught the shard up.
    symbols : iterable of SymbolCheckpoint, optional
        States restored with them.
    context : ContextCheckpoint, optional
        What was known from other markets.
    """

    def __init__(
        self,
        config: ShardConfig,
        open_symbol: SymbolFactory,
        clock: Clock,
        *,
        sequence: int = -1,
        publications: tuple[Publication, ...] = (),
        symbols: tuple[SymbolCheckpoint, ...] = (),
        context: ContextCheckpoint | None = None,
    ) -> None:
        self._context = MarketContext(config.live.context, context)
        self._config, self._open_symbol, self._clock = config, open_symbol, clock
        self._sequence = sequence
        self._latest = {p.snapshot.symbol: replace(p, catching_up=True) for p in publications}
        self._seen = {p.snapshot.symbol: p.batch_sequence for p in publications}
        self._seen |= {saved.symbol: sequence for saved in symbols}
        self._states = {saved.symbol: self._opened(saved.symbol, saved) for saved in symbols}
        self._reasons: dict[str, str] = {}
        chains = [saved.chain for saved in symbols if saved.chain is not None]
        self._calendars = {chain.symbol: chain.series[0].product.calendar for chain in chains if chain.series}
        self._catching_up = bool(publications)
        self.counts = ShardCounts()

    def _opened(self, symbol: str, saved: SymbolCheckpoint | None = None) -> SymbolState:
        live, impact = self._config.live, self._config.impacts.get(symbol)
        if impact is not None:
            fields = replace(live.fields, impact_return_per_usd=impact.return_per_usd, impact_source=impact.source)
            live = replace(live, fields=fields)
        return self._open_symbol(symbol, live, saved)

    @property
    def sequence(self) -> int:
        """Newest batch processed; -1 for none."""
        return self._sequence

    @property
    def catching_up(self) -> bool:
        """Whether the shard knows that it is behind the feed."""
        return self._catching_up

    @property
    def reasons(self) -> Mapping[str, str]:
        """By symbol, why its last chain gave no field."""
        return dict(self._reasons)

    @property
    def publications(self) -> tuple[Publication, ...]:
        """Latest publication of each symbol."""
        return tuple(self._latest.values())

    @property
    def context(self) -> ContextCheckpoint:
        """What is known from other markets, for a restart."""
        return self._context.checkpoint()

    @property
    def symbols(self) -> tuple[SymbolCheckpoint, ...]:
        """State of each symbol, for a restart."""
        return tuple(state.checkpoint(symbol) for symbol, state in self._states.items())

    def on_batch(self, message: ShardBatch) -> list[Publication]:
        """Compute the fields of a batch and return what is new.

        Parameters
        ----------
        message : ShardBatch
            Chains of this shard's symbols; none, where the feed only says that the shard has caught up.

        Returns
        -------
        list of Publication
            One for each chain that gave a field. When the batch ends a catch-up, also the other symbols' fields,
            which are current again.
        """
        was_behind, self._catching_up = self._catching_up, message.sequence < message.live_sequence
        if message.context_lost:
            self._context = self._context.after_loss(message.context_lost)
        touched = {symbol: part.sequence for part in message.parts for symbol in self._take(part)}
        # Last: whether they were lost before or after a session that opens here, nobody can tell.
        holes = dict.fromkeys(self._states, message.skipped) if message.skipped else {}
        for symbol, rows in (holes | dict(message.lost)).items():
            self._tell(symbol, partial(_lose, rows))
        fresh = [
            published
            for symbol, sequence in touched.items()
            if (published := self._publication(symbol, sequence, message.received_ns)) is not None
        ]
        self._sequence = max(self._sequence, message.sequence)
        return fresh + self._released({p.snapshot.symbol for p in fresh}) if was_behind else fresh

    def _take(self, part: MarketBatch) -> list[str]:
        """Take the context of a part, then its quotes, trades, books and chains, and return whose they are."""
        self._take_context(part)
        self._calendars |= {chain.symbol: chain.series[0].product.calendar for chain in part.chains if chain.series}
        by_symbol: dict[str, list[_Message]] = {}
        items: list[_Message] = [*part.quotes, *part.trades, *part.books, *part.chains]
        for item in items:
            by_symbol.setdefault(item.symbol, []).append(item)
        touched = []
        for symbol, messages in by_symbol.items():
            if part.sequence <= self._seen.get(symbol, -1):
                self.counts.out_of_order += len(messages)
                continue
            self._seen[symbol] = part.sequence
            if symbol not in self._states or not self._states[symbol].has_chain:
                messages.sort(
                    key=lambda item: not isinstance(item, OptionChain)
                )  # there is nothing to apply quotes to before the first chain
            for item in messages:
                self._tell(symbol, partial(_give, item))
            touched.append(symbol)
        return touched

    def _take_context(self, part: MarketBatch) -> None:
        # A batch that comes again changes nothing here: rows that are told twice are held once.
        if not part.context:
            return
        self.counts.context += len(part.context)
        self._reasons.pop(_CONTEXT, None)
        try:
            self._context.on_context(part.context)
        except Exception as error:  # noqa: BLE001  # a bad calendar must not stop the symbols
            self._note_failure(_CONTEXT, error)

    def _tell(self, symbol: str, message: Callable[[SymbolState], None]) -> None:
        started = self._clock.now_ns()
        try:
            if symbol not in self._states:
                self._states[symbol] = self._opened(symbol)
            message(self._states[symbol])
        except Exception as error:  # noqa: BLE001  # one symbol's fault must not stop the others
            self._note_failure(symbol, error)
        self.counts.compute_ns += self._clock.now_ns() - started

    def _note_failure(self, symbol: str, error: Exception) -> None:
        known = isinstance(error, TradingError)
        self._reasons[symbol] = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        self.counts.failed += 1

    def _publication(self, symbol: str, sequence: int, received_ns: int) -> Publication | None:
        found = self._field(symbol)
        if found is None:
            return None
        self._latest[symbol] = Publication(
            snapshot=found.snapshot,
            live=found.live,
            batch_sequence=sequence,
            received_ns=received_ns,
            published_ns=self._clock.now_ns(),
            catching_up=self._catching_up,
            shard=self._config.name,
        )
        return self._latest[symbol]

    def _field(self, symbol: str) -> LiveField | None:
        state, started = self._states.get(symbol), self._clock.now_ns()
        try:
            if state is None or not state.is_due:
                return None
            state.on_market(self._context.inputs(symbol, state.now_ns))
            found = state.field()
        except Exception as error:  # noqa: BLE001  # as above
            self._note_failure(symbol, error)
            return None
        self._reasons.pop(symbol, None)
        self.counts.updates += 1
        self.counts.compute_ns += self._clock.now_ns() - started
        return found

    def _released(self, fresh: set[str]) -> list[Publication]:
        if self._catching_up:
            return []
        held = [s for s, p in self._latest.items() if p.catching_up and s not in fresh]
        for symbol in held:
            self._latest[symbol] = replace(self._latest[symbol], catching_up=False)
        return [self._latest[symbol] for symbol in held]

    def status(self, now_ns: int) -> tuple[SymbolStatus, ...]:
        """Return how fresh each symbol is.

        Parameters
        ----------
        now_ns : int
            Current instant, machine clock, ns since the epoch, UTC.

        Returns
        -------
        tuple of SymbolStatus
            One per symbol that has ever had a chain.
        """
        return tuple(self._status(symbol, now_ns) for symbol in self._seen)

    def _status(self, symbol: str, now_ns: int) -> SymbolStatus:
        latest = self._latest.get(symbol)
        age_s = _NAN if latest is None else (now_ns - latest.received_ns) / _NS_PER_S
        failure = self._reasons.get(symbol, "")
        closed = latest is not None and self._is_closed(latest, now_ns)
        old = latest is None or age_s > self._config.stale_after_s
        late = f"no chain for more than {self._config.stale_after_s:g} s" if old and not closed else ""
        reason = failure or ("catching up after a restart" if self._catching_up else late)
        return SymbolStatus(
            symbol=symbol,
            sequence=-1 if latest is None else latest.batch_sequence,
            age_s=age_s,
            stale=bool(reason),
            market_closed=closed,
            catching_up=self._catching_up,
            reason=reason or ("the market is closed" if closed else ""),
        )

    def _is_closed(self, latest: Publication, now_ns: int) -> bool:
        calendar = self._calendars.get(latest.snapshot.symbol)
        # The feed's own time: that of the field, and what has passed since its chain came.
        instant_ns = latest.snapshot.ts_event_ns + max(now_ns - latest.received_ns, 0)
        return calendar is not None and phase_at(calendar, instant_ns) is MarketPhase.CLOSED
