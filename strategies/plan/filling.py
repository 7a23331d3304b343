"""What every strategy of one structure shares: the terms of its orders, and how its rules become a plan."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Protocol

from market.errors import ConfigError
from market.orders import TimeInForce
from strategies.features import AverageTrueRange, BandPosition, Feature
from strategies.legs.rules import Structure
from strategies.parameters import require, require_between
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import Schedule
from strategies.plan.sizing import SizeRules

__all__ = ["BarRules", "OrderRules", "PlanParameters", "filled_plan", "require_closed_early"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRules:
    """The terms of a strategy's orders.

    Parameters
    ----------
    allowance : float
        How much worse than the price seen an order may fill, as a share of it, in [0, 1).
    order_life_s : float
        After how many seconds an order is withdrawn at the next view, >= 0; four days bridge a weekend between two
        closing chains, 0 lets the time in force decide.
    time_in_force : TimeInForce
        Of all its orders; a day order that is sent at a closing chain never meets the next one.
    """

    allowance: float = 0.1
    order_life_s: float = 345_600.0
    time_in_force: TimeInForce = TimeInForce.GTC

    def __post_init__(self) -> None:
        require_between("orders", "allowance", self.allowance, 0.0, 1.0, open_high=True)
        require_between("orders", "order_life_s", self.order_life_s, 0.0, inf, open_high=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRules:
    """Bars that the exits look at.

    Parameters
    ----------
    symbol : str
        Name of the bars (`strategies.bar_history.bar_name`); empty for those of the underlying.
    band_bars : int
        Bars of the Bollinger band whose breakout closes or adjusts (Q81), >= 2; 0 for none.
    atr_bars : int
        Bars of the average true range in which a stop may be told, >= 1; 0 for none.
    """

    symbol: str = ""
    band_bars: int = 0
    atr_bars: int = 0

    def __post_init__(self) -> None:
        for name, least in (("band_bars", 2), ("atr_bars", 1)):
            count = getattr(self, name)
            require("bars", name, count, f"0, or at least {least}", holds=count == 0 or count >= least)

    def band(self, name: str, underlying: str) -> Feature | None:
        """Return the position in the band, None where there is none."""
        symbol = self.symbol or underlying
        return BandPosition(name=f"{name}.band", symbol=symbol, n_bars=self.band_bars) if self.band_bars else None

    def atr(self, name: str, underlying: str) -> Feature | None:
        """Return the average true range, None where there is none."""
        symbol = self.symbol or underlying
        return AverageTrueRange(name=f"{name}.atr", symbol=symbol, n_bars=self.atr_bars) if self.atr_bars else None


class PlanParameters(Protocol):
    """What a strategy of one structure takes besides the parameters of its legs."""

    @property
    def name(self) -> str:
        """Tells strategies of one account apart."""

    @property
    def underlying(self) -> str:
        """Whose chain it trades."""

    @property
    def entry(self) -> EntryRules:
        """Gates."""

    @property
    def size(self) -> SizeRules:
        """Ceilings."""

    @property
    def exits(self) -> ExitRules:
        """The way out."""

    @property
    def orders(self) -> OrderRules:
        """Terms of its orders."""

    @property
    def fuzzy(self) -> FuzzyRules | None:
        """Fuzzy sizing."""

    @property
    def score(self) -> EntryScoreRules | None:
        """Entry score."""

    @property
    def layers(self) -> LayerRules | None:
        """Layered score."""

    @property
    def follows_policy(self) -> bool:
        """Whether a policy bounds its size."""

    @property
    def hedge(self) -> HedgeRules | None:
        """Holds its delta within bounds."""

    @property
    def bars(self) -> BarRules:
        """Bars that the exits look at."""


def filled_plan(
    parameters: PlanParameters, structure: Structure, schedule: Schedule, *, allows_undefined_risk: bool = False
) -> PackagePlan:
    """Return the plan of a strategy.

    Parameters
    ----------
    parameters : PlanParameters
        The strategy.
    structure : Structure
        Its legs.
    schedule : Schedule
        When, and in which expirations.
    allows_undefined_risk : bool, optional
        Whether sold legs may stand uncovered.

    Returns
    -------
    PackagePlan
        With the rules of the strategy.

    Raises
    ------
    ConfigError
        As `PackagePlan`.
    """
    return PackagePlan(
        name=parameters.name,
        underlying=parameters.underlying,
        structure=structure,
        schedule=schedule,
        entry=parameters.entry,
        size=parameters.size,
        exits=parameters.exits,
        allowance=parameters.orders.allowance,
        order_life_s=parameters.orders.order_life_s,
        time_in_force=parameters.orders.time_in_force,
        fuzzy=parameters.fuzzy,
        score=parameters.score,
        layers=parameters.layers,
        follows_policy=parameters.follows_policy,
        hedge=parameters.hedge,
        band=parameters.bars.band(parameters.name, parameters.underlying),
        atr=parameters.bars.atr(parameters.name, parameters.underlying),
        allows_undefined_risk=allows_undefined_risk,
    )


def require_closed_early(name: str, exits: ExitRules) -> None:
    """Raise a `ConfigError` unless a package of several expirations is closed before the nearest ends.

    Parameters
    ----------
    name : str
        Of the strategy.
    exits : ExitRules
        Its exits.

    Raises
    ------
    ConfigError
        `close_before_end_s` is 0: beyond the end of the front the later legs stand alone, of an American front a share
        position may stand beside them, and neither is what was sized.
    """
    if exits.close_before_end_s <= 0.0:
        raise ConfigError(
            f"{name}: close_before_end_s cannot be",
            found=f"{exits.close_before_end_s:g}",
            expected="above 0: what is left when the front ends is another position",
        )
