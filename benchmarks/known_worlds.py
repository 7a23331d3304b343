"""Sweeps of worlds whose truth is known, whole studies with their verdicts: ``python -m benchmarks.known_worlds``.

It prints the tables of docs/research/sweeps-of-known-worlds.md; ``--rows FILE`` keeps what each study gave, so that it
goes on where it was broken off, and ``--only NAME`` runs the cases whose name begins so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest

from benchmarks.planted_bars import BEST, TrueSharpes, World, answered, sweep_text, windows_of, written
from tuning.studies.answer import StudyAnswer

__all__ = ["CASES", "Case", "main", "row_of"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Studies of one kind.

    Parameters
    ----------
    world : World
        Where.
    sampler : str
        Who proposes points.
    trials : int
        Of a search.
    repeats : int
        Studies, each of bars of its own.
    """

    world: World
    sampler: str = "random"
    trials: int = 60
    repeats: int = 50


CASES: Final[Mapping[str, Case]] = {
    "noise, random": Case(world=World()),
    "noise, grid": Case(world=World(), sampler="grid"),
    "noise of GARCH, random": Case(world=World(shocks="garch")),
    "noise, tpe": Case(world=World(), sampler="tpe", trials=40, repeats=10),
    "planted 3, random": Case(world=World(sharpe=3.0), repeats=20),
    "planted 2, random": Case(world=World(sharpe=2.0), repeats=20),
    "planted 4, random": Case(world=World(sharpe=4.0), repeats=20),
    "planted 1, random": Case(world=World(sharpe=1.0), repeats=20),
    **{
        f"planted 3, {name}": Case(
            world=World(sharpe=3.0), sampler=name, trials=60 if name == "grid" else 40, repeats=8
        )
        for name in ("grid", "tpe", "cma_es", "nsga2")
    },
}


@cache
def _truth(world: World) -> TrueSharpes:
    return TrueSharpes(world)


def row_of(case: Case, repeat: int) -> dict[str, Any]:
    """Return what one study gave beside the truth; all Sharpe ratios per year.

    Parameters
    ----------
    case : Case
        Which.
    repeat : int
        From 0; it seeds the bars and the search.

    Returns
    -------
    dict of str to value
        As the tables read it.
    """
    with tempfile.TemporaryDirectory() as folder:
        text = sweep_text(case.world, case.sampler, trials=case.trials, seed=repeat)
        answer = answered(written(Path(folder), case.world, text, 1_000 + repeat))
    return _told(answer, _truth(case.world))


def _told(answer: StudyAnswer, truth: TrueSharpes) -> dict[str, Any]:
    eligible = [trial for trial in answer.trials if trial.is_feasible and np.isfinite(trial.scores[0])]
    windows = [windows_of(trial.point) for trial in eligible]
    peak = int(np.argmax([trial.scores[0] for trial in eligible]))
    chosen = windows_of(answer.candidate_point) if answer.candidate_point is not None else windows_of(eligible[0].point)
    ratios, outer = truth.at(windows), answer.outer.sharpe.value
    days = {block.index: block.n_days for block in answer.blocks}
    weights = [sum(days[index] for index in split.split.test) for split in answer.splits]
    by_split = truth.at([windows_of(split.choice.point) for split in answer.splits])
    random = np.random.default_rng(0).permutation(len(windows))
    return {
        "accepted": answer.verdict.accepted,
        "checks": {check.name: [check.found, check.passed] for check in answer.verdict.checks},
        "pbo": answer.overfitting.pbo.value,
        "dsr": answer.deflation.resampled.value if answer.deflation else None,
        "spa": answer.superiority.spa_consistent_p,
        "n": len(eligible),
        "peak_inner": eligible[peak].scores[0],
        "inner": answer.candidate_inner[0] if answer.candidate_inner else None,
        "outer": [outer.value, outer.low, outer.high],
        "outer_truth": float(np.average(by_split, weights=weights)),
        "optimism": answer.optimism.value,
        "chosen": chosen,
        "true": {
            "chosen": float(truth.at([chosen])[0]),
            "peak": float(ratios[peak]),
            "mean": float(ratios.mean()),
            "best": float(ratios.max()),
        },
        "distance": {
            "chosen": _distance([chosen]),
            "peak": _distance([windows[peak]]),
            "random": _distance([windows[place] for place in random[:20]]),
        },
    }


def _distance(windows: Sequence[tuple[int, int]]) -> float:
    """Return the mean distance from the planted pair, in shares of the logarithmic ranges of the space."""
    wide = np.array([log(40 / 2), log(320 / 45)])
    apart = np.log(np.array(windows, dtype=np.float64) / np.array(BEST)) / wide
    return float(np.sqrt((apart**2).mean(axis=1)).mean())


def main(argv: list[str]) -> int:
    """Run what is not kept yet, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.known_worlds", description=__doc__)
    parser.add_argument("--rows", type=Path, nargs="+", default=None, help="files of rows; the first one is written")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    parser.add_argument("--repeats", type=int, default=None, help="studies of each case at most")
    asked = parser.parse_args(argv)
    rows = _kept(asked.rows or ())
    for name, case in CASES.items():
        for repeat in range(min(case.repeats, asked.repeats or case.repeats)):
            if name.startswith(asked.only) and (name, repeat) not in rows:
                rows[name, repeat] = row_of(case, repeat)
                _keep(asked.rows, {"case": name, "repeat": repeat, **rows[name, repeat]})
    by_case = {name: [row for (of, _), row in sorted(rows.items()) if of == name] for name in CASES}
    told = {name: found for name, found in by_case.items() if found}
    for table in (_verdicts(told), _found(told), _estimates(told)):
        print("\n".join(table), end="\n\n")
    return 0


def _kept(files: Iterable[Path]) -> dict[tuple[str, int], Row]:
    lines = [line for file in files if file.exists() for line in file.read_text(encoding="utf-8").splitlines()]
    return {(row["case"], row["repeat"]): row for row in map(json.loads, lines)}


def _keep(files: Sequence[Path] | None, row: Row) -> None:
    if files:
        with files[0].open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _share(holds: Sequence[bool]) -> str:
    """Return a share in per cent with its 95 % interval, after Clopper and Pearson."""
    found = binomtest(int(np.sum(holds)), len(holds)).proportion_ci(method="exact")
    return f"{100.0 * float(np.mean(holds)):.0f} [{100.0 * found.low:.0f}, {100.0 * found.high:.0f}]"


_CHECKS: Final = ("probability of backtest", "deflated Sharpe", "p of superior", "lower end of the outer")


def _passed(row: Row, check: str) -> bool:
    return bool(next(found[1] for name, found in row["checks"].items() if name.startswith(check)))


def _verdicts(told: Mapping[str, Sequence[Row]]) -> list[str]:
    heads = ("case", "studies", "accepted, %", "mean PBO", *(f"passes {check}, %" for check in _CHECKS))
    lines = _heads(heads)
    for name, rows in told.items():
        shares = [_share([_passed(row, check) for row in rows]) for check in _CHECKS]
        accepted = _share([row["accepted"] for row in rows])
        lines.append(_line(name, len(rows), accepted, f"{np.mean([row['pbo'] for row in rows]):.2f}", *shares))
    return lines


def _found(told: Mapping[str, Sequence[Row]]) -> list[str]:
    heads = ("case", "distance: chosen", "peak", "random", "true Sharpe: chosen", "peak", "mean trial", "best trial")
    lines = _heads(heads)
    for name, rows in told.items():
        if name.startswith("planted"):
            far = [_mean([row["distance"][of] for row in rows]) for of in ("chosen", "peak", "random")]
            true = [_mean([row["true"][of] for row in rows]) for of in ("chosen", "peak", "mean", "best")]
            lines.append(_line(name, *far, *true))
    return lines


def _estimates(told: Mapping[str, Sequence[Row]]) -> list[str]:
    heads = ("case", "best in sample", "chosen in sample", "outer", "truth of outer", "outer less truth", "covered, %")
    lines = _heads(heads)
    for name, rows in told.items():
        truth = np.array([row["outer_truth"] for row in rows])
        value, low, high = np.array([row["outer"] for row in rows]).T
        inner = [_mean([row[of] for row in rows]) for of in ("peak_inner", "inner")]
        error = 1.96 * (value - truth).std(ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.nan
        less = f"{(value - truth).mean():+.2f} ± {error:.2f}"
        lines.append(_line(name, *inner, _mean(value), _mean(truth), less, _share((low <= truth) & (truth <= high))))
    return lines


def _mean(values: Sequence[float] | Any) -> str:
    return f"{np.mean(values):.2f}"


def _heads(names: Sequence[str]) -> list[str]:
    return [_line(*names), "|" + "---|" * len(names)]


def _line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
