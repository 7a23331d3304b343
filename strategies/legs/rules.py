"""Option structures as data: each leg is a ratio, a right and a rule that finds its strike in a chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from market.errors import ConfigError
from market.orders import Leg
from market.tradables import OptionContract, contract_at
from risk.payoff import Payoff, expiry_payoff
from strategies.chain_lookup import nearest_strike, strike_at_delta
from strategies.views import ChainView

__all__ = ["AtDelta", "AtSpot", "BesideLeg", "LegRule", "PlacedStructure", "StrikeRule", "Structure", "placed"]

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDelta:
    """The strike whose delta is nearest to a size.

    Parameters
    ----------
    delta : float
        Size of delta per unit, in (0, 1).
    """

    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AtSpot:
    """The strike nearest to the underlying's price, or to a point beside it.

    Parameters
    ----------
    points : float, optional
        Added to the price of the underlying.
    """

    points: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideLeg:
    """The strike nearest to another leg's strike plus a distance, where one lies less than half of it away.

    Parameters
    ----------
    leg : int
        Place of the other leg in the structure; before this one.
    points : float
        Added to its strike; not 0.
    """

    leg: int
    points: float


StrikeRule = AtDelta | AtSpot | BesideLeg


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

    Raises
    ------
    ConfigError
        A leg stands beside itself or a later one.
    """

    name: str
    legs: tuple[LegRule, ...]

    def __post_init__(self) -> None:
        for place, leg in enumerate(self.legs):
            if isinstance(leg.strike, BesideLeg) and not (0 <= leg.strike.leg < place and leg.strike.points):
                raise ConfigError(
                    f"leg {place} of {self.name} cannot be placed",
                    found=f"beside leg {leg.strike.leg} by {leg.strike.points:g} points",
                    expected="beside an earlier leg, by a distance other than 0",
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
            Account currency, of one package.
        """
        multiplier = max(leg.instrument.multiplier for leg in self.legs)
        positions = ((leg.instrument, Decimal(leg.ratio)) for leg in self.legs)
        return expiry_payoff(positions, cost=net_price * multiplier)

    @property
    def width(self) -> Decimal:
        """The widest loss at expiry of one package that cost nothing, per unit; infinite where it is unbounded."""
        multiplier = max(leg.instrument.multiplier for leg in self.legs)
        return self.payoff(Decimal(0)).max_loss / multiplier


def placed(view: ChainView, series: Sequence[int], structure: Structure) -> PlacedStructure:
    """Return the contracts of a structure in a chain.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : sequence of int
        Places of the expirations chosen, in the order that `LegRule.expiry` counts.
    structure : Structure
        The rules.

    Returns
    -------
    PlacedStructure
        Every leg, or none and the reason: what is not listed is never replaced by something else.
    """
    places: list[int] = []
    for number, rule in enumerate(structure.legs):
        place = _place(view, series[rule.expiry], rule, places)
        if place < 0:
            return _unplaced(f"no strike for leg {number}")
        places.append(place)
    contracts = [contract_at(view.chain, place) for place in places]
    if len({contract.symbol for contract in contracts}) != len(contracts):
        return _unplaced("two legs fall on one contract")
    if not _near_enough(structure, contracts):
        return _unplaced("no strike near the distance of a leg")
    legs = (Leg(instrument=each, ratio=rule.ratio) for each, rule in zip(contracts, structure.legs, strict=True))
    return PlacedStructure(legs=tuple(legs), places=tuple(places))


def _place(view: ChainView, series: int, rule: LegRule, places: list[int]) -> int:
    match rule.strike:
        case AtDelta(delta=delta):
            return strike_at_delta(view, series, delta, is_call=rule.is_call).place
        case AtSpot(points=points):
            return nearest_strike(view, series, view.spot + points, is_call=rule.is_call)
        case BesideLeg(leg=leg, points=points):
            wanted = float(view.chain.strike[places[leg]]) + points
            return nearest_strike(view, series, wanted, is_call=rule.is_call)


def _near_enough(structure: Structure, contracts: list[OptionContract]) -> bool:
    """Return whether each leg beside another lies nearer to its distance than half of it: a wing stays a wing."""
    for rule, contract in zip(structure.legs, contracts, strict=True):
        if isinstance(rule.strike, BesideLeg):
            distance = float(contract.strike - contracts[rule.strike.leg].strike)
            if not abs(distance - rule.strike.points) < 0.5 * abs(rule.strike.points):
                return False
    return True


def _unplaced(reason: str) -> PlacedStructure:
    return PlacedStructure(legs=(), places=(), reason=reason)
