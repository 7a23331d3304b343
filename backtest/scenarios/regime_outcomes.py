"""A regime's label against what came after it: labels by what was published, outcomes of the session that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np

from backtest.scenarios.verdict import Finding
from fields.evidence.auc import block_bootstrap_auc, estimate_auc
from fields.regime.axes import RegimeInputs, TermStructure
from fields.regime.config import RegimeConfig
from fields.regime.rules import term_structure_rule
from market.bars import BarBatch
from market.calendars import Session
from market.chains import FloatArray
from market.errors import DataError
from market.series import SeriesBatch
from market.trades import Int64Array

__all__ = ["LabelledSessions", "label_facts", "label_findings", "labelled_sessions"]

_STATES: Final = (TermStructure.CONTANGO, TermStructure.FLAT, TermStructure.INVERTED)
_WEEK: Final = 5  # sessions that are drawn together: volatility outlives a day
_DRAWS: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSessions:
    """Labels of evenings, and what the next session did; arrays of shape ``(n_sessions,)``.

    Parameters
    ----------
    known_ns : ndarray of int64
        When the newest input of the label was published, ns since the epoch, UTC; -1 without one.
    next_open_ns : ndarray of int64
        Open of the session whose outcome is taken.
    state : tuple of TermStructure
        The axis in the evening.
    ratio : ndarray
        VIX9D over VIX; NaN where one is missing.
    outcome : ndarray
        Size of the log return from the session's close to the next one's.
    """

    known_ns: Int64Array
    next_open_ns: Int64Array
    state: tuple[TermStructure, ...]
    ratio: FloatArray
    outcome: FloatArray


def labelled_sessions(
    vix9d: SeriesBatch, vix: SeriesBatch, daily: BarBatch, sessions: Sequence[Session], *, label_after_ns: int
) -> LabelledSessions:
    """Label each evening and take the outcome of the session after it.

    Parameters
    ----------
    vix9d, vix : SeriesBatch
        The indices with their instants of publication.
    daily : BarBatch
        The index by session.
    sessions : sequence of Session
        In order; the last one gives an outcome only.
    label_after_ns : int
        How long after a close the label is read, ns.

    Returns
    -------
    LabelledSessions
        One row less than sessions.

    Raises
    ------
    DataError
        The index has no bar of a session.
    """
    place = {int(start): row for row, start in enumerate(daily.start_ns.tolist())}
    missing = [session.day for session in sessions if session.open_ns not in place]
    if missing:
        raise DataError("the index lacks sessions", found=f"{len(missing)}, the first {missing[0]}", expected="none")
    close = np.array([daily.close[place[session.open_ns]] for session in sessions])
    config, state = RegimeConfig(), None
    known, states, ratios = [], [], []
    for session in sessions[:-1]:
        at = session.close_ns + label_after_ns
        near, month = vix9d.as_of(at), vix.as_of(at)
        state = term_structure_rule(RegimeInputs(vix9d=near.value, vix=month.value), config, state).state
        states.append(TermStructure(state))
        known.append(max(near.available_ns, month.available_ns))
        ratios.append(near.value / month.value)
    return LabelledSessions(
        known_ns=np.array(known, dtype=np.int64),
        next_open_ns=np.array([session.open_ns for session in sessions[1:]], dtype=np.int64),
        state=tuple(states),
        ratio=np.array(ratios),
        outcome=np.abs(np.diff(np.log(close))),
    )


def label_findings(labelled: LabelledSessions, rng: np.random.Generator) -> tuple[Finding, ...]:
    """Return whether labels are early, complete, and measured by a yardstick that finds nothing where nothing is.

    Parameters
    ----------
    labelled : LabelledSessions
        Labels and outcomes.
    rng : numpy.random.Generator
        Shuffles labels.

    Returns
    -------
    tuple of Finding
        What the label is worth is told by `label_facts`, and binds nothing.
    """
    told = labelled.known_ns >= 0
    ahead = (labelled.next_open_ns - labelled.known_ns)[told]
    hours = float(ahead.min()) / 3.6e12 if ahead.size else nan
    share = float(np.mean([state is not TermStructure.UNKNOWN for state in labelled.state]))
    ratio, large = _scored(labelled)
    shuffled = np.array([estimate_auc(rng.permutation(ratio), large).auc for _ in range(_DRAWS)])
    apart = abs(float(shuffled.mean()) - 0.5) / (float(shuffled.std(ddof=1)) / np.sqrt(_DRAWS))
    return (
        Finding(
            criterion="label_before_outcome",
            statement="each label was published before the open of the session that it is held against, hours",
            value=hours,
            bound=0.0,
            passed=bool(ahead.size) and hours > 0.0,
        ),
        Finding(
            criterion="labels_complete",
            statement="at least 99 % of the evenings have a label",
            value=share,
            bound=0.99,
            passed=share >= 0.99,
            detail=f"{len(labelled.state)} evenings",
        ),
        Finding(
            criterion="shuffled_labels_are_chance",
            statement="shuffled labels rank outcomes as chance does, within 4 standard errors",
            value=apart,
            bound=4.0,
            passed=apart <= 4.0,
        ),
    )


def label_facts(labelled: LabelledSessions, rng: np.random.Generator) -> tuple[tuple[str, float], ...]:
    """Return what the labels were followed by.

    Parameters
    ----------
    labelled : LabelledSessions
        Labels and outcomes.
    rng : numpy.random.Generator
        Draws weeks of sessions for the interval.

    Returns
    -------
    tuple of (str, float)
        Mean size of the next return by label and its sessions; area under the curve of the ratio for returns above
        their median, with a 95 % interval by resampled weeks.
    """
    states = np.array([state.value for state in labelled.state])
    facts: list[tuple[str, float]] = []
    for state in _STATES:
        here = states == state.value
        facts.append((f"sessions after {state.value}", float(here.sum())))
        facts.append((f"mean size of return after {state.value}", _mean(labelled.outcome[here])))
    ratio, large = _scored(labelled)
    drawn = block_bootstrap_auc(ratio[None, :], large, np.arange(ratio.shape[0]), n_draws=_DRAWS, rng=rng, run=_WEEK)[
        :, 0
    ]
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    facts += [("auc", estimate_auc(ratio, large).auc), ("auc low", float(low)), ("auc high", float(high))]
    return tuple(facts)


def _scored(labelled: LabelledSessions) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    known = np.isfinite(labelled.ratio) & np.isfinite(labelled.outcome)
    outcome = labelled.outcome[known]
    return labelled.ratio[known], outcome > np.median(outcome)


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else nan
