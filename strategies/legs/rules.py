"""Option structures as data: a leg is a ratio, a right, an expiration and a rule that finds its strike in a chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import copysign, isfinite, nan

from market.errors import ConfigError
from market.orders import Leg
from market.tradables import contract_at
from risk.payoff import Payoff, expiry_payoff
from strategies.legs.finding import Found, at_delta, at_expected_move, at_level, at_spot, beside
from strategies.legs.liquidity import Liquidity, illiquid
from strategies.legs.strikes import (
    AtDelta,
    AtExpectedMove,
    AtLevel,
    AtSpot,
    BesideLeg,
    Reading,
    SameStrike,
    StrikeRule,
    WidthStep,
)
from strategies.views import ChainView, View

__all__ = ["LegRule", "PlacedStructure", "Structure", "placed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRule:
    """One leg of a structure.

    Parameters
    ----------
    ratio : int
        Units per package: positive buys, negative sells.
    is_call : bool
        Right.
    strike : StrikeRule
        How its strike is found.
    expiry : int, optional
        Which of the expirations that are chosen for the structure: 0 the nearest.
    """

    ratio: int
    is_call: bool
    strike: StrikeRule
    expiry: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A package of option legs by rules.

    Parameters
    ----------
    name : str
        Such as ``iron_condor``.
    legs : tuple of LegRule
        One or more; a leg that stands beside another comes after it.
    rising : tuple of int, optional
        Legs whose strikes must rise strictly in this order; in a thin chain the strikes of two rules can change places,
        and what is left is another structure.
    liquidity : Liquidity, optional
        Bounds of each leg.

    Raises
    ------
    ConfigError
        A leg stands beside itself or a later one, has no units, or the expirations leave one out.
    """

    name: str
    legs: tuple[LegRule, ...]
    rising: tuple[int, ...] = ()
    liquidity: Liquidity = Liquidity()

    def __post_init__(self) -> None:
        for place, leg in enumerate(self.legs):
            if isinstance(leg.strike, BesideLeg | SameStrike) and not 0 <= leg.strike.leg < place:
                raise self._broken(place, f"beside leg {leg.strike.leg}", "beside an earlier leg")
            if isinstance(leg.strike, BesideLeg) and not leg.strike.points:
                raise self._broken(place, "beside a leg by 0 points", "a distance other than 0")
            if not leg.ratio:
                raise self._broken(place, "a ratio of 0", "units to buy or sell")
        expiries = {leg.expiry for leg in self.legs}
        if expiries != set(range(len(expiries))) or not set(self.rising) <= set(range(len(self.legs))):
            raise ConfigError(
                f"{self.name} cannot be placed",
                found=f"expirations {sorted(expiries)}, rising legs {self.rising} of {len(self.legs)}",
                expected="expirations from 0 on without a gap, and rising legs that exist",
            )

    def _broken(self, place: int, found: str, expected: str) -> ConfigError:
        return ConfigError(f"leg {place} of {self.name} cannot be placed", found=found, expected=expected)

    @property
    def n_expirations(self) -> int:
        """How many expirations it needs."""
        return 1 + max(leg.expiry for leg in self.legs)

    @property
    def is_defined_risk(self) -> bool:
        """Whether each sold leg is covered by a bought one of its right that lives at least as long.

        A sold put that nothing covers loses up to its strike; that is a bound only on paper, and it counts as none.
        """
        return all(
            sum(leg.ratio for leg in self.legs if leg.is_call is is_call and leg.expiry >= expiry) >= 0
            for is_call in (False, True)
            for expiry in range(self.n_expirations)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedStructure:
    """A structure with its contracts.

    Parameters
    ----------
    legs : tuple of Leg
        In the order of the rules; empty where a leg could not be placed.
    places : tuple of int
        Their places in the chain.
    reason : str
        Why it could not be placed; empty where it could.
    """

    legs: tuple[Leg, ...]
    places: tuple[int, ...]
    reason: str = ""

    def payoff(self, net_price: Decimal) -> Payoff:
        """Return what one package is worth at expiry, less what it cost.

        Parameters
        ----------
        net_price : Decimal
            Paid per unit; negative where it was received.

        Returns
        -------
        Payoff
            Account currency, of one package. Of several expirations as if all ended at once (`risk.payoff`).
        """
        multiplier = max(leg.instrument.multiplier for leg in self.legs)
        positions = ((leg.instrument, Decimal(leg.ratio)) for leg in self.legs)
        return expiry_payoff(positions, cost=net_price * multiplier)

    @property
    def width(self) -> Decimal:
        """The widest loss at expiry of one package that cost nothing, per unit; infinite where it is unbounded."""
        multiplier = max(leg.instrument.multiplier for leg in self.legs)
        return self.payoff(Decimal(0)).max_loss / multiplier


def placed(
    view: ChainView, series: Sequence[int], structure: Structure, *, market: View | None = None
) -> PlacedStructure:
    """Return the contracts of a structure in a chain.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : sequence of int
        Places of the expirations chosen, in the order that `LegRule.expiry` counts.
    structure : Structure
        The rules.
    market : View, optional
        Where distances that depend on the market (`BesideLeg.steps`) are read; without it such a leg has no place.

    Returns
    -------
    PlacedStructure
        Every leg, or none and the reason: what is not listed is never replaced by something else.
    """
    if reason := _unfit(view, series, structure):
        return _unplaced(reason)
    places: list[int] = []
    for number, rule in enumerate(structure.legs):
        found = _place(view, series[rule.expiry], rule, places, market)
        broken = found.reason or illiquid(view, found.place, structure.liquidity)
        if broken:
            return _unplaced(f"no strike for leg {number}: {broken}")
        places.append(found.place)
    if len(set(places)) != len(places):
        return _unplaced("two legs fall on one contract")
    strikes = [float(view.chain.strike[places[leg]]) for leg in structure.rising]
    if not all(low < high for low, high in pairwise(strikes)):
        return _unplaced("the strikes found are not in the order of the structure")
    contracts = [contract_at(view.chain, place) for place in places]
    legs = (Leg(instrument=each, ratio=rule.ratio) for each, rule in zip(contracts, structure.legs, strict=True))
    return PlacedStructure(legs=tuple(legs), places=tuple(places))


def _unfit(view: ChainView, series: Sequence[int], structure: Structure) -> str:
    """Return why expirations do not serve a structure; empty where they do."""
    if len(series) < structure.n_expirations:
        return f"{structure.n_expirations} expirations are needed, {len(series)} are given"
    ends = [int(view.expirations()[place]) for place in series[: structure.n_expirations]]
    if not all(near < far for near, far in pairwise(ends)):
        return "the expirations do not follow each other"
    return ""


def _place(view: ChainView, series: int, rule: LegRule, places: list[int], market: View | None) -> Found:
    strike, is_call = rule.strike, rule.is_call
    match strike:
        case AtDelta():
            found = at_delta(view, series, strike, is_call=is_call, is_sold=rule.ratio < 0)
        case AtSpot():
            found = at_spot(view, series, strike, is_call=is_call)
        case AtLevel():
            found = at_level(view, series, strike, is_call=is_call)
        case AtExpectedMove():
            found = at_expected_move(view, series, strike, is_call=is_call)
        case SameStrike():
            found = beside(view, series, float(view.chain.strike[places[strike.leg]]), 0.0, is_call=is_call)
        case BesideLeg():
            points, reason = _distance(strike, view.chain.symbol, market)
            wanted = float(view.chain.strike[places[strike.leg]]) + points
            within = strike.tolerance * abs(points)
            found = Found(place=-1, reason=reason) if reason else beside(view, series, wanted, within, is_call=is_call)
    return found


def _distance(rule: BesideLeg, symbol: str, market: View | None) -> tuple[float, str]:
    """Return the distance that holds now, or why it cannot be told."""
    widest = abs(rule.points)
    for step in rule.steps:
        level = _level(market, symbol, step)
        if not isfinite(level):
            told = step.reading if step.reading is Reading.IV_RANK else step.name
            return 0.0, f"{told} is missing, and the width depends on it"
        if step.holds(level):
            widest = max(widest, step.points)
    return copysign(widest, rule.points), ""


def _level(market: View | None, symbol: str, step: WidthStep) -> float:
    """Return the level that a step looks at, NaN where it is not known."""
    if market is None:
        return nan
    match step.reading:
        case Reading.SERIES:
            return market.series(step.name).value
        case Reading.FEATURE:
            return market.feature(step.name)
        case Reading.IV_RANK:
            readings = market.readings(symbol)
            return nan if readings is None else readings.implied_vol_rank.rank


def _unplaced(reason: str) -> PlacedStructure:
    return PlacedStructure(legs=(), places=(), reason=reason)
