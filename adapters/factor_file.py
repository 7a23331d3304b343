"""Factor files of back-adjusted prices: the cash dividends and splits of a share, from the changes of two factors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final

from adapters.chains.source import foreign_errors
from adapters.rates.tables import numbers_of, read_table, required_day
from execution.events import DividendNotice, Split
from market.calendars import Session, sessions_between
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["FactorFile", "read_factor_file"]

_COLUMNS: Final = ("date", "price_factor", "split_factor", "reference_price")
# Factors are printed with seven digits: of a price of 400 that is 0.00004.
_AMOUNT: Final = Decimal("0.0001")
_MOST_SHARES: Final = 1_000  # new for old, either way
_SAME: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorFile:
    """What a factor file tells of one share.

    Parameters
    ----------
    symbol : str
        Share.
    dividends : tuple of DividendNotice
        In order of their ex-dates.
    splits : tuple of Split
        In order of their days.
    """

    symbol: str
    dividends: tuple[DividendNotice, ...]
    splits: tuple[Split, ...]


def read_factor_file(path: Path, symbol: str, *, paid_after_days: int = 0) -> FactorFile:
    """Read the dividends and splits of a share.

    Parameters
    ----------
    path : Path
        Table with ``date``, ``price_factor``, ``split_factor`` and ``reference_price``, a row for the last day before
        each change.
    symbol : str
        Share.
    paid_after_days : int
        Calendar days from the ex-date until the cash moves. The file does not tell them; 0 pays at the ex-date.

    Returns
    -------
    FactorFile
        A dividend counts as announced at the close before its ex-date, because the file does not tell when it was:
        issuers must tell ten days before (SEC rule 10b-17), and funds tell theirs a day before.

    Raises
    ------
    DataError
        A column is missing, the days do not rise, or a factor or a price is not above 0.

    Notes
    -----
    The factors of a row hold up to its day, so that the next session is the ex-date. There the price factor changes by
    ``1 - dividend / close before``, and the split factor by old shares for new ones.
    """
    with foreign_errors(path, what="the factor file cannot be read"):
        columns = read_table(path)
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise _broken(path, "columns " + ", ".join(columns)[:80], "columns " + ", ".join(_COLUMNS))
    days = [required_day(cell, path, row + 2) for row, cell in enumerate(columns["date"])]
    price, split, reference = (numbers_of(columns[name], path, name) for name in _COLUMNS[1:])
    _check(path, days, price, split)
    dividends, splits = [], []
    for row, day in enumerate(days[:-1]):
        ratio, shares = float(price[row] / price[row + 1]), float(split[row + 1] / split[row])
        if abs(ratio - 1.0) <= _SAME and abs(shares - 1.0) <= _SAME:
            continue
        session = _next_session(day)
        if abs(ratio - 1.0) > _SAME:
            if not (reference[row] > 0.0 and ratio < 1.0):
                raise _broken(
                    path, f"{day}: price {reference[row]:g}, ratio {ratio:g}", "a price above 0, a ratio below 1"
                )
            amount = Decimal(repr(float(reference[row]) * (1.0 - ratio))).quantize(_AMOUNT)
            dividends.append(_dividend(symbol, session, amount, paid_after_days))
        if abs(shares - 1.0) > _SAME:
            splits.append(_split(symbol, session, shares))
    return FactorFile(symbol=symbol, dividends=tuple(dividends), splits=tuple(splits))


def _check(path: Path, days: list[date], price: FloatArray, split: FloatArray) -> None:
    if any(later <= day for day, later in pairwise(days)):
        raise _broken(path, "days out of order", "rising days")
    for factor in (price, split):
        if not bool((factor > 0.0).all()):
            raise _broken(path, "a factor that is missing or not above 0", "factors above 0")


def _next_session(day: date) -> Session:
    return sessions_between("NYSE", day + timedelta(days=1), day + timedelta(days=14))[0]


def _dividend(symbol: str, session: Session, amount: Decimal, paid_after_days: int) -> DividendNotice:
    before = sessions_between("NYSE", session.day - timedelta(days=14), session.day - timedelta(days=1))[-1]
    return DividendNotice(
        symbol=symbol,
        announced_ns=before.close_ns,
        ex_ns=session.open_ns,
        paid_ns=session.open_ns + paid_after_days * 86_400_000_000_000,
        amount=amount,
    )


def _split(symbol: str, session: Session, shares: float) -> Split:
    whole = Fraction(shares).limit_denominator(_MOST_SHARES)
    return Split(
        event_id=f"split:{symbol}:{session.day.isoformat()}",
        ts_event_ns=session.open_ns,
        symbol=symbol,
        numerator=whole.numerator,
        denominator=whole.denominator,
    )


def _broken(path: Path, found: str, expected: str) -> DataError:
    return DataError(
        "the file holds no factors",
        path=str(path),
        found=found,
        expected=expected,
        action="name a factor file of a share",
    )
