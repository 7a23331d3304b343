"""The figures of a run, reckoned anew from the files that a person opens, and held against each other."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from backtest.reports.record import read_result
from backtest.reports.wording import GLUE, money
from execution.events import CashKind, CashMovement

__all__ = ["check_numbers"]


def check_numbers(folder: Path, printed: str) -> None:
    """Reckon the headline of a run from its CSV files and ledger; pages and terminal must show the same.

    Parameters
    ----------
    folder : pathlib.Path
        A finished run.
    printed : str
        What the terminal said of it.
    """
    told = json.loads((folder / "metrics.json").read_bytes())["metrics"]
    trades, fills = _rows(folder / "trades_v2.csv"), _rows(folder / "fills.csv")
    nets = [Decimal(row["net_pnl"]) for row in trades]
    assert [Decimal(row["gross_pnl"]) - Decimal(row["costs"]) for row in trades] == nets
    wins, losses = [net for net in nets if net > 0], [net for net in nets if net < 0]
    found = told["trades"]
    assert (found["n_trades"], found["n_wins"], found["n_losses"]) == (len(nets), len(wins), len(losses))
    assert float(sum(nets)) == pytest.approx(found["net_profit"], abs=1e-6)
    assert told["costs"] == pytest.approx(float(sum(Decimal(row["costs"]) for row in fills)), abs=1e-6)
    _check_money(folder, told, fills, sum(nets, Decimal(0)))
    _check_pages(folder, told, printed)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _check_money(folder: Path, told: dict[str, float], fills: list[dict[str, str]], closed: Decimal) -> None:
    """Profit is that of closed packages, of what is open, and of cash that belongs to no package."""
    result = read_result(folder)
    cash = [event for event in result.ledger if isinstance(event, CashMovement)]
    put_in = sum((event.amount for event in cash if event.kind is CashKind.DEPOSIT), Decimal(0))
    free = sum((e.amount for e in cash if e.kind is not CashKind.DEPOSIT and not e.package_id), Decimal(0))
    assert told["start_equity"] == pytest.approx(float(put_in))
    assert told["net_profit"] == pytest.approx(told["end_equity"] - told["start_equity"], abs=1e-6)
    assert len(fills) == len(result.fills)
    open_ids = {held.package_id for held in result.open_packages}
    paid = sum((fill.total_cost for fill in result.fills if fill.package_id in open_ids), Decimal(0))
    if not any(row["package_id"] in open_ids and Decimal(row["quantity"]) < 0 for row in fills):  # nothing part-closed
        marked = Decimal(repr(float(result.curve.unrealised[-1])))
        assert told["net_profit"] == pytest.approx(float(closed + free + marked - paid), abs=1e-4)


def _check_pages(folder: Path, told: dict[str, float], printed: str) -> None:
    about = json.loads((folder / "provenance.json").read_bytes())
    shown = money(told["net_profit"], about["currency"], plus=True)
    assert shown.replace(GLUE, " ") in (folder / "tear_sheet.html").read_text(encoding="utf-8")
    assert shown in printed
    baseline = json.loads((folder / "baseline_metrics.json").read_bytes())
    assert {key: baseline[key] for key in baseline if key in told and key != "reasons"} == {
        key: told[key] for key in baseline if key in told and key != "reasons"
    }
