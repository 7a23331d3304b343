"""Weights of the hedge flow on recorded closes and where they are planted.

``python -m benchmarks.flow_weight_study --data DIR`` prints the tables of docs/research/hedge-flow-weights.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from adapters.chains import open_chains
from fields.compute import evaluate_field
from fields.config import FieldConfig, PositionSource
from fields.evidence import FlowSample, FlowWeightPlan, FlowWeights, calibrate_flow_weights, rehedging_parts
from market.chains import FloatArray

__all__ = ["main", "recorded_sample"]

_DAY_NS: Final = 86_400_000_000_000
_IMPACT: Final = 2e-13  # assumed for SPX: 0.1 % per 5 bn USD
_MARKETS: Final = 40
_SIZES: Final = (250, 500, 1_000, 2_000, 4_000)


def _sample(parts: FloatArray, returns: FloatArray, day: FloatArray) -> FlowSample:
    whole = day.astype(np.int64)
    return FlowSample(
        names=("gamma", "vanna"),
        parts=parts,
        log_return=returns,
        session=whole,
        known_ns=whole * _DAY_NS,
        outcome_ns=whole * _DAY_NS + _DAY_NS,
    )


def recorded_sample(data: Path) -> FlowSample:
    """Return the closes of SPX with a recorded chain: flow for the session's own move, return of the next session."""
    closes = pd.read_parquet(data / "daily" / "spx_spy_qqq_daily.parquet")
    spx = closes[closes["symbol"] == "SPX"].sort_values("date").set_index("date")["close"]
    indices = pd.read_parquet(data / "daily" / "cboe_vol_indices.parquet")
    vix = indices[indices["index"] == "VIX"].set_index("date")["close"].reindex(spx.index)
    move = np.log(spx).diff()
    config = FieldConfig(position_source=PositionSource.OI_NAIVE, ladder_points=3)
    rows = []
    for chain in open_chains(data / "option_chains" / "cboe_spx_snapshots.parquet"):
        day = pd.Timestamp(chain.session)
        if chain.symbol == "SPX" and day in spx.index:
            totals = evaluate_field(chain, config).snapshot.totals
            held = (totals.gamma_usd_per_pct, totals.vanna_usd_per_volpt)
            rows.append((day, *held, 100.0 * move[day], vix.diff()[day], move.shift(-1)[day]))
    rows.sort()
    days = np.array([row[0].toordinal() for row in rows], dtype=np.float64)
    gamma, vanna, spot_move, vol_move, following = np.array([row[1:] for row in rows], dtype=np.float64).T
    return _sample(rehedging_parts(gamma, vanna, spot_move, vol_move), following, days)


def _planted(n: int, weights: tuple[float, float], seed: int) -> FlowSample:
    """Return days of a market whose dealers hedge the move of the day before, with an exposure of some billions."""
    rng = np.random.default_rng(seed)
    gamma, vanna = 5e9 * rng.standard_normal(n), 4e9 + 3e9 * rng.standard_normal(n)
    move = rng.standard_normal(n)
    parts = rehedging_parts(gamma, vanna, move, -0.8 * move + 0.8 * rng.standard_normal(n))
    return _sample(parts, _IMPACT * (parts @ np.asarray(weights)) + 0.01 * rng.standard_normal(n), np.arange(float(n)))


def _found(sample: FlowSample, plan: FlowWeightPlan) -> FlowWeights:
    return calibrate_flow_weights(sample, plan, np.random.default_rng(7), _IMPACT)


def _told(found: FlowWeights) -> Iterator[str]:
    for each in found.weights:
        yield f"| weight of {each.name} | {each.weight:.2f} [{each.low:.2f}, {each.high:.2f}] |"
    for gain in found.gains:
        words = f"R2 of {gain.model.value} over {gain.against.value}, out of sample"
        yield f"| {words} | {gain.r_squared:.4f} [{gain.low:.4f}, {gain.high:.4f}] |"
    yield f"| rows; predictions | {found.n_rows}; {found.n_predictions} |"
    yield f"| preferred | {found.preferred.value} |"
    yield f"| missing | {found.reason or 'nothing'} |"


def _power() -> Iterator[str]:
    yield "| days | of 1.5 and -0.5: calibrated preferred | equal | none | of 0 and 0: none preferred |"
    yield "|---:|---:|---:|---:|---:|"
    plan = FlowWeightPlan(n_draws=500, first_train_sessions=125)
    for n in _SIZES:
        planted = [_found(_planted(n, (1.5, -0.5), seed), plan).preferred.value for seed in range(_MARKETS)]
        absent = [_found(_planted(n, (0.0, 0.0), seed), plan).preferred.value for seed in range(_MARKETS)]
        shares = [planted.count(name) / _MARKETS for name in ("calibrated", "equal", "none")]
        cells = " | ".join(f"{share:.0%}" for share in (*shares, absent.count("none") / _MARKETS))
        yield f"| {n} | {cells} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recorded data")
    sample = recorded_sample(parser.parse_args(arguments).data)
    print("Recorded closes of SPX, the plan's 60 rows at least:", *_told(_found(sample, FlowWeightPlan())), sep="\n")
    loose = FlowWeightPlan(least_rows=20, most_row_share=0.99)
    print("With 20 rows at least, and a row of any weight:", *_told(_found(sample, loose)), sep="\n")
    heaviest = int(np.abs(sample.parts[:, 0] - sample.parts[:, 0].mean()).argmax())
    others = np.arange(sample.log_return.size) != heaviest
    without = replace(sample, log_return=np.where(others, sample.log_return, np.nan))
    day = date.fromordinal(int(sample.session[heaviest]))
    print(f"The same without {day}:", *_told(_found(without, loose)), sep="\n")
    print(f"Planted, {_MARKETS} markets of each length:", *_power(), sep="\n")


if __name__ == "__main__":
    main()
