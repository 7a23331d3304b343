"""Scenarios on recorded data: each meets its criteria, and a missing file says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest.scenarios.catalogue import SCENARIOS, ScenarioKind
from cluster.scenarios import run_scenario
from market.errors import DataError, TradingError


@pytest.mark.data
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_meets_its_criteria(data_root: Path, name: str) -> None:
    """Every criterion holds, and what stands on implied chains is marked as simulated."""
    verdict = run_scenario(name, data_root)
    assert [finding for finding in verdict.findings if not finding.passed] == []
    assert verdict.passed
    assert verdict.simulated is (SCENARIOS[name].kind is ScenarioKind.IMPLIED_CHAINS)
    assert all(len(source.digest) == 64 for source in verdict.sources)


@pytest.mark.data
def test_the_same_scenario_gives_the_same_figures(data_root: Path) -> None:
    """Seeds are fixed: findings, facts and digests of a second run are the first one's."""
    one, two = (run_scenario("flash-crash-10-percent", data_root) for _ in range(2))
    assert one.findings == two.findings
    assert one.facts == two.facts
    assert [source.digest for source in one.sources] == [source.digest for source in two.sources]


@pytest.mark.parametrize("name", ["volatility-february-2018", "same-day-growth", "bitcoin-march-2020"])
def test_a_folder_without_the_data_is_named(tmp_path: Path, name: str) -> None:
    """The error tells the file that is missing."""
    with pytest.raises(TradingError) as found:
        run_scenario(name, tmp_path)
    assert isinstance(found.value, DataError)
    assert str(tmp_path) in str(found.value)
