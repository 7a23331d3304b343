"""How like the real market the simulated one is: quantiles of both, and distances between them."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from adapters.simulated import SimulatedMarket, SimulatedMarketConfig, demo_config, realistic_config

__all__ = ["real_chain", "report", "shape_of", "simulated_chain"]

_SESSIONS = (date(2023, 5, 23), date(2025, 8, 26))
_COLUMNS = ["session_date", "expiration", "right", "strike", "bid", "ask", "iv", "delta", "open_interest", "volume"]
_DAYS = ((1, 7), (8, 35), (36, 120), (121, 370))
_PUT_DELTAS = (0.05, 0.10, 0.25, 0.50)


def real_chain(root: Path, session: date) -> pd.DataFrame:
    """Return one recorded session of SPX options, up to a year out."""
    table = pd.read_parquet(root / "option_chains" / "cboe_spx_snapshots.parquet", columns=_COLUMNS)
    table = table[table.session_date == pd.Timestamp(session)].copy()
    table["days"] = (table.expiration - table.session_date).dt.days
    table["is_call"] = table.right.astype(str).str.upper().str.startswith("C")
    return table[table.days.between(0, 370)]


def simulated_chain(*, raised: bool, seed: int = 7) -> pd.DataFrame:
    """Return SIM.SPX before the close of its second session, of the demo or of the realistic preset."""
    plain = SimulatedMarketConfig(symbols=demo_config().symbols[:1], seed=seed, step_s=600.0)
    market = SimulatedMarket(realistic_config(seed=seed, step_s=600.0) if raised else plain)
    for _ in range(2 * 39 - 1):
        market.step()
    chain, truth = market.chains()[0], market.truth("SIM.SPX")
    days = np.array([(series.expiration - chain.session).days for series in chain.series])
    return pd.DataFrame(
        {
            "days": days[chain.series_index],
            "is_call": chain.is_call,
            "strike": chain.strike,
            "bid": chain.bid,
            "ask": chain.ask,
            "iv": truth.volatility,
            "delta": truth.delta,
            "open_interest": chain.open_interest,
            "volume": chain.volume,
        }
    )


def shape_of(chain: pd.DataFrame) -> dict[str, float]:
    """Return the figures of a chain that are compared: smile, spreads, and where open interest and volume lie.

    Parameters
    ----------
    chain : DataFrame
        Columns ``days, is_call, bid, ask, iv, delta, open_interest, volume``.

    Returns
    -------
    dict of str to float
        Ratios and shares; none has a unit.
    """
    figures: dict[str, float] = {}
    size = chain.delta.abs()
    mid = 0.5 * (chain.bid + chain.ask)
    relative = ((chain.ask - chain.bid) / mid).where(chain.bid > 0.0)
    money = chain.iv[chain.days.between(20, 40) & size.between(0.45, 0.55)].median()
    for first, last in _DAYS:
        inside = chain.days.between(first, last)
        name = f"{first}-{last} d"
        puts = chain[inside & ~chain.is_call & (chain.iv > 0.0)]
        level = [puts.iv[(puts.delta.abs() - d).abs().nsmallest(12).index].median() for d in _PUT_DELTAS]
        figures[f"smile 10/50 delta put, {name}"] = float(level[1] / level[3])
        figures[f"smile 25/50 delta put, {name}"] = float(level[2] / level[3])
        figures[f"term: at the money over a month's, {name}"] = float(level[3] / money)
        for quantile in (0.25, 0.5, 0.75):
            spread = relative[inside & size.between(0.05, 0.6)].quantile(quantile)
            figures[f"relative spread, {name}, quantile {quantile:g}"] = float(spread)
    for what in ("open_interest", "volume"):
        total = float(chain[what].sum())
        figures[f"{what} in puts"] = float(chain[what][~chain.is_call].sum()) / total
        for low, high in ((0.0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 1.01)):
            figures[f"{what}, |delta| {low:g}-{high:g}"] = (
                float(chain[what][(size >= low) & (size < high)].sum()) / total
            )
        for first, last in ((0, 0), *_DAYS):
            figures[f"{what}, {first}-{last} d"] = float(chain[what][chain.days.between(first, last)].sum()) / total
    return figures


def report(root: Path) -> pd.DataFrame:
    """Return real figures, simulated ones and their distances.

    Parameters
    ----------
    root : Path
        Folder of the recorded data.

    Returns
    -------
    DataFrame
        One row per figure; the distances are of simulated from the nearest real session, in logarithms for ratios and
        plain for shares.
    """
    columns = {f"real {day}": shape_of(real_chain(root, day)) for day in _SESSIONS}
    columns["plain"], columns["raised"] = (
        shape_of(simulated_chain(raised=False)),
        shape_of(simulated_chain(raised=True)),
    )
    table = pd.DataFrame(columns)
    real = table[[name for name in table.columns if name.startswith("real")]]
    share = table.index.str.startswith(("open_interest", "volume"))
    known = real.to_numpy()
    for name in ("plain", "raised"):
        found = table[[name]].to_numpy()
        gaps = np.abs(known - found).min(axis=1)
        logs = np.abs(np.log(np.maximum(known, 1e-6) / np.maximum(found, 1e-6))).min(axis=1)
        table[f"distance {name}"] = np.where(share, gaps, logs)
    return table


def main() -> None:
    """Print the table: ``python -m benchmarks.realism_simulated DATA_FOLDER``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    table = report(parser.parse_args().data)
    print(table.round(3).to_string())
    print(table.filter(like="distance").groupby(lambda name: str(name).split(",")[0]).mean().round(3).to_string())


if __name__ == "__main__":
    main()
