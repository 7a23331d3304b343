"""What customers like decides what trades and what is held; without tastes nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adapters.simulated import SimulatedMarket, realistic_config
from adapters.simulated.groups import CustomerGroup
from adapters.simulated.tastes import Taste, Tastes, index_tastes
from market.errors import ConfigError


def _days(market: SimulatedMarket) -> np.ndarray:
    chain = market.chains()[0]
    return np.array([(series.expiration - chain.session).days for series in chain.series])[chain.series_index]


@pytest.fixture(scope="module")
def at_the_close() -> SimulatedMarket:
    """Return the realistic market ten minutes before its first close."""
    market = SimulatedMarket(realistic_config(seed=11, step_s=600.0))
    for _ in range(38):
        market.step()
    return market


def test_half_of_a_days_volume_expires_the_same_day(at_the_close: SimulatedMarket) -> None:
    """SPX sessions of 2023 and 2025 have 47 to 58 per cent."""
    chain = at_the_close.chains()[0]
    assert chain.volume[_days(at_the_close) == 0].sum() / chain.volume.sum() == pytest.approx(0.52, abs=0.04)


def test_little_of_what_is_held_expires_the_same_day(at_the_close: SimulatedMarket) -> None:
    """Positions opened and closed within a session are no open interest of the morning."""
    chain = at_the_close.chains()[0]
    assert chain.open_interest[_days(at_the_close) == 0].sum() / chain.open_interest.sum() < 0.03


def test_dealers_stand_against_all_customers_with_tastes_too(at_the_close: SimulatedMarket) -> None:
    """Dealers + customers = 0 in every contract."""
    truth = at_the_close.truth("SIM.SPX")
    np.testing.assert_array_equal(truth.dealer_position, -truth.customer_position.sum(axis=0))


def test_a_taste_for_one_week_trades_nothing_else() -> None:
    """Where all that is liked expires within one to seven days, volume lies there alone."""
    week = (Taste(weight=1.0, first_day=1, last_day=7),)
    config = replace(realistic_config(seed=3, step_s=600.0), tastes=Tastes(trades=week, holdings=week))
    market = SimulatedMarket(config)
    for _ in range(5):
        market.step()
    volume, days = market.chains()[0].volume, _days(market)
    assert volume.sum() > 0.0
    assert volume[(days < 1) | (days > 7)].sum() == 0.0


def test_a_group_without_a_taste_is_refused() -> None:
    """Customers who like nothing would silently not trade."""
    only = Taste(weight=1.0, first_day=0, last_day=7, groups=(CustomerGroup.HEDGER,))
    with pytest.raises(ConfigError, match="overwriter"):
        Tastes(trades=(only,), holdings=index_tastes().holdings)


@pytest.mark.parametrize("wrong", [{"weight": 0.0}, {"width": 0.0}, {"first_day": 3, "last_day": 2}, {"groups": ()}])
def test_a_taste_that_cannot_be_drawn_is_refused(wrong: dict[str, object]) -> None:
    """The error says what a taste must be."""
    with pytest.raises(ConfigError, match="weight > 0"):
        replace(Taste(weight=1.0, first_day=0, last_day=7), **wrong)  # type: ignore[arg-type]  # wrong on purpose
