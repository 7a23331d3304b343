"""What positions are worth: marks from quotes, carried and counted where no valid quote stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from math import isfinite, nan
from typing import Final, final

from execution.events import Mark, MarkSource
from market.tradables import Instrument, OptionContract
from strategies.views import ChainView, Holding, Quote

__all__ = ["MarkPolicy", "Marker", "mid_of", "quote_mark"]

_HALF: Final = Decimal("0.5")
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


class MarkPolicy(StrEnum):
    """Which price of a quote a position is worth."""

    MID = "mid"
    CLOSING_SIDE = "closing_side"  # the bid of what is held, the ask of what is owed


def quote_mark(bid: float, ask: float, quantity: Decimal, policy: MarkPolicy) -> Decimal | None:
    """Return the mark that a quote gives.

    Parameters
    ----------
    bid, ask : float
        Sides of the quote; 0 or NaN where the venue shows no bid.
    quantity : Decimal
        What is held, signed.
    policy : MarkPolicy
        Which price.

    Returns
    -------
    Decimal or None
        Without a bid the bid is 0: nobody pays for it. None without an ask, and where the quote is crossed.
    """
    bid = max(0.0, bid)  # 0 also for NaN
    if not (isfinite(ask) and ask > 0.0 and ask >= bid):
        return None
    if policy is MarkPolicy.CLOSING_SIDE:
        return Decimal(repr(bid if quantity > 0 else ask))
    return (Decimal(repr(bid)) + Decimal(repr(ask))) * _HALF


def mid_of(quote: Quote) -> float:
    """Return the middle of a quote, with a bid of 0 where there is none; NaN without an ask, and where crossed."""
    found = quote_mark(quote.bid, quote.ask, _ONE, MarkPolicy.MID)
    return nan if found is None else float(found)


@final
class Marker:
    """Makes the marks of what is held, and counts where they come from.

    Parameters
    ----------
    policy : MarkPolicy
        Which price of a quote counts.
    """

    def __init__(self, policy: MarkPolicy) -> None:
        self._policy = policy
        self._options: dict[str, list[OptionContract]] = {}
        self._holdings: Mapping[str, Holding] = {}
        self.held: Mapping[str, Instrument] = {}
        """What any package holds, by symbol, also where the packages cancel out."""
        self.counts: Counter[str] = Counter()

    def hold(self, instruments: Mapping[str, Instrument], holdings: Mapping[str, Holding]) -> None:
        """Take what is held from now on, after each booking.

        Parameters
        ----------
        instruments : mapping of str to Instrument
            What any package holds, by symbol.
        holdings : mapping of str to Holding
            What the account holds of them together.
        """
        self.held, self._holdings = instruments, holdings
        self._options = {}
        for instrument in instruments.values():
            if isinstance(instrument, OptionContract):
                self._options.setdefault(instrument.underlying, []).append(instrument)

    def options_of(self, underlying: str) -> list[OptionContract]:
        """Return the options that are held on an underlying."""
        return self._options.get(underlying, [])

    def of_quote(self, instrument_symbol: str, quote: Quote, ts_ns: int) -> Mark | None:
        """Return the mark of a held share, perpetual or future; None where the quote is not valid."""
        holding = self._holdings.get(instrument_symbol)
        # What cancels out is worth nothing at either side; its packages are told apart at the mid.
        policy, quantity = (MarkPolicy.MID, _ZERO) if holding is None else (self._policy, holding.quantity)
        price = quote_mark(quote.bid, quote.ask, quantity, policy)
        source = MarkSource.MODELLED_QUOTE if quote.is_modelled else self._source
        return self._mark(instrument_symbol, price, source, ts_ns)

    def of_chain(self, view: ChainView, ts_ns: int) -> list[Mark]:
        """Return the marks of the options that are held on a chain's underlying.

        Parameters
        ----------
        view : ChainView
            The newest chain.
        ts_ns : int
            Instant of its availability, ns since the epoch, UTC.

        Returns
        -------
        list of Mark
            Those whose quote is valid; the others keep their marks, and are counted as carried.
        """
        marks = []
        for contract in self.options_of(view.chain.symbol):
            place = view.place(contract)
            if place < 0:
                self.counts["marks_carried"] += 1
                continue
            quote = view.quote(place)
            mark = self.of_quote(contract.symbol, quote, ts_ns)
            if mark is not None:
                marks.append(mark)
        return marks

    @property
    def _source(self) -> MarkSource:
        return MarkSource.MID if self._policy is MarkPolicy.MID else MarkSource.BID_ASK

    def _mark(self, symbol: str, price: Decimal | None, source: MarkSource, ts_ns: int) -> Mark | None:
        if price is None:
            self.counts["marks_carried"] += 1
            return None
        self.counts[f"marks_{source.value}"] += 1
        return Mark(symbol=symbol, price=price, source=source, ts_ns=ts_ns)
