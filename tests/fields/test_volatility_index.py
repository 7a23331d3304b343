"""The index of a chain: the volatility of a flat surface, variance that is linear in time, and silence elsewhere."""

from __future__ import annotations

from datetime import date
from math import isnan, sqrt

import numpy as np
import pytest

from fields.volatility_index import volatility_index
from market.chains import OptionChain
from tests.generators import Expiry, flat_smile, synthetic_chain

EXPIRIES = (Expiry(date(2023, 6, 9)), Expiry(date(2023, 6, 16)), Expiry(date(2023, 7, 21)))


def chain(volatility: float = 0.2, expiries: tuple[Expiry, ...] = EXPIRIES) -> OptionChain:
    """Return a chain of one volatility, strikes 5 apart."""
    strikes = np.arange(2000.0, 6500.0, 5.0)
    return synthetic_chain(4000.0, expiries, strikes, smile=flat_smile(volatility), half_spread=0.0005)


@pytest.mark.parametrize("volatility", [0.12, 0.2, 0.35])
def test_a_flat_surface_has_its_own_volatility_at_every_horizon(volatility: float) -> None:
    """The strip of Black prices is the variance that they were made with; strikes 5 apart leave a tenth of a point."""
    found = volatility_index(chain(volatility), (9.0, 30.0))
    assert found == pytest.approx((100.0 * volatility, 100.0 * volatility), abs=0.1)


def test_no_index_without_expirations_on_both_sides() -> None:
    """Nothing is extrapolated; an empty chain says nothing."""
    short = volatility_index(chain(expiries=EXPIRIES[:2]), (9.0, 30.0))
    assert isnan(short[1])
    assert short[0] == pytest.approx(20.0, abs=0.1)


def test_total_variance_is_linear_between_two_expirations() -> None:
    """Half-way in time the variance is half-way: 15 % until the first expiration, 30 % until the second."""
    found = synthetic_chain(
        4000.0,
        EXPIRIES[1:],
        np.arange(2000.0, 6500.0, 5.0),
        smile=lambda k, tau: np.full(k.shape, 0.15) if tau < 0.08 else np.full(k.shape, 0.30),
        half_spread=0.0005,
    )
    near, later = ((each.expiry_ns - found.ts_event_ns) / 86_400e9 for each in found.series)
    middle = 0.5 * (near + later)
    wanted = 100.0 * sqrt(0.5 * (0.15**2 * near + 0.30**2 * later) / middle)
    assert volatility_index(found, (middle,)) == pytest.approx((wanted,), abs=0.1)
