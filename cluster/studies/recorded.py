"""Rows of studies from recorded data: daily totals, chain sessions, and same-day gamma."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adapters.chains import open_chains
from fields.compute import evaluate_field
from fields.config import FieldConfig, PositionSource
from fields.evidence import (
    StudySample,
    garman_klass_variance,
    har_regressors,
    indicator_columns,
    lag_one_product,
    lagged_reading,
    realised_variance,
    shuffled_open_interest,
)
from market.chains import FloatArray, OptionChain

__all__ = ["chain_sample", "daily_sample", "morning_sample", "same_day_sample"]

_NEW_YORK = "America/New_York"


def _instant(dates: pd.Series, wall: str) -> NDArray[np.int64]:
    stamps = pd.to_datetime(dates.dt.strftime("%Y-%m-%d") + " " + wall).dt.tz_localize(_NEW_YORK)
    instants: NDArray[np.int64] = (
        stamps.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64)
    )
    return instants


def _third_friday(dates: pd.Series) -> NDArray[np.bool_]:
    return np.asarray((dates.dt.weekday == 4) & (dates.dt.day >= 15) & (dates.dt.day <= 21))


def _vix(data: Path) -> pd.Series:
    table = pd.read_parquet(data / "daily" / "cboe_vol_indices.parquet")
    return table[table["index"] == "VIX"].set_index("date")["close"]


def _history(data: Path, symbol: str, start: str) -> pd.DataFrame:
    """Return the sessions of a symbol: log variance, its trailing means, VIX and the calendar of the next session."""
    table = pd.read_parquet(data / "daily" / "spx_spy_qqq_daily.parquet")
    table = table[table["symbol"] == symbol].sort_values("date").reset_index(drop=True)
    prices = [table[name].to_numpy(np.float64) for name in ("open", "high", "low", "close")]
    log_variance = np.log(garman_klass_variance(*prices))
    table["log_variance"] = log_variance
    table["move"] = np.r_[np.nan, np.diff(np.log(prices[3]))]
    table[["daily", "weekly", "monthly"]] = har_regressors(log_variance)
    table["vix"] = np.log(table["date"].map(_vix(data)).to_numpy(np.float64))
    following = table["date"].shift(-1)
    table["next_date"] = following
    table["expiry_next"] = _third_friday(following).astype(np.float64)
    weekday = indicator_columns(following.dt.weekday.fillna(0).to_numpy(np.int64))
    for day in range(weekday.shape[1]):
        table[f"weekday_{day + 1}"] = weekday[:, day]
    return table[(table["date"] >= start) & following.notna()].reset_index(drop=True)


_CALENDAR = ("weekday_1", "weekday_2", "weekday_3", "weekday_4", "expiry_next")
_DAILY = ("daily", "weekly", "monthly", "vix", *_CALENDAR)


def _next(table: pd.DataFrame, source: pd.DataFrame, column: str) -> FloatArray:
    return table["next_date"].map(source.set_index("date")[column]).to_numpy(np.float64)


def _next_day(table: pd.DataFrame, data: Path, symbol: str, *, momentum: bool) -> FloatArray:
    """Return the next session's log variance, or the product of its return with this session's."""
    whole = _history(data, symbol, "1990-01-01")
    last = pd.read_parquet(data / "daily" / "spx_spy_qqq_daily.parquet")
    last = last[last["symbol"] == symbol].sort_values("date")
    if not momentum:
        return _next(table, whole, "log_variance")
    moves = pd.DataFrame({"date": last["date"], "move": np.log(last["close"]).diff()})
    return lag_one_product(np.column_stack([table["move"].to_numpy(np.float64), _next(table, moves, "move")]))


def _aggregates(data: Path) -> pd.DataFrame:
    table = pd.read_csv(data / "option_chains" / "spx_chain_daily_aggregates.csv.gz", parse_dates=["date"])
    interest, volume = table["put_to_call_open_interest"], table["put_to_call_volume"]
    return pd.DataFrame(
        {
            "date": table["date"],
            "net_call_oi": (1.0 - interest) / (1.0 + interest),
            "net_call_volume": (1.0 - volume) / (1.0 + volume),
            "short_dated_share": table["short_volume"] / table["total_volume"],
        }
    )


AGGREGATE_NAMES = ("net_call_oi", "net_call_volume", "short_dated_share")


def daily_sample(data: Path, *, momentum: bool = False, seed: int = 5) -> StudySample:
    """Return SPX sessions of 2017 to 2024 with what the whole chain's totals say about the dealers' side.

    Parameters
    ----------
    data : Path
        Folder of the recorded data.
    momentum : bool
        Whether the outcome is the product of neighbouring returns instead of the next session's log variance.
    seed : int
        Of the shuffled placebo.

    Returns
    -------
    StudySample
        Known at the close of a session, outcome at the close of the next one.
    """
    table = _history(data, "SPX", "2017-06-01").merge(_aggregates(data), on="date")
    n = len(table)
    session = np.arange(n, dtype=np.int64)
    readings = table[list(AGGREGATE_NAMES)].to_numpy(np.float64)
    rng = np.random.default_rng(seed)
    slot = np.zeros(n, dtype=np.int64)
    placebos = [rng.permutation(readings[:, 0]), *(lagged_reading(readings[:, k], session, slot) for k in (0, 2))]
    return StudySample(
        session=session,
        known_ns=_instant(table["date"], "16:15"),
        outcome_ns=_instant(table["next_date"], "16:00"),
        block=session,
        outcome=_next_day(table, data, "SPX", momentum=momentum),
        baseline=table[list(_DAILY)].to_numpy(np.float64),
        baseline_names=_DAILY,
        field=np.column_stack([readings, *placebos]),
        field_names=(*AGGREGATE_NAMES, "shuffled_net_call_oi", "lagged_20_net_call_oi", "lagged_20_short_dated_share"),
    )


CHAIN_NAMES = ("oi_naive_net_share", "all_short_per_contract", "shuffled_oi_net_share")


def _chain_readings(chain: OptionChain, rng: np.random.Generator) -> tuple[float, float, float]:
    field = evaluate_field(chain, FieldConfig(position_source=PositionSource.OI_NAIVE, ladder_points=3))
    used = field.contracts
    one_long = used.gamma * used.multiplier * field.snapshot.spot**2 / 100.0
    side, interest = np.where(used.is_call, 1.0, -1.0), np.nan_to_num(used.open_interest)
    gross = one_long * interest
    shuffled = one_long * np.nan_to_num(shuffled_open_interest(chain, rng).open_interest[used.place])
    # Shares and per-contract figures compare sessions and symbols of different size.
    return (
        float((side * gross).sum() / gross.sum()),
        -float(gross.sum() / (interest * used.multiplier).sum() / field.snapshot.spot),
        float((side * shuffled).sum() / shuffled.sum()),
    )


def chain_sample(data: Path, symbols: tuple[str, ...], *, momentum: bool = False, seed: int = 5) -> StudySample:
    """Return daily history since 2010 with the field of the recorded chains where there is one.

    Parameters
    ----------
    data : Path
        Folder of the recorded data.
    symbols : tuple of str
        Of SPX, SPY, QQQ; pooled with a column that names each but the first.
    momentum : bool
        As in `daily_sample`.
    seed : int
        Of the placebo.

    Returns
    -------
    StudySample
        Readings are NaN on days without a chain; a block is a calendar week of all symbols.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for place, symbol in enumerate(symbols):
        part = _history(data, symbol, "2010-01-01")
        part["outcome"] = _next_day(part, data, symbol, momentum=momentum)
        read = {
            pd.Timestamp(chain.session): _chain_readings(chain, rng)
            for chain in open_chains(data / "option_chains" / f"cboe_{symbol.lower()}_snapshots.parquet")
            if chain.symbol == symbol
        }
        for column, name in enumerate(CHAIN_NAMES):
            part[name] = part["date"].map({day: values[column] for day, values in read.items()})
        for other, name in enumerate(symbols[1:], start=1):
            part[f"is_{name}"] = float(place == other)
        parts.append(part)
    table = pd.concat(parts).sort_values(["date", "symbol"]).reset_index(drop=True)
    names = (*_DAILY, *(f"is_{name}" for name in symbols[1:]))
    days = table["date"].to_numpy("datetime64[D]").astype(np.int64)
    return StudySample(
        session=np.unique(days, return_inverse=True)[1].astype(np.int64),
        known_ns=_instant(table["date"], "16:15"),
        outcome_ns=_instant(table["next_date"], "16:00"),
        block=(days + 3) // 7,
        outcome=table["outcome"].to_numpy(np.float64),
        baseline=table[list(names)].to_numpy(np.float64),
        baseline_names=names,
        field=table[list(CHAIN_NAMES)].to_numpy(np.float64),
        field_names=CHAIN_NAMES,
    )


def morning_sample(data: Path) -> StudySample:
    """Return mornings at 10:00 of 2023-11 to 2024-12: the same-day straddle as baseline, open interest as field.

    Parameters
    ----------
    data : Path
        Folder of the recorded data.

    Returns
    -------
    StudySample
        Outcome: log variance of SPX from 10:00 over six marks to 15:30, then to the close.
    """
    marks = pd.read_parquet(data / "option_chains" / "spx_0dte_midpoints.parquet")
    marks["time_et"] = marks["time_et"].astype(str)
    spot = marks.pivot_table(index="date", columns="time_et", values="spx", aggfunc="first")
    at_ten = marks[(marks["time_et"] == "10:00") & (marks["strike"] == marks["atm_strike"])].set_index("date")
    straddle = ((at_ten["call_mid"] + at_ten["put_mid"]) / at_ten["spx"]).astype(np.float64)
    history = _history(data, "SPX", "2017-06-01")
    close = history.set_index("date")["close"]
    # The day's own calendar and the trailing variance of the day before.
    history = history.assign(date=history["next_date"])
    table = pd.DataFrame({"date": spot.index}).merge(history.drop(columns=["close"]), on="date")
    table = table.merge(_aggregates(data), on="date").sort_values("date").reset_index(drop=True)
    times = ["10:00", "10:30", "11:00", "12:00", "13:00", "14:00", "15:00", "15:30"]
    prices = np.column_stack([spot.loc[table["date"], times].to_numpy(np.float64), table["date"].map(close)])
    table["straddle"] = np.log(table["date"].map(straddle).to_numpy(np.float64))
    names = (*_DAILY, "straddle")
    return StudySample(
        session=np.arange(len(table), dtype=np.int64),
        known_ns=_instant(table["date"], "10:00"),
        outcome_ns=_instant(table["date"], "16:00"),
        block=np.arange(len(table), dtype=np.int64),
        outcome=np.log(realised_variance(np.diff(np.log(prices), axis=1))),
        baseline=table[list(names)].to_numpy(np.float64),
        baseline_names=names,
        field=table[["net_call_oi"]].to_numpy(np.float64),
        field_names=("net_call_oi",),
    )


SAME_DAY_NAMES = ("gamma_0dte", "gamma_all_expiries")


def _minutes(data: Path) -> pd.DataFrame:
    bars = pd.read_parquet(data / "underlying" / "spx_1min_2026.parquet").sort_values("time_et")
    bars["day"] = bars["time_et"].dt.normalize()
    bars["minute"] = (bars["time_et"] - bars["day"]).dt.total_seconds() // 60 - 570
    bars = bars[(bars["minute"] >= 0) & (bars["minute"] < 390)]
    close = bars.pivot_table(index="day", columns="minute", values="close", aggfunc="last")
    return close.reindex(columns=range(390)).ffill(axis=1)


def same_day_sample(data: Path, *, momentum: bool = False) -> StudySample:
    """Return half hours of 24 sessions of 2026, four an hour, with the published same-day gamma of the last two.

    Parameters
    ----------
    data : Path
        Folder of the recorded data.
    momentum : bool
        Whether the outcome is the lag-1 product of minute returns.

    Returns
    -------
    StudySample
        Baseline: variance of the last half hour, of the session so far and of the session before, and the time of day
        with its square; no VIX, whose record ends before.
    """
    close = _minutes(data)
    gamma = pd.read_csv(data / "option_chains" / "spx_0dte_gamma_summary_15min.csv", parse_dates=["snapshot_et"])
    gamma = gamma.set_index("snapshot_et")[["net", "net_all_expiries"]]
    returns = np.diff(np.log(close.to_numpy(np.float64)), axis=1)
    daily = np.log((returns**2).sum(axis=1))
    rows = []
    for day in range(1, len(close)):
        for minute in range(30, 361, 15):
            # The bar of a minute closes a minute after its stamp: at 10:00 the bar of 09:59 is the last one known.
            ahead, past = returns[day, minute - 1 : minute + 29], returns[day, : minute - 1]
            instant = close.index[day] + pd.Timedelta(minutes=570 + minute)
            near = gamma.index[(gamma.index <= instant) & (gamma.index > instant - pd.Timedelta(minutes=15))]
            reading = gamma.loc[near[-1]].to_numpy(np.float64) if near.size else np.full(2, np.nan)
            outcome = lag_one_product(ahead[None])[0] if momentum else np.log((ahead**2).sum())
            known = [np.log((past[-30:] ** 2).sum()), np.log((past**2).mean()), daily[day - 1]]
            rows.append((day, instant, outcome, *known, minute / 390.0, (minute / 390.0) ** 2, *reading))
    table = pd.DataFrame(rows).rename(columns={0: "day", 1: "instant", 2: "outcome"})
    stamps = table["instant"].dt.tz_localize(_NEW_YORK).dt.tz_convert("UTC").dt.tz_localize(None)
    known_ns = stamps.to_numpy("datetime64[ns]").astype(np.int64)
    return StudySample(
        session=table["day"].to_numpy(np.int64),
        known_ns=known_ns,
        outcome_ns=known_ns + 30 * 60_000_000_000,
        block=table["day"].to_numpy(np.int64),
        outcome=table["outcome"].to_numpy(np.float64),
        baseline=table[[3, 4, 5, 6, 7]].to_numpy(np.float64),
        baseline_names=("half_hour", "session_so_far", "session_before", "time", "time_squared"),
        field=table[[8, 9]].to_numpy(np.float64),
        field_names=SAME_DAY_NAMES,
    )
