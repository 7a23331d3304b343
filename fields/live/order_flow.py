"""Trades and quotes of one underlying, told to whoever keeps state of them: signer, dealers' book, flow, impact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, final

import numpy as np

from fields.dealer.book import DealerBook
from fields.dealer.messages import DealerBookState, DealerPosition, open_interest_record
from fields.flow.config import MINUTE_NS
from fields.flow.messages import FieldLevels, FlowMinute, GreeksTable, OptionTrades, UnderlyingQuotes, UnderlyingTrades
from fields.flow.state import FlowCheckpoint, FlowState
from fields.illiquidity.impact import ImpactEstimate
from fields.illiquidity.state import ImpactCheckpoint, ImpactState
from fields.live.config import LiveConfig
from fields.live.terms import ContractTerms
from fields.live.volume import VolumeAtPrice
from fields.signing.messages import SignedTrades, SigningStatus
from fields.signing.signer import SignerCheckpoint, SignerCounts, TradeSigner
from market.calendars import Session, latest_session, session_on
from market.chains import BoolArray, FloatArray, OptionChain
from market.contracts import ContractIndex
from market.errors import DataError
from market.trades import CONSOLIDATED, UNDERLYING, Int64Array, QuoteBatch, TradeBatch

__all__ = ["OrderFlow", "OrderFlowCheckpoint", "session_of"]

# Prints of a session are reported for a while after its close; they belong to it, and to its open interest.
_LATE_PRINTS_NS: Final = 7_200_000_000_000
_NO_PRINT: Final = np.uint16(SigningStatus.EXCLUDED | SigningStatus.DUPLICATE)


@dataclass(slots=True)
class _Accuracy:
    """Mean probability of the underlying's signed trades, by dollars."""

    usd: float = 0.0
    weighted: float = 0.0

    def add(self, usd: FloatArray, probability: FloatArray) -> None:
        self.usd += float(usd.sum())
        self.weighted += float((usd * probability).sum())

    @property
    def mean(self) -> float:
        # Two digits: an estimate is computed anew for each new value.
        return round(self.weighted / self.usd, 2) if self.usd else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFlowCheckpoint:
    """What an `OrderFlow` needs to go on.

    Parameters
    ----------
    dealer : DealerBookState
        The dealers' book.
    flow : FlowCheckpoint
        Flow by minute.
    impact : ImpactCheckpoint
        Trades by bar.
    signer : SignerCheckpoint
        The quotes and prices that sign what comes.
    volume : tuple of (int, int)
        Millionths of a dollar by price bucket.
    session_open_ns, session_close_ns : int
        The open session, ns since the epoch, UTC; 0 before the first.
    session_day : datetime.date or None
        Its date.
    closed_ns : int
        End of the last closed minute, ns since the epoch, UTC.
    accuracy_usd, accuracy_weighted : float
        Dollars of the underlying's signed trades, plain and times their probability.
    note : str
        Why the book was opened anew.
    """

    dealer: DealerBookState
    flow: FlowCheckpoint
    impact: ImpactCheckpoint
    signer: SignerCheckpoint
    volume: tuple[tuple[int, int], ...]
    session_open_ns: int
    session_close_ns: int
    session_day: date | None
    closed_ns: int
    accuracy_usd: float
    accuracy_weighted: float
    note: str


@final
class OrderFlow:
    """The flow of one underlying.

    Parameters
    ----------
    config : LiveConfig
        Settings.
    index : ContractIndex
        Numbers of the contracts.
    saved : OrderFlowCheckpoint, optional
        To go on from.
    """

    def __init__(self, config: LiveConfig, index: ContractIndex, saved: OrderFlowCheckpoint | None = None) -> None:
        self._config, self._index = config, index
        self._terms = ContractTerms(index)
        self._signer = TradeSigner(config.signing, index, None if saved is None else saved.signer)
        self._accuracy = _Accuracy()
        self._session: Session | None = None
        self._closed_ns = 0  # end of the last closed minute
        self.book = DealerBook(config.dealer)
        """The dealers' book."""
        self.flow = FlowState(config.flow)
        """Flow by minute."""
        self.impact = ImpactState(config.impact)
        """Impact from the underlying's own trades."""
        self.volume = VolumeAtPrice()
        """Dollars traded in the underlying by price."""
        self.note = ""
        """Why the book was opened anew."""
        if saved is not None:
            self._restore(saved)

    def _restore(self, saved: OrderFlowCheckpoint) -> None:
        if saved.session_day is not None:
            self._session = Session(
                day=saved.session_day, open_ns=saved.session_open_ns, close_ns=saved.session_close_ns
            )
        self._closed_ns, self.note = saved.closed_ns, saved.note
        self._accuracy = _Accuracy(saved.accuracy_usd, saved.accuracy_weighted)
        self.book, self.flow = DealerBook.from_state(saved.dealer), FlowState.restore(saved.flow)
        self.impact = ImpactState(self._config.impact, saved.impact)
        self.volume.restore(saved.volume)

    def checkpoint(self) -> OrderFlowCheckpoint:
        """Return what a restart needs."""
        session = self._session
        return OrderFlowCheckpoint(
            dealer=self.book.state(),
            flow=self.flow.checkpoint(),
            impact=self.impact.checkpoint(),
            signer=self._signer.checkpoint(),
            volume=self.volume.checkpoint(),
            session_open_ns=0 if session is None else session.open_ns,
            session_close_ns=0 if session is None else session.close_ns,
            session_day=None if session is None else session.day,
            closed_ns=self._closed_ns,
            accuracy_usd=self._accuracy.usd,
            accuracy_weighted=self._accuracy.weighted,
            note=self.note,
        )

    @property
    def session(self) -> Session | None:
        """The session that is open; None before the first chain."""
        return self._session

    @property
    def signing(self) -> SignerCounts:
        """What became of the trades."""
        return self._signer.counts

    def impact_estimate(self) -> ImpactEstimate:
        """Return the impact, corrected for trades whose side is only likely."""
        return self.impact.estimate(signing_accuracy=self._accuracy.mean)

    def on_chain(self, chain: OptionChain, user: FloatArray | None = None, rescaled: str = "") -> None:
        """Take a full chain: a new session opens minutes and book.

        Parameters
        ----------
        chain : OptionChain
            Every contract as it stands.
        user : ndarray, shape (n_contracts,), optional
            Signed dealer contracts that the user knows.
        rescaled : str, optional
            Why nothing that was held before says anything of this chain; the book and the volumes begin anew.
        """
        fresh = self._terms.learn(chain)
        session = session_of(chain)
        if self._session is None or session.open_ns > self._session.open_ns:
            if rescaled:
                self.book, self.volume, self.note = DealerBook(self._config.dealer), VolumeAtPrice(), rescaled
            self._open_book(chain, session, user)  # first, because it may refuse the chain
            self.flow.open_session(session.open_ns, session.close_ns)
            self._session, self._closed_ns = session, session.open_ns
            self.volume.end_session()
        elif fresh.size:
            self.book.list_contracts(fresh, self._terms.expiry_ns[fresh])

    def opens_session(self, chain: OptionChain) -> bool:
        """Return whether a chain is the first of a session after the one that is open."""
        return self._session is not None and session_of(chain).open_ns > self._session.open_ns

    def is_of_older_session(self, chain: OptionChain) -> bool:
        """Return whether a chain belongs to a session before the one that is open."""
        return self._session is not None and session_of(chain).open_ns < self._session.open_ns

    def _open_book(self, chain: OptionChain, session: Session, user: FloatArray | None) -> None:
        calendar = chain.series[0].product.calendar
        late_ns = 0 if calendar == "24/7" else _LATE_PRINTS_NS
        counted_ns = latest_session(calendar, session.open_ns - 1).close_ns + late_ns
        record = open_interest_record(
            self._index,
            chain,
            chain.open_interest,
            close_ns=counted_ns,
            known_from_ns=max(counted_ns, min(chain.ts_event_ns, session.open_ns)),
            user=user,
        )
        try:
            self.book.on_open_interest(record)
        except DataError as error:
            # Other contract terms, as after a split: what was held in the old ones says nothing of the new.
            book = DealerBook(self._config.dealer)
            book.on_open_interest(record)
            self.book, self.note = book, str(error)
        self.book.end_session(session.close_ns + late_ns)

    def on_quotes(self, quotes: QuoteBatch) -> None:
        """Take quotes; they sign the trades that come after them."""
        self._learn(quotes)
        self._signer.on_quotes(quotes)
        own = (quotes.contract == UNDERLYING) & (quotes.venue == CONSOLIDATED)
        if own.any():
            self.flow.on_underlying_quotes(
                UnderlyingQuotes(
                    ts_ns=quotes.ts_ns[own],
                    bid=quotes.bid[own],
                    ask=quotes.ask[own],
                    bid_size=quotes.bid_size[own],
                    ask_size=quotes.ask_size[own],
                )
            )

    def on_trades(self, trades: TradeBatch) -> tuple[int, float]:
        """Take trades, and return instant and price of the newest one in the underlying.

        Parameters
        ----------
        trades : TradeBatch
            In order of arrival.

        Returns
        -------
        tuple of int and float
            ns since the epoch, UTC, and USD; 0 and NaN where the underlying did not trade.
        """
        self._learn(trades)
        signed = self._signer.on_trades(trades)
        usable = (signed.status & _NO_PRINT) == 0
        option = usable & (signed.contract != UNDERLYING)
        if option.any():
            self._on_options(signed, _rows(option))
        own = usable & (signed.contract == UNDERLYING)
        return self._on_underlying(signed, _rows(own)) if own.any() else (0, float("nan"))

    def _learn(self, batch: QuoteBatch | TradeBatch) -> None:
        fresh = self._terms.learn(batch.contracts)
        if fresh.size:
            self.book.list_contracts(fresh, self._terms.expiry_ns[fresh])

    def _on_options(self, signed: SignedTrades, chosen: BoolArray | slice) -> None:
        number = signed.contract[chosen].astype(np.int64)
        columns = (signed.aggressor[chosen], signed.size[chosen], signed.probability[chosen], signed.ts_ns[chosen])
        self.book.on_flow(number, *columns, signed.flags[chosen])
        self.flow.on_option_trades(
            OptionTrades(
                number=number,
                is_call=self._terms.is_call[number],
                multiplier=self._terms.multiplier[number],
                ts_ns=signed.ts_ns[chosen],
                price=signed.price[chosen],
                size=signed.size[chosen],
                aggressor=signed.aggressor[chosen],
                probability=signed.probability[chosen],
            )
        )

    def _on_underlying(self, signed: SignedTrades, chosen: BoolArray | slice) -> tuple[int, float]:
        ts_ns, price, size = signed.ts_ns[chosen], signed.price[chosen], signed.size[chosen]
        aggressor, probability = signed.aggressor[chosen], signed.probability[chosen]
        self.flow.on_underlying_trades(
            UnderlyingTrades(ts_ns=ts_ns, price=price, size=size, aggressor=aggressor, probability=probability)
        )
        usd = price * size
        known = aggressor != 0
        self._accuracy.add(usd[known], probability[known])
        self.impact.update(ts_ns, price, aggressor * usd, usd)
        self.volume.add(price, usd)
        newest = int(np.flatnonzero(ts_ns == ts_ns.max())[-1])
        return int(ts_ns[newest]), float(price[newest])

    def close_minutes(self, ts_ns: int, greeks: GreeksTable | None, levels: FieldLevels) -> FlowMinute | None:
        """Close the minutes that have ended by an instant.

        Parameters
        ----------
        ts_ns : int
            Instant, ns since the epoch, UTC.
        greeks : GreeksTable or None
            Contracts as of the last field.
        levels : FieldLevels
            Levels as of the last field.

        Returns
        -------
        FlowMinute or None
            The newest of them; None where none has ended.
        """
        self.book.advance(ts_ns)
        self.impact.advance(ts_ns)
        session = self._session
        if session is None:
            return None
        ended = min(ts_ns, session.close_ns) - session.open_ns
        end_ns = session.open_ns + ended // MINUTE_NS * MINUTE_NS
        if end_ns <= self._closed_ns:
            return None
        self._closed_ns = end_ns
        return self.flow.close_minute(end_ns, greeks, levels)

    def position(self, numbers: Int64Array, ts_ns: int) -> DealerPosition:
        """Return what dealers hold of contracts at an instant."""
        return self.book.position(numbers, ts_ns=ts_ns)


def _rows(chosen: BoolArray) -> BoolArray | slice:
    """Return what chooses the same rows; for all of them a slice, which copies nothing."""
    return slice(None) if chosen.all() else chosen


def session_of(chain: OptionChain) -> Session:
    """Return the session that a chain belongs to; the one before where its date has none."""
    calendar = chain.series[0].product.calendar
    found = session_on(calendar, chain.session)
    return latest_session(calendar, chain.ts_event_ns) if found is None else found
