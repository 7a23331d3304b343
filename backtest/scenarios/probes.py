"""Strategies that only test: they trade at every chance, so that a scenario meets what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Final

from market.orders import Leg, PositionEffect
from market.tradables import OptionContract, Perpetual, option_contract
from strategies.chain_lookup import nearest_expiration, nearest_strike
from strategies.decisions import HOLD, Decision, Proposal
from strategies.ownership import own_packages
from strategies.package_prices import natural_price, opposite, package_limit
from strategies.views import ChainView, View

__all__ = ["EveryView", "OpenOnce"]

_TWENTY_MINUTES_NS: Final = 1_200_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryView:
    """Opens a put spread where none is open, and closes it at the next chance, at any price within an allowance.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    width : float
        Points between the strikes, > 0.
    allowance : float
        How much worse than the price seen an order may fill, as a fraction, >= 0.
    order_life_ns : int
        How long an order rests, ns.
    spans : tuple of (int, int)
        Where it opens: from and up to these instants, ns since the epoch, UTC; everywhere where there is none.
    name : str
        Tells strategies of one account apart.
    """

    underlying: str
    width: float = 50.0
    allowance: float = 0.5
    order_life_ns: int = _TWENTY_MINUTES_NS
    spans: tuple[tuple[int, int], ...] = ()
    name: str = "every_view"

    def decide(self, view: View) -> Decision:
        """Return an order wherever none is working."""
        chain = view.chain(self.underlying)
        if chain is None or any(order.strategy == self.name for order in view.account.working):
            return HOLD
        packages = own_packages(view.account, self.name)
        if packages:
            legs = opposite(packages[0].legs)
            return self._proposal(chain, legs, PositionEffect.CLOSE, packages[0].package_id)
        if self.spans and not any(start <= view.now_ns < end for start, end in self.spans):
            return HOLD
        legs = self._spread(chain)
        return self._proposal(chain, legs, PositionEffect.OPEN, "") if legs else HOLD

    def _spread(self, chain: ChainView) -> tuple[Leg, ...]:
        series = nearest_expiration(chain, 14, 7, 30)
        if series < 0:
            return ()
        found: list[OptionContract] = []
        for level in (chain.spot, chain.spot - self.width):
            place = nearest_strike(chain, series, level, is_call=False)
            if place >= 0:
                strike = float(chain.chain.strike[place])
                found.append(option_contract(chain.chain.series[series], strike, is_call=False))
        if len({contract.symbol for contract in found}) < 2:
            return ()
        return Leg(instrument=found[0], ratio=1), Leg(instrument=found[1], ratio=-1)

    def _proposal(self, chain: ChainView, legs: tuple[Leg, ...], effect: PositionEffect, package_id: str) -> Decision:
        price = natural_price(chain, legs)
        if not isfinite(price):
            return HOLD
        wanted = Proposal(
            structure="put_spread",
            legs=legs,
            quantity=Decimal(1),
            limit_price=package_limit(legs, price, self.allowance),
            effect=effect,
            package_id=package_id,
            reason="every_view",
            good_for_ns=self.order_life_ns,
        )
        return Decision(reason="every_view", proposals=(wanted,))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOnce:
    """Buys or sells one quantity of a perpetual at the first chance, and holds whatever happens.

    Parameters
    ----------
    instrument : Perpetual
        What.
    quantity : Decimal
        Positive buys, negative sells; never 0.
    allowance : float
        How much worse than the price seen the order may fill, as a fraction, >= 0.
    name : str
        Tells strategies of one account apart.
    """

    instrument: Perpetual
    quantity: Decimal
    allowance: float = 0.05
    name: str = "open_once"

    def decide(self, view: View) -> Decision:
        """Return the order until it is filled, and never again after."""
        account = view.account
        quote = view.quote(self.instrument.symbol)
        if quote is None or account.last_exit_ns(self.name) >= 0 or own_packages(account, self.name):
            return HOLD
        if any(order.strategy == self.name for order in account.working):
            return HOLD
        ratio = 1 if self.quantity > 0 else -1
        legs = (Leg(instrument=self.instrument, ratio=ratio),)
        price = ratio * (quote.ask if ratio > 0 else quote.bid)
        wanted = Proposal(
            structure="perpetual",
            legs=legs,
            quantity=abs(self.quantity),
            limit_price=package_limit(legs, price, self.allowance),
            effect=PositionEffect.OPEN,
            reason="open_once",
        )
        return Decision(reason="open_once", proposals=(wanted,))
