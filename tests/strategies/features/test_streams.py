"""Bar by bar and as a column: the same bits; without what came later: the same bits; begun anew: nearly the same."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.chains import FloatArray
from strategies.bar_history import BarHistory
from strategies.features import Bar, BarFeature, column_of, stream_of
from strategies.features.feature import RESTART_BARS, bars_of, cut
from tests.backtest.recordings import bars as bar_batch
from tests.strategies.features.scenes import HIGHER, PLAIN, TORN, WHOLE, walk

# Where it stands depends on reversals and not on bars; what a session has counted, on the session.
_NOT_BY_BARS = {"sar", "sar_distance", "vwap", "vwap_deviation"}


_RECORDINGS = {"whole": (WHOLE, bars_of(WHOLE)), "torn": (TORN, bars_of(TORN))}


def streamed(feature: BarFeature, bars: Sequence[Bar]) -> FloatArray:
    """Return the values as the bars close."""
    stream = stream_of(feature)
    return np.array([stream.update(bar) for bar in bars])


@pytest.mark.parametrize("recording", list(_RECORDINGS))
@pytest.mark.parametrize("feature", [*PLAIN, *HIGHER], ids=lambda feature: feature.name)
def test_a_stream_gives_the_bits_of_the_column(feature: BarFeature, recording: str) -> None:
    """On more than 20 000 minutes with nights, early closes, standstill, and (torn) with holes and broken rows."""
    bars, rows = _RECORDINGS[recording]
    column = column_of(feature, bars)
    assert np.array_equal(streamed(feature, rows), column, equal_nan=True)
    assert np.isfinite(column).sum() > 1000
    assert not np.isinf(column).any()


@pytest.mark.parametrize("feature", [*PLAIN, *HIGHER], ids=lambda feature: feature.name)
def test_a_value_does_not_change_when_the_future_does(feature: BarFeature) -> None:
    """The canary: every later bar is replaced by other ones, and those before keep their bits."""
    place = 9_000
    other = walk(WHOLE.end_ns, seed=99)
    columns = {
        name: np.concatenate((getattr(WHOLE, name)[:place], getattr(other, name)[place:]))
        for name in ("open", "high", "low", "close", "volume")
    }
    changed = feature.column(replace(WHOLE, **columns))
    column = feature.column(WHOLE)
    assert np.array_equal(column[:place], changed[:place], equal_nan=True)
    assert not np.array_equal(column[place:], changed[place:], equal_nan=True)


@pytest.mark.parametrize("feature", PLAIN, ids=lambda feature: feature.name)
def test_a_restart_on_the_last_bars_gives_what_went_on(feature: BarFeature) -> None:
    """Six hundred bars are enough to 1e-9; of what has a memory of its own, from where that begins."""
    bars = cut(WHOLE, 0, 6_000)
    anew = streamed(feature, bars_of(cut(bars, 6_000 - RESTART_BARS, 6_000)))
    went_on = feature.column(bars)[-RESTART_BARS:]
    both = np.isfinite(anew) & np.isfinite(went_on)
    if feature.name in _NOT_BY_BARS:
        assert np.abs(anew - went_on)[both][-1] <= 1e-9 * 5000.0
    else:
        assert anew[-1] == pytest.approx(went_on[-1], rel=1e-9, abs=1e-9, nan_ok=True)
    assert both.sum() > 50


@pytest.mark.parametrize("feature", [*PLAIN, *HIGHER], ids=lambda feature: feature.name)
def test_a_feature_can_be_sent_to_another_process(feature: BarFeature) -> None:
    """It is data; only its streams, which point into the library, cannot be sent."""
    assert pickle.loads(pickle.dumps(feature)) == feature  # noqa: S301  # our own bytes


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60), st.integers(1, 59))
@settings(max_examples=25, deadline=None)
def test_a_history_fed_in_two_parts_is_the_recording(closes: list[float], place: int) -> None:
    """Live bars come in batches of any size, the first of them shorter than any window."""
    batch = bar_batch(closes)
    recorded, live = BarHistory("SYN@1m", PLAIN), BarHistory("SYN@1m", PLAIN)
    recorded.record(batch)
    columns = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    for rows in (slice(0, place), slice(place, None)):
        live.append(replace(batch, **{name: getattr(batch, name)[rows] for name in columns}))
    for feature in PLAIN:
        values = recorded.feature_column(feature.name)
        assert np.array_equal(values, live.feature_column(feature.name), equal_nan=True)
