"""Field signals on recorded data: ``python -m benchmarks.signal_study --data DIR --write docs/research/FILE.md``.

Three parts: the strategies themselves over every recorded SPX chain; the readings behind them, each turned into a
direction for the next session; and published same-day gamma of two sessions against the minutes that followed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from math import isfinite, nan, sqrt
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import t as student

from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.results import RunResult
from backtest.schedule import OnChains
from benchmarks.engine_runs import described
from benchmarks.real_runs import DATA, RETAIL
from benchmarks.study_page import funnel_lines, write_figures
from cluster.histories.fields import field_cache
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from fields.config import FieldConfig
from fields.evidence.multiplicity import holm_adjusted
from market.chains import FloatArray
from market.tradables import Share
from strategies.catalogue import strategy_of
from strategies.decisions import HOLD, Decision
from strategies.views import Strategy, View

__all__ = ["main"]

_KINDS: Final = ("mean_reversion", "field_momentum", "gamma_flip", "vanna")
_COST_BP: Final = 1.0
_N_PERMUTED: Final = 20_000
_BP: Final = 1e4
_STEPS: Final = (15, 30)


@dataclass(frozen=True)
class _Watching:
    """Reads the signals of every chain and trades nothing."""

    name: str = "watching"
    told: list[dict[str, float]] = field(default_factory=list)
    reasons: list[tuple[str, str]] = field(default_factory=list)

    def decide(self, view: View) -> Decision:
        """Return a hold."""
        readings, chain = view.readings("SPX"), view.chain("SPX")
        if readings is None or chain is None:
            return HOLD
        row: dict[str, float] = {"day": float(chain.chain.session.toordinal())}
        for signal in readings.signals:
            self.reasons.append((signal.kind.value, signal.reason))
            row |= dict(signal.inputs)
        self.told.append(row)
        return HOLD


def _run(data: Path, *strategies: Strategy) -> RunResult:
    daily = data / "daily"
    history = recorded_history(
        RecordedFiles(
            chains=(data / "option_chains" / "cboe_spx_snapshots.parquet",),
            inputs=(
                InputFile(path=daily / "spx_spy_qqq_daily.parquet", names={"SPX": "SPX", "SPY": "SPY"}),
                InputFile(path=daily / "cboe_vol_indices.parquet", names={"VIX": "VIX", "VIX9D": "VIX9D"}),
            ),
            symbols=frozenset({"SPX"}),
            instruments=(Share(symbol="SPY"),),
            warmup=timedelta(days=420),
        )
    )
    instants = history.chains[0].available_ns
    config = EngineConfig(
        initial_cash=Decimal(1_000_000),
        start_ns=int(instants[0]) - 1,
        end_ns=int(instants[-1]) + 1,
        triggers=(OnChains(),),
        costs=RETAIL,
        with_greeks=False,
    )
    result = run_backtest(
        config, history, strategies, described("signals", history.sources, 0), fields=field_cache(FieldConfig())
    )
    if result.stopped:
        raise RuntimeError(result.stopped)
    return result


def _strategies() -> list[Strategy]:
    share = {"underlying": "SPX", "instrument": "SPY"}
    held = {"flat_before_close_s": 0.0, "max_hold_s": 86_400.0}
    return [strategy_of(kind, {**share, "terms": held}) for kind in _KINDS]


# -- readings and the next session


def _sign(value: float) -> float:
    return float(np.sign(value)) if isfinite(value) else nan


def _directions(row: dict[str, float], moved: float) -> dict[str, float]:
    """Return the direction of each rule, 0 where its condition does not hold, NaN where a reading lacks."""
    gamma = row.get("gamma_usd_per_pct", nan)
    gradient = row.get("potential_gradient_usd", nan)
    distance = row.get("spot", nan) - row.get("zero_gamma", nan)
    known = isfinite(gamma)
    return {
        "mean reversion: long gamma, against the gradient": (-_sign(gradient) if gamma > 0.0 else 0.0)
        if known
        else nan,
        "momentum: short gamma, with the session's own move": (_sign(moved) if gamma < 0.0 else 0.0) if known else nan,
        "flip: long above zero gamma, short below": _sign(distance),
    }


def _rows(data: Path, watching: _Watching) -> pd.DataFrame:
    table = pd.read_parquet(data / "daily" / "spx_spy_qqq_daily.parquet")
    close = table[table["symbol"] == "SPX"].set_index("date")["close"].sort_index()
    returns = np.log(close).diff()
    rows = []
    for row in watching.told:
        day = pd.Timestamp.fromordinal(int(row["day"]))
        place = int(close.index.searchsorted(day))
        after = float(returns.iloc[place + 1]) if place + 1 < len(close) else nan
        moved = float(returns.iloc[place])
        rows.append({**row, "day": day, "moved": moved, "after": after, **_directions(row, moved)})
    return pd.DataFrame(rows)


def _test(direction: FloatArray, after: FloatArray, rng: np.random.Generator) -> tuple[str, str, float]:
    """Return the mean of direction times return with Student's interval, the mean by shuffled directions, and p."""
    is_on = np.isfinite(direction) & (direction != 0.0) & np.isfinite(after)
    earned = (direction * after * _BP)[is_on] - _COST_BP
    n = earned.size
    if n < 3:  # an interval needs a spread
        return f"{n} | {earned.sum():.0f}, no interval", "–", nan
    error = float(earned.std(ddof=1)) / sqrt(n)
    reach = float(student.ppf(0.975, n - 1)) * error
    mean = float(earned.mean())
    drawn = np.array([(rng.permutation(direction[is_on]) * after[is_on] * _BP).mean() for _ in range(_N_PERMUTED)])
    drawn -= _COST_BP
    share = float((1 + np.count_nonzero(np.abs(drawn - drawn.mean()) >= abs(mean - drawn.mean()))) / (1 + drawn.size))
    lot = f"{drawn.mean():.0f} [{np.quantile(drawn, 0.025):.0f}, {np.quantile(drawn, 0.975):.0f}]"
    return f"{n} | {mean:.0f} [{mean - reach:.0f}, {mean + reach:.0f}]", lot, share


def _tests(frame: pd.DataFrame) -> Iterator[str]:
    rng = np.random.default_rng(17)
    after = frame["after"].to_numpy(dtype=np.float64)
    names = [name for name in frame.columns if ":" in name]
    found = [(name, *_test(frame[name].to_numpy(dtype=np.float64), after, rng)) for name in names]
    adjusted = holm_adjusted(np.array([p for _, _, _, p in found]))
    yield "| rule | sessions | bp a session, net [95 %] | directions shuffled [95 %] | p by shuffling, Holm |"
    yield "|---|---:|---|---|---:|"
    for (name, shown, lot, _), p_value in zip(found, adjusted.tolist(), strict=True):
        yield f"| {name} | {shown} | {lot} | {'–' if np.isnan(p_value) else f'{p_value:.2f}'} |"
    shown, _, _ = _test(np.ones(after.size), after, rng)
    yield f"| every session long | {shown} | – | – |"


def _sessions(frame: pd.DataFrame) -> Iterator[str]:
    yield "| session | gamma, bn USD per 1 % | gradient, bn USD | spot / zero gamma | session, bp | next, bp |"
    yield "|---|---:|---:|---:|---:|---:|"
    for row in frame.to_dict("records"):
        ratio = row.get("spot", nan) / row.get("zero_gamma", nan)
        numbers = (
            f"{row.get('gamma_usd_per_pct', nan) / 1e9:.2f}",
            f"{row.get('potential_gradient_usd', nan) / 1e9:.2f}",
            f"{ratio:.4f}",
            f"{row['moved'] * _BP:.0f}",
            f"{row['after'] * _BP:.0f}",
        )
        yield f"| {row['day'].date()} | {' | '.join('–' if each == 'nan' else each for each in numbers)} |"


def _reasons(watching: _Watching) -> Iterator[str]:
    yield "| signal | reason | chains |"
    yield "|---|---|---:|"
    for (kind, reason), n in sorted(Counter(watching.reasons).items(), key=lambda item: (item[0][0], -item[1])):
        yield f"| {kind} | {reason} | {n} |"


# -- published same-day gamma and minutes


def _intraday(data: Path) -> Iterator[str]:
    summary = pd.read_csv(data / "option_chains" / "spx_0dte_gamma_summary_15min.csv", parse_dates=["snapshot_et"])
    bars = pd.read_parquet(data / "underlying" / "spx_1min_2026.parquet").set_index("time_et")["close"]
    bars.index = pd.to_datetime(bars.index)
    yield "| rule | minutes | day | snapshots | bp a snapshot, net |"
    yield "|---|---:|---|---:|---:|"
    rows: dict[tuple[str, int, str], list[float]] = {}
    for each in summary.to_dict("records"):
        for step in _STEPS:
            now, past, then = (_level(bars, each["snapshot_et"] + timedelta(minutes=m)) for m in (0, -step, step))
            moved, after = (float(np.log(b / a)) if a > 0.0 and b > 0.0 else nan for a, b in ((past, now), (now, then)))
            directions = {
                "long gamma: against the last move": -_sign(moved) if each["net"] > 0.0 else 0.0,
                "short gamma: with the last move": _sign(moved) if each["net"] < 0.0 else 0.0,
                "long above the published flip, short below": _sign(each["spot"] - each["gamma_flip"]),
                "always long": 1.0,
            }
            for rule, direction in directions.items():
                if isfinite(after) and isfinite(direction) and direction != 0.0:
                    key = (rule, step, f"{each['snapshot_et']:%Y-%m-%d}")
                    rows.setdefault(key, []).append(direction * after * _BP - _COST_BP)
    for (rule, step, day), earned in sorted(rows.items()):
        yield f"| {rule} | {step} | {day} | {len(earned)} | {np.mean(earned):.1f} |"


def _level(bars: pd.Series, at: pd.Timestamp) -> float:
    """Return the close of the last minute that had ended; NaN outside of the session or where the minutes lack."""
    started = at - timedelta(minutes=1)
    found = bars[(bars.index > started - timedelta(minutes=2)) & (bars.index <= started)]
    return float(found.iloc[-1]) if len(found) else nan


def _tables(data: Path) -> Iterator[str]:
    watching = _Watching()
    result = _run(data, watching, *_strategies())
    frame = _rows(data, watching)
    yield "The strategies over every chain, SPY as the vehicle:\n"
    yield from funnel_lines([("field signals", result)])
    yield "\nWhat each signal said at the chains:\n"
    yield from _reasons(watching)
    yield "\nReadings as directions, close to the next close of the index:\n"
    yield from _tests(frame)
    yield ""
    yield from _sessions(frame)
    yield "\nPublished same-day gamma and the minutes that followed:\n"
    yield from _intraday(data)


def main() -> int:
    """Run the study and print its tables, or write them between the markers of a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.signal_study", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    tables: Sequence[str] = list(_tables(arguments.data))
    if arguments.write:
        write_figures(arguments.write, "signal_study", "\n".join(tables))
    else:
        print("\n".join(tables))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
