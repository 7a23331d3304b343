"""Several timeframes at once: the week's trend, the day's momentum, the hour's reversion, the minute's execution."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from math import fsum, inf, isfinite, nan
from typing import Final

from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Future, Perpetual, Share
from risk.limits.orders import TradingState
from strategies.decisions import HOLD, Decision, Gate, Proposal
from strategies.features import (
    AtTimeframe,
    AverageDistance,
    AverageTrueRange,
    BarFeature,
    Feature,
    LogReturn,
    RealisedVolatilityPercentile,
    RelativeStrengthIndex,
)
from strategies.marketable import marketable_limit, reference_price
from strategies.ownership import has_working, own_packages
from strategies.parameters import require, require_between, require_rising
from strategies.plan.gates import gate, until_first_failure
from strategies.plan.sizing import smallest
from strategies.views import HeldPackage, View

__all__ = ["Confluence", "ConfluenceTerms", "ConfluenceVotes"]

_NS: Final = 1_000_000_000
_DUST: Final = 1e-9
_READ: Final = ("week", "day", "hour", "minute", "volatility", "range")
Factors = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfluenceTerms:
    """What each timeframe reads, and how much each is worth.

    Parameters
    ----------
    week_bars : int
        Weeks of the average that tells the trend, >= 2.
    day_bars : int
        Sessions of the return that tells the momentum, >= 1.
    hour_bars : int
        Hours of the relative strength index, >= 2.
    hour_low, hour_high : float
        Its levels of a fall and of a rise that should revert, ``0 < low < high < 100``.
    minute_bars : int
        Closed bars whose return must already go the way of the trade, >= 1.
    weights : tuple of float
        Of week, day, hour and minute; >= 0, of sum 1.
    min_confluence : float
        Least weight that goes one way, in (0, 1].
    volatility_bars, volatility_days : int
        Sessions of the realised volatility, and of its past.
    calm_percentile : float
        Percentile of the realised volatility up to which the size is whole, in [0, 1); it falls to 0 at 1.
    stop_ranges : float
        Distance of the stop in average true ranges of the day, > 0.
    max_hold_days : float
        Days after which it is closed, > 0.
    calendar : str
        Sessions that make days and weeks, or ``24/7``.

    Raises
    ------
    ConfigError
        A number lies outside its range or does not fit another.
    """

    week_bars: int = 10
    day_bars: int = 10
    hour_bars: int = 14
    hour_low: float = 40.0
    hour_high: float = 60.0
    minute_bars: int = 5
    weights: tuple[float, float, float, float] = (0.4, 0.3, 0.2, 0.1)
    min_confluence: float = 0.7
    volatility_bars: int = 20
    volatility_days: int = 120
    calm_percentile: float = 0.5
    stop_ranges: float = 2.0
    max_hold_days: float = 10.0
    calendar: str = "NYSE"

    def __post_init__(self) -> None:
        for name, least in (("week_bars", 2), ("day_bars", 1), ("hour_bars", 2), ("minute_bars", 1)):
            require_between("confluence", name, getattr(self, name), least, 10_000)
        for name in ("volatility_bars", "volatility_days"):
            require_between("confluence", name, getattr(self, name), 2, 10_000)
        require_between("confluence", "hour_low", self.hour_low, 0.0, 100.0, open_low=True, open_high=True)
        require_rising("confluence", "hour_low", self.hour_low, "hour_high", self.hour_high)
        require_between("confluence", "hour_high", self.hour_high, 0.0, 100.0, open_low=True, open_high=True)
        whole = min(self.weights) >= 0.0 and abs(fsum(self.weights) - 1.0) < _DUST
        require("confluence", "weights", self.weights, "four shares of sum 1", holds=whole)
        require_between("confluence", "min_confluence", self.min_confluence, 0.0, 1.0, open_low=True)
        require_between("confluence", "calm_percentile", self.calm_percentile, 0.0, 1.0, open_high=True)
        for name in ("stop_ranges", "max_hold_days"):
            require_between("confluence", name, getattr(self, name), 0.0, inf, open_low=True, open_high=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfluenceVotes:
    """Which way each timeframe points: +1, -1, or 0 where it says nothing.

    Parameters
    ----------
    week, day, hour, minute : int
        Trend, momentum, reversion and execution.
    """

    week: int
    day: int
    hour: int
    minute: int

    @property
    def direction(self) -> int:
        """The way of the trend, where the day's momentum does not deny it; 0 else."""
        return self.week if self.week and self.day == self.week else 0

    def share(self, weights: tuple[float, float, float, float]) -> float:
        """Return the weight that goes the way of the trend, less what goes against it; never below 0 or above 1."""
        votes = (self.week, self.day, self.hour, self.minute)
        total = fsum(weight * vote * self.direction for weight, vote in zip(weights, votes, strict=True))
        return min(max(total, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confluence:
    """Goes with the week and the day, after a dip of the hour, once the minute has turned; closed bars alone (Z73).

    Parameters
    ----------
    instrument : Share, Perpetual or Future
        What to trade; its own bars are read.
    terms : ConfluenceTerms, optional
        What each timeframe reads, and how much it is worth.
    risk_share : float, optional
        Share of the equity lost at the stop of a whole confluence, in (0, 1].
    max_notional_share : float, optional
        Largest worth as a share of the equity, > 0.
    allows_short : bool, optional
        Whether falls are traded.
    collar : float, optional
        How far beyond the price seen an order may fill, fraction in [0, 0.2].
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range.

    Notes
    -----
    Less agreement and more volatility only ever make it smaller. A number that is missing gives no vote where it is a
    vote, and no trade where it is the volatility or the range of the stop.
    """

    instrument: Share | Perpetual | Future
    terms: ConfluenceTerms = ConfluenceTerms()
    risk_share: float = 0.01
    max_notional_share: float = 1.0
    allows_short: bool = True
    collar: float = 0.002
    name: str = "confluence"
    _names: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_between(self.name, "risk_share", self.risk_share, 0.0, 1.0, open_low=True)
        require_between(self.name, "max_notional_share", self.max_notional_share, 0.0, inf, open_low=True)
        require_between(self.name, "collar", self.collar, 0.0, 0.2)
        object.__setattr__(self, "_names", {each: f"{self.name}.{each}" for each in _READ})

    @property
    def features(self) -> tuple[Feature, ...]:
        """Trend, momentum, strength, execution, percentile of volatility and true range."""
        symbol, names, t = self.instrument.symbol, self._names, self.terms

        def of(timeframe: str, feature: BarFeature) -> AtTimeframe:
            return AtTimeframe(feature=feature, timeframe=timeframe, calendar=t.calendar)

        volatility = RealisedVolatilityPercentile(
            name=names["volatility"], symbol=symbol, n_returns=t.volatility_bars, n_bars=t.volatility_days
        )
        return (
            of("1w", AverageDistance(name=names["week"], symbol=symbol, n_bars=t.week_bars)),
            of("1d", LogReturn(name=names["day"], symbol=symbol, n_bars=t.day_bars)),
            of("1h", RelativeStrengthIndex(name=names["hour"], symbol=symbol, n_bars=t.hour_bars)),
            LogReturn(name=names["minute"], symbol=symbol, n_bars=t.minute_bars),
            of("1d", volatility),
            of("1d", AverageTrueRange(name=names["range"], symbol=symbol)),
        )

    def votes(self, view: View) -> ConfluenceVotes:
        """Return which way each timeframe points at a view."""
        hour = view.feature(self._names["hour"])
        return ConfluenceVotes(
            week=_sign(view.feature(self._names["week"])),
            day=_sign(view.feature(self._names["day"])),
            hour=int(hour < self.terms.hour_low) - int(hour > self.terms.hour_high),
            minute=_sign(view.feature(self._names["minute"])),
        )

    def decide(self, view: View) -> Decision:
        """Return an exit where one is due, else an entry where everything allows it, else a hold."""
        if has_working(view.account, self.name):
            return HOLD
        held = own_packages(view.account, self.name)
        return self._leave(view, held[0]) if held else self._enter(view)

    def _leave(self, view: View, package: HeldPackage) -> Decision:
        side, votes = package.legs[0].ratio, self.votes(view)
        stop, level = package.factors.get("stop_distance", nan), package.factors.get("level", nan)
        price = reference_price(view, self.instrument.symbol, is_buy=side < 0)
        against = side * (level - price)
        held_days = (view.now_ns - package.opened_ns) / _NS / 86_400.0
        if not isfinite(stop):
            reason = "stop_unknown"  # without its stop a position is not kept
        elif against >= stop:
            reason = "stop_loss"
        elif held_days >= self.terms.max_hold_days:
            reason = "time_stop"
        elif votes.week == -side or votes.day == -side:
            reason = "trend_turned"
        else:
            return HOLD
        factors: Factors = (("against", against), ("held_days", held_days))
        if not price > 0.0:
            failed = Gate(name="price_known", passed=False, value=price, reason="no quote and no closed bar")
            return Decision(reason=reason, gates=(failed,), factors=factors)
        closing = self._order(-side, package.quantity, reason, price, package)
        return Decision(reason=reason, proposals=(closing,), factors=factors)

    def _enter(self, view: View) -> Decision:
        terms, votes = self.terms, self.votes(view)
        direction, share = votes.direction, votes.share(terms.weights)
        price = reference_price(view, self.instrument.symbol, is_buy=direction > 0)
        percentile = view.feature(self._names["volatility"])
        stop = terms.stop_ranges * view.feature(self._names["range"])
        wanted = direction > 0 or (direction < 0 and self.allows_short)
        active = view.account.trading_state is TradingState.ACTIVE
        gates = until_first_failure(
            (
                gate("state_active", passed=active, reason="not active"),
                gate("trend_and_momentum", float(direction), passed=wanted, reason="week and day do not go one way"),
                gate(
                    "minute_turned",
                    float(votes.minute),
                    float(direction),
                    passed=votes.minute == direction,
                    reason="the last bars go the other way",
                ),
                gate(
                    "confluence",
                    share,
                    terms.min_confluence,
                    passed=share >= terms.min_confluence,
                    reason="too little goes one way",
                ),
                gate("volatility_known", percentile, passed=isfinite(percentile), reason="too few sessions"),
                gate("stop_known", stop, 0.0, passed=stop > 0.0, reason="the range of the day is not known yet"),
                gate("price_known", price, 0.0, passed=price > 0.0, reason="no quote and no closed bar"),
            )
        )
        factors: Factors = (
            ("level", price),
            ("stop_distance", stop),
            ("confluence", share),
            ("volatility_percentile", percentile),
            ("week", float(votes.week)),
            ("day", float(votes.day)),
            ("hour", float(votes.hour)),
        )
        if not gates[-1].passed:
            return Decision(reason=gates[-1].name, gates=gates, factors=factors)
        return self._size(view, direction, share, gates, factors)

    def _size(self, view: View, direction: int, share: float, gates: tuple[Gate, ...], factors: Factors) -> Decision:
        told, account = dict(factors), view.account
        calm = self.terms.calm_percentile
        share *= min((1.0 - told["volatility_percentile"]) / (1.0 - calm), 1.0) * account.size_multiplier
        price, unit = told["level"], float(self.instrument.multiplier)
        lot = self.instrument.lot if isinstance(self.instrument, Perpetual) else Decimal(1)
        lots = unit * float(lot)
        quantity, sizing = smallest(
            (
                ("risk_budget", share * self.risk_share * account.equity / (told["stop_distance"] * lots)),
                ("notional", self.max_notional_share * account.equity / (price * lots)),
                ("buying_power", account.buying_power / (price * lots)),
            )
        )
        sized = gate("size_at_least_one", float(quantity), 1.0, passed=quantity >= 1, reason="no ceiling allows one")
        if quantity < 1:
            return Decision(reason=sized.name, gates=(*gates, sized), sizing=sizing, factors=factors)
        opening = self._order(direction, quantity * lot, "confluence", price)
        return Decision(
            reason="confluence", proposals=(opening,), gates=(*gates, sized), sizing=sizing, factors=factors
        )

    def _order(
        self, side: int, quantity: Decimal, reason: str, price: float, closes: HeldPackage | None = None
    ) -> Proposal:
        return Proposal(
            structure=closes.structure if closes else "long" if side > 0 else "short",
            legs=(Leg(instrument=self.instrument, ratio=side),),
            quantity=quantity,
            limit_price=marketable_limit(self.instrument, price, is_buy=side > 0, collar=self.collar),
            effect=PositionEffect.CLOSE if closes else PositionEffect.OPEN,
            package_id=closes.package_id if closes else "",
            reason=reason,
            time_in_force=TimeInForce.DAY,
        )


def _sign(value: float) -> int:
    return int(value > 0.0) - int(value < 0.0)
