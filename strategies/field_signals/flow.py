"""The one flow of all strategies of field signals: the way out first, then gates, size and order."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt
from typing import Final

from fields.signals import SignalKind
from market.calendars import latest_session
from market.orders import PositionEffect, TimeInForce
from risk.limits.orders import TradingState
from strategies.decisions import HOLD, Decision, Gate, Proposal
from strategies.features import AverageTrueRange, Feature
from strategies.field_signals.reading import TradableSignal, signal_gates, tradable_signal
from strategies.field_signals.terms import SignalTerms, StopUnit, Vehicle
from strategies.field_signals.vehicles import Offer, Traded, closing_offer, opening_offer, whole_lots
from strategies.ownership import own_packages, own_working
from strategies.parameters import require
from strategies.plan.gates import gate, until_first_failure
from strategies.plan.sizing import smallest
from strategies.views import HeldPackage, View

__all__ = ["SignalFlow"]

_NS: Final = 1_000_000_000
_SESSION_S: Final = 23_400.0
_YEAR_S: Final = {"24/7": 365.0 * 86_400.0}
_LISTED_YEAR_S: Final = 252.0 * _SESSION_S
Factors = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFlow:
    """Opens on a signal, closes by stop, session, time or the opposite signal.

    Parameters
    ----------
    name : str
        Of the strategy.
    kind : SignalKind
        Its signal.
    underlying : str
        Symbol of the field.
    instrument : Share, Perpetual, Future or None
        What is traded where the vehicle is the underlying.
    terms : SignalTerms
        Settings.
    """

    name: str
    kind: SignalKind
    underlying: str
    instrument: Traded | None
    terms: SignalTerms

    def __post_init__(self) -> None:
        is_named = self.terms.vehicle is not Vehicle.UNDERLYING or self.instrument is not None
        require(self.name, "instrument", self.instrument, "what is traded, or another terms.vehicle", holds=is_named)

    @property
    def features(self) -> tuple[Feature, ...]:
        """The average true range, where the stop is counted in it."""
        if self.terms.stop_unit is not StopUnit.ATR:
            return ()
        symbol = self.underlying if self.instrument is None else self.instrument.symbol
        return (AverageTrueRange(name=self._atr, symbol=symbol, n_bars=self.terms.atr_bars),)

    @property
    def _atr(self) -> str:
        return f"{self.name}.atr"

    def decide(self, view: View) -> Decision:
        """Return an exit where one is due, else an entry where everything allows it, else a hold."""
        packages = own_packages(view.account, self.name)
        working = own_working(view.account, self.name)
        oldest_ns = view.now_ns - int(self.terms.order_life_s * _NS)
        old = tuple(order.order_id for order in working if order.decided_ns <= oldest_ns)
        if packages:
            is_working = any(order.order_id not in old for order in working)
            return HOLD if is_working else self._exit(view, packages[0], old)
        if old:
            return Decision(reason="order_too_old", cancel=old)
        return HOLD if working else self._enter(view)

    # -- the way out --------------------------------------------------------------------------------------------------

    def _exit(self, view: View, package: HeldPackage, old: tuple[str, ...]) -> Decision:
        reason, factors = self._exit_reason(view, package)
        if not reason or package.quantity <= 0:
            return Decision(reason="order_too_old", cancel=old) if old else HOLD
        offer = closing_offer(view, self.underlying, package, self.terms)
        if offer.reason:
            failed = Gate(name="closing_price_known", passed=False, value=offer.price, reason=offer.reason)
            return Decision(reason=reason, cancel=old, gates=(failed,), factors=factors)
        closing = Proposal(
            structure=package.structure,
            legs=offer.legs,
            quantity=package.quantity,
            limit_price=offer.limit,
            effect=PositionEffect.CLOSE,
            package_id=package.package_id,
            reason=reason,
            time_in_force=TimeInForce.GTC,
        )
        return Decision(reason=reason, proposals=(closing,), cancel=old, factors=factors)

    def _exit_reason(self, view: View, package: HeldPackage) -> tuple[str, Factors]:
        """Return the first rule that closes a package, empty where it stays: stop, session, time, opposite signal."""
        told, terms = package.factors, self.terms
        direction, stop, start = (told.get(name, nan) for name in ("direction", "stop_distance", "level"))
        level = self._level(view)
        against = -direction * (level - start)
        held_s = (view.now_ns - package.opened_ns) / _NS
        factors: Factors = (("level", level), ("against", against), ("held_s", held_s))
        if not isfinite(stop) or not isfinite(direction):
            return "stop_unknown", factors  # without its stop a position is not kept
        if isfinite(against) and against >= stop:
            return "stop_loss", factors
        if self._seconds_left(view.now_ns) <= terms.flat_before_close_s:
            return "session_end", factors
        if held_s >= terms.max_hold_s:
            return "time_stop", factors
        found = tradable_signal(view, self.underlying, self.kind)
        is_fresh = found is not None and view.now_ns - found.signal.ts_event_ns <= terms.max_signal_age_s * _NS
        if found is not None and is_fresh and found.direction * direction < 0.0:
            return "opposite_signal", factors
        return "", factors

    # -- the way in ---------------------------------------------------------------------------------------------------

    def _enter(self, view: View) -> Decision:
        found = tradable_signal(view, self.underlying, self.kind)
        gates = until_first_failure((*self._account_gates(view), *signal_gates(found, self.terms, view.now_ns)))
        if found is None or not gates[-1].passed:
            return Decision(reason=gates[-1].name, gates=gates)
        offer = opening_offer(view, self.underlying, self.instrument, self.terms, found.direction)
        level, stop = self._level(view), self._stop(view, found)
        priced = (
            gate("package_found", offer.price, nan, passed=not offer.reason, reason=offer.reason),
            gate("level_known", level, 0.0, passed=level > 0.0, reason="no price of the underlying"),
            gate("stop_known", stop, 0.0, passed=isfinite(stop) and stop > 0.0, reason=self._no_stop()),
        )
        gates = until_first_failure((*gates, *priced))
        factors = self._factors(found, level, stop)
        if not gates[-1].passed:
            return Decision(reason=gates[-1].name, gates=gates, factors=factors)
        return self._size(view, found, offer, stop, gates, factors)

    def _account_gates(self, view: View) -> tuple[Gate, ...]:
        account, terms = view.account, self.terms
        last_exit = account.last_exit_ns(self.name)
        rest = (view.now_ns - last_exit) / _NS if last_exit >= 0 else inf
        left, least = self._seconds_left(view.now_ns), terms.flat_before_close_s
        is_open = not least or left > least
        return (
            gate("state_active", passed=account.trading_state is TradingState.ACTIVE, reason="not active"),
            gate("time_before_close", left, least, passed=is_open, reason="too near the close, or closed"),
            gate("cooled_down", rest, terms.cool_down_s, passed=rest >= terms.cool_down_s, reason="exit too recent"),
        )

    def _size(
        self,
        view: View,
        found: TradableSignal,
        offer: Offer,
        stop: float,
        gates: tuple[Gate, ...],
        factors: Factors,
    ) -> Decision:
        account, terms = view.account, self.terms
        share = found.share(terms) * account.size_multiplier
        unit = float(offer.legs[0].instrument.multiplier)
        loss = stop * unit if terms.vehicle is Vehicle.UNDERLYING else offer.notional
        quantity, sizing = smallest(
            (
                ("max_quantity", terms.max_quantity / float(offer.lot)),
                ("risk_budget", share * terms.risk_share * account.equity / loss / float(offer.lot)),
                ("notional", terms.max_notional_share * account.equity / offer.notional / float(offer.lot)),
                ("buying_power", account.buying_power / offer.notional / float(offer.lot)),
            )
        )
        sized = gate("size_at_least_one", float(quantity), 1.0, passed=quantity >= 1, reason="no ceiling allows one")
        if quantity < 1:
            return Decision(reason=sized.name, gates=(*gates, sized), sizing=sizing, factors=factors)
        opening = Proposal(
            structure=offer.structure,
            legs=offer.legs,
            quantity=whole_lots(float(quantity * offer.lot), offer.lot),
            limit_price=offer.limit,
            effect=PositionEffect.OPEN,
            reason=self.kind.value,
            time_in_force=TimeInForce.DAY,
        )
        return Decision(
            reason=self.kind.value, proposals=(opening,), gates=(*gates, sized), sizing=sizing, factors=factors
        )

    # -- numbers ------------------------------------------------------------------------------------------------------

    def _level(self, view: View) -> float:
        """Return the price that stops are counted from: the middle of what is traded, else the chain's spot."""
        if self.terms.vehicle is Vehicle.UNDERLYING and self.instrument is not None:
            quote = view.quote(self.instrument.symbol)
            middle = nan if quote is None else 0.5 * (quote.bid + quote.ask)
            closes = view.bars(self.instrument.symbol, 1).close
            return middle if isfinite(middle) else float(closes[-1]) if closes.shape[0] else nan
        chain = view.chain(self.underlying)
        return nan if chain is None else chain.spot

    def _stop(self, view: View, found: TradableSignal) -> float:
        """Return the distance of the stop, price units; NaN where what it is counted in is not known."""
        terms = self.terms
        if terms.stop_unit is StopUnit.ATR:
            return terms.stop_distance * view.feature(self._atr)
        years = terms.max_hold_s / _YEAR_S.get(terms.calendar, _LISTED_YEAR_S)
        return terms.stop_distance * found.volatility * sqrt(years) * self._level(view)

    def _no_stop(self) -> str:
        if self.terms.stop_unit is StopUnit.ATR:
            return "the average true range is not known yet"
        return "no at-the-money volatility at 30 days"

    def _seconds_left(self, now_ns: int) -> float:
        """Return the seconds to the close of the session; infinite where nothing closes, negative after it."""
        if not self.terms.flat_before_close_s:
            return inf
        return (latest_session(self.terms.calendar, now_ns).close_ns - now_ns) / _NS

    def _factors(self, found: TradableSignal, level: float, stop: float) -> Factors:
        signal = found.signal
        return (
            ("direction", float(found.direction)),
            ("level", level),
            ("stop_distance", stop),
            ("strength_z", signal.strength_z),
            ("probability", found.probability),
            ("is_calibrated", float(signal.is_calibrated)),
            ("field_quality", found.quality),
            ("signal_share", found.share(self.terms)),
        )
