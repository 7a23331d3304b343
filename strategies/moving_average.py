"""Hold the side of two moving averages: long while the fast one is above the slow one, short below."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Final

from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Future, Perpetual, Share
from strategies.decisions import HOLD, Decision, Gate, Proposal, SizingTerm
from strategies.features import Feature, MovingAverage
from strategies.marketable import marketable_limit, reference_price
from strategies.ownership import has_working, own_packages
from strategies.parameters import require, require_between, require_rising
from strategies.views import HeldPackage, View

__all__ = ["MovingAverageCross"]

# Averages of equal sums differ in their last digits by the order of summation; nearer than this they are equal. Two
# unlike averages of prices on a grid lie at least a tick over the product of the windows apart, far more than this.
_TIE: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingAverageCross:
    """Reverse at each crossing of two averages of closes.

    Parameters
    ----------
    instrument : Share, Perpetual or Future
        What to trade.
    quantity : Decimal, optional
        Units of a whole position, > 0.
    fast, slow : int, optional
        Windows in bars, ``1 <= fast < slow``.
    allows_short : bool, optional
        Whether it sells short below; otherwise it is flat there.
    collar : float, optional
        How far beyond the price seen an order may fill, fraction in [0, 0.2].
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range, or the windows do not rise.

    Notes
    -----
    The side is a function of the averages alone and equal averages keep the position, so the strategy needs no memory:
    it compares the side with what the account holds. `backtest.compiled` runs the same rule over whole recordings.
    """

    instrument: Share | Perpetual | Future
    quantity: Decimal = Decimal(1)
    fast: int = 50
    slow: int = 200
    allows_short: bool = True
    collar: float = 0.05
    name: str = "moving_average"
    _fast_name: str = field(init=False, repr=False, compare=False)
    _slow_name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for at every bar; to put the names together each time would cost a tenth of the decision.
        object.__setattr__(self, "_fast_name", f"{self.name}.fast")
        object.__setattr__(self, "_slow_name", f"{self.name}.slow")
        require_between(self.name, "fast", self.fast, 1, 10_000)
        require_between(self.name, "slow", self.slow, 2, 10_000)
        require_rising(self.name, "fast", self.fast, "slow", self.slow)
        require_between(self.name, "collar", self.collar, 0.0, 0.2)
        whole = isinstance(self.instrument, Perpetual) or self.quantity == self.quantity.to_integral_value()
        require(self.name, "quantity", self.quantity, "above 0, whole", holds=self.quantity > 0 and whole)

    @property
    def features(self) -> tuple[Feature, ...]:
        """The two averages."""
        symbol = self.instrument.symbol
        return (
            MovingAverage(name=self._fast_name, symbol=symbol, n_bars=self.fast),
            MovingAverage(name=self._slow_name, symbol=symbol, n_bars=self.slow),
        )

    def decide(self, view: View) -> Decision:
        """Return the orders that bring the position to the side of the averages, else a hold."""
        fast, slow = view.feature(self._fast_name), view.feature(self._slow_name)
        gap = fast - slow
        if not abs(gap) > _TIE * abs(slow):  # also where one is missing
            return HOLD
        side = 1 if gap > 0.0 else -1 if self.allows_short else 0
        account, held = view.account, 0
        for package in account.packages:
            if package.strategy == self.name:
                held = package.legs[0].ratio
        if side == held or has_working(account, self.name):
            return HOLD
        return self._turn(view, side, own_packages(account, self.name), (("fast", fast), ("slow", slow)))

    def _turn(
        self, view: View, side: int, packages: tuple[HeldPackage, ...], factors: tuple[tuple[str, float], ...]
    ) -> Decision:
        is_buy = side > 0 or (side == 0 and packages[-1].legs[0].ratio < 0)
        price = reference_price(view, self.instrument.symbol, is_buy=is_buy)
        found = isfinite(price) and price > 0.0
        gate = Gate(name="price_known", passed=found, value=price, reason="" if found else "no quote and no closed bar")
        if not found:
            return Decision(reason="no_price", gates=(gate,), factors=factors)
        limit = marketable_limit(self.instrument, price, is_buy=is_buy, collar=self.collar)
        closing = tuple(self._close(package, limit) for package in packages)
        opening = (self._open(side, limit),) if side else ()
        sizing = (SizingTerm(name="fixed_quantity", quantity=float(self.quantity), is_binding=True),) if side else ()
        reason = "cross_above" if is_buy else "cross_below"
        return Decision(
            reason=reason,
            proposals=closing + opening,
            gates=(gate,),
            sizing=sizing,
            factors=(("price", price), *factors),
        )

    def _close(self, package: HeldPackage, limit: Decimal) -> Proposal:
        return Proposal(
            structure=package.structure,
            legs=(Leg(instrument=self.instrument, ratio=-package.legs[0].ratio),),
            quantity=package.quantity,
            limit_price=limit,
            effect=PositionEffect.CLOSE,
            package_id=package.package_id,
            reason="averages_crossed",
            time_in_force=TimeInForce.GTC,
        )

    def _open(self, side: int, limit: Decimal) -> Proposal:
        return Proposal(
            structure="long" if side > 0 else "short",
            legs=(Leg(instrument=self.instrument, ratio=side),),
            quantity=self.quantity,
            limit_price=limit,
            effect=PositionEffect.OPEN,
            reason="averages_crossed",
            time_in_force=TimeInForce.GTC,
        )
