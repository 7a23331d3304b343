"""The simulated venue: holds working orders, lets them meet the quotes that come after them, and reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, final

from backtest.fills.pricing import Execution, FillRules, execution_of, is_executable
from backtest.sessions import TradingHours
from execution.order_events import Accepted, Cancelled, Expired
from market.orders import Leg, OrderIntent, TimeInForce
from market.tradables import Instrument, OptionContract
from strategies.views import ChainView, Quote

__all__ = ["Match", "Report", "SimulatedExchange"]

_ZERO: Final = Decimal(0)
_FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Packages of an order have traded.

    Parameters
    ----------
    order_id : str
        Client order id.
    ts_event_ns : int
        ns since the epoch, UTC.
    execution : Execution
        How many, at what prices.
    quotes : tuple of Quote
        What each leg met.
    """

    order_id: str
    ts_event_ns: int
    execution: Execution
    quotes: tuple[Quote, ...]

    @property
    def is_modelled(self) -> bool:
        """Whether any of the quotes was a model around a print."""
        return any(quote.is_modelled for quote in self.quotes)


Report = Match | Accepted | Cancelled | Expired
"""What the venue tells."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Working:
    """An order on the way to the venue or on its book."""

    order_id: str
    intent: OrderIntent
    remaining: Decimal
    arrives_ns: int
    ends_ns: int  # the last instant at which it may trade
    cancelled_ns: int = _FOREVER
    is_accepted: bool = False
    has_rested: bool = False
    quotes: list[Quote | None] = field(default_factory=list)
    stood_ns: list[int] = field(default_factory=list)  # from when each of them stood
    shown_ns: int = -1  # when it was last shown quotes

    @property
    def due_ns(self) -> int:
        """The next instant at which it changes by itself."""
        coming = min(self.cancelled_ns, self.ends_ns + 1)
        return coming if self.is_accepted else min(coming, self.arrives_ns)


def _side(leg: Leg, quote: Quote) -> tuple[tuple[str, bool], tuple[int, float]]:
    """Return what a leg takes from: symbol and side, and what tells its quote from the next."""
    is_buy = leg.ratio > 0
    return (leg.instrument.symbol, is_buy), (quote.ts_ns, quote.ask if is_buy else quote.bid)


def _source(instrument: Instrument) -> str:
    """Return what an instrument's quotes come with: the chain of its underlying, or its own quotes."""
    return f"chain {instrument.underlying}" if isinstance(instrument, OptionContract) else instrument.symbol


@final
class SimulatedExchange:
    """Working orders against quotes.

    Parameters
    ----------
    rules : FillRules
        How orders are filled.
    hours : TradingHours
        When.
    latency_ns : int
        Time from a decision to its arrival, and from a cancel to its effect, ns, >= 0.

    Notes
    -----
    An order meets the first executable quotes that stood at or after its arrival, and never those that its decision was
    made from: those have been shown before it was sent. A recording that becomes known late counts by the instant that
    it shows: who sees other prices earlier cannot trade at those of the past. Every leg must have had a quote since
    then, all of them within `FillRules.legs_within_ns`. What does not trade at once rests, and trades at its limit when
    the market comes to it. Outside of the sessions of any leg nothing trades, and nothing counts as a meeting. Sizes
    are taken once: of one quote all orders together get what is shown.
    """

    def __init__(self, rules: FillRules, hours: TradingHours, latency_ns: int = 0) -> None:
        self._rules, self._hours, self._latency_ns = rules, hours, latency_ns
        self._orders: dict[str, _Working] = {}
        self._by_source: dict[str, list[_Working]] = {}
        self._taken: dict[tuple[str, bool], tuple[int, float, Decimal]] = {}
        self.waiting = self._by_source.keys()
        """What orders wait for: symbols, and ``chain SYMBOL`` for options; it follows the orders."""
        self.due_ns = _FOREVER
        """The next instant at which an order changes without a quote, ns since the epoch, UTC."""

    def submit(self, order_id: str, intent: OrderIntent, now_ns: int) -> None:
        """Send an order.

        Parameters
        ----------
        order_id : str
            Client order id.
        intent : OrderIntent
            What is asked.
        now_ns : int
            Instant of the decision, ns since the epoch, UTC.
        """
        order = _Working(
            order_id=order_id,
            intent=intent,
            remaining=intent.quantity,
            arrives_ns=now_ns + self._latency_ns,
            ends_ns=self._ends_ns(intent, now_ns),
            quotes=[None] * len(intent.legs),
            stood_ns=[-1] * len(intent.legs),
        )
        self._orders[order_id] = order
        for source in {_source(leg.instrument) for leg in intent.legs}:
            self._by_source.setdefault(source, []).append(order)
        self.due_ns = min(self.due_ns, order.due_ns)

    def _ends_ns(self, intent: OrderIntent, now_ns: int) -> int:
        ends = intent.good_until_ns or _FOREVER
        for leg in intent.legs:
            if intent.time_in_force is not TimeInForce.GTC:
                ends = min(ends, self._hours.day_ends_ns(leg.instrument, now_ns))
            if isinstance(leg.instrument, OptionContract):
                ends = min(ends, leg.instrument.series.last_trade_ns)
        return ends

    def request_cancel(self, order_id: str, now_ns: int) -> None:
        """Ask to cancel what remains; a trade before the request arrives still counts."""
        order = self._orders.get(order_id)
        if order is not None:
            order.cancelled_ns = min(order.cancelled_ns, now_ns + self._latency_ns)
            self.due_ns = min(self.due_ns, order.due_ns)

    def shown_ns(self, order_id: str) -> int:
        """Return the instant at which an order was last shown quotes that it may trade at; -1 before, or once gone.

        Parameters
        ----------
        order_id : str
            Client order id.

        Returns
        -------
        int
            ns since the epoch, UTC.
        """
        order = self._orders.get(order_id)
        return -1 if order is None else order.shown_ns

    def reduce(self, order_id: str, quantity: Decimal) -> None:
        """Let an order trade no more than a number of packages from now on.

        Parameters
        ----------
        order_id : str
            Client order id of an order that it holds.
        quantity : Decimal
            Packages that may still trade, > 0; more than remain changes nothing.
        """
        order = self._orders[order_id]
        order.remaining = min(order.remaining, quantity)

    def withdraw(self, symbol: str) -> list[str]:
        """Take the orders with a leg in an instrument off the book at once, as when it is split.

        Parameters
        ----------
        symbol : str
            The instrument.

        Returns
        -------
        list of str
            Their ids.
        """
        return self.take_off(
            order.order_id
            for order in self._orders.values()
            if any(symbol in {leg.instrument.symbol, leg.instrument.underlying} for leg in order.intent.legs)
        )

    def take_off(self, order_ids: Iterable[str]) -> list[str]:
        """Take orders off the book at once, also those on their way to it.

        Parameters
        ----------
        order_ids : iterable of str
            Client order ids.

        Returns
        -------
        list of str
            Those that it held.
        """
        found = [order_id for order_id in order_ids if order_id in self._orders]
        for order_id in found:
            self._remove(self._orders[order_id])
        self._set_due()
        return found

    def advance(self, now_ns: int) -> list[Report]:
        """Let arrivals, cancels and ends come into effect up to an instant.

        Parameters
        ----------
        now_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        list of Report
            In order of time. An order may still trade at the very instant of its end; one that ends on its way to the
            venue is never accepted.
        """
        reports: list[Report] = []
        for order in list(self._orders.values()):
            if not order.is_accepted and order.arrives_ns <= min(now_ns, order.ends_ns):
                order.is_accepted = True
                reports.append(Accepted(order_id=order.order_id, ts_event_ns=order.arrives_ns))
            if order.due_ns <= now_ns:
                reports.append(_ended(order))
                self._remove(order)
        self._set_due()
        return sorted(reports, key=lambda report: report.ts_event_ns)

    def on_quote(
        self, symbol: str, quote: Quote, now_ns: int, *, reached: tuple[Quote, Quote] | None = None, since_ns: int = -1
    ) -> list[Report]:
        """Let orders meet a quote.

        Parameters
        ----------
        symbol : str
            Share, perpetual or future.
        quote : Quote
            Executable prices, dated by when they stood.
        now_ns : int
            From when they are known, ns since the epoch, UTC.
        reached : tuple of (Quote, Quote), optional
            Of a bar that has closed: quotes at its low and at its high, which reached what has rested all the while.
        since_ns : int
            Begin of that bar, which must lie in the session too; -1 where there is none.

        Returns
        -------
        list of Report
            Trades and cancels of what must trade at once.
        """
        reports: list[Report] = []
        stood_ns = quote.ts_ns
        instants = (now_ns, stood_ns) if since_ns < 0 else (now_ns, stood_ns, since_ns)
        for order in list(self._by_source.get(symbol, ())):
            if not self._may_trade(order, stood_ns, instants):
                continue
            order.shown_ns = now_ns
            met = quote
            if reached is not None and order.has_rested and len(order.quotes) == 1 and order.arrives_ns <= since_ns:
                met = reached[0] if order.intent.legs[0].ratio > 0 else reached[1]
            for place, leg in enumerate(order.intent.legs):
                if leg.instrument.symbol == symbol:
                    order.quotes[place], order.stood_ns[place] = met, stood_ns
            self._meet(order, now_ns, reports)
        return reports

    def on_chain(self, view: ChainView, now_ns: int) -> list[Report]:
        """Let orders meet the quotes of a chain.

        Parameters
        ----------
        view : ChainView
            Chain that has just become known.
        now_ns : int
            Its instant of availability, ns since the epoch, UTC.

        Returns
        -------
        list of Report
            As `on_quote`.
        """
        reports: list[Report] = []
        underlying, stood_ns = view.chain.symbol, view.chain.ts_event_ns
        for order in list(self._by_source.get(f"chain {underlying}", ())):
            if not self._may_trade(order, stood_ns, (now_ns, stood_ns)):
                continue
            order.shown_ns = now_ns
            for place, leg in enumerate(order.intent.legs):
                if isinstance(leg.instrument, OptionContract) and leg.instrument.underlying == underlying:
                    row = view.place(leg.instrument)
                    order.quotes[place] = view.quote(row) if row >= 0 else None
                    order.stood_ns[place] = stood_ns
            self._meet(order, now_ns, reports)
        return reports

    def _may_trade(self, order: _Working, stood_ns: int, instants: tuple[int, ...]) -> bool:
        """Return whether prices that stood at an instant count for an order, all instants lying in open sessions."""
        if order.arrives_ns > stood_ns:
            return False
        return all(self._hours.is_open(leg.instrument, each) for leg in order.intent.legs for each in instants)

    def _meet(self, order: _Working, now_ns: int, reports: list[Report]) -> None:
        quotes = [quote for quote in order.quotes if quote is not None]
        if len(quotes) < len(order.quotes) or max(order.stood_ns) - min(order.stood_ns) > self._rules.legs_within_ns:
            return
        is_met = is_executable(order.intent, quotes)
        execution = self._execution(order, quotes) if is_met else None
        order.has_rested |= is_met
        if execution is not None:
            order.remaining -= execution.quantity
            reports.append(
                Match(order_id=order.order_id, ts_event_ns=now_ns, execution=execution, quotes=tuple(quotes))
            )
        if order.remaining > 0 and order.intent.time_in_force is TimeInForce.IOC:
            reports.append(Cancelled(order_id=order.order_id, ts_event_ns=now_ns, reason="not filled at once"))
        elif order.remaining > 0:
            return
        self._remove(order)
        self._set_due()

    def _execution(self, order: _Working, quotes: list[Quote]) -> Execution | None:
        """Return what trades of what is left of the quotes, and take it from them."""
        sides = [_side(leg, quote) for leg, quote in zip(order.intent.legs, quotes, strict=True)]
        gone = [self._taken.get(key, (-1, 0.0, _ZERO)) for key, _ in sides]
        taken = [each[2] if each[:2] == side else _ZERO for each, (_, side) in zip(gone, sides, strict=True)]
        found = execution_of(
            order.intent, order.remaining, quotes, self._rules, has_rested=order.has_rested, taken=taken
        )
        if found is not None:
            for leg, (key, side), units in zip(order.intent.legs, sides, taken, strict=True):
                self._taken[key] = (*side, units + found.quantity * abs(leg.ratio))
        return found

    def _remove(self, order: _Working) -> None:
        del self._orders[order.order_id]
        for source in {_source(leg.instrument) for leg in order.intent.legs}:
            waiting = self._by_source[source]
            waiting.remove(order)
            if not waiting:
                del self._by_source[source]

    def _set_due(self) -> None:
        self.due_ns = min((order.due_ns for order in self._orders.values()), default=_FOREVER)


def _ended(order: _Working) -> Report:
    if order.cancelled_ns <= order.ends_ns:
        return Cancelled(order_id=order.order_id, ts_event_ns=order.cancelled_ns, reason="asked for")
    reason = "its time was over" if order.intent.good_until_ns == order.ends_ns else "the session or series has ended"
    return Expired(order_id=order.order_id, ts_event_ns=order.ends_ns, reason=reason)
