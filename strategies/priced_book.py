"""The positions of an account with what their value depends on, read from chains and prices of one instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite, nan
from typing import Final, Protocol

import numpy as np

from fields.implied_vol import implied_volatility
from market.chains import FloatArray
from market.instruments import ExerciseStyle
from market.tradables import Instrument, OptionContract, option_contract
from risk.book import PricedBook
from strategies.views import ChainView

__all__ = ["Benchmark", "OwnedLeg", "Prices", "priced_book"]

_YEAR_NS: Final = 365 * 86_400_000_000_000
_MINUTE_NS: Final = 60_000_000_000


class Prices(Protocol):
    """The market as far as positions are valued by it; `strategies.market_state.MarketState` is one."""

    def chain(self, symbol: str) -> ChainView | None:
        """Return the newest chain of an underlying; None before the first."""

    def price(self, symbol: str) -> tuple[float, int]:
        """Return the newest print of a symbol and its instant, ns since the epoch, UTC; NaN and -1 without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedLeg:
    """What one package holds of one instrument.

    Parameters
    ----------
    package_id, strategy : str
        Whose.
    instrument : Instrument
        What.
    units : Decimal
        Positive long, negative short.
    mark : float
        What one unit of the underlying in it is worth, quote currency; NaN where there is no mark.
    """

    package_id: str
    strategy: str
    instrument: Instrument
    units: Decimal
    mark: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What deltas of unlike underlyings are told in.

    Parameters
    ----------
    symbol : str
        Its name; empty where there is none.
    betas : mapping of str to float
        Return of an underlying for one of the benchmark; that of the benchmark itself is 1, and of what is not named
        here it is not known.
    """

    symbol: str = ""
    betas: Mapping[str, float] = field(default_factory=dict)


def priced_book(
    prices: Prices, legs: Sequence[OwnedLeg], now_ns: int, *, benchmark: Benchmark | None = None
) -> PricedBook:
    """Return positions with prices, forwards and volatilities.

    Parameters
    ----------
    prices : Prices
        The market as it is known.
    legs : sequence of OwnedLeg
        Positions, also those that a further order would open.
    now_ns : int
        Instant, ns since the epoch, UTC.
    benchmark : Benchmark, optional
        What deltas are weighted by. Without one, or without its symbol, a book on one underlying is its own benchmark,
        and of a book on several no beta is known.

    Returns
    -------
    PricedBook
        Legs in the order given. Forward and discount are those that an expiration's own calls and puts imply, the price
        of the underlying that of the chain, or its newest print where that is more than a minute newer. A volatility is
        that of the position's mark at the chain's forward; where the mark has none, as a deep option whose quotes meet
        below its intrinsic value, that of the contract or of the other right at its strike as the chain tells it.
        What none of them tells is NaN.
    """
    names = tuple(dict.fromkeys(leg.instrument.underlying for leg in legs))
    told = benchmark or Benchmark()
    symbol = told.symbol or (names[0] if len(names) == 1 else "")
    betas = {**told.betas, symbol: 1.0}
    spots = {name: _spot(prices, name, legs, now_ns) for name in {*names, symbol}}
    contracts = [leg.instrument for leg in legs]
    is_option = np.array([isinstance(each, OptionContract) for each in contracts], dtype=np.bool_)
    mark = _column(leg.mark for leg in legs)
    terms = _terms(prices, contracts, mark, now_ns)
    return PricedBook(
        ts_event_ns=now_ns,
        underlyings=names,
        spot=_column(spots[name] for name in names),
        beta=_column(betas.get(name, nan) for name in names),
        benchmark=symbol,
        benchmark_spot=spots[symbol],
        package_ids=tuple(leg.package_id for leg in legs),
        strategies=tuple(leg.strategy for leg in legs),
        symbols=tuple(leg.instrument.symbol for leg in legs),
        underlying=np.array([names.index(each.underlying) for each in contracts], dtype=np.int64),
        units=_column(leg.units for leg in legs),
        multiplier=_column(each.multiplier for each in contracts),
        is_option=is_option,
        is_call=np.array([isinstance(each, OptionContract) and each.is_call for each in contracts], dtype=np.bool_),
        strike=terms.strike,
        tau=terms.tau,
        volatility=terms.volatility,
        forward_ratio=terms.forward_ratio,
        discount=terms.discount,
        mark=mark,
        is_american=np.array([_is_american(each) for each in contracts], dtype=np.bool_),
    )


@dataclass(frozen=True, slots=True)
class _Terms:
    """What only options have; arrays over all legs, with the values of `PricedBook` for what is no option."""

    strike: FloatArray
    tau: FloatArray
    volatility: FloatArray
    forward_ratio: FloatArray
    discount: FloatArray


def _terms(prices: Prices, contracts: Sequence[Instrument], mark: FloatArray, now_ns: int) -> _Terms:
    strike, tau, volatility, forward_ratio, discount = np.full((5, len(contracts)), nan)
    forward_ratio[:] = discount[:] = 1.0
    forward = np.full(len(contracts), nan)
    for place, contract in enumerate(contracts):
        if isinstance(contract, OptionContract):
            strike[place] = float(contract.strike)
            tau[place] = max(contract.series.expiry_ns - now_ns, _MINUTE_NS) / _YEAR_NS
            forward[place], discount[place], spot = _parity(prices, contract)
            forward_ratio[place] = forward[place] / spot
    where = np.flatnonzero(np.isfinite(strike))
    if where.size:
        rights = np.array([getattr(contracts[place], "is_call", False) for place in where.tolist()], dtype=np.bool_)
        volatility[where] = implied_volatility(
            mark[where], forward[where], strike[where], tau[where], discount[where], rights
        ).volatility
    for place in where[~np.isfinite(volatility[where])].tolist():
        volatility[place] = _volatility_of_chain(prices, contracts[place])
    return _Terms(strike, tau, volatility, forward_ratio, discount)


def _parity(prices: Prices, contract: OptionContract) -> tuple[float, float, float]:
    """Return forward and discount of an expiration, and the price of the underlying that goes with them."""
    view = prices.chain(contract.underlying)
    place = -1 if view is None else view.place(contract)
    if view is None or place < 0:
        return nan, nan, nan
    forward, discount = view.parity(int(view.chain.series_index[place]))
    return forward, discount, view.spot


def _volatility_of_chain(prices: Prices, contract: Instrument) -> float:
    """Return what the chain tells of a contract, else of the other right at its strike; NaN where of neither."""
    view = prices.chain(contract.underlying)
    if view is None or not isinstance(contract, OptionContract):
        return nan
    other = option_contract(contract.series, float(contract.strike), is_call=not contract.is_call)
    for each in (contract, other):
        place = view.place(each)
        found = float(view.implied_vol(np.array([place]))[0]) if place >= 0 else nan
        if isfinite(found):
            return found
    return nan


def _spot(prices: Prices, underlying: str, legs: Sequence[OwnedLeg], now_ns: int) -> float:
    """Return the price of an underlying, of the newest instant that tells it."""
    view, (printed, printed_ns) = prices.chain(underlying), prices.price(underlying)
    if view is not None and not (isfinite(printed) and view.chain.ts_event_ns + _MINUTE_NS < min(printed_ns, now_ns)):
        return view.spot if isfinite(view.spot) else printed
    if isfinite(printed):
        return printed
    linear = (leg.mark for leg in legs if leg.instrument.underlying == underlying and not _is_option(leg.instrument))
    return next((mark for mark in linear if isfinite(mark)), nan)  # a perpetual alone tells what its coin is worth


def _is_option(instrument: Instrument) -> bool:
    return isinstance(instrument, OptionContract)


def _is_american(instrument: Instrument) -> bool:
    return isinstance(instrument, OptionContract) and instrument.series.product.exercise is ExerciseStyle.AMERICAN


def _column(values: Iterable[float | Decimal]) -> FloatArray:
    return np.array([float(each) for each in values], dtype=np.float64)
