"""What the acceptance on real data found, as the table of docs/research/acceptance-on-real-data.md.

Run as ``python -m benchmarks.acceptance_report --data DIR [--write FILE]``; the judging is that of `tests.acceptance`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adapters.chains import open_chains
from fields.config import FieldConfig
from tests.acceptance import oracle
from tests.acceptance.books import Valued, valued
from tests.acceptance.measures import surface_share
from tests.fields.test_real_sessions import sessions

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
SYMBOLS = ("SPX", "SPY", "QQQ", "NDX")
CRYPTO = ("btc_deribit_hourly_202601", "btc_eth_deribit_daily", "btc_eth_okx_daily")


def percent(part: int, whole: int) -> str:
    """Return a share as text; a dash without any."""
    return f"{100.0 * part / whole:.1f}" if whole else "-"


def worst_exposure(v: Valued) -> float:
    """Return the largest difference of the four totals from their raw sums, relative to the gross sums."""
    t = v.field.totals
    found = np.array([t.dex_usd, t.gamma_usd_per_pct, t.vanna_usd_per_volpt, t.charm_usd_per_min])
    expected, gross = oracle.totals(v.contracts(), v.field.spot)
    return float((np.abs(found - expected) / gross).max())


def levels(v: Valued) -> str:
    """Return the zero-gamma level as chosen, and the lowest and highest over dynamics and conventions."""
    own = [z.level for z in v.field.zero_gamma]
    every = own + [z.level for z in v.field.zero_gamma_sensitivity]
    return f"{own[0]:.2f} | {min(every):.2f} to {max(every):.2f}" if own else "none | -"


def least(v: Valued) -> tuple[float, float]:
    """Return the least density factor and the least rise of total variance on a dense grid."""
    surface = v.field.surface
    slices = [int(s) for s in np.argsort(surface.tau, kind="stable") if surface.theta[s] > 0.0]
    if not slices:
        return float("nan"), float("nan")
    grid = np.concatenate((np.linspace(-3.0, 3.0, 2001), np.linspace(-0.3, 0.3, 3001)))
    density = min(oracle.durrleman(surface, s, grid).min() for s in slices)
    w = np.array([oracle.surface_variance(surface, s, grid) for s in slices])
    return float(density), float(np.diff(w, axis=0).min()) if len(slices) > 1 else float("nan")


def cboe_rows(root: Path) -> Iterator[str]:
    """Yield one line per recorded session."""
    names = ("session", "quotes", "inside %", "traded, inside %", "least g", "least rise", "exposures", "zero gamma")
    yield f"| {' | '.join((*names, 'over modes'))} |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for symbol in SYMBOLS:
        sums = np.zeros(4, dtype=np.int64)
        for row, chain in sessions(root, symbol):
            v = valued(chain, FieldConfig())
            share = surface_share(v)
            sums += share
            density, rise = least(v)
            yield (
                f"| {symbol} {row['session_date']} | {share.quotes} | {percent(share.inside, share.quotes)} "
                f"| {percent(share.traded_inside, share.traded)} | {density:.3f} | {rise:.1e} "
                f"| {worst_exposure(v):.0e} | {levels(v)} |"
            )
        total = f"| **{symbol}** | {sums[0]} | {percent(sums[1], sums[0])} | {percent(sums[3], sums[2])}"
        yield f"{total} | | | | | |"


def crypto_rows(root: Path) -> Iterator[str]:
    """Yield one line per file of coin-settled chains."""
    yield "| file | chains | exposures | delta error, median and 95 % | zero gamma missing | contracts used |"
    yield "|---|---|---|---|---|---|"
    for name in CRYPTO:
        errors, worst, missing, used, count = [np.zeros(0)], 0.0, 0, 0, 0
        for chain in open_chains(root / "crypto_options" / f"{name}.parquet"):
            v = valued(chain, FieldConfig())
            read = v.evaluation.contracts
            s = chain.series_index[read.place]
            delta = read.delta / (v.forward[s] / v.field.spot * v.discount[s])
            error = np.abs(delta - chain.vendor_delta[read.place])[v.tau[s] > 7.0 / 365.0]
            errors.append(error[np.isfinite(error)])
            worst, missing = max(worst, worst_exposure(v)), missing + (not v.field.zero_gamma)
            used, count = used + v.field.counts.used, count + 1
        all_errors = np.concatenate(errors)
        text = "-" if not all_errors.size else "{:.0e}, {:.0e}".format(*np.quantile(all_errors, [0.5, 0.95]))
        yield f"| {name} | {count} | {worst:.0e} | {text} | {missing} | {used} |"


def main() -> None:
    """Print the tables, or put them into a page between its two marks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    tables = "\n".join((*cboe_rows(given.data), "", *crypto_rows(given.data)))
    if given.write is None:
        print(tables)
        return
    page = given.write.read_text()
    head, rest = page.split(BEGIN, 1)
    given.write.write_text(f"{head}{BEGIN}\n\n{tables}\n\n{END}{rest.split(END, 1)[1]}")


if __name__ == "__main__":
    main()
