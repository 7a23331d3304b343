"""One underlying's live state: messages in, a field with its history's readings out; no process around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from math import isfinite, log, nan
from typing import Any, Final, final

import numpy as np

from fields.compute import GIVEN_SOURCES, FieldEvaluation, evaluate_field
from fields.context import FieldContext
from fields.conventions import PositionSource
from fields.dealer.messages import DealerPosition
from fields.dealer.reading import tally_of
from fields.flow.messages import FieldLevels, FlowMinute, GreeksTable
from fields.illiquidity.impact import ImpactEstimate
from fields.live.chain import LiveChain
from fields.live.config import LiveConfig
from fields.live.depth import LiveBook
from fields.live.intake import sound_quotes, sound_trades
from fields.live.interpretation import FieldBefore, Interpreter, better_impact, confidence_of, with_impact
from fields.live.market import MarketInputs
from fields.live.order_flow import OrderFlow, OrderFlowCheckpoint
from fields.live.readings import BookReading, DealerReading, LiveReadings, StreamReading
from fields.live.saved import SavedChain, SavedGreeks
from fields.regime import RegimeCheckpoint
from fields.regime.history import DayHistory
from fields.signals import SignalCheckpoint, decay_wind
from fields.snapshot import FieldSnapshot
from market.books import BookSnapshot
from market.chains import FloatArray, OptionChain
from market.contracts import ContractIndex, ContractNumbers
from market.errors import DataError
from market.trades import Int64Array, QuoteBatch, TradeBatch

__all__ = ["LiveField", "SymbolCheckpoint", "SymbolState"]

_SPLIT: Final = log(1.45)  # smallest overnight move, either way, that is taken for a split (3 for 2) and not for news
_NO_FIELD: Final = FieldLevels.missing("there is no field yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveField:
    """A field and what history adds to it.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field of the chain as it stands.
    live : LiveReadings
        Dealers' book, flow, impact, regimes and signals.
    """

    snapshot: FieldSnapshot
    live: LiveReadings


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolCheckpoint:
    """What a `SymbolState` needs to go on as if it had never stopped.

    Parameters
    ----------
    symbol : str
        Underlying.
    now_ns : int
        Newest instant of any message, ns since the epoch, UTC.
    numbers : ContractNumbers
        Numbers of the contracts.
    chain : SavedChain or None
        The chain as it stands; None before the first.
    user : ndarray, shape (n_contracts,), or None
        Signed dealer contracts that the user knows, in the order of the chain.
    greeks : SavedGreeks or None
        Contracts as of the last field; None before the first.
    levels : FieldLevels
        Levels as of the last field.
    minute : FlowMinute or None
        The last closed minute.
    before : FieldBefore or None
        The last field.
    market : MarketInputs
        What is known from other markets.
    field_ns : int
        Instant of the message before the last field, ns since the epoch, UTC.
    field_spot : float
        Spot of the last field, USD.
    is_changed : bool
        Whether anything has changed since the last field.
    ended : ndarray of int64
        Numbers of the contracts whose terms a split has ended, rising.
    order_flow : OrderFlowCheckpoint
        Dealers' book, flow and impact.
    regime : RegimeCheckpoint
        Regimes.
    signals : SignalCheckpoint
        Signals.
    implied_vol : DayHistory
        Implied volatility by session.
    lost, lost_before_book : int
        Rows lost on their way: so far, and before the book was opened.
    order_book : BookSnapshot or None
        The newest order book of the underlying; None before the first.
    """

    symbol: str
    now_ns: int
    numbers: ContractNumbers
    chain: SavedChain | None
    user: FloatArray | None
    greeks: SavedGreeks | None
    levels: FieldLevels
    minute: FlowMinute | None
    before: FieldBefore | None
    market: MarketInputs
    field_ns: int
    field_spot: float
    is_changed: bool
    ended: Int64Array
    order_flow: OrderFlowCheckpoint
    regime: RegimeCheckpoint
    signals: SignalCheckpoint
    implied_vol: DayHistory
    lost: int
    lost_before_book: int
    order_book: BookSnapshot | None


@final
class SymbolState:
    """One underlying between two messages; one writer, bounded memory, no clock but that of the messages.

    Parameters
    ----------
    config : LiveConfig
        Settings.
    saved : SymbolCheckpoint, optional
        To go on from.
    perf_ns : callable, optional
        Monotonic clock in ns for the timings of a field.
    """

    def __init__(
        self,
        config: LiveConfig,
        saved: SymbolCheckpoint | None = None,
        *,
        perf_ns: Callable[[], int] | None = None,
    ) -> None:
        self._config, self._perf_ns = config, perf_ns
        self._index = ContractIndex(saved.numbers if saved else None)
        self._chain = LiveChain(self._index)
        self._flow = OrderFlow(config, self._index, saved.order_flow if saved else None)
        self._book = LiveBook(config.book_max_age_ns, config.impact, saved.order_book if saved else None)
        self._interpreter = Interpreter(config)
        if saved is not None:
            self._interpreter = Interpreter(config, saved.regime, saved.signals, saved.implied_vol)
        self._user: FloatArray | None = None
        self._ended = np.zeros(0, dtype=np.int64) if saved is None else saved.ended
        self._greeks: GreeksTable | None = None
        self._levels = _NO_FIELD
        self._minute: FlowMinute | None = None
        self._field_ns = 0
        self._field_spot = nan
        self._dirty, self._whole_chain = False, False
        self._before_chain = self._coalesced = self._clock_jumps = self._chains_late = self._broken = 0
        self._lost, self._lost_before_book = (saved.lost, saved.lost_before_book) if saved else (0, 0)
        self._now_ns = self._message_ns = saved.now_ns if saved else 0
        if saved is not None:
            self._restore(saved)

    def _restore(self, saved: SymbolCheckpoint) -> None:
        if saved.chain is not None:
            self._chain.on_chain(saved.chain.chain())
        self._user = saved.user
        self._greeks = None if saved.greeks is None else saved.greeks.table()
        self._levels, self._minute = saved.levels, saved.minute
        self._interpreter.before, self._interpreter.market = saved.before, saved.market
        self._field_ns, self._field_spot, self._dirty = saved.field_ns, saved.field_spot, saved.is_changed

    def checkpoint(self, symbol: str) -> SymbolCheckpoint:
        """Return what a restart needs, at any message."""
        return SymbolCheckpoint(
            symbol=symbol,
            now_ns=self._now_ns,
            numbers=self._index.given(),
            chain=self._chain.checkpoint(),
            user=self._user,
            greeks=None if self._greeks is None else SavedGreeks.of(self._greeks),
            levels=self._levels,
            minute=self._minute,
            before=self._interpreter.before,
            market=self._interpreter.market,
            field_ns=0 if self._whole_chain else self._field_ns,
            field_spot=self._field_spot,
            is_changed=self._dirty,
            ended=self._ended,
            order_flow=self._flow.checkpoint(),
            regime=self._interpreter.regime.checkpoint(),
            signals=self._interpreter.signals.checkpoint(),
            implied_vol=self._interpreter.implied_vol.checkpoint(),
            lost=self._lost,
            lost_before_book=self._lost_before_book,
            order_book=self._book.newest,
        )

    @property
    def has_chain(self) -> bool:
        """Whether there is a chain that quotes and trades can be applied to."""
        return not self._chain.is_empty

    @property
    def now_ns(self) -> int:
        """Newest instant of any message, ns since the epoch, UTC."""
        return self._now_ns

    def on_chain(self, chain: OptionChain, user_position: FloatArray | None = None) -> None:
        """Take a full chain.

        Parameters
        ----------
        chain : OptionChain
            Every contract as it stands.
        user_position : ndarray, shape (n_contracts,), optional
            Signed dealer contracts that the user knows, + long, in the order of the chain.
        """
        if not chain.n_contracts:
            raise DataError(
                "the chain has no contract",
                found=f"{chain.n_read} read, none kept",
                expected="at least one; the chain before it stays",
                action="see why the source's rows were dropped",
            )
        if self._flow.is_of_older_session(chain):
            self._chains_late += 1
            return
        self._advance(chain.ts_event_ns)
        before = self._flow.session
        rescaled = self._rescaled(chain)
        chain = self._without_ended(chain)
        self._flow.on_chain(chain, user_position, rescaled)
        if before is not self._flow.session:
            self._interpreter.end_session()
            self._lost_before_book, self._minute = self._lost, None
        self._chain.on_chain(chain)
        self._user = user_position
        self._dirty = self._whole_chain = True

    def _rescaled(self, chain: OptionChain) -> str:
        """Return why the contracts of the session before have ended, as after a split; empty where they have not."""
        # Quotes of the new session may have moved spot before its first chain.
        before, now = self._chain.printed_spot, chain.spot_last
        if not (self._flow.opens_session(chain) and before > 0.0 and now > 0.0) or abs(log(now / before)) < _SPLIT:
            return ""
        self._ended = np.union1d(self._ended, self._chain.numbers)
        return f"the underlying went from {before:g} to {now:g} between two sessions, as at a split of its shares"

    def _without_ended(self, chain: OptionChain) -> OptionChain:
        # Venues print the open interest of the morning after a split in the old terms, strikes included.
        if not self._ended.size:
            return chain
        ended = np.isin(self._index.register(chain), self._ended)
        return replace(chain, open_interest=np.where(ended, nan, chain.open_interest))

    def on_quotes(self, quotes: QuoteBatch) -> None:
        """Take quotes of the underlying and of its options."""
        if self._chain.is_empty:
            self._before_chain += quotes.n_quotes
            return
        quotes, broken = sound_quotes(quotes)
        self._flow.on_quotes(quotes)
        self._chain.on_quotes(quotes)
        self._broken += broken
        self._took(quotes.ts_event_ns)

    def on_trades(self, trades: TradeBatch) -> None:
        """Take trades of the underlying and of its options."""
        if self._chain.is_empty:
            self._before_chain += trades.n_trades
            return
        trades, broken = sound_trades(trades)
        ts_ns, price = self._flow.on_trades(trades)
        self._broken += broken
        if price > 0.0:
            self._chain.on_price(ts_ns, price)
        self._took(trades.ts_event_ns)

    def on_book(self, book: BookSnapshot) -> None:
        """Take the order book of the underlying as it stands; it waits for a chain where there is none yet."""
        if self._book.on_book(book) and not self._chain.is_empty:
            self._took(book.ts_event_ns)

    @property
    def market(self) -> MarketInputs:
        """What is known from other markets."""
        return self._interpreter.market

    def on_market(self, inputs: MarketInputs) -> None:
        """Take what is known from other markets; it stands until the next."""
        self._interpreter.market = inputs

    def on_lost(self, rows: int) -> None:
        """Note that quotes and trades were lost on their way: the flow of this session has a hole."""
        self._lost += rows

    def _took(self, ts_ns: int) -> None:
        self._advance(ts_ns)
        self._coalesced += self._dirty
        self._dirty = True

    def _advance(self, ts_ns: int) -> None:
        self._clock_jumps += ts_ns < self._now_ns
        self._message_ns = ts_ns
        self._now_ns = max(self._now_ns, ts_ns)
        closed = self._flow.close_minutes(self._now_ns, self._greeks, self._levels)
        self._minute = self._minute if closed is None else closed

    @property
    def is_due(self) -> bool:
        """Whether a field is due: a full chain has come, spot has moved, or the cadence has passed with any change."""
        if not self._dirty or self._chain.is_empty:
            return False
        # After a clock that jumped ahead and back the newest instant stands still, and the messages' own must count.
        if self._whole_chain or abs(self._message_ns - self._field_ns) >= self._config.cadence_ns:
            return True
        spot, before = self._chain.spot, self._field_spot
        return spot > 0.0 and before > 0.0 and abs(log(spot / before)) >= self._config.material_move

    def field(self) -> LiveField:
        """Return the field of the chain as it stands; raises `DataError` without one."""
        chain = self._chain.chain(self._now_ns)
        position = self._flow.position(self._chain.numbers, self._now_ns)
        order_book, depth, resting = self._book.read(self._now_ns)
        estimate = better_impact(self._flow.impact_estimate(), resting)
        liquidity = self._flow.volume.profile(self._chain.spot) if depth is None else depth
        context = replace(self._context(position), liquidity=liquidity)
        evaluation = evaluate_field(chain, with_impact(self._config.fields, estimate), context, perf_ns=self._perf_ns)
        self._dirty = self._whole_chain = False
        self._field_ns, self._field_spot = self._message_ns, self._chain.spot
        by_book = order_book.is_used and self._book.is_simulated
        snapshot = _marked(evaluation.snapshot, simulated=self.market.simulated or by_book)
        live = self._readings(snapshot, position, estimate, order_book)
        self._remember(evaluation)
        return LiveField(snapshot=snapshot, live=live)

    def chain(self) -> OptionChain:
        """Return a copy of the chain as it stands, quotes that came after it included; raises `DataError` without one.

        Right after `field` it is the chain of that field, and later quotes do not change it.
        """
        chain = self._chain.chain(self._now_ns)
        parts = {item.name: getattr(chain, item.name) for item in fields(chain)}
        copied: dict[str, Any] = {name: part.copy() for name, part in parts.items() if isinstance(part, np.ndarray)}
        return replace(chain, **copied)

    def _context(self, position: DealerPosition) -> FieldContext:
        given = self._config.fields.position_source in GIVEN_SOURCES
        if not given:
            return FieldContext(standard_error=position.standard_error)
        named = self._config.fields.position_source is PositionSource.USER and self._user is not None
        contracts = self._user if named else position.contracts
        return FieldContext(contracts=contracts, standard_error=position.standard_error)

    def _remember(self, evaluation: FieldEvaluation) -> None:
        snapshot, contracts = evaluation.snapshot, evaluation.contracts
        self._greeks = GreeksTable(
            number=self._chain.numbers[contracts.place],
            delta=contracts.delta,
            gamma=contracts.gamma,
            multiplier=contracts.multiplier,
            strike=contracts.strike,
            is_call=contracts.is_call,
            open_interest=contracts.open_interest,
            spot=snapshot.spot,
        )
        self._levels = _levels(snapshot)

    def _readings(
        self, snapshot: FieldSnapshot, position: DealerPosition, estimate: ImpactEstimate, order_book: BookReading
    ) -> LiveReadings:
        meaning = self._interpreter.read(snapshot, estimate, self._minute, self._now_ns)
        hole = self._lost != self._lost_before_book and self._config.dealer.moved_by_flow
        confidence, why = confidence_of(snapshot, flow_has_hole=hole)
        opened = self._config.opening.value if self._config.dealer.moved_by_flow else snapshot.position_source.value
        dealer = _dealer(self._flow, position, opened, is_complete=self._lost == self._lost_before_book)
        wind = decay_wind(
            snapshot.regime.impact_return_per_usd,
            snapshot.totals.charm_usd_per_min,
            max(snapshot.hedge_flow.minutes_to_close, 0.0),
        )
        missing = {
            "decay_wind": (wind, "the impact or the charm of the field is not known"),
            "implied_vol_30d": (meaning.implied_vol_30d, "the fitted expirations do not reach 30 days"),
            "mean_standard_error": (dealer.mean_standard_error, "no position has a known error"),
        }
        return LiveReadings(
            dealer=dealer,
            impact=estimate,
            feedback=meaning.feedback,
            decay_wind=wind,
            flow=self._minute,
            regimes=meaning.regimes,
            signals=meaning.signals,
            implied_vol_30d=meaning.implied_vol_30d,
            implied_vol_rank=meaning.implied_vol_rank,
            stream=self._stream(),
            confidence=confidence,
            confidence_reason=why,
            reasons=_reasons(missing, self._minute),
            book=order_book,
            market=self.market,
        )

    def _stream(self) -> StreamReading:
        quotes, trades = self._chain.counts, self._flow.signing
        return StreamReading(
            quotes=quotes.applied,
            quotes_late=quotes.late,
            quotes_unlisted=quotes.unlisted,
            trades=trades.trades,
            trades_unsigned=trades.unsigned,
            trades_late=trades.late_trades,
            trades_repeated=trades.duplicates,
            rows_lost=self._lost,
            before_chain=self._before_chain,
            coalesced=self._coalesced,
            clock_jumps=self._clock_jumps,
            chains_late=self._chains_late,
            rows_broken=self._broken,
            books_late=self._book.late,
        )


def _marked(snapshot: FieldSnapshot, *, simulated: bool) -> FieldSnapshot:
    """Return a snapshot that says it where anything behind it or its readings is simulated."""
    if snapshot.provenance.simulated or not simulated:
        return snapshot
    return replace(snapshot, provenance=replace(snapshot.provenance, simulated=True))


def _dealer(flow: OrderFlow, position: DealerPosition, opened_by: str, *, is_complete: bool) -> DealerReading:
    counters, tally = flow.book.counters, tally_of(position)
    return DealerReading(
        opened_by=opened_by,
        net_flow_contracts=tally.net_flow,
        gross_flow_contracts=tally.gross_flow,
        mean_standard_error=tally.mean_standard_error,
        capped=tally.capped,
        unknown=tally.unknown,
        trades=counters.applied,
        signed=counters.signed,
        is_complete=is_complete,
        reasons={reason.text: count for reason, count in tally.reasons.items()},
        note=flow.note,
    )


def _reasons(missing: dict[str, tuple[float, str]], minute: FlowMinute | None) -> dict[str, str]:
    """Return why numbers are missing that have no reason of their own."""
    found = {name: why for name, (value, why) in missing.items() if not isfinite(value)}
    return found | ({"flow": "no minute of the session has closed yet"} if minute is None else {})


def _levels(snapshot: FieldSnapshot) -> FieldLevels:
    """Return the levels that flow is measured against."""
    net = snapshot.profile.call_gamma_usd_per_pct + snapshot.profile.put_gamma_usd_per_pct
    found = {
        "zero_gamma": snapshot.zero_gamma[0].level if snapshot.zero_gamma else nan,
        "zero_delta": snapshot.zero_delta[0].level if snapshot.zero_delta else nan,
        "positive_wall": float(snapshot.profile.strike[net.argmax()]) if net.size and net.max() > 0.0 else nan,
        "negative_wall": float(snapshot.profile.strike[net.argmin()]) if net.size and net.min() < 0.0 else nan,
    }
    missing = {name: snapshot.reasons.get(name, "the field has none") for name, at in found.items() if not at > 0.0}
    return FieldLevels(**found, reasons=missing)
