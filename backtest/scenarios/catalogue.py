"""The scenarios by name: dates, inputs inside a data folder, shocks and halts. No data stand here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from backtest.history import Halt
from market.clock import ns_of_datetime
from market.errors import ConfigError

__all__ = ["SCENARIOS", "FileRole", "Scenario", "ScenarioFile", "ScenarioKind", "SessionShock", "scenario_of"]

_NEW_YORK: Final = ZoneInfo("America/New_York")


class ScenarioKind(StrEnum):
    """What a scenario runs on."""

    IMPLIED_CHAINS = "implied_chains"  # a recorded index and volatility indices; chains of a model, marked simulated
    RECORDED_MIDS = "recorded_mids"
    RECORDED_CHAINS = "recorded_chains"
    PERPETUAL = "perpetual"
    REGIME_OUTCOMES = "regime_outcomes"


class FileRole(StrEnum):
    """What a file is for."""

    INDEX_DAYS = "index_days"
    FUND_HOURS = "fund_hours"
    VOLATILITY = "volatility"
    CHAINS = "chains"
    PERPETUAL_BARS = "perpetual_bars"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """One input.

    Parameters
    ----------
    role : FileRole
        What it is for.
    path : str
        Inside the data folder that the user names.
    names : tuple of str
        What of it is read; empty for all.
    """

    role: FileRole
    path: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionShock:
    """A shock by day and minute of the session; it ends before its end, and at the close of the last day without one.

    Parameters
    ----------
    first, last : datetime.date
        First and last session.
    minute, until_minute : float
        Minutes after the open of the first session, and of the last one.
    spot_factor : float
        Multiplies the index.
    volatility_30d : float
        What the volatility of 30 days becomes, annualised fraction; NaN leaves it.
    """

    first: date
    last: date
    minute: float = 0.0
    until_minute: float = 1e9
    spot_factor: float = 1.0
    volatility_30d: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named test.

    Parameters
    ----------
    name : str
        Name.
    title : str
        What it is about.
    kind : ScenarioKind
        What it runs on.
    first, last : datetime.date
        Dates.
    files : tuple of ScenarioFile
        Its inputs.
    rows : tuple of str
        Rows of the requirements that it covers.
    seed : int
        Of the bridges between recorded prints.
    step_minutes : int
        Distance of implied chains.
    shocks : tuple of SessionShock
        What is done to the recorded path.
    halts : tuple of Halt
        Spans without trading.
    gap : tuple of (date, date) or None
        Sessions between whose close and open the gap lies that a package must be held over.
    inverted_by : datetime.date or None
        Session by whose evening the term structure must have been INVERTED.
    leverages : tuple of int
        Of the perpetual, longs.
    """

    name: str
    title: str
    kind: ScenarioKind
    first: date
    last: date
    files: tuple[ScenarioFile, ...]
    rows: tuple[str, ...]
    seed: int = 7
    step_minutes: int = 30
    shocks: tuple[SessionShock, ...] = ()
    halts: tuple[Halt, ...] = ()
    gap: tuple[date, date] | None = None
    inverted_by: date | None = None
    leverages: tuple[int, ...] = ()


def _halt(day: date, hour: int, minute: int, second: int) -> Halt:
    """Return a level-1 market-wide halt: fifteen minutes from an instant of New York."""
    start = ns_of_datetime(datetime.combine(day, time(hour, minute, second), tzinfo=_NEW_YORK))
    return Halt(symbol="SPX", start_ns=start, end_ns=start + 15 * 60 * 10**9)


# Instants as the exchanges published them: a fall of 7 % of the index before 15:25.
_HALTS_2020: Final = (
    _halt(date(2020, 3, 9), 9, 34, 13),
    _halt(date(2020, 3, 12), 9, 35, 44),
    _halt(date(2020, 3, 16), 9, 30, 1),
    _halt(date(2020, 3, 18), 12, 56, 17),
)
_INDEX: Final = (
    ScenarioFile(role=FileRole.INDEX_DAYS, path="daily/spx_spy_qqq_daily.parquet", names=("SPX",)),
    ScenarioFile(role=FileRole.FUND_HOURS, path="underlying/spy_hourly_1998_2021.parquet", names=("SPY",)),
    ScenarioFile(role=FileRole.VOLATILITY, path="daily/cboe_vol_indices.parquet", names=("VIX9D", "VIX", "VIX3M")),
)


def _implied(name: str, title: str, first: date, last: date, rows: tuple[str, ...], **more: object) -> Scenario:
    return Scenario(
        name=name, title=title, kind=ScenarioKind.IMPLIED_CHAINS, first=first, last=last, files=_INDEX, rows=rows,
        **more,  # type: ignore[arg-type]  # settings of unlike types
    )  # fmt: skip


def _perpetual(name: str, title: str, first: date, last: date) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        kind=ScenarioKind.PERPETUAL,
        first=first,
        last=last,
        files=(
            ScenarioFile(
                role=FileRole.PERPETUAL_BARS,
                path="crypto/btcusdt_perp_4h_2020_2022.parquet",
                names=("BTCUSDT-PERP",),
            ),
            ScenarioFile(role=FileRole.FUNDING, path="crypto/binance_funding_8h.parquet", names=("BTCUSDT",)),
        ),
        rows=("H81", "H82"),
        leverages=(1, 3, 15, 20, 25),
    )


_CALM: Final = (date(2019, 6, 10), date(2019, 6, 21))
_ALL: Final = (
    _implied(
        "volatility-february-2018",
        "A condor through 5 February 2018: VIX doubles in a day, and the next morning opens 1.4 % lower",
        date(2018, 1, 26),
        date(2018, 2, 9),
        ("D96",),
        gap=(date(2018, 2, 5), date(2018, 2, 6)),
        inverted_by=date(2018, 2, 5),
    ),
    _implied(
        "limit-down-march-2020",
        "Four market-wide halts in eight sessions: what is sent in a halt waits",
        date(2020, 3, 6),
        date(2020, 3, 31),
        ("D97",),
        step_minutes=15,
        halts=_HALTS_2020,
        gap=(date(2020, 3, 13), date(2020, 3, 16)),
        inverted_by=date(2020, 3, 6),
    ),
    _implied(
        "flash-crash-10-percent",
        "The index falls 10 % for half an hour with volatility at 45 %, and comes back",
        *_CALM,
        ("Q32",),
        shocks=(
            SessionShock(
                first=date(2019, 6, 14),
                last=date(2019, 6, 14),
                minute=180.0,
                until_minute=210.0,
                spot_factor=0.90,
                volatility_30d=0.45,
            ),
        ),
    ),
    _implied(
        "volatility-to-50",
        "Volatility of 30 days jumps to 50 % at an unchanged index, shorter horizons further",
        *_CALM,
        ("Q33",),
        shocks=(SessionShock(first=date(2019, 6, 14), last=date(2019, 6, 21), minute=120.0, volatility_30d=0.50),),
    ),
    _implied(
        "gap-down-5-percent",
        "The index opens 5 % lower than it closed, and stays there: no stop can trade in between",
        date(2019, 6, 10),
        date(2019, 7, 12),
        ("Q34",),
        shocks=(SessionShock(first=date(2019, 6, 14), last=date(2019, 7, 12), spot_factor=0.95, volatility_30d=0.28),),
        gap=(date(2019, 6, 13), date(2019, 6, 14)),
    ),
    Scenario(
        name="same-day-growth",
        title="Recorded SPX sessions: the share of volume that expires the same day, 2022 to 2025",
        kind=ScenarioKind.RECORDED_CHAINS,
        first=date(2022, 2, 4),
        last=date(2025, 8, 29),
        files=(ScenarioFile(role=FileRole.CHAINS, path="option_chains/cboe_spx_snapshots.parquet", names=("SPX",)),),
        rows=("D98",),
    ),
    Scenario(
        name="same-day-condor-2023",
        title="A condor on the day's own expiration over recorded mids: every package ends on its day",
        kind=ScenarioKind.RECORDED_MIDS,
        first=date(2023, 11, 6),
        last=date(2023, 12, 29),
        files=(
            ScenarioFile(role=FileRole.CHAINS, path="option_chains/spx_0dte_midpoints.parquet"),
            ScenarioFile(role=FileRole.INDEX_DAYS, path="daily/spx_spy_qqq_daily.parquet", names=("SPX",)),
        ),
        rows=("D98",),
    ),
    Scenario(
        name="regime-and-outcome",
        title="The label of the term structure each evening, and the size of the next session's return",
        kind=ScenarioKind.REGIME_OUTCOMES,
        first=date(2012, 1, 3),
        last=date(2026, 2, 20),
        files=(_INDEX[0], ScenarioFile(role=FileRole.VOLATILITY, path=_INDEX[2].path, names=("VIX9D", "VIX"))),
        rows=("D99",),
    ),
    _perpetual("bitcoin-march-2020", "Bitcoin halves within a day", date(2020, 3, 8), date(2020, 3, 20)),
    _perpetual("bitcoin-may-2021", "Bitcoin from 58 000 to 30 000 in nine days", date(2021, 5, 10), date(2021, 5, 25)),
    _perpetual("bitcoin-november-2022", "An exchange fails", date(2022, 11, 5), date(2022, 11, 22)),
)

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType({scenario.name: scenario for scenario in _ALL})
"""All scenarios by name."""


def scenario_of(name: str) -> Scenario:
    """Return a scenario by its name; `ConfigError` with the nearest name where there is none."""
    found = SCENARIOS.get(name)
    if found is None:
        near = get_close_matches(name, SCENARIOS, n=1)
        raise ConfigError(
            "there is no such scenario",
            found=name,
            expected=", ".join(SCENARIOS),
            action=f"did you mean {near[0]}?" if near else "",
        )
    return found
