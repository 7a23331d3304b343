"""Small files of a recorded market: mids, daily bars and a volatility index of three sessions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["DAYS", "STRIKES", "TIMES", "write_bars", "write_mids", "write_vix"]

DAYS = (date(2024, 3, 11), date(2024, 3, 12), date(2024, 3, 13))
TIMES = ("09:35", "12:00", "15:30")
STRIKES = np.array([5100.0, 5110.0, 5120.0, 5130.0, 5140.0])


def write_mids(folder: Path, *, changes: dict[tuple[int, str], float] | None = None) -> Path:
    """Write mids of calls and puts around 5120 that obey parity; `changes` sets cells by row and column."""
    rows = [(day, clock, strike) for day in DAYS for clock in TIMES for strike in STRIKES]
    frame = pd.DataFrame(rows, columns=["date", "time_et", "strike"])
    frame["date"] = pd.to_datetime(frame["date"])
    frame["spx"] = 5120.0
    distance = frame["spx"] - frame["strike"]
    value = 10.0 * np.exp(-np.abs(distance) / 20.0)
    frame["call_mid"] = np.round(np.maximum(distance, 0.0) + value, 3)
    frame["put_mid"] = np.round(np.maximum(-distance, 0.0) + value, 3)
    for (row, column), cell in (changes or {}).items():
        frame.loc[row, column] = cell
    path = folder / "spx_0dte_midpoints.parquet"
    frame.to_parquet(path)
    return path


def write_bars(folder: Path, days: tuple[date, ...] = DAYS) -> Path:
    """Write daily bars of SPX."""
    path = folder / "spx_daily.csv"
    lines = [f"{day},{5100 + k},{5150 + k},{5080 + k},{5121 + k},0" for k, day in enumerate(days)]
    path.write_text("\n".join(["date,open,high,low,close,volume", *lines]) + "\n")
    return path


def write_vix(folder: Path) -> Path:
    """Write an index history as Cboe writes it."""
    path = folder / "VIX_History.csv"
    lines = [f"{day:%m/%d/%Y},15,16,14,{15 + k}.5" for k, day in enumerate(DAYS)]
    path.write_text("\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *lines]) + "\n")
    return path
