"""Pages of execution, alarms and lives: they say what is known, and that the rest is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backtest.reports.blocks import Facts, Grid, Note, Section
from backtest.reports.execution_sections import alarms_section, execution_section, lives_section
from tests.backtest.metrics.samples import run_of_returns
from tests.backtest.reports.samples import sample_run

_EMPTY = run_of_returns(np.linspace(0.0, 0.01, 30))


def _grids(section: Section) -> dict[str, Grid]:
    return {block.title: block for block in section.blocks if isinstance(block, Grid)}


def _notes(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Note)]


def _facts(section: Section) -> dict[str, str]:
    return {item.name: item.text for block in section.blocks if isinstance(block, Facts) for item in block.items}


def test_every_fill_stands_in_each_table_of_execution() -> None:
    """Leg, structure, strategy and hour each hold all fills of the run."""
    run = sample_run()
    grids = _grids(execution_section(run))
    assert len(grids) == 4
    for grid in grids.values():
        assert sum(int(row[1]) for row in grid.rows) == len(run.fills)


def test_without_quotes_slippage_is_missing_and_said_to_be() -> None:
    """A dash and a warning, not a 0."""
    section = execution_section(replace(sample_run(), fill_quotes=()))
    assert _facts(section)["Slippage"] == "–"
    assert "Slippage is missing: no quote was recorded for any fill." in _notes(section)


def test_slippage_against_a_modelled_quote_is_flagged() -> None:
    """It repeats the assumption of the model."""
    section = execution_section(replace(sample_run(), counts={"fills_modelled_quote": 3}))
    assert any(text.startswith("3 executions met a modelled quote") for text in _notes(section))


def test_a_run_without_orders_or_trades_says_so() -> None:
    """No empty table without a word."""
    assert _notes(execution_section(_EMPTY)) == ["No order was sent."]
    assert _notes(lives_section(_EMPTY)) == ["No trade was closed."]
    assert all(not grid.rows and grid.empty for grid in _grids(alarms_section(_EMPTY)).values())


def test_alarms_and_binding_limits_have_a_row_each() -> None:
    """A margin call and many views without a fill raise theirs; the sample's decision told which ceiling bound."""
    grids = _grids(alarms_section(replace(sample_run(), fills=(), n_views=500)))
    assert [row[0] for row in grids["Alarms"].rows] == ["margin call", "no trades"]
    assert [row[2:4] for row in grids["Which ceiling bound the size"].rows] == [("1", "100.0\N{NO-BREAK SPACE}%")]


def test_the_worst_trade_is_told_from_signal_to_exit() -> None:
    """Reason of the entry, reason of the exit, best, worst and net."""
    run = sample_run()
    (row,) = _grids(lives_section(run))["The worst trades"].rows
    assert row[2:4] == (run.decisions[0].decision.reason, run.trades[0].exit_reason)
    assert row[6].replace("\N{MINUS SIGN}", "-").replace(",", "") == f"{run.trades[0].net_pnl:+.2f}"
