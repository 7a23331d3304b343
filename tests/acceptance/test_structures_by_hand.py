"""Condors, calendars and broken wings over recorded closes: each trade of the study as the file's quotes give it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from backtest.results import RunResult
from benchmarks.session_runs import PERIODS, plan_of, run_sessions, sessions_history
from market.clock import datetime_of_ns
from market.tradables import OptionContract
from tests.acceptance.test_engine_by_hand import exact, fees

pytestmark = [pytest.mark.data, pytest.mark.slow]

# Expiration, strike, right and ratio of each leg.
Legs = tuple[tuple[str, float, str, int], ...]


def same_end(expiration: str, *legs: tuple[float, str, int]) -> Legs:
    """Return legs of one expiration."""
    return tuple((expiration, *leg) for leg in legs)


TRADES: dict[str, tuple[str, str, str, Legs]] = {
    "iron condor by expected move": (
        "2025-08-20", "2025-08-26", "max_hold",
        same_end("2025-10-03", (6210.0, "P", -1), (6120.0, "P", 1), (6600.0, "C", -1), (6700.0, "C", 1)),
    ),
    "calendar": (
        "2025-08-20", "2025-08-26", "max_hold",
        (("2025-09-18", 6400.0, "C", -1), ("2025-10-17", 6400.0, "C", 1)),
    ),
    "broken wing, bullish puts": (
        "2025-08-20", "2025-08-26", "max_hold",
        same_end("2025-10-03", (6400.0, "P", -2), (6425.0, "P", 1), (6350.0, "P", 1)),
    ),
    "broken wing, bearish calls": (
        "2025-08-20", "2025-08-26", "stop_loss",
        same_end("2025-10-03", (6400.0, "C", -2), (6375.0, "C", 1), (6450.0, "C", 1)),
    ),
}  # fmt: skip
"""Decided at the close before, filled at the close of the first day, and so at the end."""
# The monthly series that settles in the morning stands under another root, which costs eight cents more a contract.
MORNING = {"2025-10-17"}
MORE = Decimal("0.08")


@pytest.fixture(scope="module")
def table(data_root: Path) -> pd.DataFrame:
    """Return the quotes of the file."""
    path = data_root / "option_chains" / "cboe_spx_snapshots.parquet"
    columns = ["session_date", "root", "expiration", "right", "strike", "bid", "ask"]
    return pd.read_parquet(path, columns=columns, filters=[("session_date", ">=", pd.Timestamp("2025-08-19"))])


@pytest.fixture(scope="module")
def results(data_root: Path) -> dict[str, RunResult]:
    """Return the run of each structure over the sessions of August 2025."""
    history = sessions_history(data_root, PERIODS["2025-08-19 to 2025-08-29"])
    return {name: run_sessions(history, plan_of(name)) for name in TRADES}


def quoted(table: pd.DataFrame, day: str, leg: tuple[str, float, str, int]) -> pd.Series:
    """Return the row of a contract at a close."""
    expiration, strike, right, _ = leg
    root = "SPX" if expiration in MORNING else "SPXW"
    rows = table[(table["session_date"] == day) & (table["root"] == root) & (table["expiration"] == expiration)]
    (found,) = rows[(rows["strike"] == strike) & (rows["right"] == right)].to_dict("records")
    return pd.Series(found)


@pytest.mark.parametrize("name", list(TRADES))
def test_the_study_trades_what_its_page_says(results: dict[str, RunResult], name: str) -> None:
    """The first trade of each structure has those legs, days and that ending."""
    opened, closed, reason, legs = TRADES[name]
    result = results[name]
    assert result.stopped == ""
    trade = result.trades[0]
    held = tuple(
        (str(c.series.expiration), float(c.strike), "C" if c.is_call else "P", leg.ratio)
        for leg in trade.legs
        if isinstance(c := leg.instrument, OptionContract)
    )
    days = [datetime_of_ns(ts_ns).date().isoformat() for ts_ns in (trade.opened_ns, trade.closed_ns)]
    assert (days, trade.exit_reason, held) == ([opened, closed], reason, legs)


@pytest.mark.parametrize("name", list(TRADES))
def test_the_trade_earns_what_the_hand_says(results: dict[str, RunResult], table: pd.DataFrame, name: str) -> None:
    """Bought at the ask and sold at the bid of both closes, times a hundred, less every fee, to the last digit."""
    opened, closed, _, legs = TRADES[name]
    earned = Decimal(0)
    for leg in legs:
        ratio = leg[3]
        entry, leave = quoted(table, opened, leg), quoted(table, closed, leg)
        paid, got = exact(entry["ask" if ratio > 0 else "bid"]), exact(leave["bid" if ratio > 0 else "ask"])
        earned += ratio * 100 * (got - paid) - fees(opened, ratio, paid) - fees(closed, -ratio, got)
        earned -= 2 * abs(ratio) * MORE if leg[0] in MORNING else 0
    assert results[name].trades[0].net_pnl == earned
