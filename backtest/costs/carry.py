"""What time costs and earns: interest on cash by a dated curve, on debits with a spread, and on borrowed shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Context, Decimal
from enum import IntEnum
from functools import partial
from math import isnan
from typing import Final, Protocol, final
from zoneinfo import ZoneInfo

from backtest.costs.rates import exchange_day
from execution.events import CashKind, CashMovement
from market.clock import ns_of_datetime
from market.errors import ConfigError, DataError
from market.series import SeriesBatch, SeriesUnit

__all__ = ["Accrual", "BorrowFees", "CashInterest", "ConstantRate", "DayCount", "RateSource", "SeriesRate"]

_ZERO: Final = Decimal(0)
_CENT: Final = Decimal("0.01")
# Balance x rate has more digits than the usual 28 where the rate is a float's shortest form.
_EXACT: Final = Context(prec=80)
_NEW_YORK: Final = ZoneInfo("America/New_York")
_DAY_NS: Final = 86_400 * 1_000_000_000


class DayCount(IntEnum):
    """Days of a year by which a yearly rate is divided; nights are counted by the calendar."""

    ACT_360 = 360  # money market in dollars
    ACT_365 = 365


class RateSource(Protocol):
    """A yearly rate as it was known at an instant."""

    @property
    def name(self) -> str:
        """What a report calls it."""

    def at(self, instant_ns: int) -> Decimal:
        """Return the newest rate that was known, fraction per year; raise `DataError` where there was none."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantRate:
    """The same rate at every instant.

    Parameters
    ----------
    rate : Decimal
        Fraction per year.
    """

    rate: Decimal

    @property
    def name(self) -> str:
        """The rate."""
        return f"constant {self.rate} per year"

    def at(self, instant_ns: int) -> Decimal:  # noqa: ARG002  # a source's form
        """Return the rate."""
        return self.rate


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRate:
    """A published rate, each value from the instant of its publication.

    Parameters
    ----------
    series : SeriesBatch
        Fractions per year.
    oldest_days : int
        Longest time since the day that a value speaks of; an older one is no rate of today.

    Raises
    ------
    DataError
        The series counts something else.
    """

    series: SeriesBatch
    oldest_days: int = 10

    def __post_init__(self) -> None:
        if self.series.unit is not SeriesUnit.FRACTION_PER_YEAR:
            raise DataError(
                "a series is no rate",
                found=f"{self.series.series} in {self.series.unit}",
                expected=str(SeriesUnit.FRACTION_PER_YEAR),
            )

    @property
    def name(self) -> str:
        """Name of the series."""
        return self.series.series

    def at(self, instant_ns: int) -> Decimal:
        """Return the newest value that was known, exact in the shortest form of its number."""
        point = self.series.as_of(instant_ns, oldest_ns=self.oldest_days * _DAY_NS)
        if isnan(point.value):
            raise DataError(
                "no rate was known",
                found=f"{self.series.series}: {point.reason}",
                action="choose a series that covers the run, or a constant rate",
            )
        return Decimal(repr(point.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrual:
    """Interest that runs on a sum: a value, so that a run can be stopped and go on.

    Parameters
    ----------
    day : datetime.date
        Date in New York up to which nights were counted.
    base : Decimal
        Sum that lies, or is owed, over the next night; account currency.
    carried : Decimal
        Sum of base x rate that is not booked yet; divided by the day count it is less than a cent.
    """

    day: date
    base: Decimal
    carried: Decimal = _ZERO

    def until(
        self, day: date, base: Decimal, rate_over: Callable[[Decimal, int], Decimal], count: DayCount
    ) -> tuple[Accrual, Decimal]:
        """Count the nights up to a day, and book whole cents.

        Parameters
        ----------
        day : datetime.date
            Today in New York.
        base : Decimal
            Sum from now on.
        rate_over : callable
            Yearly rate of a sum over the night that begins at the end of a day, from the sum and that instant in ns.
        count : DayCount
            Divisor.

        Returns
        -------
        Accrual
            From today on.
        Decimal
            What is booked: whole cents towards 0. The rest is carried without loss: over all bookings,
            ``count x booked + carried`` is exactly the sum of base x rate over the nights.
        """
        if day < self.day:
            raise DataError("interest cannot run backwards", found=str(day), expected=f"{self.day} or later")
        carried = self.carried
        night = self.day
        while night < day:
            night += timedelta(days=1)
            rate = rate_over(self.base, _start_of(night))
            carried = _EXACT.add(carried, _EXACT.multiply(self.base, rate))
        booked = _EXACT.divide(carried, Decimal(int(count))).quantize(_CENT, rounding=ROUND_DOWN, context=_EXACT)
        rest = _EXACT.subtract(carried, _EXACT.multiply(booked, Decimal(int(count))))
        return Accrual(day=day, base=base, carried=rest), booked


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CashInterest:
    """Interest on the cash of an account.

    Parameters
    ----------
    source : RateSource
        Rate before spreads.
    credit_spread : Decimal
        What the broker keeps of it on money that lies there; no rate falls below 0.
    debit_spread : Decimal
        What the broker adds to it on money that is owed; no rate falls below 0.
    count : DayCount
        Divisor.
    """

    source: RateSource
    credit_spread: Decimal = _ZERO
    debit_spread: Decimal = Decimal("0.015")
    count: DayCount = DayCount.ACT_360

    def __post_init__(self) -> None:
        if not (self.credit_spread >= 0 and self.debit_spread >= 0):
            raise ConfigError(
                "a spread on interest cannot be",
                found=f"{self.credit_spread}, {self.debit_spread}",
                expected="fractions per year >= 0",
            )

    @property
    def name(self) -> str:
        """Source, spreads and day count."""
        return (
            f"interest {self.source.name} less {self.credit_spread} on credits, plus {self.debit_spread} on debits, "
            f"ACT/{int(self.count)}"
        )

    def start(self, ts_ns: int, cash: Decimal) -> Accrual:
        """Return the accrual of an account that begins at an instant with some cash."""
        return Accrual(day=exchange_day(ts_ns), base=cash)

    def accrue(self, accrual: Accrual, ts_ns: int, cash: Decimal) -> tuple[Accrual, CashMovement | None]:
        """Count the nights since the last call on the cash that lay then.

        Parameters
        ----------
        accrual : Accrual
            From `start` or the last call.
        ts_ns : int
            Now, ns since the epoch, UTC; once per session is enough, more often changes nothing but the base.
        cash : Decimal
            Cash now, negative where it is owed. The interest of this call joins it with its booking: where one is
            returned, the base of the next night is cash and interest.

        Returns
        -------
        Accrual
            For the next call.
        CashMovement or None
            To be booked; None where there is no whole cent.

        Raises
        ------
        DataError
            No rate was known for a night, or the clock ran backwards.
        """
        day = exchange_day(ts_ns)
        after, booked = accrual.until(day, cash, self._rate, self.count)
        if not booked:
            return after, None
        after = Accrual(day=after.day, base=cash + booked, carried=after.carried)
        movement = CashMovement(event_id=f"interest:{day}", ts_event_ns=ts_ns, kind=CashKind.INTEREST, amount=booked)
        return after, movement

    def _rate(self, base: Decimal, instant_ns: int) -> Decimal:
        rate = self.source.at(instant_ns)
        return max(rate - self.credit_spread if base > 0 else rate + self.debit_spread, _ZERO)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowFees:
    """Fees of borrowed shares, on the value of the short position at its mark.

    Parameters
    ----------
    rates : mapping of str to RateSource
        Fee by symbol.
    others : RateSource or None
        Fee of symbols without their own; None refuses to hold them short.
    count : DayCount
        Divisor.

    Notes
    -----
    Lenders take 102 % of the price rounded up to a dollar as the value, and change fees daily; both is left out, and a
    constant fee is an assumption that the report has to name.
    """

    rates: Mapping[str, RateSource] = field(default_factory=dict)
    others: RateSource | None = None
    count: DayCount = DayCount.ACT_360

    def accrue(
        self, accruals: Mapping[str, Accrual], ts_ns: int, shorts: Mapping[str, Decimal]
    ) -> tuple[dict[str, Accrual], tuple[CashMovement, ...]]:
        """Count the nights since the last call on the values that were short then.

        Parameters
        ----------
        accruals : mapping of str to Accrual
            From the last call; empty at first.
        ts_ns : int
            Now, ns since the epoch, UTC.
        shorts : mapping of str to Decimal
            Value of each short position in shares at its mark, account currency, > 0.

        Returns
        -------
        dict of str to Accrual
            For the next call; a position that is closed keeps its part of a cent.
        tuple of CashMovement
            To be booked, negative, by symbol.

        Raises
        ------
        DataError
            The fee of a symbol is not known.
        """
        day = exchange_day(ts_ns)
        after: dict[str, Accrual] = {}
        movements: list[CashMovement] = []
        for symbol in sorted({*accruals, *shorts}):
            source = self.rates.get(symbol, self.others)
            if source is None:
                raise DataError("the fee of a borrowed share is not known", found=symbol, action="give its rate")
            base = shorts.get(symbol, _ZERO)
            before = accruals.get(symbol, Accrual(day=day, base=base))
            after[symbol], booked = before.until(day, base, partial(_fee, source), self.count)
            if booked:
                movements.append(
                    CashMovement(
                        event_id=f"borrow:{symbol}:{day}",
                        ts_event_ns=ts_ns,
                        kind=CashKind.BORROW,
                        amount=-booked,
                        symbol=symbol,
                    )
                )
        return after, tuple(movements)


def _fee(source: RateSource, base: Decimal, instant_ns: int) -> Decimal:  # noqa: ARG001  # the form of a rate
    return source.at(instant_ns)


def _start_of(day: date) -> int:
    return ns_of_datetime(datetime.combine(day, time(), tzinfo=_NEW_YORK))
