"""The answer of a study: what the rule's choices gave on days that they did not know, and how far to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backtest.comparison import FixedHorizonTest, SequentialTest
from backtest.history import DataSource
from backtest.metrics.figures import Figure
from backtest.selection.deflation import Deflation
from backtest.selection.effective_trials import EffectiveTrials
from backtest.selection.estimate import OuterEstimate
from backtest.selection.overfitting import Overfitting
from backtest.selection.superiority import Superiority
from market.chains import FloatArray
from market.trades import Int64Array
from tuning.configuration.settings import Objective, Sampler, Scheme
from tuning.search.records import ChoiceRecord, TrialState
from tuning.studies.choice import Choice
from tuning.studies.verdict import Verdict
from tuning.work import Block, BlockOutcome, OuterSplit, Point

__all__ = [
    "Dimension",
    "OuterDays",
    "Paired",
    "Provenance",
    "SplitAnswer",
    "Stability",
    "StudyAnswer",
    "TrialAnswer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAnswer:
    """One trial of the search over all blocks.

    Parameters
    ----------
    number : int
        0 for the defaults.
    point : Point
        Where; without values for defaults that lie outside the space.
    shown : mapping of str to str
        Its values for a reader, by name; empty for such defaults.
    unit : ndarray, shape (n_dims,)
        Where in the unit cube; NaN for such defaults.
    state : TrialState
        What became of it.
    scores : tuple of float
        In sample, one per objective; NaN where there is none.
    block_scores : tuple of float
        First objective on each block alone, in order of blocks; NaN where it was not run, or has no score.
    is_feasible : bool
        Whether it keeps the constraints.
    reason : str
        Why it has no score; empty where it has one.
    """

    number: int
    point: Point
    shown: Mapping[str, str]
    unit: FloatArray
    state: TrialState
    scores: tuple[float, ...]
    block_scores: tuple[float, ...]
    is_feasible: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitAnswer:
    """What the rule chose on the training blocks of a split, and what that gave on its test blocks.

    Parameters
    ----------
    split : OuterSplit
        Blocks.
    choice : ChoiceRecord
        From training days alone; without a number the defaults stood.
    shown : mapping of str to str
        Values of the choice for a reader, by name; empty for defaults outside the space.
    inner, outer : Figure
        First objective of the choice on training days, and on test days.
    defaults_inner, defaults_outer : Figure
        The same of the defaults.
    """

    split: OuterSplit
    choice: ChoiceRecord
    shown: Mapping[str, str]
    inner: Figure
    outer: Figure
    defaults_inner: Figure
    defaults_outer: Figure

    @property
    def optimism(self) -> float:
        """Inner less outer score: what selection made to look better than it was; NaN where one is missing."""
        return self.inner.value - self.outer.value


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterDays:
    """The choices' test days, put together: the headline of a study.

    Parameters
    ----------
    end_ns : ndarray of int64, shape (n_days,)
        Last mark of each day, ns since the epoch, UTC.
    returns : ndarray, shape (n_paths, n_days)
        Daily returns of the choices. A walk forward has one path; a combinatorial scheme has several, each of which
        takes every block from one split that tests it.
    defaults : ndarray, shape (n_days,)
        Of the defaults on the same days.
    objective, sharpe : OuterEstimate
        First objective and Sharpe ratio with interval, beside the defaults: of the one path, or of an account that
        is split evenly over the paths.
    path_scores : ndarray, shape (n_paths,)
        First objective of each path; NaN where it has none.
    deflated : Figure
        Deflated Sharpe probability, as if these days had been the best of as many trials without skill as were ever
        counted on the data: more than is asked of days that no choice has seen.
    reason : str
        Why there are no days; empty where there are.
    """

    end_ns: Int64Array
    returns: FloatArray
    defaults: FloatArray
    objective: OuterEstimate
    sharpe: OuterEstimate
    path_scores: FloatArray
    deflated: Figure
    reason: str = ""

    @property
    def n_days(self) -> int:
        """Days."""
        return int(self.end_ns.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The choices less the defaults, paired by outer day.

    Parameters
    ----------
    difference : ndarray, shape (n_days,)
        Of daily returns; the mean over the paths.
    fixed : FixedHorizonTest
        Valid at a horizon that was fixed beforehand.
    sequential : SequentialTest
        Valid at any time.
    """

    difference: FloatArray
    fixed: FixedHorizonTest
    sequential: SequentialTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One dimension of the space over the trials of the search on all blocks.

    Parameters
    ----------
    name : str
        Path into the configuration.
    unit : ndarray, shape (n_trials,)
        Places of complete trials, in [0, 1].
    score : ndarray, shape (n_trials,)
        Their first objective, in sample.
    grid, smoothed, spread : ndarray, shape (n_grid,)
        Places, the kernel-weighted mean of scores about each, and their weighted standard deviation: a plateau is
        flat and narrow, a peak that nobody can hit is neither.
    labels : tuple of (float, str)
        Values of the dimension at some places, for an axis.
    chosen, default : float
        Place of the candidate, and of the defaults; NaN where there is none.
    splits : tuple of float
        Place of each split's choice; NaN where there is none.
    importance : Figure
        Share of the scores' variance that the dimension explains.
    """

    name: str
    unit: FloatArray
    score: FloatArray
    grid: FloatArray
    smoothed: FloatArray
    spread: FloatArray
    labels: tuple[tuple[float, str], ...]
    chosen: float
    default: float
    splits: tuple[float, ...]
    importance: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """Whether the splits choose the same region.

    Parameters
    ----------
    distance : Figure
        Mean distance between the choices of two splits in the unit cube, per square root of its dimensions.
    random_distance : Figure
        The same between two trials taken at random.
    rank : Figure
        Share of as many trials, taken at random, that lie as close together as the choices: small is stable.
    """

    distance: Figure
    random_distance: Figure
    rank: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a study stands on.

    Parameters
    ----------
    study : str
        Its name.
    code_version : str
        Version, commit and digest of the sources.
    base_digest : str
        SHA-256 of the base configuration, as of a backtest.
    sources : tuple of DataSource
        Data.
    simulated : bool
        Whether any of it was simulated.
    periods_per_year : int
        Of annual figures.
    seed : int
        Of the search and of every draw.
    sampler : Sampler
        Who proposed points.
    scheme : Scheme
        How blocks are split.
    assumptions : str
        How orders were filled, and on what data.
    """

    study: str
    code_version: str
    base_digest: str
    sources: tuple[DataSource, ...]
    simulated: bool
    periods_per_year: int
    seed: int
    sampler: Sampler
    scheme: Scheme
    assumptions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAnswer:
    """What a study found.

    Parameters
    ----------
    provenance : Provenance
        What it stands on.
    objectives : tuple of Objective
        The first leads.
    blocks : tuple of Block
        Days, cut.
    splits : tuple of SplitAnswer
        Choice, inner and outer of each.
    outer : OuterDays
        The headline.
    paired : Paired
        Choices against defaults, by day.
    candidate : Choice
        Of the search over all blocks.
    candidate_point : Point or None
        Where; None without a choice.
    candidate_shown : mapping of str to str
        Its values for a reader, by name.
    candidate_inner : tuple of float
        Its scores over all blocks: in sample, and never the headline.
    candidate_blocks, default_blocks : tuple of BlockOutcome
        On all blocks.
    optimism : Figure
        Mean over the splits of inner less outer score.
    trials : tuple of TrialAnswer
        Of the search over all blocks.
    counts : mapping of str to int
        Trials by state, over all searches of the study.
    failures : tuple of (str, int)
        Reasons of those that are not complete, most frequent first.
    n_study : int
        Different points that the study tried.
    n_ledger : int
        Configurations ever tried on these data, by all studies and users, this study included.
    effective : EffectiveTrials
        Clusters of trials that move together.
    deflation : Deflation or None
        Deflated Sharpe probability of the candidate in sample for `n_ledger` trials, in three ways; the verdict asks
        for the resampled one, in which bad corners of the space do not pass for luck. None without a candidate.
    overfitting : Overfitting
        CSCV over the complete trials.
    overfitting_score : str
        What CSCV chose by: the first objective where it can be told of unions of days, else the Sharpe ratio.
    superiority : Superiority
        Complete trials against the defaults.
    dimensions : tuple of Dimension
        In order of the space.
    stability : Stability
        Of the chosen region over the splits.
    verdict : Verdict
        Accepted, or refused with reasons.
    """

    provenance: Provenance
    objectives: tuple[Objective, ...]
    blocks: tuple[Block, ...]
    splits: tuple[SplitAnswer, ...]
    outer: OuterDays
    paired: Paired
    candidate: Choice
    candidate_point: Point | None
    candidate_shown: Mapping[str, str]
    candidate_inner: tuple[float, ...]
    candidate_blocks: tuple[BlockOutcome, ...]
    default_blocks: tuple[BlockOutcome, ...]
    optimism: Figure
    trials: tuple[TrialAnswer, ...]
    counts: Mapping[str, int]
    failures: tuple[tuple[str, int], ...]
    n_study: int
    n_ledger: int
    effective: EffectiveTrials
    deflation: Deflation | None
    overfitting: Overfitting
    overfitting_score: str
    superiority: Superiority
    dimensions: tuple[Dimension, ...]
    stability: Stability
    verdict: Verdict
