"""The files that a person opens first: their names of columns, their signs, and no formula in a cell."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

from backtest.reports.tables import FILL_COLUMNS, TRADE_COLUMNS, decisions_log, fills_csv, trades_csv
from tests.backtest.reports.samples import named, sample_run


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode())))


def test_the_columns_of_trades_are_these() -> None:
    """Programs of users read these names."""
    heads = trades_csv(sample_run().trades).decode().splitlines()[0].split(",")
    more = ["factor_skew", "factor_vix", "entry_spot", "exit_spot"]
    assert heads == [*TRADE_COLUMNS, *more]
    assert heads[:5] == ["package_id", "strategy", "structure", "legs", "quantity"]


def test_a_trade_is_a_row_with_exact_money() -> None:
    """Money keeps its cents, a credit its sign, and a missing factor is empty."""
    (row,) = _rows(trades_csv(sample_run().trades))
    assert (row["net_pnl"], row["costs"], row["entry_price"]) == ("117.40", "2.60", "-1.2")
    assert (row["opened"], row["hours_held"]) == ("2023-05-23T14:30:00Z", "72.0000")
    assert (row["factor_skew"], row["factor_vix"]) == ("", "18.5")
    assert row["legs"].startswith("buy 1 SPXW230526P04090000 / sell 1 SPXW230526P04100000")


def test_no_cell_of_a_word_runs_as_a_formula() -> None:
    """A spreadsheet would run a cell that begins with a sign of its own."""
    trade = replace(sample_run().trades[0], strategy="=HYPERLINK()", exit_reason="+1", structure="@x")
    (row,) = _rows(trades_csv([trade]))
    assert [row[name][0] for name in ("strategy", "exit_reason", "structure")] == ["'"] * 3


def test_fills_have_a_row_each() -> None:
    """Each execution of each leg stands there with its costs and its mark."""
    rows = _rows(fills_csv(sample_run().fills))
    assert list(rows[0]) == list(FILL_COLUMNS)
    assert [row["quantity"] for row in rows] == ["1", "-1", "-1", "1", "10"]
    assert {row["simulated"] for row in rows} == {"yes"}


def test_the_log_tells_assumptions_factors_gates_and_the_binding_size() -> None:
    """The first line states how orders were filled; each decision is one line with what bound it."""
    lines = decisions_log(sample_run()).decode().splitlines()
    assert lines[0] == "# SIMULATED DATA  run condor; fills: cross the spread; slippage: none"
    told = next(line for line in lines if "d1" in line)
    assert "factors[vix=18.5 skew=nan]" in told
    assert "gates[vix_below=pass(18.5 to 30) trend=pass]" in told
    assert "size[risk_budget=1* buying_power=98]" in told
    assert "open 1 iron_condor at -1.20" in told
    assert lines[-1] == "# 40 views, 1 decisions, 39 plain holds"


def test_the_log_has_a_line_for_each_view() -> None:
    """Views that ended in a plain hold stand there too, in order of time."""
    lines = [line for line in decisions_log(sample_run()).decode().splitlines() if not line.startswith("#")]
    assert len(lines) == 40
    assert lines[1] == "2023-05-23T15:30:00Z  hold"
    assert [line[:20] for line in lines] == sorted(line[:20] for line in lines)


def test_a_name_with_a_line_end_stays_in_its_line() -> None:
    """Whoever names a run cannot write lines of the log."""
    result = named(sample_run(stopped="strategy\nraised"), "x")
    assert decisions_log(result).decode().splitlines()[-1] == "# stopped: strategy raised"
