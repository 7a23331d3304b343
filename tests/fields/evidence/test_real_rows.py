"""Rows made of recorded data: every column belongs to the instant that it claims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.studies.catalogue import real_studies
from cluster.studies.recorded import daily_sample, morning_sample, same_day_sample

pytestmark = pytest.mark.data


def test_daily_rows_hold_the_day_and_the_outcome_the_next(data_root: Path) -> None:
    """A row picked by hand: VIX and put/call of the day, range variance of the session after it."""
    sample = daily_sample(data_root)
    day = pd.Timestamp("2020-03-16")
    known = pd.to_datetime(sample.known_ns, utc=True).tz_convert("America/New_York")
    row = int(np.flatnonzero(known.normalize().tz_localize(None) == day)[0])
    assert known[row].hour == 16
    assert np.exp(sample.columns(("vix",))[row, 0]) == pytest.approx(82.69)
    prices = pd.read_parquet(data_root / "daily" / "spx_spy_qqq_daily.parquet")
    following = prices[(prices["symbol"] == "SPX") & (prices["date"] == "2020-03-17")]
    opened, high, low, close = following[["open", "high", "low", "close"]].to_numpy(np.float64)[0]
    span, move = np.log(high / low), np.log(close / opened)
    assert sample.outcome[row] == pytest.approx(np.log(0.5 * span**2 - (2.0 * np.log(2.0) - 1.0) * move**2))
    totals = pd.read_csv(data_root / "option_chains" / "spx_chain_daily_aggregates.csv.gz").set_index("date")
    ratio = totals["put_to_call_open_interest"].to_dict()["2020-03-16"]
    assert sample.columns(("net_call_oi",), of_field=True)[row, 0] == pytest.approx((1.0 - ratio) / (1.0 + ratio))


def test_same_day_outcome_starts_where_the_baseline_ends(data_root: Path) -> None:
    """At 10:00 the last half hour of minute returns ends, and the next one begins, at the close of the 09:59 bar."""
    sample = same_day_sample(data_root)
    bars = pd.read_parquet(data_root / "underlying" / "spx_1min_2026.parquet").set_index("time_et")["close"]
    instant = pd.Timestamp("2026-08-18 12:30")
    known = pd.to_datetime(sample.known_ns, utc=True).tz_convert("America/New_York").tz_localize(None)
    row = int(np.flatnonzero(known == instant)[0])

    def log_variance(first: str, last: str) -> float:
        inside = (bars.index >= f"2026-08-18 {first}") & (bars.index <= f"2026-08-18 {last}")
        return float(np.log((np.diff(np.log(bars[inside].to_numpy(np.float64))) ** 2).sum()))

    assert sample.baseline[row, 0] == pytest.approx(log_variance("11:59", "12:29"))
    assert sample.outcome[row] == pytest.approx(log_variance("12:29", "12:59"))
    assert sample.field[row, 0] == -24_288_905_874.0


def test_morning_rows_know_only_yesterday(data_root: Path) -> None:
    """The trailing variance of a morning is that of the session before."""
    daily, morning = daily_sample(data_root), morning_sample(data_root)
    before = daily.outcome_ns.searchsorted(morning.known_ns) - 1
    # Row k of the daily sample ends in session k + 1, the last one closed before the morning.
    np.testing.assert_allclose(morning.columns(("daily",))[1:, 0], daily.outcome[before][1:])
    assert (morning.known_ns < morning.outcome_ns).all()


def test_plans_are_registered_without_reading_data() -> None:
    """The plans and their digests exist before any file is opened."""
    studies = real_studies(Path("no-such-folder"))
    assert len({study.plan.digest() for study in studies}) == len(studies) == 14
    assert sum(study.n_trials for study in studies) == 30
