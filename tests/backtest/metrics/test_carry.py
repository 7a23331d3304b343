"""The figures of the hedged loan as corrected: principal only, annualised, signed, weighted by time."""

from __future__ import annotations

from decimal import Decimal
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.metrics.carry import coverage_ratio, funding_efficiency, funding_paid, ltv_stability, net_apr
from execution.events import CashKind, CashMovement
from tests.backtest.metrics.samples import HOUR_NS


def _cash(kind: CashKind, amount: str, at: int = 0) -> CashMovement:
    return CashMovement(event_id=f"{kind}{amount}{at}", ts_event_ns=at, kind=kind, amount=Decimal(amount))


def test_coverage_is_repaid_principal_over_the_loan() -> None:
    """2,000 of 16,200 repaid; a loan of 0 covers nothing."""
    assert coverage_ratio(Decimal(2_000), Decimal(16_200)).value == pytest.approx(2_000 / 16_200)
    assert coverage_ratio(Decimal(0), Decimal(0)).reason == "there is no loan"


def test_the_net_rate_is_annual() -> None:
    """300 on 10,000 in 73 days is 15 % a year, not 3 %."""
    assert net_apr(300.0, 10_000.0, 73.0).value == pytest.approx(0.15)
    assert isnan(net_apr(300.0, 0.0, 73.0).value)
    assert isnan(net_apr(300.0, 10_000.0, 0.0).value)


def test_received_funding_counts_against_paid_funding() -> None:
    """Only funding is in it, with its sign: 5 paid and 12 received is 7 earned."""
    ledger = (_cash(CashKind.FUNDING, "-5"), _cash(CashKind.FUNDING, "12"), _cash(CashKind.INTEREST, "3"))
    assert funding_paid(ledger) == Decimal(-7)
    assert funding_efficiency(funding_paid(ledger), Decimal(70)).value == pytest.approx(-0.1)


@given(gross=st.integers(-1_000, 0))
def test_without_a_gross_profit_funding_has_no_efficiency(gross: int) -> None:
    """A share of nothing or of a loss is missing, not 0 and not negative by accident."""
    assert isnan(funding_efficiency(Decimal(5), Decimal(gross)).value)


def test_loan_to_value_is_weighted_by_time_and_not_by_readings() -> None:
    """Nine quick readings above the bound in one hour, one below for nine: stable 90 % of the time, not 10 %."""
    ts_ns = np.concatenate([np.linspace(0, HOUR_NS, 9, endpoint=False), [HOUR_NS, 10 * HOUR_NS]]).astype(np.int64)
    ltv = np.array([0.7] * 9 + [0.5, 0.5])
    assert ltv_stability(ts_ns, ltv).value == pytest.approx(0.9)


def test_an_unknown_loan_to_value_is_not_taken_for_stable() -> None:
    """Half the time unknown: there is no figure, and the reason says how much is missing."""
    found = ltv_stability(np.array([0, HOUR_NS, 2 * HOUR_NS]), np.array([0.5, nan, 0.5]))
    assert isnan(found.value)
    assert found.reason == "the ratio was not known in 50.0% of the time"
