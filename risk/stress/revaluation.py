"""A book under many scenarios at once: every leg is valued anew, nothing is read off Greeks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np

from market.chains import BoolArray, FloatArray
from market.errors import ConfigError, DataError
from risk.book import PricedBook
from risk.stress.revaluation_kernels import fill_values

__all__ = ["Revaluation", "Shocks", "TermRule", "revalue"]

_DAYS_PER_YEAR: Final = 365.0
_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shocks:
    """Scenarios as a struct of arrays: what moves, for each underlying, and how much time goes by.

    Parameters
    ----------
    spot_return : ndarray, shape (n_scenarios, n_underlyings)
        Simple returns, > -1; NaN where a scenario does not tell, which leaves all its legs unknown.
    vol_points, vol_points_scaled : ndarray, shape (n_scenarios, n_underlyings)
        Added to each volatility, annualised fractions; the second times the weight of `TermRule`.
    vol_log, vol_log_scaled : ndarray, shape (n_scenarios, n_underlyings)
        Logarithm of what each volatility is multiplied by; the second times the weight of `TermRule`.
    years : ndarray, shape (n_scenarios,)
        Time that goes by, years ACT/365, >= 0.
    rate_shift : ndarray, shape (n_scenarios,)
        Parallel shift of the rate to all expirations, per year; carry moves with it.

    Raises
    ------
    DataError
        Shapes that do not fit, a return at or below -1, or time that runs backwards.
    """

    spot_return: FloatArray
    vol_points: FloatArray
    vol_points_scaled: FloatArray
    vol_log: FloatArray
    vol_log_scaled: FloatArray
    years: FloatArray
    rate_shift: FloatArray

    def __post_init__(self) -> None:
        shape = self.spot_return.shape
        for item in fields(self):
            found = getattr(self, item.name).shape
            expected = shape[:1] if item.name in {"years", "rate_shift"} else shape
            if found != expected or len(shape) != len(("scenario", "underlying")):
                raise DataError(f"shocks {item.name} have another shape", found=str(found), expected=str(expected))
        if (self.spot_return <= -1.0).any():
            raise DataError(
                "a price cannot lose more than all", found=str(np.nanmin(self.spot_return)), expected="> -1"
            )
        if not (self.years >= 0.0).all():
            raise DataError("time does not run backwards", found=str(self.years.min()), expected=">= 0 years")

    @classmethod
    def none(cls, n_scenarios: int, n_underlyings: int) -> Self:
        """Return scenarios in which nothing moves, as arrays of their own that can be filled."""
        columns = np.zeros((5, n_scenarios, n_underlyings))
        years, rate_shift = np.zeros((2, n_scenarios))
        return cls(
            spot_return=columns[0],
            vol_points=columns[1],
            vol_points_scaled=columns[2],
            vol_log=columns[3],
            vol_log_scaled=columns[4],
            years=years,
            rate_shift=rate_shift,
        )

    @property
    def n_scenarios(self) -> int:
        """Number of scenarios."""
        return int(self.spot_return.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRule:
    """How a shock of 30-day volatility reaches other expirations: by ``sqrt(reference / time)``.

    Parameters
    ----------
    reference_days : float
        Time to expiry at which the weight is 1, calendar days.
    shortest_days : float
        Nearer expirations weigh as this one does: the rule has no end towards 0, and markets have.

    Raises
    ------
    ConfigError
        A number that is not above 0.

    Notes
    -----
    On 245 to 339 days of 2008 to 2026 on which the VIX moved by more than 3 points, VIX9D moved 1.57 times as much,
    VIX3M 0.63 and VIX6M 0.44 times (least squares, points on points); the rule says 1.83, 0.57 and 0.41.
    """

    reference_days: float = 30.0
    shortest_days: float = 7.0

    def __post_init__(self) -> None:
        for name in ("reference_days", "shortest_days"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise ConfigError(f"the term rule's {name} cannot be", found=str(getattr(self, name)), expected="> 0")

    def weight(self, tau: FloatArray) -> FloatArray:
        """Return the weights of times to expiry, years."""
        days = np.maximum(tau * _DAYS_PER_YEAR, self.shortest_days)
        found: FloatArray = np.sqrt(self.reference_days / days)
        return found


_TERM_RULE: Final = TermRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revaluation:
    """What a book is worth in each scenario.

    Parameters
    ----------
    value : ndarray, shape (n_scenarios, n_legs)
        Of one unit of the underlying in each leg, quote currency; NaN where it cannot be told.
    base : ndarray, shape (n_legs,)
        The same now: the mark, or the model's value where there is none.
    leg_pnl : ndarray, shape (n_scenarios, n_legs)
        Change of value times units and multiplier, account currency; 0 for a leg of no units.
    lacking : tuple of str
        Of each leg: what it lacks, empty where it can be valued.
    modelled : tuple of str
        Symbols of legs without a mark: their change starts at the model's value.
    bounded : tuple of str
        Symbols of legs that were counted at their worst value, because their volatility is not known.
    """

    value: FloatArray
    base: FloatArray
    leg_pnl: FloatArray
    lacking: tuple[str, ...]
    modelled: tuple[str, ...]
    bounded: tuple[str, ...]

    @property
    def pnl(self) -> FloatArray:
        """Profit of the whole book, shape ``(n_scenarios,)``; NaN where a leg cannot be valued."""
        found: FloatArray = self.leg_pnl.sum(axis=1)
        return found

    def by(self, owners: tuple[str, ...]) -> dict[str, FloatArray]:
        """Return the profit of each owner of legs, shape ``(n_scenarios,)``, in the order of first legs.

        Parameters
        ----------
        owners : tuple of str
            Of each leg, such as `PricedBook.strategies`.

        Returns
        -------
        dict of str to ndarray
            NaN where one of its own legs cannot be valued; owners of other legs are not touched by it.
        """
        place = {name: number for number, name in enumerate(dict.fromkeys(owners))}
        group = np.array([place[name] for name in owners], dtype=np.int64)
        order = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[order], np.arange(len(place)))
        sums = np.add.reduceat(self.leg_pnl[:, order], starts, axis=1) if owners else self.leg_pnl
        return dict(zip(place, sums.T, strict=True))

    def reason(self, book: PricedBook, scenario: int) -> str:
        """Return why a scenario's profit is NaN: which legs lack what; empty where it is a number."""
        broken = np.flatnonzero(np.isnan(self.leg_pnl[scenario])).tolist()
        told = [f"{book.symbols[leg]}: {self.lacking[leg] or 'the scenario tells no shock'}" for leg in broken]
        more = len(told) - _MOST_NAMED
        return "; ".join(told[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def revalue(
    book: PricedBook, shocks: Shocks, *, terms: TermRule = _TERM_RULE, bounds_unknown: bool = False
) -> Revaluation:
    """Value every leg of a book in every scenario.

    Parameters
    ----------
    book : PricedBook
        Positions and what their value depends on.
    shocks : Shocks
        Scenarios, for the book's underlyings in their order.
    terms : TermRule
        Weight of the scaled shocks by time to expiry.
    bounds_unknown : bool
        Count an option whose volatility or forward is not known, but whose mark is, at its worst value in each
        scenario: a long one at nothing, a short call at the price and a short put at its strike. Without it such a
        leg is NaN, and so is every sum that it belongs to.

    Returns
    -------
    Revaluation
        Without a shock each value is its mark.

    Raises
    ------
    DataError
        Shocks of another number of underlyings.

    Notes
    -----
    An option is worth Black's value on the forward, with carry and rate to its expiration as the book holds them
    (and shifted by `rate_shift`), the volatility of its own strike (sticky strike) with its shock, and the time that is
    left. Early exercise is left out, but what is American is never below its intrinsic value, unless its mark is.
    Where mark and model differ, the difference stays with the leg in proportion to the time that is left: without a
    shock a leg is worth its mark, at its end its pay-off. An option that ends within the scenario is worth its pay-off
    at the shocked price. A volatility does not fall below 0, where the value is the intrinsic one of the forward. What
    is no option moves in proportion to its underlying, so that a basis stays as a ratio.
    """
    if shocks.spot_return.shape[1] != len(book.underlyings):
        raise DataError(
            "shocks are of other underlyings",
            found=f"{shocks.spot_return.shape[1]} columns",
            expected=f"{len(book.underlyings)}: {', '.join(book.underlyings)}",
        )
    model = _values(book, Shocks.none(1, len(book.underlyings)), terms, np.zeros(book.n_legs))[0]
    base = np.where(np.isnan(book.mark), model, book.mark)
    residual = np.where(book.is_option, base - model, 0.0)
    value = _values(book, shocks, terms, residual)
    value = np.where(book.is_option, value, base * (1.0 + shocks.spot_return[:, book.underlying]))
    bounded = np.zeros(book.n_legs, dtype=np.bool_)
    if bounds_unknown:
        bounded = book.is_option & np.isnan(model) & np.isfinite(book.mark)
        value[:, bounded] = _worst(book, shocks, bounded)
    size = book.units * book.multiplier
    with np.errstate(invalid="ignore"):
        leg_pnl = np.where(size == 0.0, 0.0, size * (value - base))
    return Revaluation(
        value=value,
        base=base,
        leg_pnl=leg_pnl,
        lacking=_all_lacking(book, (np.isnan(base) | (book.is_option & np.isnan(model))) & ~bounded),
        modelled=_named(book, np.isnan(book.mark) & np.isfinite(base)),
        bounded=_named(book, bounded),
    )


def _values(book: PricedBook, shocks: Shocks, terms: TermRule, residual: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = -np.log(book.discount) / book.tau
        carry = np.log(book.forward_ratio) / book.tau
    american = book.is_american if book.is_american.size else np.zeros(book.n_legs, dtype=np.bool_)
    value = np.empty((shocks.n_scenarios, book.n_legs))
    fill_values(
        np.ascontiguousarray(book.spot[book.underlying]),
        np.ascontiguousarray(book.strike),
        np.ascontiguousarray(book.tau),
        np.ascontiguousarray(book.volatility),
        rate,
        carry,
        terms.weight(book.tau),
        np.ascontiguousarray(residual),
        np.ascontiguousarray(shocks.spot_return),
        np.ascontiguousarray(shocks.vol_points),
        np.ascontiguousarray(shocks.vol_points_scaled),
        np.ascontiguousarray(shocks.vol_log),
        np.ascontiguousarray(shocks.vol_log_scaled),
        np.ascontiguousarray(shocks.years),
        np.ascontiguousarray(shocks.rate_shift),
        np.ascontiguousarray(book.underlying),
        np.ascontiguousarray(book.is_call),
        np.ascontiguousarray(american),
        value,
    )
    return value


def _worst(book: PricedBook, shocks: Shocks, chosen: BoolArray) -> FloatArray:
    """Return the worst values of options without a volatility, shape (n_scenarios, n_chosen)."""
    spot = book.spot[book.underlying] * (1.0 + shocks.spot_return[:, book.underlying])
    most = np.where(book.is_call, spot, book.strike)
    worst: FloatArray = np.where(book.units < 0.0, most, 0.0)[:, chosen]
    return worst


def _all_lacking(book: PricedBook, chosen: BoolArray) -> tuple[str, ...]:
    lacking = [""] * book.n_legs
    for leg in np.flatnonzero(chosen).tolist():
        lacking[leg] = _lacking(book, leg)
    return tuple(lacking)


def _lacking(book: PricedBook, leg: int) -> str:
    needed: list[tuple[str, float]] = []
    if book.is_option[leg]:
        needed += [
            ("price of the underlying", float(book.spot[book.underlying[leg]])),
            ("forward", float(book.forward_ratio[leg])),
            ("discount", float(book.discount[leg])),
            ("time to expiry", float(book.tau[leg])),
            ("volatility", float(book.volatility[leg])),
        ]
    elif np.isnan(book.mark[leg]):
        needed += [("mark", float(book.mark[leg])), ("price of the underlying", float(book.spot[book.underlying[leg]]))]
        needed = needed if np.isnan(needed[1][1]) else []
    missing = [name for name, value in needed if not np.isfinite(value)]
    return f"no {', '.join(missing)}" if missing else ""


def _named(book: PricedBook, chosen: BoolArray) -> tuple[str, ...]:
    return tuple(book.symbols[leg] for leg in np.flatnonzero(chosen).tolist())
