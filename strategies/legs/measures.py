"""What one package can win and lose, how likely, and what it reacts to; each part is computed when it is asked for.

Probabilities and expectations are model measures under the risk-neutral density of the first expiry, not forecasts:
they say how the options are priced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from functools import cached_property
from math import isfinite, nan
from typing import Final, final

import numpy as np

from fields.terminal_density import LognormalDensity, QuotedDensity, TerminalDensity, touch_probability
from market.chains import FloatArray
from market.errors import DataError
from market.orders import Leg, unit_multiplier
from market.tradables import OptionContract
from risk.book import PortfolioGreeks, PricedBook
from risk.book_loss import closing_groups
from risk.horizon_payoff import HorizonProfile, VolShift, horizon_profile, horizon_value, least_at_front
from risk.margin.reg_t import MarginReading, RegTRules, strategy_margin
from risk.payoff import Payoff
from risk.portfolio_greeks import portfolio_greeks
from strategies.legs.rules import PlacedStructure
from strategies.priced_book import OwnedLeg, priced_book
from strategies.views import ChainView

__all__ = ["DensityKind", "PackageMeasures", "RiskNeutralReading", "TouchReading", "package_book", "package_measures"]

_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal(0)
_UNBOUNDED: Final = Decimal("Infinity")
# With several expirations the largest loss is approached and not reached.
_NEARLY_ALL: Final = 0.99
_EXACT: Final = 1.0 - 1e-9


class DensityKind(StrEnum):
    """Which distribution a probability is of."""

    LOGNORMAL = "lognormal"  # one volatility, that at the forward of the first expiry
    QUOTES = "quotes"  # the smile of the first expiry's own quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskNeutralReading:
    """Model measures under one density of the first expiry, not forecasts.

    Parameters
    ----------
    density : DensityKind
        Which.
    volatility : float
        Annualised, at the forward of the first expiry.
    probability_of_profit : float
        That the package is worth more at the first expiry than it cost; interest on the cost left out.
    probability_of_max_loss : float
        That it has lost all it can lose; with several expirations 99 % of the model's largest loss. NaN where the loss
        has no bound.
    expected_value : float
        Mean of the discounted value less the cost, account currency of one package: 0 at fair prices, so what it tells
        is the cost of crossing and what the density does not reprice.
    reason : str
        Why a number is NaN; empty where none is.
    """

    density: DensityKind
    volatility: float
    probability_of_profit: float
    probability_of_max_loss: float
    expected_value: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchReading:
    """How likely the price touches a sold strike before that leg ends; a model measure, not a forecast.

    Parameters
    ----------
    symbol : str
        Contract.
    strike : float
        Level.
    probability_of_touch : float
        At the strike's own volatility, watched without a pause; 1 where the leg is in the money. NaN where it has none.
    probability_beyond : float
        To end in the money, at the same volatility.
    """

    symbol: str
    strike: float
    probability_of_touch: float
    probability_beyond: float


@final
class PackageMeasures:
    """Measures of one package at one price; made by `package_measures`, each computed once when first asked for.

    Parameters
    ----------
    view : ChainView
        The chain that quotes the legs.
    placed : PlacedStructure
        Legs and their places in it.
    net_price : Decimal
        Paid per unit; negative where it was received.
    rules : RegTRules
        Rates of margin.
    """

    def __init__(self, view: ChainView, placed: PlacedStructure, net_price: Decimal, rules: RegTRules) -> None:
        if not placed.legs:
            raise DataError(
                "a package without legs has no measures", found=placed.reason, expected="a placed structure"
            )
        self._view, self._placed, self._rules = view, placed, rules
        self.net_price: Final = net_price
        """Paid per unit; negative where it was received."""
        self.multiplier: Final = unit_multiplier(placed.legs)
        """What the net price counts for, in account currency."""
        self.cost: Final = net_price * self.multiplier
        """Account currency paid for one package; negative where it was received."""

    # -- what needs no volatility -------------------------------------------------------------------------------------

    @cached_property
    def payoff(self) -> Payoff:
        """Profit if all legs ended at once at one price: exact, and the truth where there is one expiration."""
        return self._placed.payoff(self.net_price)

    @cached_property
    def has_one_expiry(self) -> bool:
        """Whether all options end at the same instant, so that no measure of profit needs a model."""
        return len({_contract(leg).series.expiry_ns for leg in self._placed.legs}) == 1

    @cached_property
    def max_loss(self) -> Decimal:
        """The most that one package can lose, account currency, >= 0; infinite where there is no bound.

        Exact with one expiration. With several, what can be lost where each expiration of sold legs settles at a worst
        price of its own, and all that outlives it is closed then (`risk.book_loss.closing_groups`), whatever volatility
        is then (`risk.horizon_payoff.least_at_front`), up to the cent; infinite where forward or discount of a later
        leg is not known.
        """
        if self.has_one_expiry:
            return self.payoff.max_loss
        if not isfinite(self._least):
            return _UNBOUNDED
        return max((self.cost - Decimal(repr(self._least))).quantize(_CENT, rounding=ROUND_CEILING), _ZERO)

    @cached_property
    def width(self) -> Decimal:
        """The most that a package which cost nothing can lose, per unit of price; infinite where there is no bound."""
        if self.has_one_expiry:
            return self._placed.width
        if not isfinite(self._least):
            return _UNBOUNDED
        return max((Decimal(repr(-self._least)) / self.multiplier).quantize(_CENT, rounding=ROUND_CEILING), _ZERO)

    @cached_property
    def _least(self) -> float:
        """Return the least that all of it is worth: each group that is closed together at a worst price of its own."""
        groups = [places for _, places in closing_groups(self._positions())]
        if len(groups) == 1 and len(groups[0]) == len(self._placed.legs):
            return least_at_front(self.book)
        return sum(least_at_front(package_book(self._view, _part(self._placed, each))) for each in groups)

    # -- at the first expiry ------------------------------------------------------------------------------------------

    @cached_property
    def front(self) -> HorizonProfile:
        """Profit over prices at the first expiry, later legs at their own volatilities; a model where there are any."""
        return self.at_horizon(self.front_years)

    def at_horizon(self, horizon_years: float, shift: VolShift | None = None) -> HorizonProfile:
        """Return the profit over prices at an instant up to the first expiry.

        Parameters
        ----------
        horizon_years : float
            From now.
        shift : VolShift, optional
            Changes of the volatilities.

        Returns
        -------
        HorizonProfile
            Account currency of one package.
        """
        return horizon_profile(self.book, float(self.cost), horizon_years=horizon_years, shift=shift)

    @cached_property
    def max_profit(self) -> float:
        """The most that one package can win, account currency; infinite where there is no end.

        Exact with one expiration; with several at the first expiry by the model, NaN where that lacks something.
        """
        return float(self.payoff.max_profit) if self.has_one_expiry else self.front.max_profit

    @cached_property
    def break_evens(self) -> tuple[float, ...]:
        """Prices at the first expiry at which nothing is won or lost, rising; by the model with several expirations."""
        return tuple(map(float, self.payoff.break_evens)) if self.has_one_expiry else self.front.break_evens

    # -- now ----------------------------------------------------------------------------------------------------------

    @cached_property
    def book(self) -> PricedBook:
        """One package with what its value depends on."""
        return package_book(self._view, self._placed)

    @cached_property
    def greeks(self) -> PortfolioGreeks:
        """Greeks of one package in the units of Q18; NaN with the reason where a leg cannot be valued."""
        return portfolio_greeks(self.book)

    @cached_property
    def front_years(self) -> float:
        """Time to the first expiry, years."""
        return float(self.book.tau.min())

    @cached_property
    def marks(self) -> dict[str, Decimal]:
        """Mids of the legs and the price of the underlying, by symbol; what has none is left out."""
        found = {leg.instrument.symbol: mark for leg, mark in zip(self._placed.legs, self.book.mark, strict=True)}
        found[self.book.underlyings[0]] = self.book.spot[0]
        return {symbol: Decimal(repr(float(mark))) for symbol, mark in found.items() if isfinite(mark)}

    @cached_property
    def margin(self) -> MarginReading:
        """Margin of one package alone by the best pairing of its legs; a bounded loss is asked for, not more."""
        return strategy_margin(self._positions(), self.marks, self._rules)

    @cached_property
    def buying_power(self) -> float:
        """Buying power that one package takes alone: its margin and what it costs; NaN where margin is not known."""
        return self.margin.requirement + float(self.cost)

    def _positions(self) -> list[tuple[OptionContract, Decimal]]:
        return [(_contract(leg), Decimal(leg.ratio)) for leg in self._placed.legs]

    # -- under the risk-neutral density -------------------------------------------------------------------------------

    @cached_property
    def at_one_volatility(self) -> RiskNeutralReading:
        """Probabilities and expectation with the volatility at the forward for all prices."""
        return self._reading(DensityKind.LOGNORMAL, self._lognormal)

    @cached_property
    def at_quotes(self) -> RiskNeutralReading:
        """Probabilities and expectation by the smile of the first expiry's own quotes."""
        return self._reading(DensityKind.QUOTES, self.density)

    @cached_property
    def probability_of_profit(self) -> float:
        """Of `at_quotes`, where the quotes make a density, else of `at_one_volatility`; NaN without either.

        Nothing else of the readings is computed for it.
        """
        density = self.density if self.density is not None else self._lognormal
        price, profit, slope, _ = self._profit_line()
        if density is None or not np.isfinite(profit).all():
            return nan
        return 1.0 - _probability_at_most(density, price, profit, slope, 0.0)

    @cached_property
    def touches(self) -> tuple[TouchReading, ...]:
        """How likely each sold strike is touched before its leg ends, in the order of the legs."""
        book = self.book
        found = []
        for place in np.flatnonzero(book.units < 0.0).tolist():
            forward = float(book.spot[0] * book.forward_ratio[place])
            strike, sigma, tau = (float(each[place]) for each in (book.strike, book.volatility, book.tau))
            touch = beyond = nan
            if isfinite(forward) and isfinite(sigma) and sigma > 0.0:
                below = float(LognormalDensity(forward=forward, tau=tau, volatility=sigma).cdf(strike))
                beyond = 1.0 - below if book.is_call[place] else below
                is_inside = (book.spot[0] >= strike) == bool(book.is_call[place])
                reached = touch_probability(float(book.spot[0]), strike, forward=forward, tau=tau, volatility=sigma)
                touch = 1.0 if is_inside else float(reached[0])
            found.append(
                TouchReading(
                    symbol=book.symbols[place], strike=strike, probability_of_touch=touch, probability_beyond=beyond
                )
            )
        return tuple(found)

    @cached_property
    def density(self) -> QuotedDensity | None:
        """Distribution of the price at the first expiry as its own quotes imply it; None where they are too few."""
        return self._view.density(self._front_series)

    @cached_property
    def _front_series(self) -> int:
        ends = [_contract(leg).series.expiry_ns for leg in self._placed.legs]
        return int(self._view.chain.series_index[self._placed.places[ends.index(min(ends))]])

    @cached_property
    def _forward(self) -> tuple[float, float]:
        return self._view.parity(self._front_series)

    @cached_property
    def _lognormal(self) -> LognormalDensity | None:
        """Black's distribution at the volatility that the quotes have at the forward."""
        sigma = self._volatility_at_forward()
        if not (isfinite(self._forward[0]) and isfinite(sigma) and sigma > 0.0):
            return None
        return LognormalDensity(forward=self._forward[0], tau=self.front_years, volatility=sigma)

    def _volatility_at_forward(self) -> float:
        if self.density is not None:
            return self.density.volatility
        forward, view = self._forward[0], self._view
        around = []
        for is_call in (False, True):  # the put below and the call above, both out of the money
            places = view.side(self._front_series, is_call=is_call)
            at = int(view.chain.strike[places].searchsorted(forward)) - (not is_call)
            if not 0 <= at < places.shape[0]:
                return nan
            around.append(int(places[at]))
        (low, high), (left, right) = view.implied_vol(np.array(around)), view.chain.strike[around]
        share = (forward - left) / (right - left) if right > left else 0.0
        return float(low + share * (high - low))

    def _reading(self, kind: DensityKind, density: TerminalDensity | None) -> RiskNeutralReading:
        at_forward = self._lognormal.volatility if self._lognormal is not None else nan
        if density is None:
            why = "no forward by parity" if not isfinite(self._forward[0]) else "too few quotes of the first expiry"
            return _unread(kind, at_forward, why)
        price, profit, slope, worst = self._profit_line()
        if not np.isfinite(profit).all():
            return _unread(kind, at_forward, self.front.reason)
        return RiskNeutralReading(
            density=kind,
            volatility=at_forward,
            probability_of_profit=1.0 - _probability_at_most(density, price, profit, slope, 0.0),
            probability_of_max_loss=_probability_at_most(density, price, profit, slope, worst)
            if isfinite(worst)
            else nan,
            expected_value=self._expected(density),
            reason="" if isfinite(worst) else "the loss has no bound",
        )

    def _profit_line(self) -> tuple[FloatArray, FloatArray, float, float]:
        """Return the profit at the first expiry as a line from price 0 on, its final slope, and the deepest loss."""
        if self.has_one_expiry:
            payoff = self.payoff
            nodes, values = (np.array(each, dtype=np.float64) for each in (payoff.nodes, payoff.values))
            return nodes, values, float(payoff.final_slope), -float(payoff.max_loss) * _EXACT
        front = self.front
        price = np.concatenate(([0.0], front.price))
        return price, np.concatenate(([front.at_zero], front.profit)), front.final_slope, -front.max_loss * _NEARLY_ALL

    def _expected(self, density: TerminalDensity) -> float:
        """Return the discounted mean of the value less the cost: the value is a sum of calls struck at nodes."""
        book, cost, discount = self.book, float(self.cost), self._forward[1]
        if self.has_one_expiry:
            calls = density.call(book.strike)
            worth = np.where(book.is_call, calls, calls - (density.forward - book.strike))
            return float(discount * (book.units * book.multiplier) @ worth) - cost
        front = np.abs(book.tau - self.front_years) < 1e-9
        nodes = np.unique(np.concatenate((density.nodes(), book.strike[front])))
        value = horizon_value(book, nodes, horizon_years=self.front_years)
        slope = np.diff(value) / np.diff(nodes)
        bends = np.diff(slope) @ density.call(nodes[1:-1])
        return float(discount * (value[0] + slope[0] * (density.forward - nodes[0]) + bends)) - cost


def package_measures(
    view: ChainView, placed: PlacedStructure, net_price: Decimal, *, rules: RegTRules | None = None
) -> PackageMeasures:
    """Return the measures of one package at a price.

    Parameters
    ----------
    view : ChainView
        The chain that quotes the legs.
    placed : PlacedStructure
        Legs of options and their places in it.
    net_price : Decimal
        Paid per unit; negative where it was received.
    rules : RegTRules, optional
        Rates of margin; those of Regulation T without it.

    Returns
    -------
    PackageMeasures
        Nothing is computed before it is asked for.

    Raises
    ------
    DataError
        The structure could not be placed.
    """
    return PackageMeasures(view, placed, net_price, _RULES if rules is None else rules)


_RULES: Final = RegTRules()


def package_book(view: ChainView, placed: PlacedStructure) -> PricedBook:
    """Return one package with what its value depends on.

    Parameters
    ----------
    view : ChainView
        The chain that quotes the legs.
    placed : PlacedStructure
        Legs of options and their places in it.

    Returns
    -------
    PricedBook
        As `strategies.priced_book.priced_book` at the instant of the chain, marked at the mid of each quote; a leg for
        which nobody bids lies between 0 and its ask. The benchmark is the underlying itself.
    """
    chain, places = view.chain, np.array(placed.places)
    bid, ask = np.maximum(chain.bid[places], 0.0), chain.ask[places]
    marks = np.where((ask > 0.0) & (ask >= bid), 0.5 * (bid + ask), nan).tolist()
    legs = [
        OwnedLeg(package_id="", strategy="", instrument=_contract(leg), units=Decimal(leg.ratio), mark=mark)
        for leg, mark in zip(placed.legs, marks, strict=True)
    ]
    return priced_book(_OneChain(view), legs, chain.ts_event_ns)


def _part(placed: PlacedStructure, places: Sequence[int]) -> PlacedStructure:
    """Return some legs of a package."""
    return PlacedStructure(
        legs=tuple(placed.legs[each] for each in places), places=tuple(placed.places[each] for each in places)
    )


@final
class _OneChain:
    """A market of one chain and no prints."""

    def __init__(self, view: ChainView) -> None:
        self._view = view

    def chain(self, symbol: str) -> ChainView | None:
        return self._view if symbol == self._view.chain.symbol else None

    def price(self, symbol: str) -> tuple[float, int]:  # noqa: ARG002  # the chain tells it
        return nan, -1


def _contract(leg: Leg) -> OptionContract:
    if not isinstance(leg.instrument, OptionContract):
        raise DataError("a package of a chain holds options", found=leg.instrument.symbol, expected="option contracts")
    return leg.instrument


def _unread(kind: DensityKind, volatility: float, reason: str) -> RiskNeutralReading:
    return RiskNeutralReading(
        density=kind,
        volatility=volatility,
        probability_of_profit=nan,
        probability_of_max_loss=nan,
        expected_value=nan,
        reason=reason,
    )


def _probability_at_most(
    density: TerminalDensity, price: FloatArray, profit: FloatArray, final_slope: float, level: float
) -> float:
    """Return the probability that a piecewise-linear profit is at most a level."""
    gap = profit - level
    cut = np.flatnonzero(gap[1:] * gap[:-1] < 0.0)
    roots = price[cut] + (price[cut + 1] - price[cut]) * gap[cut] / (gap[cut] - gap[cut + 1])
    last = float(gap[-1])
    beyond = [float(price[-1]) - last / final_slope] if final_slope * last < 0.0 else []
    nodes = np.sort(np.concatenate((price, roots, beyond)))
    middles = np.append(0.5 * (nodes[1:] + nodes[:-1]), nodes[-1] + 1.0)
    inside = np.interp(middles, price, profit)
    value = inside + final_slope * np.maximum(middles - price[-1], 0.0)
    below = np.append(density.cdf(nodes), 1.0)
    below[0] = 0.0
    return min(max(float(np.diff(below)[value <= level].sum()), 0.0), 1.0)
