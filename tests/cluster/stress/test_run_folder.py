"""A run of a backtest as a book: what it still held at its end is put under stress."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.calendars import sessions_between
from tests.cluster.stores import run

_CONFIG = """\
[run]
name = "held"
from = 2023-01-03
to = 2023-02-28

[data.files]
inputs = [{{ path = "{place}", names = {{ SPY = "SPY" }} }}]

[account]
cash = 100_000

[[strategies]]
kind = "buy_and_hold"
parameters = {{ instrument = "SPY", fraction = 0.5 }}

[report]
pdf = false
bootstrap_samples = 100
"""


def test_what_a_run_still_holds_is_its_book(tmp_path: Path) -> None:
    """Shares that were bought and never sold: units of the ledger, marked at the last close, a crash takes a tenth."""
    file, config, folder = tmp_path / "spy_daily.csv", tmp_path / "held.toml", tmp_path / "held"
    days = [session.day for session in sessions_between("NYSE", date(2023, 1, 3), date(2023, 2, 28))]
    level = 400.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.01, len(days))))
    rows = [f"{day},SPY,{p:.2f},{p:.2f},{p:.2f},{p:.2f},1000000" for day, p in zip(days, level, strict=True)]
    file.write_text("\n".join(["date,symbol,open,high,low,close,volume", *rows]) + "\n", encoding="utf-8")
    config.write_text(_CONFIG.format(place=file), encoding="utf-8")
    done = run(tmp_path / "home", "backtest", str(config), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    done = run(tmp_path / "home", "stress", str(folder), "--history", str(file), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (position,) = found["positions"]
    assert position["instrument"] == "SPY"
    assert position["strategy"] == "buy_and_hold"
    assert position["quantity"] > 100
    assert position["mark"] == pytest.approx(level[-1], abs=0.006)
    crash = next(each for each in found["scenarios"] if each["name"] == "flash_crash")
    assert crash["pnl"] == pytest.approx(-0.1 * found["worth"])
    assert found["value_at_risk"]["reason"] == "38 past days with all moves, 250 are needed"
