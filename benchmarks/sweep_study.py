"""The sweep of condors on the recorded 0DTE mids: ``python -m benchmarks.sweep_study --write docs/research/FILE.md``.

It runs the verb on ``examples/recorded-condor-sweep.toml``, as it is and with a sampler that learns, each with a state
folder of its own, and puts what ``study.json`` says into tables. The outer Sharpe ratio is made again from
``outer_days.csv`` by arithmetic of its own; where they differ it stops.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.real_runs import DATA
from benchmarks.study_page import write_figures
from tuning.configuration.toml_text import toml_of

__all__ = ["main", "tables_of"]

_EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "recorded-condor-sweep.toml"
_YEAR: Final = 252.0
_TOLERANCE: Final = 1e-9


def run_sweep(folder: Path, data: Path, sampler: str, n_trials: int) -> Path:
    """Run the verb with a sampler and a number of trials; return the study folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where the study and its state folder go.
    data : pathlib.Path
        Recorded data.
    sampler : str
        As in the table ``[sweep]``.
    n_trials : int
        Trials of a search.

    Returns
    -------
    pathlib.Path
        With ``study.json``.
    """
    tables = tomllib.loads(_EXAMPLE.read_text(encoding="utf-8"))
    tables["sweep"] |= {"sampler": sampler, "trials": n_trials, "name": f"condor-{sampler}"}
    folder.mkdir(parents=True, exist_ok=True)
    config, study = folder / "sweep.toml", folder / "study"
    config.write_text(toml_of(tables), encoding="utf-8")
    verb = [sys.executable, "-m", "tuning.sweep", str(config), "--data", str(data), "--out", str(study), "--resume"]
    subprocess.run(verb, check=True, env={**os.environ, "HEDGEFIELD_HOME": str(folder / "home")})  # noqa: S603  # our own
    return study


def tables_of(study: Path) -> str:
    """Return the tables of a study, Markdown; what can be made again from its days is made again first.

    Parameters
    ----------
    study : pathlib.Path
        Study folder.

    Returns
    -------
    str
        A heading and two tables.

    Raises
    ------
    RuntimeError
        The outer Sharpe ratio of the study is not that of its days.
    """
    told = json.loads((study / "study.json").read_text(encoding="utf-8"))
    _require_outer(told, study / "outer_days.csv")
    lines = [f"**{told['provenance']['sampler']}**, {told['provenance']['scheme']} walk-forward:", ""]
    return "\n".join([*lines, *_headline(told), "", *_splits(told)])


def _require_outer(told: Mapping[str, Any], days: Path) -> None:
    """Compare the outer Sharpe ratio with that of the days in the table, by the mean and the sample deviation."""
    with days.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for column, wanted in (("choices", "value"), ("defaults", "baseline")):
        returns = np.array([float(row[column]) for row in rows])
        again = float(returns.mean() / returns.std(ddof=1) * np.sqrt(_YEAR))
        found = told["outer"]["sharpe"][wanted]["value"]
        if found is None or abs(found - again) > _TOLERANCE:
            raise RuntimeError(f"{days}: the Sharpe ratio of {column} is {found}, its days say {again}")


def _headline(told: Mapping[str, Any]) -> list[str]:
    outer, fit, test = told["outer"]["sharpe"], told["overfitting"], told["superiority"]
    rows = {
        "trials of the study, complete": f"{told['n_study']:,}, {told['counts']['complete']:,}",
        "trials counted on these data": f"{told['n_ledger']:,}",
        "effective trials, clustered": _number(_of(told["effective"], "n_effective"), 0),
        "outer days": f"{told['outer']['sharpe']['n_days']}",
        "outer Sharpe of the choices": _interval(outer["value"]),
        "outer Sharpe of the defaults": _interval(outer["baseline"]),
        "choices less defaults": _interval(outer["difference"]),
        "inner less outer, mean of splits": _number(told["optimism"]["value"]),
        "in-sample Sharpe of the final choice": _number(next(iter(_inner(told)), None)),
        "deflated Sharpe of the final choice": _number(_check(told, "deflated")),
        "PBO": _interval(fit["pbo"]) if fit else "not known",
        "SPA p, consistent": _number(_of(test, "spa_consistent_p"), 3),
        "reality check p": _number(_of(test, "reality_check_p"), 3),
        "verdict": "accepted" if told["verdict"]["accepted"] else "refused",
    }
    lines = ["| figure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return lines + ["", "Not passed: " + "; ".join(told["verdict"]["reasons"]) + "."] * bool(told["verdict"]["reasons"])


def _inner(told: Mapping[str, Any]) -> Sequence[float | None]:
    return [each["value"] if isinstance(each, dict) else each for each in told["candidate_inner"]]


def _check(told: Mapping[str, Any], name: str) -> float | None:
    found = next((each["found"] for each in told["verdict"]["checks"] if name in each["name"].lower()), None)
    return None if found is None else float(found)


def _of(part: Mapping[str, Any] | None, name: str) -> float | None:
    return None if part is None else part[name]


def _splits(told: Mapping[str, Any]) -> list[str]:
    days = {each["index"]: each for each in told["blocks"]}
    lines = [
        "| test days | trial chosen | inner Sharpe | outer Sharpe | defaults, inner | defaults, outer |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for split in told["splits"]:
        test = split["split"]["test"]
        number = split["choice"]["number"]
        cells = [
            f"{days[test[0]]['first']} to {days[test[-1]]['last']}",
            "none: the defaults stood" if number is None else str(number),
            *(_number(split[name]["value"]) for name in ("inner", "outer", "defaults_inner", "defaults_outer")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _number(value: float | None, digits: int = 2) -> str:
    return "not known" if value is None else f"{value:.{digits}f}"


def _interval(figure: Mapping[str, Any]) -> str:
    low, high = figure.get("low"), figure.get("high")
    reach = "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"
    return _number(figure["value"]) + reach


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both sweeps, or take studies that stand, and print their tables or write them into the page."""
    parser = argparse.ArgumentParser(description="Sweeps of condors on the recorded 0DTE mids.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of recorded data")
    parser.add_argument("--trials", type=int, default=200, help="of the random search")
    parser.add_argument("--learning", type=int, default=40, help="of each search of tpe; 0 for none")
    parser.add_argument(
        "--folder", type=Path, help="where studies go; those that were broken off there are gone on with"
    )
    parser.add_argument("--studies", type=Path, nargs="*", help="study folders that stand, instead of running any")
    parser.add_argument("--write", type=Path, help="page that gets the tables")
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = told.folder or Path(temporary)
        wanted = {"random": told.trials, "tpe": told.learning}
        studies = told.studies or [
            run_sweep(folder / sampler, told.data, sampler, n) for sampler, n in wanted.items() if n
        ]
        tables = "\n\n".join(tables_of(each) for each in studies)
    if told.write is None:
        print(tables)
    else:
        write_figures(told.write, "sweep_study", tables)


if __name__ == "__main__":
    main()
