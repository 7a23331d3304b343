"""Condors, calendars and broken wings over recorded closes: each trade of the study as the file's quotes give it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtest.results import RunResult
from benchmarks.session_runs import PERIODS, STRUCTURES, plan_of, run_sessions, sessions_history
from execution.trades import Trade
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
# Series that settle in the morning stand under another root, which costs eight cents more a contract since May 2025.
MORE = Decimal("0.08")


@pytest.fixture(scope="module")
def table(data_root: Path) -> pd.DataFrame:
    """Return the quotes of the file, by session and symbol."""
    path = data_root / "option_chains" / "cboe_spx_snapshots.parquet"
    rows = pd.read_parquet(path, columns=["session_date", "option_symbol", "bid", "ask"])
    return rows.set_index(["session_date", "option_symbol"]).sort_index()


@pytest.fixture(scope="module")
def results(data_root: Path) -> dict[tuple[str, str], RunResult]:
    """Return the run of each structure of the study over each of its stretches of sessions."""
    histories = {period[:4]: sessions_history(data_root, span) for period, span in PERIODS.items()}
    return {
        (name, year): run_sessions(history, plan_of(name)) for name in STRUCTURES for year, history in histories.items()
    }


def day_of(ts_ns: int) -> str:
    """Return the date of an instant."""
    return datetime_of_ns(ts_ns).date().isoformat()


def far_side(table: pd.DataFrame, day: str, symbol: str, *, buys: bool) -> Decimal:
    """Return what a contract cost, or brought, at a close."""
    price: Any = table.loc[(pd.Timestamp(day), symbol), "ask" if buys else "bid"]
    return exact(price)


def by_hand(table: pd.DataFrame, result: RunResult, trade: Trade) -> Decimal:
    """Return what a trade earns at the far sides of the quotes of its closes, less fees; parts have their own days."""
    earned = Decimal(0)
    for leg in trade.legs:
        symbol, ratio = leg.instrument.symbol, leg.ratio
        own = [f for f in result.fills if f.package_id == trade.package_id and f.instrument.symbol == symbol]
        opened, closed = (day_of(fill.ts_event_ns) for fill in own)
        paid, got = (
            far_side(table, day, symbol, buys=buys) for day, buys in ((opened, ratio > 0), (closed, ratio < 0))
        )
        earned += ratio * 100 * (got - paid) - fees(opened, ratio, paid) - fees(closed, -ratio, got)
        if not symbol.startswith("SPXW") and opened >= "2025-05-14":
            earned -= 2 * abs(ratio) * MORE
    return earned


@pytest.mark.parametrize("name", list(TRADES))
def test_the_study_trades_what_its_page_says(results: dict[tuple[str, str], RunResult], name: str) -> None:
    """The first trade of each structure in August 2025 has those legs, days and that ending."""
    opened, closed, reason, legs = TRADES[name]
    trade = results[name, "2025"].trades[0]
    held = tuple(
        (str(c.series.expiration), float(c.strike), "C" if c.is_call else "P", leg.ratio)
        for leg in trade.legs
        if isinstance(c := leg.instrument, OptionContract)
    )
    found = day_of(trade.opened_ns), day_of(trade.closed_ns), trade.exit_reason
    assert (found, held) == ((opened, closed, reason), legs)


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_every_trade_earns_what_the_hand_says(
    results: dict[tuple[str, str], RunResult], table: pd.DataFrame, name: str
) -> None:
    """Bought at the ask and sold at the bid of both closes, times a hundred, less every fee, to the last digit."""
    runs = [results[name, year] for year in ("2023", "2025")]
    found = [(run, each) for run in runs for each in run.trades if "partially_filled" not in each.flags]
    assert found
    assert [run.stopped for run in runs] == ["", ""]
    assert [trade.net_pnl for _, trade in found] == [by_hand(table, run, trade) for run, trade in found]


def test_a_part_that_stayed_alone_earns_what_its_own_legs_did(
    results: dict[tuple[str, str], RunResult], table: pd.DataFrame
) -> None:
    """In April and May 2023 only the diagonal was bought; the index stayed above both puts, which ended at nothing."""
    alone = [trade for trade in results["flyagonal", "2023"].trades if "partially_filled" in trade.flags]
    earned = []
    for trade in alone:
        opened, total = day_of(trade.opened_ns), Decimal(0)
        for leg in trade.legs[3:]:
            paid = far_side(table, opened, leg.instrument.symbol, buys=leg.ratio > 0)
            total -= leg.ratio * 100 * paid + fees(opened, leg.ratio, paid)
        earned.append(total)
    assert len(alone) == 2
    assert [trade.net_pnl for trade in alone] == earned
