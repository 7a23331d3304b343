"""The trading desk of a run: decisions become orders, the venue's reports become fills, and fills are booked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, final

from backtest.account import AccountNow
from backtest.calendar_events import Expiries
from backtest.config import EngineConfig
from backtest.costs.model import CostModel
from backtest.evenings import Evenings
from backtest.exchange import Match, Report, SimulatedExchange
from backtest.linking import LinkedOrders
from backtest.liquidator import Liquidator
from backtest.margin_book import MarginBook
from backtest.margin_calls import MarginCalls
from backtest.marking import Marker
from backtest.order_context import OrderContext
from backtest.order_gate import OrderGate
from backtest.past_days import PastDays
from backtest.recording import CurveRecorder, Funnel
from backtest.replacing import fit_closings, fitted_match, withdraw_closings
from backtest.results import DecisionRecord, FillQuote
from backtest.risk_memory import RiskMemory
from backtest.sessions import TradingHours
from execution.events import CashMovement, DividendNotice, LedgerEvent, MarkSource, Settlement, Split
from execution.filled import filled_units
from execution.identity import client_order_id
from execution.intents import Asking, intents_of
from execution.ledger import Ledger
from execution.order_book import OrderBook
from execution.order_events import Cancelled, CancelRequested, Executed, Rejected, Sent
from execution.orders import Order
from execution.package_book import PackageBook
from execution.trades import Trade
from market.errors import DataError
from market.fills import Fill
from market.orders import OrderIntent, PositionEffect
from market.tradables import Instrument, Share
from risk.limits.pretrade import Breach, Verdict
from strategies.decisions import Decision
from strategies.market_state import MarketState
from strategies.views import ChainView, Quote

__all__ = ["Desk"]

_ZERO: Final = Decimal(0)
_LAST: Final = MarkSource.LAST


@final
class Desk:
    """Orders, bookings and marks of one account.

    Parameters
    ----------
    config : EngineConfig
        Costs, limits and marks.
    market : MarketState
        What was known when an order was decided.
    hours : TradingHours
        Sessions.
    instruments : mapping of str to Instrument
        Shares, perpetuals and futures of the history by symbol.
    dividends : sequence of DividendNotice
        For early assignment.
    past_days : PastDays or None
        For the limits of the tail.
    """

    def __init__(
        self,
        config: EngineConfig,
        market: MarketState,
        hours: TradingHours,
        instruments: Mapping[str, Instrument],
        dividends: Sequence[DividendNotice] = (),
        past_days: PastDays | None = None,
    ) -> None:
        self._config, self._market, self._hours, self._instruments = config, market, hours, instruments
        self.ledger = Ledger(config.currency)
        self.packages = PackageBook()
        self.orders = OrderBook()
        self.exchange = SimulatedExchange(config.fills, hours, config.latency_ns)
        self.marker = Marker(config.marks, self.packages, self.ledger.price)
        self.liquidator = Liquidator(self, config.perpetuals, config.leverage)
        self.margin = MarginBook(self.ledger, market, config.margin, config.perpetuals, config.leverage)
        self.curve = CurveRecorder(self.ledger, self.margin.requirement)
        self.expiries = Expiries(
            self,
            market,
            config.settlement,
            closing_ns=config.closing_window_ns,
            opening_ns=config.opening_window_ns,
        )
        self.funnel = Funnel()
        rate = config.interest.source if config.interest else None
        self.evenings = Evenings(self, market, hours, dividends, rate)
        self._context = OrderContext(market, rate, with_greeks=config.with_greeks)
        self.account = AccountNow(self.ledger, self.packages, self.orders, self.margin, market, config.risk)
        self.risk = RiskMemory(self, market, config.limits, config.risk, config.start_ns, is_utc=config.days_end_in_utc)
        self._gate = OrderGate(config, market, hours, self, dividends, past_days)
        self.calls = MarginCalls(self, self._gate.quote_of, hours, config)
        self.linked = LinkedOrders(self, self._gate, config.fills.max_legs, config.legging)
        self.trades: list[Trade] = []
        self.fills: list[Fill] = []
        self.fill_quotes: list[FillQuote] = []
        self.ended: list[Order] = []
        self.counts: Counter[str] = Counter()
        self.n_marks_last = 0
        self._charged: dict[str, Decimal] = {}
        self._closed: dict[str, Trade] = {}
        self._decided: dict[str, tuple[Quote, ...]] = {}

    # -- from decisions to orders -------------------------------------------------------------------------------------

    def take(self, record: DecisionRecord) -> None:
        """Carry a decision out: cancels first, then its proposals, each through the gate.

        Parameters
        ----------
        record : DecisionRecord
            With proposals or cancels.

        Raises
        ------
        DataError
            A proposal is impossible, or a cancel names no working order of the strategy.
        """
        now_ns, decision = record.ts_event_ns, self.calls.permitted(record.decision)
        for order_id in decision.cancel:
            self._check_own(order_id, record)
        self.cancel(decision.cancel, now_ns)
        asking = Asking(
            strategy=record.strategy,
            decision_id=record.decision_id,
            ts_event_ns=now_ns,
            currency=self._config.currency,
            packages=self.account.packages,
            closing=self.orders.closing_units(self.orders.leaving),
        )
        for intent, proposal in zip(intents_of(decision, asking), decision.proposals, strict=True):
            told = replace(decision, factors=proposal.factors) if proposal.factors else decision
            if self.linked.takes(intent):
                self.linked.take(intent, told, now_ns)
            else:
                self.send(intent, told, now_ns, part_of=intent)

    def cancel(self, order_ids: Sequence[str], now_ns: int) -> None:
        """Ask the venue to cancel working orders."""
        for order_id in order_ids:
            self.orders.apply(CancelRequested(order_id=order_id, ts_event_ns=now_ns))
            self.exchange.request_cancel(order_id, now_ns)
        if order_ids:  # without latency they are gone before anything else trades
            self.take_reports(self.exchange.advance(now_ns))

    def force(self, intent: OrderIntent, now_ns: int) -> str:
        """Send an order that no strategy asked for, through the same gate, and return its client order id."""
        return self.send(intent, Decision(reason=intent.reason), now_ns, part_of=intent)

    def _check_own(self, order_id: str, record: DecisionRecord) -> None:
        own = {each.order_id for each in self.orders.working() if each.strategy == record.strategy}
        if order_id not in own:
            raise DataError(
                f"strategy {record.strategy} cancels an order that is not its own, or works no more",
                found=order_id,
                expected=f"one of {sorted(own)}",
            )

    def lets_through(self, intent: OrderIntent, now_ns: int) -> bool:
        """Hold an intent that is not sent as it is against the gate; where it is denied, record that."""
        verdict = self._gate.check(intent, self._gate.quotes(intent), now_ns)[0]
        if verdict.binding is not None:
            self._deny(intent, verdict, verdict.binding, now_ns)
        return verdict.is_allowed

    def _deny(self, intent: OrderIntent, verdict: Verdict, binding: Breach, now_ns: int) -> None:
        """Record an order that the gate denies, under the limit that binds."""
        self.funnel.deny(intent.strategy, binding.limit)
        self.risk.denied(binding.limit, now_ns)
        self.refuse(intent, verdict.reason, now_ns)

    def refuse(self, intent: OrderIntent, reason: str, now_ns: int) -> None:
        """Record an order that is not sent."""
        order_id = client_order_id(intent.strategy, intent.cause_id, intent.intent_id)
        self.orders.admit(order_id, intent)
        self.counts["orders_denied"] += 1
        self.orders.apply(Rejected(order_id=order_id, ts_event_ns=now_ns, reason=reason))
        self._collect(now_ns)

    def send(self, intent: OrderIntent, decision: Decision, now_ns: int, *, part_of: OrderIntent) -> str:
        """Send an order through the gate, for itself or as a part of a package, and return its client order id."""
        order_id = client_order_id(intent.strategy, intent.cause_id, intent.intent_id)
        quotes = self._gate.quotes(intent)
        verdict, effect = self._gate.check(intent, quotes, now_ns)
        if self.orders.admit(order_id, intent) is None:
            return order_id
        if verdict.binding is not None:
            self._deny(intent, verdict, verdict.binding, now_ns)
            return order_id
        self.risk.passed(intent.intent_id, now_ns)
        seen = quotes if part_of is intent else self._gate.quotes(part_of)
        context = self._context.of(part_of, seen, now_ns)
        if part_of.effect is PositionEffect.CLOSE:
            context |= decision.factors  # what the exit was decided by
        self.packages.announce(part_of, factors=dict(decision.factors), context=context)
        self._decided[order_id] = quotes
        self.margin.reserve(order_id, effect)
        self.orders.apply(Sent(order_id=order_id, ts_event_ns=now_ns))
        self.exchange.submit(order_id, intent, now_ns)
        return order_id

    # -- from reports to bookings -------------------------------------------------------------------------------------

    def take_reports(self, reports: Sequence[Report]) -> None:
        """Take what the venue tells, in order."""
        for report in reports:
            if isinstance(report, Match):
                match = fitted_match(self.orders.order(report.order_id), report)
                if match is not None:
                    self._execute(match)
            else:
                self.orders.apply(report)
            self._collect(report.ts_event_ns)

    def _execute(self, match: Match) -> None:
        order = self.orders.order(match.order_id)
        intent, execution = order.intent, match.execution
        part = len(order.fill_ids) // len(intent.legs)
        for place in range(len(intent.legs)):
            fill = _fill_of(order, match, place, self._config.costs)
            self.orders.apply(
                Executed(
                    order_id=match.order_id,
                    ts_event_ns=match.ts_event_ns,
                    fill_id=fill.fill_id,
                    leg=place,
                    quantity=fill.quantity,
                )
            )
            self.book_fill(fill, _judged(fill, intent, self._decided[match.order_id][place], match.quotes[place]))
        self.counts["fills_modelled_quote"] += match.is_modelled
        self.counts["fills_partial"] += part > 0 or execution.quantity < intent.quantity
        if intent.effect is PositionEffect.CLOSE:
            self.counts["closings_fitted"] += fit_closings(self, intent.package_id, match.ts_event_ns)

    def _collect(self, now_ns: int) -> None:
        """Put away orders that have ended."""
        for order in self.orders.take_ended(now_ns):
            self._decided.pop(order.order_id, None)
            self.margin.release(order.order_id)
            self.linked.ended(order)
            self.ended.append(order)

    def book_fill(self, fill: Fill, judged: FillQuote) -> None:
        """Record a fill with the quotes that it is judged by, and book it."""
        self.fills.append(fill)
        self.fill_quotes.append(judged)
        self.linked.filled(fill)
        self.book(fill)

    def book(self, event: LedgerEvent) -> None:
        """Book an event in the ledger and in its package.

        Parameters
        ----------
        event : LedgerEvent
            Fill, movement of cash, settlement or split.

        Raises
        ------
        DataError, LedgerError
            As `execution.ledger.Ledger.book`.
        """
        if not self.ledger.book(event):
            return
        charged = event.total_cost if isinstance(event, Fill) else _ZERO
        charged -= event.amount if isinstance(event, CashMovement) else _ZERO
        if charged and not isinstance(event, Settlement | Split) and event.package_id:
            self._charged[event.package_id] = self._charged.get(event.package_id, _ZERO) + charged
        for trade in self.packages.book(event):
            self.trades.append(trade)
            self._closed[trade.package_id] = trade
            self.account.ended(trade.strategy, trade.closed_ns)
            self.risk.ended(trade)
        self.curve.booked()
        if not isinstance(event, CashMovement):
            instruments = self.ledger.instruments
            self.marker.hold(instruments, self.ledger.holdings)
            self.expiries.hold(list(instruments.values()))
            self.evenings.hold(list(self.ledger.holdings.values()), event.ts_event_ns)
            self.calls.hold(list(self.ledger.holdings.values()), event.ts_event_ns)
        if isinstance(event, Settlement):
            withdraw_closings(self, event.package_id, event.ts_event_ns)
            self._collect(event.ts_event_ns)

    def gross_of(self, package_id: str) -> float:
        """Return the marked profit of a package before costs and income, account currency."""
        trade = self._closed.get(package_id)
        if trade is not None:
            return float(trade.gross_pnl)
        return self.packages.marked_pnl(package_id) + float(self._charged.get(package_id, _ZERO))

    def withdraw(self, symbol: str, now_ns: int, reason: str) -> None:
        """Take working orders in an instrument off the venue's book.

        Parameters
        ----------
        symbol : str
            Share, perpetual or future.
        now_ns : int
            Instant, ns since the epoch, UTC.
        reason : str
            Why.
        """
        for order_id in self.exchange.withdraw(symbol):
            self.orders.apply(Cancelled(order_id=order_id, ts_event_ns=now_ns, reason=reason))
        self._collect(now_ns)

    def share_of(self, underlying: str) -> Share | None:
        """Return the share that options on an underlying deliver, where the history names it."""
        found = self._instruments.get(underlying)
        return found if isinstance(found, Share) else None

    # -- marks --------------------------------------------------------------------------------------------------------

    def mark_last(self, symbol: str, price: float, now_ns: int) -> None:
        """Mark a held instrument at its last print; carried in a halt."""
        if self._hours.has_halts and self._is_carried(symbol, now_ns, 1):
            return
        self.ledger.mark(symbol, Decimal(repr(price)), now_ns)
        self.packages.mark(symbol, price, _LAST, now_ns)
        self.n_marks_last += 1

    def mark_quote(self, symbol: str, quote: Quote, now_ns: int) -> None:
        """Mark a held share, perpetual or future by its quote; carried where the quote is not valid."""
        if self._hours.has_halts and self._is_carried(symbol, now_ns, 1):
            return
        mark = self.marker.of_quote(symbol, quote, now_ns)
        if mark is not None:
            self.ledger.mark(symbol, mark.price, now_ns)
            self.packages.mark(symbol, float(mark.price), mark.source, now_ns)

    def mark_chain(self, view: ChainView, now_ns: int) -> None:
        """Mark the held options of a chain's underlying; carried where their quotes are not valid, or in a halt."""
        underlying = view.chain.symbol
        n_held = len(self.marker.options_of(underlying))
        if self._hours.has_halts and self._is_carried(underlying, now_ns, n_held):
            return
        marks = self.marker.of_chain(view, now_ns)
        self.ledger.mark_all(marks)
        self.packages.mark_all(marks)

    def _is_carried(self, symbol: str, now_ns: int, n_marks: int) -> bool:
        """Return whether a symbol is halted, and count the marks that are carried then."""
        is_halted = self._hours.is_halted(symbol, now_ns)
        self.marker.counts["marks_carried"] += n_marks * is_halted
        return is_halted


def _judged(fill: Fill, intent: OrderIntent, decided: Quote, met: Quote) -> FillQuote:
    return FillQuote(
        fill_id=fill.fill_id,
        decided_ns=intent.ts_event_ns,
        decided_bid=decided.bid,
        decided_ask=decided.ask,
        bid=met.bid,
        ask=met.ask,
    )


def _fill_of(order: Order, match: Match, place: int, costs: CostModel) -> Fill:
    """Return what one leg of an order has filled."""
    intent, execution = order.intent, match.execution
    part = len(order.fill_ids) // len(intent.legs)
    leg, price = intent.legs[place], execution.prices[place]
    units = leg.ratio * execution.quantity
    charged = costs.costs(
        leg.instrument,
        units,
        price,
        match.ts_event_ns,
        intent.effect,
        liquidity=execution.liquidity,
        filled_before=filled_units(order)[place],
    )
    return Fill(
        fill_id=f"{match.order_id}.{part}.{place}",
        order_id=match.order_id,
        cause_id=intent.cause_id,
        package_id=intent.package_id,
        strategy=intent.strategy,
        ts_event_ns=match.ts_event_ns,
        instrument=leg.instrument,
        quantity=units,
        price=price,
        costs=charged,
        liquidity=execution.liquidity,
        simulated=True,
    )
