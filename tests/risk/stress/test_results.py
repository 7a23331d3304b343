"""What scenarios do to a book: signs, order, parts, and what is unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from market.errors import ConfigError
from risk.stress.results import scenario_shocks, spot_vol_grid, stress_book, worst_stress
from risk.stress.scenarios import Scenario, StressConfig, scenario_of, standard_scenarios
from tests.risk.books import book_of, option_row

_STRADDLE = [option_row(-1.0, "C", 100.0, 30.0), option_row(-1.0, "P", 100.0, 30.0)]


def test_standard_scenarios_say_the_numbers_of_their_rules() -> None:
    """A crash of a tenth comes with 24 vol points of 30 days; the spike starts at the index of now."""
    found = {each.name: each for each in standard_scenarios(volatility_index=18.0)}
    assert found["flash_crash"].benchmark_return == -0.10
    assert found["flash_crash"].vol_points_scaled == pytest.approx(0.24)
    assert found["vix_to_50"].vol_points_scaled == pytest.approx(0.32)
    assert found["gap_down"].benchmark_return == -0.05
    assert found["gap_down"].is_gap
    assert found["gap_up"].vol_points_scaled == pytest.approx(-0.045)
    assert found["vol_crush"].vol_change == -0.30


def test_a_spike_above_its_target_is_no_fall() -> None:
    """With the index at 80 volatility stays; with none there is no number."""
    shocks = [standard_scenarios(volatility_index=level)[2].vol_points_scaled for level in (49.0, 50.0, 80.0)]
    assert shocks == pytest.approx([0.01, 0.0, 0.0])
    assert np.isnan(standard_scenarios()[2].vol_points_scaled)


def test_a_spike_reaches_expirations_by_the_root_of_their_ratio() -> None:
    """Q33: at 120 days the shock is half of that at 30, and nearer than a week it no longer grows."""
    rows = [option_row(1.0, "P", 100.0, days) for days in (30.0, 120.0, 7.0, 1.0)]
    book = book_of(rows)
    spike = standard_scenarios(volatility_index=20.0)[2]
    shocks = scenario_shocks(book, [spike])
    added = shocks.vol_points_scaled[0, 0] * StressConfig().terms.weight(book.tau)
    np.testing.assert_allclose(added, 0.30 * np.sqrt([1.0, 0.25, 30.0 / 7.0, 30.0 / 7.0]))


def test_results_stand_worst_first_and_their_parts_add_up() -> None:
    """A short straddle loses most in the crash; packages and strategies are parts of the same sum."""
    results = stress_book(book_of(_STRADDLE), standard_scenarios(volatility_index=20.0))
    pnl = [each.pnl for each in results]
    assert pnl == sorted(pnl)
    assert results[0].scenario.name == "flash_crash"
    assert results[-1].scenario.name == "vol_crush"
    for each in results:
        assert sum(value for _, value in each.by_package) == pytest.approx(each.pnl)
        assert dict(each.by_strategy) == {"condor": pytest.approx(each.pnl)}


def test_an_unknown_volatility_index_stands_before_every_loss() -> None:
    """Without the VIX the spike cannot be told, and the worst of all scenarios is unknown: it never looks harmless."""
    worst = worst_stress(book_of(_STRADDLE))
    assert np.isnan(worst.pnl)
    assert worst.reason == "the volatility index of now is not known"
    assert worst_stress(book_of(_STRADDLE), volatility_index=20.0).pnl < 0.0


def test_an_underlying_without_beta_is_named() -> None:
    """A shock of the benchmark says nothing of what has no beta; one of its own does."""
    book = replace(book_of(_STRADDLE), beta=np.array([np.nan]))
    crash = Scenario(name="crash", benchmark_return=-0.1)
    assert stress_book(book, [crash])[0].reason == "no beta of SPX"
    own = stress_book(book, [replace(crash, own_returns=(("SPX", -0.1),))])[0]
    assert own.pnl == pytest.approx(stress_book(book_of(_STRADDLE), [crash])[0].pnl)


def test_beta_carries_the_move_of_the_benchmark() -> None:
    """Shares of beta 1.5 lose one and a half times what the benchmark does."""
    book = replace(book_of([], shares=10.0), beta=np.array([1.5]))
    assert stress_book(book, [Scenario(name="down", benchmark_return=-0.1)])[0].pnl == pytest.approx(-150.0)
    with pytest.raises(ConfigError, match="takes more than all of SPX"):
        stress_book(replace(book, beta=np.array([12.0])), [Scenario(name="down", benchmark_return=-0.1)])


def test_a_grid_holds_each_scenario_at_its_place() -> None:
    """Rows are shifts of volatility, columns moves of price; the middle is nothing."""
    book = book_of(_STRADDLE)
    spot, vol = np.array([-0.1, 0.0, 0.1]), np.array([-0.05, 0.0])
    grid = spot_vol_grid(book, spot, vol)
    assert grid.pnl[1, 1] == pytest.approx(0.0, abs=1e-9)
    alone = stress_book(book, [Scenario(name="one", benchmark_return=0.1, vol_points=-0.05)])[0]
    assert grid.pnl[0, 2] == pytest.approx(alone.pnl)
    assert grid.reason == ""


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"benchmark_retrun": -0.1}, "unknown keys"),
        ({"benchmark_return": "down"}, "no number"),
        ({"benchmark_return": -1.0}, "a return cannot be"),
        ({"days": -1}, "a shock cannot be"),
        ({"own_returns": 3}, "own_returns is a table"),
        ({"is_gap": 1}, "is_gap is of another kind"),
    ],
)
def test_a_table_that_cannot_be_is_refused(table: dict[str, object], words: str) -> None:
    """What is misspelt or out of range says so, with the scenario's name."""
    with pytest.raises(ConfigError, match=words):
        scenario_of("mine", table)


def test_a_table_is_a_scenario() -> None:
    """Every field can be given."""
    table = {"benchmark_return": -0.07, "own_returns": {"TLT": 0.02}, "vol_points_scaled": 0.2, "is_gap": True}
    found = scenario_of("mine", table)
    assert found == Scenario(
        name="mine", benchmark_return=-0.07, own_returns=(("TLT", 0.02),), vol_points_scaled=0.2, is_gap=True
    )
