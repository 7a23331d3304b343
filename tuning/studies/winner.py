"""The choice of a study as a configuration of a backtest, accepted or refused by name, with where it comes from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any, Final

from backtest.metrics.figures import Figure, missing
from backtest.selection.estimate import OuterEstimate
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.origins import config_digest
from cluster.backtests.reading import settings_of
from cluster.own_strategies import module_files
from market.errors import ConfigError
from tuning.configuration.toml_text import toml_of
from tuning.space.space import Space
from tuning.studies.answer import StudyAnswer
from tuning.work import Point

__all__ = ["REFUSED", "WINNER", "Folders", "WinnerFile", "provenance_of", "winner_file"]

WINNER: Final = "winner.toml"
"""Name of the configuration of a choice that was accepted."""

REFUSED: Final = "refused.toml"
"""Name of the configuration of a choice that was refused."""

_LONGEST: Final = 500  # of a text of provenance
_SHORT: Final = 16  # signs of a digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where the base configuration looks for files.

    Parameters
    ----------
    data : pathlib.Path
        Its relative paths of data.
    strategies : pathlib.Path
        The user's own strategies.
    """

    data: Path
    strategies: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WinnerFile:
    """A configuration to be written.

    Parameters
    ----------
    name : str
        `WINNER` or `REFUSED`.
    text : str
        TOML that ``hedgefield backtest`` takes as it is.
    files : mapping of str to bytes
        Files of the user's own strategies, to stand beside it, by relative path.
    """

    name: str
    text: str
    files: Mapping[str, bytes]


def winner_file(answer: StudyAnswer, space: Space, base: BacktestSettings, text: str, folders: Folders) -> WinnerFile:
    """Return the choice of a study as a configuration.

    Parameters
    ----------
    answer : StudyAnswer
        The study.
    space : Space
        Where its choice lies.
    base : BacktestSettings
        What was varied.
    text : str
        The same as TOML.
    folders : Folders
        Where its files are looked for.

    Returns
    -------
    WinnerFile
        The base with the values of the choice, paths made absolute, and a table ``[provenance]``; the base itself
        where nothing was chosen.

    Raises
    ------
    ConfigError
        The file would not say what the study ran.
    """
    point = answer.candidate_point or Point(())
    tables = space.tables_at(point, tomllib.loads(text))
    tables["data"] = _placed(tables["data"], folders.data)
    wanted = space.settings_at(point, base)
    tables["provenance"] = provenance_of(answer)
    name = WINNER if answer.verdict.accepted else REFUSED
    written = f"{_heading(answer)}\n{toml_of(tables)}"
    _require_same(settings_of(written, name, folders.strategies), wanted)
    return WinnerFile(name=name, text=written, files=_own_files(wanted, folders.strategies))


def provenance_of(answer: StudyAnswer) -> dict[str, str]:
    """Return where a choice comes from, in plain texts for the table ``[provenance]``."""
    about, outer = answer.provenance, answer.outer
    told = {
        "study": about.study,
        "verdict": "; ".join((answer.verdict.word, *answer.verdict.reasons)),
        "trial": "none: the defaults stand" if answer.candidate.number is None else str(answer.candidate.number),
        "rule": f"{answer.candidate.rule.value}: {answer.candidate.reason}",
        "outer_estimate": _estimate_words(outer.objective),
        "outer_sharpe": _estimate_words(outer.sharpe),
        "outer_days": f"{outer.n_days}, {_span_words(answer)}",
        "in_sample": ", ".join(
            f"{objective.value} {score:.4g}"
            for objective, score in zip(answer.objectives, answer.candidate_inner, strict=False)
        ),
        "optimism": _figure_words(answer.optimism),
        "trials_of_the_study": str(answer.n_study),
        "trials_on_the_data": str(answer.n_ledger),
        "deflated_sharpe_probability": _figure_words(
            missing("no choice") if answer.deflation is None else answer.deflation.resampled
        ),
        "probability_of_overfitting": _known_words(answer.overfitting.pbo.value, answer.overfitting.reason),
        "p_superior_to_defaults": _known_words(answer.superiority.spa_consistent_p, answer.superiority.reason),
        "simulated": "yes" if about.simulated else "no",
        "sampler": about.sampler.value,
        "scheme": about.scheme.value,
        "seed": str(about.seed),
        "code_version": about.code_version,
        "base_digest": about.base_digest,
        "data": ", ".join(f"{source.name} {source.digest[:_SHORT]}" for source in about.sources),
    }
    return {key: _short(words) for key, words in told.items()}


def _heading(answer: StudyAnswer) -> str:
    simulated = " The data are SIMULATED." if answer.provenance.simulated else ""
    lines = [f"Written by the study {answer.provenance.study}.{simulated}"]
    if answer.verdict.accepted:
        lines.append("ACCEPTED: every check of the study holds. It promises no profit.")
    else:
        lines.append("REFUSED: the study does not stand behind these values; the defaults stand. Because:")
        lines += [f"- {reason}" for reason in answer.verdict.reasons]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)


def _estimate_words(estimate: OuterEstimate) -> str:
    value, base = estimate.value, estimate.baseline
    if not isfinite(value.value):
        return f"{value.name}: none, {value.reason}"
    words = f"{value.name} {value.value:.4g} [{value.low:.4g}, {value.high:.4g}] at {value.level:.0%}"
    return f"{words}; defaults {base.value:.4g}" if base is not None else words


def _span_words(answer: StudyAnswer) -> str:
    tested = sorted({block for item in answer.splits for block in item.split.test})
    if not tested:
        return "none"
    first: date = answer.blocks[tested[0]].first
    return f"{first} to {answer.blocks[tested[-1]].last}"


def _figure_words(found: Figure) -> str:
    return _known_words(found.value, found.reason)


def _known_words(value: float, reason: str) -> str:
    return f"{value:.4g}" if isfinite(value) else f"none: {reason or 'it is not finite'}"


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."


def _placed(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the tables of data with absolute paths, so that they hold wherever the file stands."""
    placed = {name: dict(table) for name, table in data.items()}
    for name in placed.keys() & {"files", "midpoints"}:
        table = placed[name]
        if "path" in table:
            table["path"] = _absolute(table["path"], folder)
        if "factors" in table:
            table["factors"] = {symbol: _absolute(path, folder) for symbol, path in table["factors"].items()}
        for key in table.keys() & {"chains", "inputs"}:
            table[key] = [_input(item, folder) for item in table[key]]
    place = placed.get("store", {}).get("place")
    if place and "://" not in place:
        placed["store"]["place"] = _absolute(place, Path.cwd())  # a store is looked for where the command is given
    return placed


def _input(item: Any, folder: Path) -> Any:
    if isinstance(item, Mapping):
        return {**item, "path": _absolute(item["path"], folder)}
    return _absolute(item, folder)


def _absolute(path: str | Path, folder: Path) -> str:
    return str((folder / Path(path).expanduser()).resolve())


def _own_files(settings: BacktestSettings, folder: Path) -> dict[str, bytes]:
    own = [item.kind for item in settings.strategies if ":" in item.kind]
    return {name: (folder / name).read_bytes() for kind in own for name in module_files(kind, folder)}


def _require_same(written: BacktestSettings, wanted: BacktestSettings) -> None:
    found, expected = config_digest(written), config_digest(wanted)
    if found != expected:
        raise ConfigError(
            "the configuration of the choice would not say what the study ran",
            found=f"digest {found[:_SHORT]}",
            expected=expected[:_SHORT],
            action="report it, with the sweep's configuration",
        )
