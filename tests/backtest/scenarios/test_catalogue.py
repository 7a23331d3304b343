"""The catalogue of scenarios: dated on sessions, found by name, and covering what was asked for."""

from __future__ import annotations

import pytest

from backtest.scenarios.catalogue import SCENARIOS, ScenarioKind, scenario_of
from market.calendars import session_on
from market.clock import datetime_of_ns
from market.errors import ConfigError


def test_scenarios_are_dated_on_sessions() -> None:
    """First and last day, gaps and halts lie on days on which the market was open."""
    for scenario in SCENARIOS.values():
        if scenario.kind is ScenarioKind.PERPETUAL:
            continue
        days = [scenario.first, scenario.last, *(scenario.gap or ())]
        days += [day for shock in scenario.shocks for day in (shock.first, shock.last)]
        days += [datetime_of_ns(halt.start_ns).date() for halt in scenario.halts]
        assert all(session_on("NYSE", day) is not None for day in days), scenario.name
        assert all(scenario.first <= day <= scenario.last for day in days), scenario.name


def test_a_halt_lasts_a_quarter_of_an_hour_inside_its_session() -> None:
    """Level-1 halts of March 2020: 9, 12, 16 and 18 March."""
    halts = SCENARIOS["limit-down-march-2020"].halts
    assert [datetime_of_ns(halt.start_ns).day for halt in halts] == [9, 12, 16, 18]
    for halt in halts:
        session = session_on("NYSE", datetime_of_ns(halt.start_ns).date())
        assert session is not None
        assert session.open_ns < halt.start_ns < halt.end_ns < session.close_ns
        assert halt.end_ns - halt.start_ns == 900 * 10**9


def test_the_rows_of_the_requirements_are_covered() -> None:
    """Volmageddon, March 2020, 0DTE growth, the three shocks and the coins."""
    rows = {row for scenario in SCENARIOS.values() for row in scenario.rows}
    assert rows >= {"D96", "D97", "D98", "Q32", "Q33", "Q34", "H81", "H82"}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """The error lists the names."""
    with pytest.raises(ConfigError, match="did you mean volatility-to-50"):
        scenario_of("volatility-50")
