"""The axes on recorded history: known stress is found, states last, and rare states are rare."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from math import isnan
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fields.regime import Axis, Funding, RegimeConfig, RegimeInputs, RegimeState, TermStructure, implied_vol_rank

pytestmark = pytest.mark.data


def closes(data_root: Path, index: str) -> dict[date, float]:
    """Return the daily closes of a volatility index."""
    table = pq.read_table(data_root / "daily" / "cboe_vol_indices.parquet", columns=["index", "date", "close"])
    rows = zip(*(table[name].to_pylist() for name in ("index", "date", "close")), strict=True)
    return {datetime.fromisoformat(str(day)[:10]).date(): float(close) for name, day, close in rows if name == index}


def term_states(data_root: Path) -> dict[date, TermStructure]:
    """Return the term structure of each session since 2011, one reading a day."""
    near, far = closes(data_root, "VIX9D"), closes(data_root, "VIX")
    state = RegimeState(RegimeConfig(axes=(Axis.TERM_STRUCTURE,)))
    out = {}
    for day in sorted(near.keys() & far.keys()):
        ts_ns = int(datetime(day.year, day.month, day.day, 21, tzinfo=UTC).timestamp()) * 1_000_000_000
        out[day] = TermStructure(state.update(RegimeInputs(vix9d=near[day], vix=far[day]), ts_ns)[0].state)
    return out


def test_stress_is_inverted_and_calm_is_contango(data_root: Path) -> None:
    """February 2018 and March 2020 are inverted; over all years contango is usual and inversion is not."""
    states = term_states(data_root)
    assert all(states[date(2020, 3, day)] is TermStructure.INVERTED for day in (9, 12, 16))
    assert states[date(2018, 2, 6)] is TermStructure.INVERTED
    assert states[date(2017, 7, 14)] is TermStructure.CONTANGO
    shares = {state: count / len(states) for state, count in Counter(states.values()).items()}
    assert shares[TermStructure.CONTANGO] > 0.5 > 0.2 > shares[TermStructure.INVERTED]


def test_bands_remove_flips_and_keep_the_states(data_root: Path) -> None:
    """With a band there are fewer changes than without, and nine days in ten read the same."""
    states = list(term_states(data_root).values())
    near, far = closes(data_root, "VIX9D"), closes(data_root, "VIX")
    ratio = np.array([near[day] / far[day] for day in sorted(near.keys() & far.keys())])
    plain = np.digitize(ratio, (0.95, np.nextafter(1.05, 2.0)))
    held = np.array([list(TermStructure).index(state) for state in states])
    assert np.count_nonzero(np.diff(held)) < 0.9 * np.count_nonzero(np.diff(plain))
    assert (held == plain).mean() > 0.9


def test_funding_of_bitcoin_is_rarely_extreme(data_root: Path) -> None:
    """Eight-hour settlements since 2020: most are neutral or normal, longs pay more often, and extremes are rare."""
    table = pq.read_table(data_root / "crypto" / "binance_funding_8h.parquet")
    symbols = np.array(table["symbol"].to_pylist())
    rates = table["funding_rate"].to_numpy()[symbols == "BTCUSDT"]
    state = RegimeState(RegimeConfig(axes=(Axis.FUNDING,)))
    found = Counter(
        Funding(
            state.update(RegimeInputs(funding_rate=float(r), funding_interval_h=8.0), k * 8 * 3600 * 10**9)[0].state
        )
        for k, r in enumerate(rates)
    )
    n = len(rates)
    assert (found[Funding.NEUTRAL] + found[Funding.NORMAL_LONGS_PAY] + found[Funding.NORMAL_SHORTS_PAY]) / n > 0.85
    assert found[Funding.EXTREME_LONGS_PAY] / n < 0.01
    longs = sum(count for name, count in found.items() if name.endswith("LONGS_PAY"))
    assert longs > sum(count for name, count in found.items() if name.endswith("SHORTS_PAY"))


def test_rank_and_percentile_part_ways_after_a_spike(data_root: Path) -> None:
    """In autumn 2020 the VIX stood low in the range that March had set, and high among the days."""
    vix = closes(data_root, "VIX")
    days = sorted(day for day in vix if day < date(2020, 10, 1))[-252:]
    found = implied_vol_rank(np.array([vix[day] for day in days]), vix[date(2020, 10, 1)])
    assert not isnan(found.rank)
    assert found.rank < 0.3 < 0.5 < found.percentile
