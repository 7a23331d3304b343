"""What positions are worth: marks from quotes, carried and counted where no valid quote stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from enum import StrEnum
from functools import lru_cache
from math import isfinite, nan
from typing import Final, final

from backtest.implied_quotes import bounds_quote, parity_quote, static_bounds
from execution.events import Mark, MarkSource
from execution.package_book import PackageBook
from market.tradables import Instrument, OptionContract
from strategies.views import ChainView, Holding, Quote

__all__ = ["MarkPolicy", "Marker", "half_spread_of", "mid_of", "quote_mark"]

_HALF: Final = Decimal("0.5")
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_NINE: Final = Context(prec=9)
_IMPLIED: Final = frozenset((MarkSource.PARITY, MarkSource.BOUNDS))


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
    return _mid(quote.bid, quote.ask)


@lru_cache(maxsize=1024)
def _mid(bid: float, ask: float) -> float:
    # Gate, margin, charges and context ask for the same quote within one order.
    found = quote_mark(bid, ask, _ONE, MarkPolicy.MID)
    return nan if found is None else float(found)


def half_spread_of(quote: Quote) -> float:
    """Return half of a quote's spread, with a bid of 0 where there is none; NaN without an ask, and where crossed."""
    return quote.ask - mid_of(quote)


@final
class Marker:
    """Makes the marks of what is held, and counts where they come from.

    Parameters
    ----------
    policy : MarkPolicy
        Which price of a quote counts.
    packages : PackageBook
        What is carried together.
    price : callable
        The newest mark of what is held, by symbol.
    """

    def __init__(self, policy: MarkPolicy, packages: PackageBook, price: Callable[[str], Decimal | None]) -> None:
        self._policy, self._packages, self._price = policy, packages, price
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
        mark = self._mark(instrument_symbol, quote, self._source, ts_ns)
        if mark is None:
            self._packages.carry([instrument_symbol])
            self.counts["marks_carried"] += 1
        return mark

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
            From a contract's own quote; else from those of other contracts at the same instant that leave no more room
            than a quote does (`backtest.implied_quotes`). Where they leave more, the contract and all that its packages
            hold of the chain keep their marks, and are counted as carried; unless the quotes exclude that the packages
            are still worth as much together: then the contract is marked at the bound that comes nearest to it.
        """
        marks: list[Mark] = []
        missing: list[OptionContract] = []
        for contract in self.options_of(view.chain.symbol):
            place = view.place(contract)
            mark = self._mark(contract.symbol, view.quote(place), self._source, ts_ns) if place >= 0 else None
            mark = mark or self._implied(contract, view, ts_ns)
            if mark is None:
                missing.append(contract)
            else:
                marks.append(mark)
        bounded = [self._bounded(each, missing, marks, view, ts_ns) for each in missing]
        marks += [mark for mark in bounded if mark is not None]
        missing = [each for each, mark in zip(missing, bounded, strict=True) if mark is None]
        if missing:
            carried = self._packages.joined(each.symbol for each in missing)
            self._packages.carry(carried)
            kept = [mark for mark in marks if mark.symbol not in carried]
            self.counts["marks_carried"] += len(missing)
            self.counts["marks_carried_with_package"] += len(marks) - len(kept)
            marks = kept
        return marks

    def _bounded(
        self, contract: OptionContract, missing: list[OptionContract], marks: list[Mark], view: ChainView, ts_ns: int
    ) -> Mark | None:
        """Return the bound of a contract where its packages cannot be worth what they were; None where they can be.

        The quoted legs have moved; what they have gained the missing one would have to have lost. None also where two
        legs are missing together, which leaves it open which of them lost.
        """
        joined, symbol = self._packages.joined([contract.symbol]), contract.symbol
        holding, before, bounds = self._holdings.get(symbol), self._price(symbol), static_bounds(view, contract)
        if holding is None or before is None or bounds is None or sum(each.symbol in joined for each in missing) > 1:
            return None
        gained = sum((self._gain(mark) for mark in marks if mark.symbol in joined), _ZERO)
        same = before - _NINE.divide(gained, holding.quantity * contract.multiplier)
        low, high = Decimal(repr(round(bounds.bid, 9))), Decimal(repr(round(bounds.ask, 9)))
        if low <= same <= high:
            return None
        is_modelled = view.quote(bounds.place).is_modelled
        self.counts["marks_at_bound"] += 1
        return Mark(
            symbol=symbol,
            price=low if same < low else high,
            source=MarkSource.MODELLED_QUOTE if is_modelled else MarkSource.BOUNDS,
            ts_ns=ts_ns,
        )

    def _gain(self, mark: Mark) -> Decimal:
        """Return what a mark earns beside the one before, account currency."""
        holding, before = self._holdings.get(mark.symbol), self._price(mark.symbol)
        if holding is None or before is None:
            return _ZERO
        return (mark.price - before) * holding.quantity * holding.instrument.multiplier

    def _implied(self, contract: OptionContract, view: ChainView, ts_ns: int) -> Mark | None:
        for source, implied in ((MarkSource.PARITY, parity_quote), (MarkSource.BOUNDS, bounds_quote)):
            quote = implied(view, contract)
            mark = None if quote is None else self._mark(contract.symbol, quote, source, ts_ns)
            if mark is not None:
                return mark
        return None

    @property
    def _source(self) -> MarkSource:
        return MarkSource.MID if self._policy is MarkPolicy.MID else MarkSource.BID_ASK

    def _mark(self, symbol: str, quote: Quote, source: MarkSource, ts_ns: int) -> Mark | None:
        holding = self._holdings.get(symbol)
        # What cancels out is worth nothing at either side; its packages are told apart at the mid.
        policy, quantity = (MarkPolicy.MID, _ZERO) if holding is None else (self._policy, holding.quantity)
        price = quote_mark(quote.bid, quote.ask, quantity, policy)
        if price is None:
            return None
        if quote.is_modelled:
            # Also what is implied by modelled quotes is a model; it is counted by how it was implied.
            counted = source if source in _IMPLIED else MarkSource.MODELLED_QUOTE
            self.counts[f"marks_{counted.value}"] += 1
            return Mark(symbol=symbol, price=price, source=MarkSource.MODELLED_QUOTE, ts_ns=ts_ns)
        self.counts[f"marks_{source.value}"] += 1
        return Mark(symbol=symbol, price=price, source=source, ts_ns=ts_ns)
