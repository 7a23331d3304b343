"""A study as files for programs: all figures as JSON, trials and outer days as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from math import isfinite
from typing import Any, Final

from backtest.reports.codec import as_json
from backtest.reports.figures import plain
from market.clock import iso_of_ns
from tuning.studies.answer import StudyAnswer

__all__ = ["outer_days_csv", "study_as_json_line", "study_json", "trials_csv"]

_LONG: Final = ("trials", "candidate_blocks", "default_blocks", "dimensions", "blocks")
_SERIES: Final = {
    "outer": ("end_ns", "returns", "defaults"),
    "paired": ("difference",),
    "overfitting": ("logits",),
    "effective": ("labels",),
}

_OF_HALVES: Final = ("chosen", "inside", "outside")
"""Series over all halvings of the days, of which the logits and the figures made of them are kept."""


def study_json(answer: StudyAnswer) -> bytes:
    """Return all figures of a study as JSON.

    Parameters
    ----------
    answer : StudyAnswer
        The study.

    Returns
    -------
    bytes
        UTF-8, keys as the fields of `StudyAnswer`; a missing number is null with its reason beside it.
    """
    return as_json(_told(answer))


def study_as_json_line(answer: StudyAnswer, folder: str) -> str:
    """Return the headline of a study as one object of JSON on one line.

    Parameters
    ----------
    answer : StudyAnswer
        The study.
    folder : str
        Where its files lie.

    Returns
    -------
    str
        Figures without series and without the trials, which stand in the folder.
    """
    told = {name: value for name, value in _told(answer).items() if name not in _LONG}
    for name, series in _SERIES.items():
        told[name] = {key: value for key, value in told[name].items() if key not in series}
    told["outer"]["n_days"] = answer.outer.n_days
    return json.dumps({"folder": folder, **told}, ensure_ascii=False, allow_nan=False)


def _told(answer: StudyAnswer) -> dict[str, Any]:
    verdict = {"accepted": answer.verdict.accepted, "reasons": list(answer.verdict.reasons)}
    told: dict[str, Any] = plain(answer)
    for split in told["splits"]:  # its days stand in outer_days.csv
        del split["choice"]["blocks"]
    for name in _OF_HALVES:
        del told["overfitting"][name]
    return {"simulated": answer.provenance.simulated, **told, "verdict": {**verdict, **told["verdict"]}}


def trials_csv(answer: StudyAnswer) -> bytes:
    """Return the trials of the search over all blocks: state, values, scores in sample and on each block alone."""
    names = [item.name for item in answer.dimensions]
    lead = answer.objectives[0].value
    heads = (
        "number",
        "state",
        "feasible",
        *(f"in_sample_{objective.value}" for objective in answer.objectives),
        *(f"{lead}_block_{block.index}" for block in answer.blocks),
        *names,
        "reason",
    )
    rows = (
        (
            item.number,
            item.state.value,
            item.is_feasible,
            *item.scores,
            *item.block_scores,
            *(item.shown.get(name, "") for name in names),
            item.reason,
        )
        for item in answer.trials
    )
    return _csv(heads, rows)


def outer_days_csv(answer: StudyAnswer) -> bytes:
    """Return the outer days: end of the day, UTC, return of the defaults, and of each path of choices."""
    outer = answer.outer
    n_paths = outer.returns.shape[0]
    names = ("choices",) if n_paths == 1 else tuple(f"path_{path}" for path in range(n_paths))
    columns = zip(outer.end_ns.tolist(), outer.defaults.tolist(), *outer.returns.tolist(), strict=True)
    rows = ((iso_of_ns(end), *values) for end, *values in columns)
    return _csv(("end", "defaults", *names), rows)


def _csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    sink = StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return sink.getvalue().encode()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return repr(value) if isfinite(value) else ""
    return str(value).lower() if isinstance(value, bool) else str(value)
