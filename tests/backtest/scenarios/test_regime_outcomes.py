"""Labels against outcomes: known before, complete, and worth nothing where they are shuffled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from backtest.scenarios.regime_outcomes import LabelledSessions, label_facts, label_findings, labelled_sessions
from fields.regime.axes import TermStructure
from market.bars import BarBatch
from market.calendars import sessions_between
from market.errors import DataError
from market.series import SeriesBatch, SeriesUnit
from tests.backtest.scenarios.paths import bars_of

SESSIONS = sessions_between("NYSE", date(2018, 1, 2), date(2018, 12, 31))
HALF_HOUR = 1_800 * 10**9


def index(values: np.ndarray[tuple[int], np.dtype[np.float64]], delay_ns: int = HALF_HOUR) -> SeriesBatch:
    """Return an index that is published some time after each close."""
    close = np.array([session.close_ns for session in SESSIONS], dtype=np.int64)
    return SeriesBatch(
        series="VIX", unit=SeriesUnit.INDEX_POINTS, ts_event_ns=0, cause_id="", provenance=_BARS.provenance,
        event_ns=close, available_ns=close + delay_ns, value=values,
    )  # fmt: skip


def _bars(closes: np.ndarray[tuple[int], np.dtype[np.float64]]) -> BarBatch:
    prices = np.stack([closes] * 4, axis=1)
    return bars_of("SPX", [s.open_ns for s in SESSIONS], [s.close_ns for s in SESSIONS], prices)


_BARS = _bars(np.full(len(SESSIONS), 2700.0))


def labelled(*, informative: bool = True, delay_ns: int = HALF_HOUR) -> LabelledSessions:
    """Return a year in which the ratio tells the size of the next return, or tells nothing."""
    rng = np.random.default_rng(3)
    stress = rng.random(len(SESSIONS)) < 0.3
    size = np.where(stress if informative else rng.permutation(stress), 0.02, 0.003)
    moves = size * rng.choice([-1.0, 1.0], len(SESSIONS)) * rng.uniform(0.8, 1.2, len(SESSIONS))
    closes = 2700.0 * np.exp(np.concatenate(([0.0], np.cumsum(moves[:-1]))))
    near = np.where(stress, 18.0, 13.0) + rng.uniform(0.0, 0.1, len(SESSIONS))
    month = np.full(len(SESSIONS), 15.0)
    return labelled_sessions(index(near, delay_ns), index(month), _bars(closes), SESSIONS, label_after_ns=2 * HALF_HOUR)


def test_each_evening_is_held_against_the_next_session() -> None:
    """States follow the ratio, and the outcome is the return after them."""
    found = labelled()
    assert len(found.state) == len(SESSIONS) - 1
    inverted = np.array([state is TermStructure.INVERTED for state in found.state])
    assert np.array_equal(inverted, found.ratio > 1.1)
    assert found.outcome[inverted].min() > found.outcome[~inverted].max()
    assert all(finding.passed for finding in label_findings(found, np.random.default_rng(1)))


def test_facts_tell_a_good_label_from_a_worthless_one() -> None:
    """Three in five large returns follow a label, so that the area is 0.8; without news its interval holds 0.5."""
    good = dict(label_facts(labelled(), np.random.default_rng(1)))
    none = dict(label_facts(labelled(informative=False), np.random.default_rng(1)))
    assert good["auc low"] > 0.65
    assert good["auc"] == pytest.approx(0.8, abs=0.05)
    assert none["auc low"] < 0.5 < none["auc high"]
    assert good["mean size of return after INVERTED"] > 4.0 * good["mean size of return after CONTANGO"]


def test_a_value_that_comes_late_is_not_in_the_label() -> None:
    """What is published after the evening labels the next one, and before its own open nobody knows the first."""
    late = labelled(delay_ns=3 * HALF_HOUR)
    assert late.state[0] is TermStructure.UNKNOWN
    assert (late.next_open_ns - late.known_ns)[1:].min() > 0
    assert np.array_equal(late.ratio[1:] > 1.1, labelled().ratio[:-1] > 1.1)


def test_labels_that_come_after_their_outcome_are_found() -> None:
    """A label that was known only at the open does not pass; nor do labels with holes."""
    found = labelled()
    late = replace(found, known_ns=found.next_open_ns)
    holes = replace(found, state=(TermStructure.UNKNOWN,) * 10 + found.state[10:])
    failed = [
        [f.criterion for f in label_findings(each, np.random.default_rng(1)) if not f.passed] for each in (late, holes)
    ]
    assert failed == [["label_before_outcome"], ["labels_complete"]]


def test_a_session_without_a_bar_is_refused() -> None:
    """The error names the first."""
    more = sessions_between("NYSE", date(2018, 1, 2), date(2019, 1, 3))
    ones = np.ones(len(SESSIONS))
    with pytest.raises(DataError, match="2019-01-02"):
        labelled_sessions(index(ones), index(ones), _BARS, more, label_after_ns=HALF_HOUR)
