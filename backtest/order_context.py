"""The market around an order: what a report later says of the moment at which a package was entered or left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, isfinite, nan
from typing import Final, final

import numpy as np

from backtest.costs.carry import RateSource
from backtest.implied_spot import implied_spot
from backtest.marking import mid_of
from backtest.quoted_greeks import quoted_greeks, years_left
from market.orders import Leg, OrderIntent, unit_multiplier
from market.tradables import OptionContract
from strategies.market_state import MarketState
from strategies.views import Quote

__all__ = ["OrderContext"]

_DAY_NS: Final = 86_400_000_000_000
_GREEKS: Final = ("delta", "gamma", "vega", "theta")


@final
class OrderContext:
    """Numbers of the instant of a decision, by name.

    Parameters
    ----------
    market : MarketState
        What was known.
    rate : RateSource or None
        Riskless rate; None takes 0.
    with_greeks : bool
        Whether options are valued.
    """

    def __init__(self, market: MarketState, rate: RateSource | None, *, with_greeks: bool) -> None:
        self._market, self._rate, self._with_greeks = market, rate, with_greeks

    def of(self, intent: OrderIntent, quotes: Sequence[Quote], now_ns: int) -> dict[str, float]:
        """Return the market around an order.

        Parameters
        ----------
        intent : OrderIntent
            The order.
        quotes : sequence of Quote
            Of its legs, as the decision saw them.
        now_ns : int
            Instant of the decision, ns since the epoch, UTC.

        Returns
        -------
        dict of str to float
            `spot` of the underlying; `mid` and `spread` of the package, per unit of its net price as it is ordered;
            `days_to_expiry` of its first option; each series by its name, such as ``VIX``; `volume` of the underlying's
            newest bar, where it has bars; and of the package as it is ordered `short_iv`, the mean volatility of what
            it sells, `delta`, `gamma`, `vega` (per 1 of volatility) and `theta` (per year), per unit. NaN where a leg
            does not tell, and where nothing is sold.
        """
        unit = unit_multiplier(intent.legs)
        weights = [float(leg.ratio * leg.instrument.multiplier / unit) for leg in intent.legs]
        context = {
            "spot": self._market.spot(intent.legs[0].instrument.underlying),
            "mid": _weighted(weights, [mid_of(quote) for quote in quotes]),
            "spread": _weighted(map(abs, weights), [quote.ask - max(0.0, quote.bid) for quote in quotes]),
        }
        context |= self._market.levels()
        bars = self._market.bars(intent.legs[0].instrument.underlying, 1)
        if bars.volume.size:
            context["volume"] = float(bars.volume[-1])
        ends = [leg.instrument.series.expiry_ns for leg in intent.legs if isinstance(leg.instrument, OptionContract)]
        if ends:
            context["days_to_expiry"] = (min(ends) - now_ns) / _DAY_NS
        if ends and self._with_greeks:
            rows = np.array([self._greeks(leg, quote, now_ns) for leg, quote in zip(intent.legs, quotes, strict=True)])
            context |= dict(zip(_GREEKS, (np.array(weights) @ rows[:, :-1]).tolist(), strict=True))
            sold = [row[-1] for leg, row in zip(intent.legs, rows.tolist(), strict=True) if _is_sold_option(leg)]
            context["short_iv"] = sum(sold) / len(sold) if sold else nan
        return context

    def _greeks(self, leg: Leg, quote: Quote, now_ns: int) -> tuple[float, ...]:
        """Return the Greeks of one unit of a leg, at the volatility of its mid, and that volatility."""
        contract = leg.instrument
        if not isinstance(contract, OptionContract):
            return (1.0, 0.0, 0.0, 0.0, nan)
        rate = float(self._rate.at(now_ns)) if self._rate is not None else 0.0
        tau = years_left(contract, now_ns)
        spot = self._spot(contract, exp(-rate * tau))
        price = mid_of(quote)
        if not (isfinite(price) and isfinite(spot)):
            return (nan,) * (len(_GREEKS) + 1)
        volatility, found = quoted_greeks(price, spot, float(contract.strike), tau, rate, contract.is_call)
        values = (*(getattr(found, name) for name in _GREEKS), volatility)
        return tuple(float(np.ravel(value)[0]) for value in values)

    def _spot(self, contract: OptionContract, discount: float) -> float:
        near, view = self._market.spot(contract.underlying), self._market.chain(contract.underlying)
        place = -1 if view is None else view.place(contract)
        if view is None or place < 0:
            return near
        return implied_spot(view, int(view.chain.series_index[place]), near, discount)


def _is_sold_option(leg: Leg) -> bool:
    return leg.ratio < 0 and isinstance(leg.instrument, OptionContract)


def _weighted(weights: Iterable[float], values: Iterable[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))
