"""From the records of a sweep to its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Final

import numpy as np

from backtest.comparison import fixed_horizon_test, sequential_test
from backtest.metrics.figures import Figure, figure, missing
from backtest.selection.deflation import Deflation, deflation
from backtest.selection.effective_trials import EffectiveTrials, effective_trials
from backtest.selection.overfitting import Overfitting, overfitting
from backtest.selection.slice_scores import MEAN_RETURN, SHARPE, SORTINO, TOTAL_RETURN, SliceScore
from backtest.selection.superiority import Superiority, sharpe_contributions, superiority
from market.chains import FloatArray
from tuning.configuration.settings import Objective, SweepSettings
from tuning.search.records import Candidates, ChoiceRecord, PartRecord, TrialRecord, TrialState
from tuning.search.scoring import judge, sample_of, score
from tuning.search.windows import Window, training_windows, whole_windows
from tuning.space.space import Space
from tuning.studies.answer import (
    Dimension,
    OuterDays,
    Paired,
    Provenance,
    SplitAnswer,
    Stability,
    StudyAnswer,
    TrialAnswer,
)
from tuning.studies.choice import Choice, choice, unit_points
from tuning.studies.landscape import dimensions_of, stability_of
from tuning.studies.outer_days import is_of_returns, outer_days
from tuning.studies.verdict import Evidence, verdict_of
from tuning.work import Block, BlockOutcome, OuterSplit, Point

__all__ = ["StudyRecords", "TrialsKnown", "answer_of"]

_SLICED: Final[Mapping[Objective, SliceScore]] = {
    Objective.SHARPE: SHARPE,
    Objective.SORTINO: SORTINO,
    Objective.MEAN_RETURN: MEAN_RETURN,
    Objective.TOTAL_RETURN: TOTAL_RETURN,
}
"""Objectives that can be told of any union of days; the others ask for a path in order of time."""

_OF_MEANS: Final = frozenset({Objective.MEAN_RETURN, Objective.TOTAL_RETURN})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsKnown:
    """What the ledger of trials knows of the data of a study.

    Parameters
    ----------
    n : int
        Configurations ever tried on them, this study's included.
    sharpes : ndarray, shape (n_known,)
        Sharpe ratios per day of those that are known.
    """

    n: int
    sharpes: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecords:
    """What a sweep leaves when it is done.

    Parameters
    ----------
    blocks : tuple of Block
        By index.
    splits : tuple of OuterSplit
        By index.
    parts : tuple of PartRecord
        Searches; the last one is over all blocks.
    choices : tuple of ChoiceRecord
        Of the splits, and the final one.
    """

    blocks: tuple[Block, ...]
    splits: tuple[OuterSplit, ...]
    parts: tuple[PartRecord, ...]
    choices: tuple[ChoiceRecord, ...]

    @property
    def search(self) -> PartRecord:
        """The search over all blocks."""
        return self.parts[-1]

    @property
    def by_split(self) -> dict[int, ChoiceRecord]:
        """Choices of the splits."""
        return {item.split: item for item in self.choices if item.split is not None}

    @property
    def defaults(self) -> dict[int, BlockOutcome]:
        """Outcomes of the base configuration, by block."""
        return {item.block: item for item in self.search.trials[0].blocks}


def answer_of(
    sweep: SweepSettings,
    space: Space,
    records: StudyRecords,
    *,
    provenance: Provenance,
    known: TrialsKnown,
    rng: np.random.Generator,
) -> StudyAnswer:
    """Return the answer of a study.

    Parameters
    ----------
    sweep : SweepSettings
        The settings.
    space : Space
        Where points lie.
    records : StudyRecords
        All of a sweep that is done.
    provenance : Provenance
        What it stands on.
    known : TrialsKnown
        Of the ledger, after this study was counted.
    rng : numpy.random.Generator
        Source of chance of every draw.

    Returns
    -------
    StudyAnswer
        Every missing figure has its reason; the same records and generator give the same answer.
    """
    lead, year, selection = sweep.sweep.objectives[0], provenance.periods_per_year, sweep.selection
    final = _final(sweep, space, records)
    chosen = None if final.number is None else records.search.trials[final.number]
    trials = _trials(records.search, space, lead, year)
    matrix = _Matrix.of(records.search, records.defaults)
    splits = _splits(sweep, space, records, year)
    outer = _outer(sweep, records, year, known, rng)
    effective = effective_trials(matrix.returns)
    over = overfitting(matrix.returns, score=_SLICED.get(lead, SHARPE), level=selection.confidence)
    spa = _superiority(matrix, lead, selection.draws, rng)
    luck = _deflation(matrix, final, effective, known, selection.draws, rng)
    points = [None if item.choice.number is None else item.choice.point for item in splits]
    evidence = _evidence(sweep, space, final, chosen, year, outer=outer, points=points, found=(matrix, over, luck, spa))
    return StudyAnswer(
        provenance=provenance,
        objectives=sweep.sweep.objectives,
        blocks=records.blocks,
        splits=splits,
        outer=outer,
        paired=_paired(outer, selection.confidence),
        **_candidate(space, final, chosen),
        default_blocks=records.search.trials[0].blocks,
        optimism=_optimism(splits),
        trials=trials,
        counts=_counts(records.parts),
        failures=_failures(records.parts),
        n_study=len({trial.point for part in records.parts for trial in part.trials}),
        n_ledger=known.n,
        effective=effective,
        deflation=luck,
        overfitting=over,
        overfitting_score=(lead if lead in _SLICED else Objective.SHARPE).value,
        superiority=spa,
        dimensions=_dimensions(sweep, space, trials, chosen, points),
        stability=_stability(space, trials, points, rng),
        verdict=verdict_of(evidence, selection),
    )


def _outer(
    sweep: SweepSettings, records: StudyRecords, year: int, known: TrialsKnown, rng: np.random.Generator
) -> OuterDays:
    return outer_days(
        records.splits,
        records.by_split,
        records.defaults,
        objective=sweep.sweep.objectives[0],
        selection=sweep.selection,
        periods_per_year=year,
        n_trials=known.n,
        rng=rng,
    )


def _final(sweep: SweepSettings, space: Space, records: StudyRecords) -> Choice:
    candidates = Candidates(split=None, train=records.search.train, trials=records.search.trials)
    return choice(candidates, space, sweep.sweep.objectives, sweep.selection)


def _candidate(space: Space, final: Choice, chosen: TrialRecord | None) -> dict[str, Any]:
    return {
        "candidate": final,
        "candidate_point": None if chosen is None else chosen.point,
        "candidate_shown": {} if chosen is None or not chosen.point.values else space.shown(chosen.point),
        "candidate_inner": () if chosen is None else chosen.scores,
        "candidate_blocks": () if chosen is None else chosen.blocks,
    }


def _dimensions(
    sweep: SweepSettings,
    space: Space,
    trials: Sequence[TrialAnswer],
    chosen: TrialRecord | None,
    points: Sequence[Point | None],
) -> tuple[Dimension, ...]:
    return dimensions_of(
        space,
        trials,
        chosen=None if chosen is None else chosen.point,
        splits=points,
        is_maximised=sweep.sweep.objectives[0].is_maximised,
        seed=sweep.sweep.seed,
    )


def _stability(
    space: Space, trials: Sequence[TrialAnswer], points: Sequence[Point | None], rng: np.random.Generator
) -> Stability:
    tried = np.array([item.unit for item in trials if item.is_feasible]).reshape(-1, space.n_dims)
    return stability_of(space, points, tried, rng)


def _evidence(
    sweep: SweepSettings,
    space: Space,
    final: Choice,
    chosen: TrialRecord | None,
    year: int,
    *,
    outer: OuterDays,
    points: Sequence[Point | None],
    found: tuple[_Matrix, Overfitting, Deflation | None, Superiority],
) -> Evidence:
    lead, (matrix, over, luck, spa) = sweep.sweep.objectives[0], found
    return Evidence(
        choice_distance=_distance(space, chosen, final),
        assumptions=space.assumptions,
        constraints=_constraints(sweep, chosen, final, year),
        n_trials=matrix.numbers.size,
        n_days=outer.n_days,
        n_unchosen=sum(point is None for point in points),
        overfitting=missing(over.pbo.reason or over.reason) if over.reason else figure(over.pbo.value),
        deflated=missing(final.reason) if luck is None else luck.resampled,
        superiority=missing(spa.reason) if spa.reason else figure(spa.spa_consistent_p),
        outer_low=_outer_low(outer, lead),
        outer_name=_outer_name(lead),
    )


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Daily returns of complete trials on the same days; trials whose days are others are left out."""

    numbers: np.ndarray
    returns: FloatArray  # (n_days, n_trials)
    defaults: FloatArray

    @staticmethod
    def of(search: PartRecord, defaults: Mapping[int, BlockOutcome]) -> _Matrix:
        base = _returns(tuple(defaults[block] for block in sorted(defaults)))
        complete = [trial for trial in search.trials if trial.state is TrialState.COMPLETE]
        columns = [(trial.number, _returns(trial.blocks)) for trial in complete]
        fitting = [(number, column) for number, column in columns if column.size == base.size]
        return _Matrix(
            np.array([number for number, _ in fitting], dtype=np.int64),
            np.array([column for _, column in fitting]).reshape(len(fitting), base.size).T,
            base,
        )


def _returns(blocks: Sequence[BlockOutcome]) -> FloatArray:
    return np.concatenate([np.zeros(0), *(item.returns for item in sorted(blocks, key=lambda item: item.block))])


def _superiority(matrix: _Matrix, lead: Objective, n_draws: int, rng: np.random.Generator) -> Superiority:
    """Test the trials against the defaults by what the first objective is about: means, or else ratios to risk."""
    others = matrix.returns[:, matrix.numbers != 0]
    if lead in _OF_MEANS:
        return superiority(others, matrix.defaults, rng=rng, n_draws=n_draws)
    # Defaults that hold nothing have no ratio; cash without interest has 0.
    idle = not matrix.defaults.any()
    benchmark = matrix.defaults if idle else sharpe_contributions(matrix.defaults)
    return superiority(sharpe_contributions(others), benchmark, rng=rng, n_draws=n_draws)


def _deflation(
    matrix: _Matrix,
    final: Choice,
    effective: EffectiveTrials,
    known: TrialsKnown,
    n_draws: int,
    rng: np.random.Generator,
) -> Deflation | None:
    place = np.flatnonzero(matrix.numbers == (-1 if final.number is None else final.number))
    if not place.size:
        return None
    sharpes = known.sharpes[np.isfinite(known.sharpes)]
    return deflation(
        matrix.returns,
        int(place[0]),
        n_told=max(known.n, matrix.numbers.size),
        effective=effective,
        rng=rng,
        trial_sharpes=sharpes if sharpes.size > matrix.numbers.size else None,
        n_draws=n_draws,
    )


def _trials(search: PartRecord, space: Space, lead: Objective, year: int) -> tuple[TrialAnswer, ...]:
    units = unit_points(space, tuple(trial.point for trial in search.trials))
    return tuple(
        TrialAnswer(
            number=trial.number,
            point=trial.point,
            shown=space.shown(trial.point) if trial.point.values else {},
            unit=unit,
            state=trial.state,
            scores=trial.scores,
            block_scores=_block_scores(trial, search.train, lead, year),
            is_feasible=trial.is_feasible,
            reason=trial.reason,
        )
        for trial, unit in zip(search.trials, units, strict=True)
    )


def _block_scores(trial: TrialRecord, blocks: Sequence[int], lead: Objective, year: int) -> tuple[float, ...]:
    found = {item.block: score(lead, sample_of((item,)), year).value for item in trial.blocks}
    return tuple(found.get(block, nan) for block in blocks)


def _splits(sweep: SweepSettings, space: Space, records: StudyRecords, year: int) -> tuple[SplitAnswer, ...]:
    lead, validation = sweep.sweep.objectives[0], sweep.validation
    defaults, found = records.defaults, []
    for split in records.splits:
        made = records.by_split[split.index]
        windows = training_windows(
            records.blocks, split, purge_days=validation.purge_days, embargo_days=validation.embargo_days
        )
        trials = records.parts[made.part].trials
        chosen = {item.block: item for item in trials[made.number or 0].blocks}
        whole = whole_windows([records.blocks[index] for index in split.test])
        found.append(
            SplitAnswer(
                split=split,
                choice=made,
                shown=space.shown(made.point) if made.point.values else {},
                inner=_on(chosen, windows, lead, year),
                outer=missing(made.reason)
                if made.reason
                else _on({item.block: item for item in made.blocks}, whole, lead, year),
                defaults_inner=_on(defaults, windows, lead, year),
                defaults_outer=_on(defaults, whole, lead, year),
            )
        )
    return tuple(found)


def _on(outcomes: Mapping[int, BlockOutcome], windows: Sequence[Window], lead: Objective, year: int) -> Figure:
    absent = [window.block for window in windows if window.block not in outcomes]
    if absent:
        return missing(f"block {absent[0]} was not run")
    return score(lead, sample_of([outcomes[window.block] for window in windows], windows), year)


def _optimism(splits: Sequence[SplitAnswer]) -> Figure:
    known = [item.optimism for item in splits if np.isfinite(item.optimism)]
    if len(known) < len(splits) or not known:
        return missing(f"{len(splits) - len(known)} of {len(splits)} splits lack an inner or an outer score")
    return figure(float(np.mean(known)))


def _paired(outer: OuterDays, level: float) -> Paired:
    difference = (outer.returns.mean(axis=0) if outer.returns.size else np.zeros(0)) - outer.defaults
    day = outer.end_ns.astype("datetime64[ns]").astype("datetime64[D]")  # UTC; it names the day of a decision only
    return Paired(
        difference=difference,
        fixed=fixed_horizon_test(difference, level=level),
        sequential=sequential_test(difference, day, level=level),
    )


def _counts(parts: Sequence[PartRecord]) -> dict[str, int]:
    told = Counter(trial.state.value for part in parts for trial in part.trials)
    infeasible = sum(t.state is TrialState.COMPLETE and not t.is_feasible for part in parts for t in part.trials)
    return {state.value: told[state.value] for state in TrialState} | {"infeasible": infeasible}


def _failures(parts: Sequence[PartRecord]) -> tuple[tuple[str, int], ...]:
    told = Counter(trial.reason for part in parts for trial in part.trials if trial.reason)
    return tuple(sorted(told.items(), key=lambda item: (-item[1], item[0])))


def _distance(space: Space, chosen: TrialRecord | None, final: Choice) -> Figure:
    """Return in how many dimensions a choice is unlike the defaults."""
    if chosen is None:
        return missing(final.reason)
    if not chosen.point.values or chosen.number == 0:
        return figure(0.0)
    default = space.default
    if default is None:  # outside the space, and so unlike every point of it
        return figure(float(space.n_dims))
    ours, theirs = chosen.point.as_dict(), default.as_dict()
    return figure(float(sum(ours[name] != theirs[name] for name in space.names)))


def _constraints(
    sweep: SweepSettings, chosen: TrialRecord | None, final: Choice, year: int
) -> tuple[tuple[str, Figure, float, bool], ...]:
    told = {name: bound for name, bound in sweep.constraints if bound is not None}
    if chosen is None:
        return tuple((name, missing(final.reason), float(bound), name != "min_trades") for name, bound in told.items())
    worth = judge(sample_of(chosen.blocks), sweep.sweep.objectives, sweep.constraints, year)
    found = []
    for (name, bound), excess in zip(told.items(), worth.excesses, strict=True):
        is_largest = name != "min_trades"
        value = bound * (1.0 + excess) if is_largest else bound * (1.0 - excess)
        found.append((name, figure(value, otherwise=worth.reason or "it cannot be told"), float(bound), is_largest))
    return tuple(found)


def _outer_low(outer: OuterDays, lead: Objective) -> Figure:
    interval = (outer.objective if _has_sign(lead) else outer.sharpe).value
    return missing(outer.reason or interval.reason) if outer.reason or interval.reason else figure(interval.low)


def _outer_name(lead: Objective) -> str:
    return (lead if _has_sign(lead) else Objective.SHARPE).value.replace("_", " ")


def _has_sign(lead: Objective) -> bool:
    """Return whether 0 parts good from bad: of a drawdown every value lies above it, so the Sharpe ratio is asked."""
    return lead.is_maximised and is_of_returns(lead)
