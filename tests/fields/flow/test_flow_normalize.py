"""Inputs of models: bounded, masked, scaled by the past alone; and the one table that lists the features."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from fields.flow.config import NormalizerConfig
from fields.flow.features import FLOW_FEATURES, REASON_TEXT, FeatureKind, FlowColumn, FlowReason
from fields.flow.normalize import MODEL_COLUMNS, FlowNormalizer, signed_log
from market.errors import ConfigError

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "fields" / "flow-features.md"


def records(n: int = 5, **columns: float | np.ndarray) -> np.ndarray:
    """Return records whose other columns are missing."""
    values = np.full((n, len(FLOW_FEATURES)), np.nan)
    for name, value in columns.items():
        values[:, FlowColumn[name]] = value
    return values


def column_of(inputs: np.ndarray, column: FlowColumn) -> np.ndarray:
    """Return one column of the inputs."""
    return inputs[:, int(np.flatnonzero(column == MODEL_COLUMNS)[0])]


def test_signed_log_is_odd_linear_below_its_scale_and_logarithmic_above() -> None:
    """sign(x) log1p(|x| / s): half of x / s is lost only far above the scale, and NaN stays."""
    x = np.array([-1e9, -1e-3, 0.0, 1e-3, 1e9, np.nan])
    found = signed_log(x, 10.0)
    assert np.array_equal(found[:5], -found[4::-1])
    assert found[3] == pytest.approx(1e-4, rel=1e-3)
    assert found[4] == pytest.approx(np.log(1e8), rel=1e-6)
    assert np.isnan(found[5])


def test_scales_come_from_past_sessions_only() -> None:
    """Before the first session there is none; then the median over sessions of each session's median size."""
    normalizer = FlowNormalizer(NormalizerConfig(sessions=3))
    today = records(NET_GAMMA_FLOW_USD_PER_PCT=np.array([-30.0, 0.0, 30.0, np.nan, 60.0]))
    assert not normalizer.normalize(today).known.any()
    for size in (1.0, 10.0, 20.0, 400.0):
        normalizer.end_session(records(NET_GAMMA_FLOW_USD_PER_PCT=size * np.array([1.0, -1.0, 1.0, 0.0, np.nan])))
    assert normalizer.scales["net_gamma_flow_usd_per_pct"] == 20.0  # of 10, 20 and 400
    found = column_of(normalizer.normalize(today).values, FlowColumn.NET_GAMMA_FLOW_USD_PER_PCT)
    assert found[:3] == pytest.approx([-np.log(2.5), 0.0, np.log(2.5)])
    assert np.isnan(found[3])


def test_a_session_without_flow_teaches_nothing() -> None:
    """Zeros and missing minutes leave the scale that was known."""
    normalizer = FlowNormalizer(NormalizerConfig())
    normalizer.end_session(records(CVD=7.0))
    normalizer.end_session(records(CVD=0.0))
    assert normalizer.scales["cvd"] == 7.0


def test_inputs_are_bounded_and_keep_their_gaps() -> None:
    """Distances in per cent of spot and z-scores stop at 5, divergence at 5 after 1000 times, ratios stay."""
    values = records(
        SPOT=200.0,
        DIST_TO_ZERO_GAMMA=np.array([2.0, -50.0, np.nan, 0.0, 9.0]),
        ANCHORED_VWAP_Z=np.array([1.5, -80.0, np.nan, 5.0, 6.0]),
        VWAP_DIVERGENCE=np.array([0.001, -0.1, np.nan, 0.0, 0.2]),
        GAMMA_SENTIMENT_RATIO=np.array([1.0, -1.0, np.nan, 0.0, 0.3]),
    )
    found = FlowNormalizer(NormalizerConfig()).normalize(values)
    expected = {
        FlowColumn.DIST_TO_ZERO_GAMMA: [1.0, -5.0, np.nan, 0.0, 4.5],
        FlowColumn.ANCHORED_VWAP_Z: [1.5, -5.0, np.nan, 5.0, 5.0],
        FlowColumn.VWAP_DIVERGENCE: [1.0, -5.0, np.nan, 0.0, 5.0],
        FlowColumn.GAMMA_SENTIMENT_RATIO: [1.0, -1.0, np.nan, 0.0, 0.3],
    }
    for column, numbers in expected.items():
        assert column_of(found.values, column) == pytest.approx(np.array(numbers), nan_ok=True)
    assert np.array_equal(found.known, ~np.isnan(found.values))
    assert not found.known[2].any()


def test_a_fixed_scale_does_not_trail() -> None:
    """It stands from the first session on, and must name a column that is scaled."""
    normalizer = FlowNormalizer(NormalizerConfig(fixed_scales=(("net_gamma_flow_usd_per_pct", 2.0),)))
    normalizer.end_session(records(NET_GAMMA_FLOW_USD_PER_PCT=500.0))
    assert normalizer.scales["net_gamma_flow_usd_per_pct"] == 2.0
    with pytest.raises(ConfigError, match="no signed-log column"):
        FlowNormalizer(NormalizerConfig(fixed_scales=(("anchored_vwap_z", 2.0),)))
    with pytest.raises(ConfigError, match="must be positive"):
        NormalizerConfig(fixed_scales=(("cvd", 0.0),))


def test_a_normaliser_goes_on_from_its_checkpoint() -> None:
    """Restored, it scales and forgets as the one that never stopped."""
    steady = FlowNormalizer(NormalizerConfig(sessions=2))
    for size in (1.0, 2.0, 8.0):
        steady.end_session(records(CVD=size))
    copy = FlowNormalizer.restore(pickle.loads(pickle.dumps(steady.checkpoint())))  # noqa: S301  # our own bytes
    for one in (steady, copy):
        one.end_session(records(CVD=16.0))
    assert copy.scales["cvd"] == steady.scales["cvd"] == 12.0


def test_the_table_lists_every_column_once_in_order() -> None:
    """Models can read it: names, kinds and units, with each kind that the requirements name."""
    assert [feature.column for feature in FLOW_FEATURES] == list(FlowColumn) == list(range(len(FlowColumn)))
    assert {feature.kind for feature in FLOW_FEATURES} == set(FeatureKind)
    assert set(REASON_TEXT) == set(FlowReason)
    assert MODEL_COLUMNS.tolist() == [f.column for f in FLOW_FEATURES if f.kind is not FeatureKind.RAW]


def test_the_page_states_each_feature_as_the_table_does() -> None:
    """docs/fields/flow-features.md has one row a feature with its name, kind, unit and source."""
    rows = [line for line in _PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    stated = {}
    for line in rows:
        name, kind, unit, source, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        stated[name.strip("`")] = (kind, unit, source)
    assert stated == {f.name: (f.kind.value, f.unit, f.source) for f in FLOW_FEATURES}
