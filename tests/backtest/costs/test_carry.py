"""Interest and borrow fees: exact over any calendar, from known rates alone, with no cent lost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.costs.carry import Accrual, BorrowFees, CashInterest, ConstantRate, DayCount, SeriesRate
from execution.events import CashKind
from market.clock import ns_of_utc_midnight
from market.errors import ConfigError, DataError
from market.provenance import AsOfSource, Provenance
from market.series import SeriesBatch, SeriesUnit

_HOUR = 3_600 * 1_000_000_000
_FRIDAY = date(2023, 6, 16)


def _close(day: date) -> int:
    return ns_of_utc_midnight(day) + 20 * _HOUR


def _series(
    values: list[float], *, late_hours: int = 30, unit: SeriesUnit = SeriesUnit.FRACTION_PER_YEAR
) -> SeriesBatch:
    """Daily rates from 2023-06-01 on, each published some hours after the midnight that begins its day."""
    event = np.array(
        [ns_of_utc_midnight(date(2023, 6, 1) + timedelta(days=d)) for d in range(len(values))], dtype=np.int64
    )
    available = event + late_hours * _HOUR
    return SeriesBatch(
        series="DFF",
        unit=unit,
        ts_event_ns=int(available[-1]),
        cause_id="test",
        provenance=Provenance(source="test", origin="test", simulated=True, as_of_source=AsOfSource.STAMPED),
        event_ns=event,
        available_ns=available,
        value=np.array(values),
    )


def test_a_weekend_earns_three_nights() -> None:
    """A million at 3.6 % by ACT/360 earns 100 a night: 300 from Friday's close to Monday's."""
    interest = CashInterest(source=ConstantRate(rate=Decimal("0.036")))
    accrual = interest.start(_close(_FRIDAY), Decimal(1_000_000))
    accrual, movement = interest.accrue(accrual, _close(_FRIDAY + timedelta(days=3)), Decimal(1_000_000))
    assert movement is not None
    assert (movement.amount, movement.kind) == (Decimal("300.00"), CashKind.INTEREST)
    assert accrual.base == Decimal("1000300.00")


def test_the_next_night_earns_on_the_interest_too() -> None:
    """What was booked lies there over the next night."""
    interest = CashInterest(source=ConstantRate(rate=Decimal("0.36")))
    cash, accrual = Decimal(1_000), interest.start(_close(_FRIDAY), Decimal(1_000))
    for night, expected in enumerate((Decimal("1.00"), Decimal("1.00"), Decimal("1.00")), start=1):
        accrual, movement = interest.accrue(accrual, _close(_FRIDAY + timedelta(days=night)), cash)
        assert movement is not None
        assert movement.amount == expected
        cash += movement.amount
    assert accrual.carried == Decimal("0.36") * (1 + 2)


_NIGHTS = st.lists(
    st.tuples(st.integers(0, 4), st.decimals(min_value=-1_000_000, max_value=1_000_000, places=2)),
    min_size=1,
    max_size=20,
)


@given(nights=_NIGHTS, seed=st.integers(0, 1_000), count=st.sampled_from(DayCount))
def test_no_part_of_a_cent_is_lost(nights: list[tuple[int, Decimal]], seed: int, count: DayCount) -> None:
    """Bookings and what is carried are exactly the sum of base x rate / days, in rational numbers."""
    rates = np.random.default_rng(seed).uniform(0.0, 0.2, 120).tolist()
    interest = CashInterest(source=SeriesRate(series=_series(rates)), debit_spread=Decimal("0.01"), count=count)
    day, cash = date(2023, 6, 5), Decimal(500_000)
    accrual = interest.start(_close(day), cash)
    total, booked = Fraction(0), Fraction(0)
    for gap, after in nights:
        for _ in range(gap):
            # By the end of a day the value of the day before was published, and its own was not.
            known = Fraction(repr(rates[(day - date(2023, 6, 1)).days - 1]))
            total += Fraction(accrual.base) * (known if accrual.base > 0 else known + Fraction(1, 100))
            day += timedelta(days=1)
        accrual, movement = interest.accrue(accrual, _close(day), after)
        booked += Fraction(movement.amount) if movement else 0
        assert abs(Fraction(accrual.carried)) < Fraction(int(count), 100)
    assert booked * int(count) + Fraction(accrual.carried) == total


def test_a_rate_counts_from_its_publication() -> None:
    """A rate that is revised upwards later changes nothing of the nights before it was known."""
    low, high = [0.01] * 20, [0.01] * 10 + [0.5] * 10
    earned = []
    for values in (low, high):
        interest = CashInterest(source=SeriesRate(series=_series(values)))
        accrual = interest.start(_close(date(2023, 6, 5)), Decimal(1_000_000))
        # The value of 11 June appears on 12 June at 06:00 UTC, behind the night that begins at the end of the 11th.
        _, movement = interest.accrue(accrual, _close(date(2023, 6, 12)), Decimal(1_000_000))
        earned.append(movement)
    assert earned[0] == earned[1]


def test_owed_money_pays_the_spread_and_credits_never_pay() -> None:
    """A debit of 100,000 at 5 % and 1.5 % costs 18.05 a night; a credit below the broker's share earns nothing."""
    interest = CashInterest(source=ConstantRate(rate=Decimal("0.05")), credit_spread=Decimal("0.06"))
    tomorrow = _close(_FRIDAY + timedelta(days=1))
    _, owed = interest.accrue(interest.start(_close(_FRIDAY), Decimal(-100_000)), tomorrow, Decimal(-100_000))
    _, kept = interest.accrue(interest.start(_close(_FRIDAY), Decimal(100_000)), tomorrow, Decimal(100_000))
    assert owed is not None
    assert owed.amount == Decimal("-18.05")
    assert kept is None


def test_a_night_without_a_known_rate_is_an_error() -> None:
    """Nothing published, or only what is too old, gives no interest, and not 0; a series of points is no rate."""
    source = SeriesRate(series=_series([0.05]))
    for day in (date(2023, 5, 1), date(2023, 8, 1)):
        interest = CashInterest(source=source)
        with pytest.raises(DataError, match="no rate was known"):
            interest.accrue(interest.start(_close(day), Decimal(1)), _close(day + timedelta(days=1)), Decimal(1))
    with pytest.raises(DataError, match="no rate"):
        SeriesRate(series=_series([0.05], unit=SeriesUnit.INDEX_POINTS))


def test_interest_runs_forwards() -> None:
    """A clock that runs back, and spreads below 0, are refused."""
    interest = CashInterest(source=ConstantRate(rate=Decimal("0.05")))
    with pytest.raises(DataError, match="backwards"):
        interest.accrue(Accrual(day=_FRIDAY, base=Decimal(1)), _close(_FRIDAY - timedelta(days=1)), Decimal(1))
    with pytest.raises(ConfigError):
        CashInterest(source=ConstantRate(rate=Decimal(0)), debit_spread=Decimal(-1))


def test_borrowed_shares_pay_on_their_value() -> None:
    """3.65 % by ACT/365 on 10,000 is a dollar a night, to the day on which the position is closed."""
    fees = BorrowFees(rates={"GME": ConstantRate(rate=Decimal("0.0365"))}, count=DayCount.ACT_365)
    accruals, none = fees.accrue({}, _close(_FRIDAY), {"GME": Decimal(10_000)})
    assert not none
    accruals, (paid,) = fees.accrue(accruals, _close(_FRIDAY + timedelta(days=3)), {})
    assert (paid.amount, paid.kind, paid.symbol) == (Decimal("-3.00"), CashKind.BORROW, "GME")
    _, none = fees.accrue(accruals, _close(_FRIDAY + timedelta(days=9)), {})
    assert not none


def test_a_share_without_a_fee_cannot_be_borrowed() -> None:
    """An unknown fee is an error, unless a rate for all others is given."""
    with pytest.raises(DataError, match="GME"):
        BorrowFees().accrue({}, _close(_FRIDAY), {"GME": Decimal(1)})
    others = BorrowFees(others=ConstantRate(rate=Decimal("0.003")))
    assert set(others.accrue({}, _close(_FRIDAY), {"GME": Decimal(1)})[0]) == {"GME"}
