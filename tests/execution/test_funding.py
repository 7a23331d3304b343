"""Funding: who pays, on what, when, and that a forecast or a missing rate moves nothing silently."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.events import CashKind
from execution.funding import funding_payments, settled_rows
from execution.holdings import PackagePosition
from market.errors import DataError
from market.funding import FundingBatch
from market.provenance import AsOfSource, Provenance
from market.tradables import Perpetual

_BTC = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))
_HOUR = 3_600 * 1_000_000_000
_NAN = float("nan")


def _batch(rows: list[tuple[int, float, bool, float]]) -> FundingBatch:
    """Rows of hour, rate, whether it was paid, and mark; paid every four hours."""
    hour, rate, settled, mark = zip(*rows, strict=True)
    instants = np.array(hour, dtype=np.int64) * _HOUR
    return FundingBatch(
        symbol=_BTC.symbol,
        ts_event_ns=int(instants.max()),
        cause_id="test",
        provenance=Provenance(source="test", origin="test", simulated=True, as_of_source=AsOfSource.STAMPED),
        ts_ns=instants,
        funding_ns=instants,
        interval_ns=np.full(len(rows), 4 * _HOUR, dtype=np.int64),
        rate=np.array(rate),
        is_settled=np.array(settled),
        mark=np.array(mark),
        index=np.full(len(rows), _NAN),
        venue=np.zeros(len(rows), dtype=np.int16),
    )


def _part(quantity: str, package: str = "p") -> PackagePosition:
    return PackagePosition(package_id=package, strategy="s", instrument=_BTC, quantity=Decimal(quantity))


@pytest.mark.parametrize(
    ("quantity", "rate", "amount"),
    [("2", 0.0001, "-10"), ("-2", 0.0001, "10"), ("2", -0.0001, "10"), ("-2", -0.0001, "-10")],
)
def test_longs_pay_where_the_rate_is_positive(quantity: str, rate: float, amount: str) -> None:
    """Two coins at 50,000 and 0.01 % move ten dollars, from longs to shorts or back."""
    (payment,) = funding_payments(_batch([(4, rate, True, 50_000.0)]), 0, [_part(quantity)])
    assert payment.amount == Decimal(amount)
    assert (payment.kind, payment.ts_event_ns, payment.symbol) == (CashKind.FUNDING, 4 * _HOUR, _BTC.symbol)


def test_each_package_pays_its_part() -> None:
    """Two packages of one perpetual have movements of their own, with ids of their own."""
    payments = funding_payments(_batch([(4, 0.0001, True, 50_000.0)]), 0, [_part("1", "a"), _part("-3", "b")])
    assert [(p.package_id, p.amount) for p in payments] == [("a", Decimal(-5)), ("b", Decimal(15))]
    assert len({p.event_id for p in payments}) == 2


def test_only_what_was_paid_counts_and_once() -> None:
    """Forecasts are left out, instants come in order, and the later telling of a payment counts."""
    batch = _batch([(4, 0.01, False, 1.0), (8, 0.02, True, 1.0), (4, 0.03, True, 1.0), (8, 0.04, True, 1.0)])
    assert settled_rows(batch).tolist() == [2, 3]
    with pytest.raises(DataError, match="forecast"):
        funding_payments(batch, 0, [_part("1")])


@pytest.mark.parametrize(("rate", "mark"), [(_NAN, 50_000.0), (0.0001, _NAN), (0.0001, 0.0)])
def test_a_missing_rate_or_mark_is_an_error_while_something_is_held(rate: float, mark: float) -> None:
    """Funding that cannot be told is not 0; without a position it does not matter."""
    batch = _batch([(4, rate, True, mark)])
    with pytest.raises(DataError, match="cannot be told"):
        funding_payments(batch, 0, [_part("1")])
    assert funding_payments(batch, 0, []) == ()


def test_the_accounts_mark_serves_where_the_row_has_none() -> None:
    """The row's own mark comes first."""
    without, own = _batch([(4, 0.0001, True, _NAN)]), _batch([(4, 0.0001, True, 50_000.0)])
    (filled,) = funding_payments(without, 0, [_part("1")], mark=Decimal(40_000))
    (told,) = funding_payments(own, 0, [_part("1")], mark=Decimal(40_000))
    assert (filled.amount, told.amount) == (Decimal(-4), Decimal(-5))


@given(
    quantity=st.decimals(min_value="-100", max_value=100, places=3),
    rate=st.floats(-0.01, 0.01),
    mark=st.floats(1.0, 200_000.0),
)
def test_what_longs_pay_shorts_receive(quantity: Decimal, rate: float, mark: float) -> None:
    """A long and a short of one size move the same money in opposite ways, to the last digit."""
    batch = _batch([(4, rate, True, mark)])
    sides = [funding_payments(batch, 0, [_part(str(q))] if q else []) for q in (quantity, -quantity)]
    amounts = [sum((payment.amount for payment in side), Decimal(0)) for side in sides]
    assert amounts[0] == -amounts[1]
    assert float(amounts[0]) == pytest.approx(-float(quantity) * mark * rate, abs=1e-8)
