"""Totals of two recorded sessions, summed again from the raw file with NumPy and SciPy alone.

Nothing of the library stands on the other side: the file is split by hand, volatilities are the vendor's, the rate is
the policy rate of the day, the dividend yield follows from a parity median, and expiry is 16:00 or 9:30 New York time.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy.stats import norm

from adapters.chains import open_chains
from fields.compute import compute_field
from fields.config import FieldConfig

pytestmark = pytest.mark.data

NEW_YORK = ZoneInfo("America/New_York")
YEAR = timedelta(days=365)


class Side(NamedTuple):
    """One option as printed."""

    bid: float
    ask: float
    iv: float
    open_interest: float


def read_raw(path: Path) -> dict[tuple[str, datetime], dict[float, tuple[Side, Side]]]:
    """Return call and put by strike, for each root and expiry instant."""
    series: dict[tuple[str, datetime], dict[float, tuple[Side, Side]]] = defaultdict(dict)
    with gzip.open(path, "rt") as file:
        rows = (line.rstrip("\r\n").split(",") for line in file)
        for row in (r for r in rows if len(r) == 22 and r[1][:3] == "SPX"):
            root, code = row[1][:-15], row[1][-15:]
            clock = (16, 0) if root == "SPXW" else (9, 30)
            expiry = datetime(2000 + int(code[:2]), int(code[2:4]), int(code[4:6]), *clock, tzinfo=NEW_YORK)
            call, put = (Side(*(float(row[i + k]) for k in (4, 5, 7, 10))) for i in (0, 11))
            series[root, expiry][float(row[11])] = (call, put)
    return series


def forward_of(pairs: dict[float, tuple[Side, Side]], near: float, growth: float) -> float:
    """Return the median of K + (C - P) e^(r tau) over two-sided pairs within 3 %."""
    levels = [
        K + growth * 0.5 * (c.bid + c.ask - p.bid - p.ask)
        for K, (c, p) in pairs.items()
        if abs(K / near - 1.0) < 0.03 and c.bid > 0.0 and p.bid > 0.0
    ]
    return float(np.median(levels)) if levels else near


def totals_of_series(
    pairs: dict[float, tuple[Side, Side]], spot: float, forward: float, tau: float, rate: float
) -> np.ndarray:
    """Return delta USD, gamma USD per 1 %, vanna USD per vol point and charm USD per minute of dealers."""
    # Where the vendor prints no volatility the other side's stands in, else 1 %: far from spot, delta is 0 or 1 then.
    rows = [
        (K, s.iv if s.iv > 0.005 else max(call.iv, put.iv, 0.01), s.open_interest, sign)
        for K, (call, put) in pairs.items()
        for s, sign in ((call, 1), (put, -1))
    ]
    K, iv, n, sign = np.array(rows).T
    b = np.log(forward / spot) / tau
    a, q = iv * np.sqrt(tau), rate - b
    d1 = (np.log(spot / K) + b * tau) / a + a / 2
    units = sign * n * 100.0  # dealers long calls, short puts
    density = np.exp(-q * tau) * norm.pdf(d1)
    delta = sign * np.exp(-q * tau) * norm.cdf(sign * d1)
    charm = q * delta - density * (2 * b * tau - (d1 - a) * a) / (2 * tau * a)
    usd = units * spot
    per = (usd * delta, usd * density / a / 100.0, usd * -density * (d1 - a) / iv / 100.0, usd * charm / 525_600.0)
    return np.array([column.sum() for column in per])


@pytest.mark.parametrize(
    ("name", "quoted_until", "printed", "rate", "tolerance"),
    [
        # Quotes of the curb session end at 17:00; the second file was written during it. The first has wider quotes,
        # and its net gamma is a small difference of calls and puts.
        ("20230523_en", datetime(2023, 5, 23, 17, 0, tzinfo=NEW_YORK), 4145.58, 0.051, 0.06),
        ("20250828_pt", datetime(2025, 8, 28, 16, 25, tzinfo=NEW_YORK), 6501.86, 0.043, 0.005),
    ],
)
def test_totals_equal_those_summed_from_the_raw_file(
    data_root: Path, name: str, quoted_until: datetime, printed: float, rate: float, tolerance: float
) -> None:
    """Sign, unit and size of all four: the volatilities are the vendor's here, our own there."""
    path = data_root / "raw_formats" / f"cboe_spx_quotedata_{name}.csv.gz"
    found = compute_field(next(open_chains(path)), FieldConfig())
    expected, spot = np.zeros(4), float("nan")
    for (_, expiry), pairs in sorted(read_raw(path).items(), key=lambda item: item[0][1]):
        tau = (expiry - quoted_until) / YEAR
        if tau > 0.0:
            forward = forward_of(pairs, printed, np.exp(rate * tau))
            spot = forward if np.isnan(spot) else spot
            expected += totals_of_series(pairs, spot, forward, tau, rate)
    t = found.totals
    totals = np.array([t.dex_usd, t.gamma_usd_per_pct, t.vanna_usd_per_volpt, t.charm_usd_per_min])
    assert found.spot == pytest.approx(spot, rel=1e-6)
    assert np.all(np.abs(totals / expected - 1.0) <= tolerance), totals / expected
