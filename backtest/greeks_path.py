"""What each Greek of the held options earned from one instant to the next; the residual makes it add up exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, isfinite, nan
from typing import Final, NamedTuple, final

import numpy as np

from backtest.costs.carry import RateSource
from backtest.desk import Desk
from backtest.implied_spot import implied_spot
from backtest.quoted_greeks import quoted_greeks, years_left
from backtest.results import GreeksPath
from market.chains import FloatArray
from market.tradables import Instrument, OptionContract
from strategies.market_state import MarketState

__all__ = ["GreeksRecorder"]

_YEAR_NS: Final = 365 * 86_400_000_000_000
_MINUTE_NS: Final = 60_000_000_000
_N_TERMS: Final = 8
_NO_TERMS: Final = np.zeros(_N_TERMS)
_COLUMNS: Final = ("spot", "delta_usd", "gamma_usd", "vega_usd", "theta_usd", "vanna_usd", "volga_usd", "charm_usd")
_SHARE: Final = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class _Part(NamedTuple):
    """What one package holds of one instrument."""

    package_id: str
    instrument: Instrument
    units: float  # quantity x multiplier


class _Value(NamedTuple):
    """One instrument at one instant, per unit of the underlying."""

    spot: float
    volatility: float
    greeks: tuple[float, ...]  # delta, gamma, vega, theta, vanna, volga, charm, rho


class _Book(NamedTuple):
    """Everything at one instant; profits are before costs and income."""

    ts_ns: int
    rate: float
    gross: float
    parts: tuple[_Part, ...]
    values: Mapping[str, _Value]
    by_package: Mapping[str, float]


@final
class GreeksRecorder:
    """Writes down, at each instant, what moved the book since the one before.

    Parameters
    ----------
    desk : Desk
        Positions and marks.
    market : MarketState
        Chains and prices.
    rate : RateSource or None
        Riskless rate; None takes 0.

    Notes
    -----
    With Greeks at the start of the step, of each contract on the calendar clock: ``delta dS + gamma dS^2 / 2 + vega ds
    + theta dt + vanna dS ds + volga ds^2 / 2 + charm dS dt + rho dr``. `S` is `backtest.implied_spot` of the contract's
    own expiration; `s` the volatility of its mark. What is traded or settled within a step, beyond the move of what was
    held at its start, is in the residual, and so is a contract whose mark has no volatility. Shares count by delta.
    """

    def __init__(self, desk: Desk, market: MarketState, rate: RateSource | None) -> None:
        self._desk, self._market, self._rate = desk, market, rate
        self._before: _Book | None = None
        self._implied: tuple[int, dict[tuple[str, int], float]] = (-1, {})
        self._rows: list[tuple[float, ...]] = []
        self._by_package: dict[str, list[tuple[float, ...]]] = {}

    def row(self, now_ns: int) -> None:
        """End a step.

        Parameters
        ----------
        now_ns : int
            Instant, ns since the epoch, UTC; everything of it has happened but decisions.
        """
        before = self._before
        if before is None and not any(isinstance(each, OptionContract) for each in self._desk.marker.held.values()):
            return
        after = self._book(now_ns)
        start = before or after._replace(gross=after.gross - sum(after.by_package.values()), parts=(), by_package={})
        spots = self._spots([part.instrument for part in start.parts], after)
        terms = [(part.package_id, _terms(part, start, after, spots)) for part in start.parts]
        spot = self._spot_of(after, start)
        self._rows.append(_row(now_ns, spot, [each for _, each in terms], after.gross - start.gross))
        for package_id, gross in after.by_package.items():
            own = [each for owner, each in terms if owner == package_id]
            row = _row(now_ns, spot, own, gross - start.by_package.get(package_id, 0.0))
            self._by_package.setdefault(package_id, []).append(row)
        self._before = after if after.parts else None

    def path(self) -> GreeksPath | None:
        """Return the path of the book; None where no option was held."""
        return _path(self._rows) if self._rows else None

    def package_paths(self) -> dict[str, GreeksPath]:
        """Return the part of each package, by its id."""
        return {package_id: _path(rows) for package_id, rows in self._by_package.items()}

    def _book(self, now_ns: int) -> _Book:
        desk, ledger = self._desk, self._desk.ledger
        parts = tuple(
            _Part(each.package_id, each.instrument, float(each.quantity * each.instrument.multiplier))
            for each in ledger.positions()
        )
        owners = {part.package_id for part in parts}
        if self._before is not None:
            owners |= {part.package_id for part in self._before.parts}
        rate = float(self._rate.at(now_ns)) if self._rate is not None else 0.0
        book = _Book(
            ts_ns=now_ns,
            rate=rate,
            gross=float(ledger.equity - ledger.deposits + ledger.costs - ledger.income),
            parts=parts,
            values={},
            by_package={each: desk.gross_of(each) for each in sorted(owners)},
        )
        return book._replace(values=self._values([part.instrument for part in parts], book))

    def _spots(self, instruments: Iterable[Instrument], book: _Book) -> dict[str, float]:
        """Return by instrument what its underlying is worth, options by their own expirations."""
        found: dict[str, float] = {}
        if self._implied[0] != book.ts_ns:
            self._implied = (book.ts_ns, {})
        by_series = self._implied[1]
        for each in instruments:
            if not isinstance(each, OptionContract):
                found[each.symbol] = self._market.price(each.symbol)[0]
                continue
            key = (each.underlying, each.series.expiry_ns)
            if key not in by_series:
                by_series[key] = self._series_spot(each, book)
            found[each.symbol] = by_series[key]
        return found

    def _series_spot(self, contract: OptionContract, book: _Book) -> float:
        near, view = self._market.spot(contract.underlying), self._market.chain(contract.underlying)
        place = -1 if view is None else view.place(contract)
        if view is None or place < 0 or view.chain.ts_event_ns + _MINUTE_NS < book.ts_ns:
            return near  # a print of now says more than quotes of before
        return implied_spot(view, int(view.chain.series_index[place]), near, _discount(contract, book))

    def _values(self, instruments: Sequence[Instrument], book: _Book) -> dict[str, _Value]:
        spots = self._spots(instruments, book)
        values = {symbol: _Value(spot, nan, _SHARE) for symbol, spot in spots.items()}
        options = list({each.symbol: each for each in instruments if isinstance(each, OptionContract)}.values())
        if not options:
            return values
        spot = np.array([spots[each.symbol] for each in options])
        strike = np.array([float(each.strike) for each in options])
        tau = np.array([years_left(each, book.ts_ns) for each in options])
        price = np.array([float(self._desk.ledger.price(each.symbol) or nan) for each in options])
        is_call = np.array([each.is_call for each in options])
        volatility, g = quoted_greeks(price, spot, strike, tau, book.rate, is_call)
        rows = np.stack((g.delta, g.gamma, g.vega, g.theta, g.vanna, g.vomma, g.charm, g.rho), axis=1)
        for each, one, vol, row in zip(options, spot.tolist(), volatility.tolist(), rows.tolist(), strict=True):
            values[each.symbol] = _Value(one, vol, tuple(row))
        return values

    def _spot_of(self, after: _Book, start: _Book) -> float:
        parts = after.parts or start.parts
        return self._market.spot(parts[0].instrument.underlying) if parts else nan


def _discount(contract: OptionContract, book: _Book) -> float:
    return exp(-book.rate * years_left(contract, book.ts_ns))


def _terms(part: _Part, start: _Book, after: _Book, spots: Mapping[str, float]) -> FloatArray:
    """Return the profit terms of one part over a step, account currency; none where its Greeks are not known."""
    symbol = part.instrument.symbol
    value = start.values[symbol]
    end = after.values.get(symbol, value)
    ds = spots[symbol] - value.spot
    dv = end.volatility - value.volatility if isfinite(end.volatility) else 0.0
    dt = (after.ts_ns - start.ts_ns) / _YEAR_NS
    moves = np.array([ds, 0.5 * ds * ds, dv, dt, ds * dv, 0.5 * dv * dv, ds * dt, after.rate - start.rate])
    if not isinstance(part.instrument, OptionContract):
        moves[1:] = 0.0
    terms: FloatArray = part.units * np.array(value.greeks) * moves
    return terms if np.isfinite(terms).all() else _NO_TERMS


def _row(ts_ns: int, spot: float, terms: Sequence[FloatArray], total: float) -> tuple[float, ...]:
    summed = np.sum(terms, axis=0) if terms else _NO_TERMS
    return (ts_ns, spot, *summed.tolist(), total)


def _path(rows: Sequence[tuple[float, ...]]) -> GreeksPath:
    ts_ns = np.array([row[0] for row in rows], dtype=np.int64)
    columns = np.array([row[1:] for row in rows], dtype=np.float64).T
    terms, total = columns[1:9], columns[9]
    named = dict(zip(_COLUMNS, columns[:8], strict=True))
    return GreeksPath(ts_ns=ts_ns, **named, rho_usd=columns[8], total_usd=total, residual_usd=total - terms.sum(axis=0))
