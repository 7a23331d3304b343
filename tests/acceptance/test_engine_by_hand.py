"""Condors and straddles on recorded quotes, worked out by hand beside the engine, to the last digit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtest.config import EngineConfig
from backtest.costs.schedules import us_options_and_shares
from backtest.engine import run_backtest
from backtest.fills.spreads import FixedSpread
from backtest.history import History
from backtest.results import RunResult
from backtest.schedule import OnChains
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from market.calendars import expiry_series
from market.instruments import product_of
from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import option_contract
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision, Proposal
from strategies.views import View
from tests.backtest.recordings import DESCRIPTION

pytestmark = pytest.mark.data

# Strike, right and ratio of each leg.
Legs = tuple[tuple[float, str, int], ...]
HALF = Decimal("0.10")
HOUR_NS = 3_600_000_000_000


def fees(day: str, quantity: int, price: Decimal) -> Decimal:
    """Return what a retail account was charged for SPXW: broker, exchange, clearing, regulators; no section 31."""
    exchange = Decimal("0.65") if day < "2025-05-14" else Decimal("0.49") if price < 1 else Decimal("0.58")
    clearing = Decimal("0.02") if day < "2025-01-01" else Decimal("0.025")
    options = (("2024-05-22", "0.02905"), ("2025-05-14", "0.02685"), ("9999", "0.01410"))
    regulatory = next(Decimal(rate) for until, rate in options if day < until)
    sales = Decimal("0.00244") if day < "2024-01-01" else Decimal("0.00279")
    per_contract = Decimal("0.65") + exchange + clearing + regulatory + (sales if quantity < 0 else 0)
    return abs(quantity) * per_contract


def exact(value: Any) -> Decimal:
    """Return a number of a table as it is printed."""
    return Decimal(repr(float(value)))


def on_tick(price: Decimal, rounding: str) -> Decimal:
    """Return a price on the tick of SPX: a nickel below 3, else a dime."""
    tick = Decimal("0.05") if price < 3 else Decimal("0.10")
    return (price / tick).to_integral_value(rounding) * tick


@dataclass(frozen=True)
class Planned:
    """Opens a package in one session, and closes it in another where one is named."""

    expiration: date
    legs: Legs
    opens: str
    closes: str = ""
    name: str = "planned"
    asked: list[str] = field(default_factory=list)

    def decide(self, view: View) -> Decision:
        """Return the order of the day."""
        chain = view.chain("SPX")
        day = "" if chain is None else chain.chain.session.isoformat()
        if day == self.opens and not self.asked:
            self.asked.append(day)
            return self._order(1, PositionEffect.OPEN, "")
        if day == self.closes and view.account.packages and not view.account.working:
            return self._order(-1, PositionEffect.CLOSE, view.account.packages[0].package_id)
        return HOLD

    def _order(self, side: int, effect: PositionEffect, package_id: str) -> Decision:
        series = expiry_series(product_of("SPXW"), self.expiration)
        legs = tuple(
            Leg(instrument=option_contract(series, strike, is_call=right == "C"), ratio=side * ratio)
            for strike, right, ratio in self.legs
        )
        proposal = Proposal(
            structure="planned",
            legs=legs,
            quantity=Decimal(1),
            limit_price=Decimal(500),
            effect=effect,
            package_id=package_id,
            time_in_force=TimeInForce.GTC,
        )
        return Decision(reason="planned", proposals=(proposal,))


def run(history: History, planned: Planned, **changed: Any) -> RunResult:
    """Run one plan with the charges of a retail account."""
    config = EngineConfig(
        initial_cash=Decimal(1_000_000),
        triggers=(OnChains(),),
        costs=us_options_and_shares(),
        limits=PretradeLimits(collar_fraction=None),
        with_greeks=False,
        **changed,
    )
    return run_backtest(config, history, [planned], DESCRIPTION)


@pytest.fixture(scope="module")
def mids(data_root: Path) -> tuple[History, pd.DataFrame, pd.DataFrame]:
    """Return the engine's history of 0DTE mids, and both tables for the hand."""
    chains = data_root / "option_chains" / "spx_0dte_midpoints.parquet"
    daily = data_root / "daily" / "spx_spy_qqq_daily.parquet"
    files = RecordedFiles(chains=(chains,), inputs=(InputFile(path=daily, names={"SPX": "SPX"}),), parity_band=9.0)
    table = pd.read_parquet(daily)
    return recorded_history(files), pd.read_parquet(chains), table[table["symbol"] == "SPX"].set_index("date")


def zero_dte_legs(rows: pd.DataFrame, later: pd.DataFrame, kind: str) -> Legs:
    """Return a short straddle at the money, or a condor of the nearest and the farthest strikes on each side."""
    strikes = sorted(set(rows.dropna()["strike"]) & set(later.dropna()["strike"]))
    spot = float(rows["spx"].iloc[0])
    if kind == "straddle":
        middle = min(strikes, key=lambda each: abs(each - spot))
        return ((middle, "C", -1), (middle, "P", -1))
    above, below = [k for k in strikes if k > spot + 3], [k for k in strikes if k < spot - 3]
    return ((below[0], "P", 1), (below[-1], "P", -1), (above[0], "C", -1), (above[-1], "C", 1))


@pytest.mark.parametrize("kind", ["straddle", "condor"])
@pytest.mark.parametrize("day", ["2023-12-13", "2024-02-27", "2024-07-25", "2024-12-23", "2025-03-25"])
def test_a_day_of_zero_dte_earns_what_the_hand_says(
    mids: tuple[History, pd.DataFrame, pd.DataFrame], day: str, kind: str
) -> None:
    """Sold at the second row of the day at mids less a dime a leg, settled by the close of the index."""
    history, table, daily = mids
    today = table[table["date"] == day]
    first, second = sorted(today["time_et"].unique())[:2]
    rows, later = today[today["time_et"] == first], today[today["time_et"] == second].set_index("strike")
    legs = zero_dte_legs(rows, later.reset_index(), kind)
    close = exact(daily.loc[pd.Timestamp(day), "close"])
    earned = Decimal(0)
    for strike, right, ratio in legs:
        mid = exact(later.loc[strike, "call_mid" if right == "C" else "put_mid"])
        rounding = ROUND_CEILING if ratio > 0 else ROUND_FLOOR
        price = on_tick(max(mid + ratio * HALF, Decimal(0)), rounding)
        worth = max((close - Decimal(strike)) * (1 if right == "C" else -1), Decimal(0))
        earned += ratio * 100 * (worth - price) - fees(day, ratio, price)
    result = run(history, Planned(date.fromisoformat(day), legs, day), mid_spread=FixedSpread(half=float(HALF)))
    assert result.stopped == ""
    assert [trade.net_pnl for trade in result.trades] == [earned]


@pytest.fixture(scope="module")
def closes(data_root: Path) -> tuple[History, pd.DataFrame]:
    """Return the engine's history of closing chains, and the table for the hand."""
    path = data_root / "option_chains" / "cboe_spx_snapshots.parquet"
    table = pd.read_parquet(path, columns=["session_date", "root", "expiration", "right", "strike", "bid", "ask"])
    return recorded_history(RecordedFiles(chains=(path,))), table[table["root"] == "SPXW"]


SESSIONS: list[tuple[tuple[str, str, str], str, Legs]] = [
    (
        ("2025-08-19", "2025-08-20", "2025-08-22"),
        "2025-09-11",
        ((6125.0, "P", 1), (6150.0, "P", -1), (6580.0, "C", -1), (6625.0, "C", 1)),
    ),
    (("2025-08-25", "2025-08-26", "2025-08-27"), "2025-09-16", ((6450.0, "C", -1), (6450.0, "P", -1))),
    (
        ("2025-08-27", "2025-08-28", "2025-08-29"),
        "2025-09-18",
        ((6210.0, "P", 1), (6240.0, "P", -1), (6625.0, "C", -1), (6650.0, "C", 1)),
    ),
]


@pytest.mark.parametrize(("days", "expiration", "legs"), SESSIONS)
def test_a_package_over_recorded_closes_earns_what_the_hand_says(
    closes: tuple[History, pd.DataFrame], days: tuple[str, str, str], expiration: str, legs: Legs
) -> None:
    """Decided at one close, opened at the far sides of the next, closed at those of the third."""
    history, table = closes
    (decided, opened, closed), earned = days, Decimal(0)
    for strike, right, ratio in legs:
        rows = table[
            (table["expiration"] == expiration) & (table["strike"] == strike) & (table["right"] == right)
        ].set_index("session_date")
        entry, leave = rows.loc[pd.Timestamp(opened)], rows.loc[pd.Timestamp(closed)]
        paid = exact(entry["ask" if ratio > 0 else "bid"])
        got = exact(leave["bid" if ratio > 0 else "ask"])
        earned += ratio * 100 * (got - paid) - fees(opened, ratio, paid) - fees(closed, -ratio, got)
    planned = Planned(date.fromisoformat(expiration), legs, decided, opened)
    result = run(history, planned, closing_quotes_ns=8 * HOUR_NS)
    assert result.stopped == ""
    assert [trade.net_pnl for trade in result.trades] == [earned]
