"""Fuzzy rules and entry score: what they read of a view, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from market.bars import BarBatch
from market.calendars import sessions_between
from market.errors import ConfigError
from market.forecasts import Forecast
from market.series import SeriesPoint, SeriesUnit
from risk.fuzzy.config import FusionConfig, FuzzyConfig, SigmaConfig, SigmaRule
from risk.fuzzy.score import FuzzyReading
from strategies.features import OpenToClose, column_of
from strategies.market_state import MarketState
from strategies.plain_values import made_of
from strategies.plan.fuzzy import ConsensusMeasure, EntryScoreRules, FuzzyRules, IvRankSource
from tests.backtest.recordings import bars
from tests.strategies.scene import NOW_NS, Scene

_RULES = FuzzyRules(underlying="SPX")
_NAMES = dict(_RULES._bar_names)
_S = 1_000_000_000


def _vix(level: float, age_s: float = 60.0) -> SeriesPoint:
    instant = NOW_NS - int(age_s * _S)
    return SeriesPoint(
        series="VIX", unit=SeriesUnit.INDEX_POINTS, event_ns=instant, available_ns=instant, value=level, reason=""
    )


def _forecast(**changes: Any) -> Forecast:
    made = {
        "symbol": "SPX",
        "ts_event_ns": NOW_NS - 60 * _S,
        "cause_id": "c",
        "model": "m",
        "horizon_ns": 600 * _S,
        "prob_bull": 0.3,
        "prob_bear": 0.2,
        "prob_neutral": 0.5,
        "confidence": 0.6,
    }
    return Forecast(**{**made, **changes})


_FEATURES = {
    _NAMES["rsi"]: 52.0,
    _NAMES["adx"]: 18.0,
    _NAMES["band_position"]: 0.55,
    _NAMES["band_width"]: 0.02,
    _NAMES["stochastic"]: 45.0,
    _NAMES["volume_ratio"]: 1.2,
    _NAMES["sma_distance"]: 0.004,
    _NAMES["sar_clearance"]: 0.5,
    _NAMES["vol_percentile"]: 0.3,
    "SPX 1d distance 20": 0.01,
    "SPX 1h distance 20": -0.01,
    "SPX 5m distance 20": 0.0,
    "VIX rank of implied volatility": 0.5,
}
_SCENE = Scene(
    features=_FEATURES, points={"VIX": _vix(14.0)}, forecasts={"SPX": _forecast()}, closes={"SPX": (4000.0,)}
)


def test_the_numbers_are_those_of_the_view() -> None:
    """Indicators by their names, frames by their signs and weights, the level, and the confidence of the forecast."""
    found = _RULES.inputs(_SCENE)
    assert (found.rsi, found.adx, found.vix, found.iv_rank, found.vol_percentile) == (52.0, 18.0, 14.0, 0.5, 0.3)
    assert found.consensus == pytest.approx(0.5 - 0.35)
    assert found.sar_clearance == pytest.approx(1.25 - 0.5)
    assert found.confidence == 0.6
    assert isnan(found.change_probability)  # no regime was read


def test_a_reading_sizes_by_the_base_that_is_asked_for() -> None:
    """Its own Q0, or what the risk budget allows."""
    own, other = _RULES.reading(_SCENE), _RULES.reading(_SCENE, 10.0)
    assert own.quantity == 2
    assert (own.base_size, other.base_size, other.allowed) == (5.0, 10.0, 2.0 * own.allowed)
    assert own.missing == ("change_probability",)


def test_a_view_without_anything_sizes_nothing() -> None:
    """No feature, no series, no forecast: 0 with the reason."""
    found = _RULES.reading(Scene())
    assert (found.quantity, found.coverage) == (0, 0.0)
    assert found.reason == "coverage 0.00 is below 0.60"


@pytest.mark.parametrize(("side", "clearance"), [(1, 0.5), (-1, -0.5), (0, 0.75)])
def test_the_stop_speaks_for_the_side_of_the_package(side: int, clearance: float) -> None:
    """Above its stop the market speaks for a rise; a package that leans nowhere wants the stop near."""
    assert replace(_RULES, side=side).inputs(_SCENE).sar_clearance == pytest.approx(clearance)


def test_the_original_measure_of_the_frames_is_a_named_option() -> None:
    """How little they moved, from open and close of the frames' newest bars (Q59)."""
    rules = replace(_RULES, measure=ConsensusMeasure.MOVEMENT)
    moved = {"SPX 1d move": 0.004, "SPX 1h move": -0.002, "SPX 5m move": 0.03}
    found = rules.inputs(replace(_SCENE, features={**_FEATURES, **moved}))
    assert found.consensus == pytest.approx(0.5 * 0.4 + 0.35 * 0.2 + 0.15)


def test_a_level_that_is_too_old_is_missing() -> None:
    """Eight days without a print are no level."""
    old = replace(_SCENE, points={"VIX": _vix(14.0, 8 * 86_400.0)})
    assert isnan(_RULES.inputs(old).vix)
    assert _RULES.reading(old).g < _RULES.reading(_SCENE).g


def test_without_a_bar_there_is_no_indicator() -> None:
    """What stands in the features is then of no bar that is known."""
    scene = replace(_SCENE, closes={})
    assert all(isnan(getattr(_RULES.inputs(scene), name)) for name in (*_NAMES, "consensus"))
    assert _RULES.reading(scene).quantity == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"ts_event_ns": NOW_NS - 301 * _S},
        {"ts_event_ns": NOW_NS + 1},
        {"confidence": nan},
        {"reason": "too few bars", "prob_bull": nan, "prob_bear": nan, "prob_neutral": nan},
    ],
)
def test_a_forecast_that_cannot_be_trusted_has_no_voice(changes: dict[str, Any]) -> None:
    """Stale, from later, uncalibrated or withheld: the confidence is missing, and a fusion that asks for it cuts."""
    rules = replace(_RULES, config=FuzzyConfig(fusion=FusionConfig(confidence=1.0)))
    scene = replace(_SCENE, forecasts={"SPX": _forecast(**changes)})
    assert isnan(rules.inputs(scene).confidence)
    assert rules.reading(scene).g == pytest.approx(_RULES.reading(_SCENE).g / 2.0)


def test_rules_declare_what_they_read_once() -> None:
    """Equal settings share their features by name; unlike windows have unlike names."""
    names = [each.name for each in _RULES.features]
    assert len(set(names)) == len(names)
    assert _RULES.features == FuzzyRules(underlying="SPX", base_size=9.0).features
    assert not {each.name for each in replace(_RULES, rsi_bars=9).features} >= {_NAMES["rsi"]}
    chain = replace(_RULES, iv_rank_source=IvRankSource.CHAIN)
    assert "VIX rank of implied volatility" not in {each.name for each in chain.features}


def test_the_clip_reads_the_level_of_realised_volatility() -> None:
    """The rule of sigma* decides which volatility is computed."""
    rules = replace(_RULES, config=FuzzyConfig(sigma_star=SigmaConfig(rule=SigmaRule.CLIP)))
    assert "realised_vol" in dict(rules._bar_names)
    assert "vol_percentile" not in dict(rules._bar_names)


def _recording(n_sessions: int) -> BarBatch:
    """Return five-minute bars of whole sessions of New York."""
    sessions = [
        s for s in sessions_between("NYSE", date(2024, 1, 2), date(2024, 6, 28)) if s.close_ns - s.open_ns > 2e13
    ]
    start = np.concatenate([s.open_ns + 300 * _S * np.arange(78) for s in sessions[:n_sessions]])
    rng = np.random.default_rng(4)
    close = 100.0 * np.exp(0.001 * rng.standard_normal((start.shape[0],)).cumsum())
    batch = bars(close.tolist(), symbol="SPX", width_ns=300 * _S)
    volume = 1e3 * (1.0 + rng.random((start.shape[0],)))
    high, low = np.maximum(batch.open, close) * 1.0005, np.minimum(batch.open, close) * 0.9995
    return replace(batch, start_ns=start, end_ns=start + 300 * _S, volume=volume, high=high, low=low)


def test_a_market_state_feeds_the_rules_from_closed_bars() -> None:
    """Forty sessions of five-minute bars: every indicator is there, in its range, and a size comes out."""
    rules = replace(_RULES, volatility_bars=5, percentile_bars=20)
    market = MarketState(rules.features)
    batch = _recording(40)
    (history,) = market.record_bars([batch])
    history.n_known, market.now_ns = batch.n_bars, int(batch.end_ns[-1])
    found = rules.inputs(market)  # type: ignore[arg-type]  # no account is asked for
    told = {name: getattr(found, name) for name, _ in rules._bar_names}
    assert not [name for name, value in told.items() if isnan(value)]
    assert -1.0 <= found.consensus <= 1.0
    reading: FuzzyReading = rules.reading(market, 100.0)  # type: ignore[arg-type]
    assert set(reading.missing) == {"iv_rank", "vix", "change_probability"}
    assert 0 < reading.quantity < 100
    market.now_ns += 6 * 86_400 * _S  # the bars have stopped
    assert rules.reading(market, 100.0).coverage == 0.0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [{"side": 2}, {"base_size": 0.0}, {"timeframes": ("1d",)}, {"neutral_reach": 0.0}, {"max_forecast_age_s": nan}],
)
def test_rules_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    """A side that is none, no base, frames without weights."""
    with pytest.raises(ConfigError):
        replace(_RULES, **changes)


def test_rules_are_made_of_a_table() -> None:
    """A configuration reaches every number of the table by its path."""
    table = {"underlying": "SPX", "side": 1, "config": {"rsi": {"family": "trapezoid"}, "fusion": {"rule": "logit"}}}
    made = made_of(FuzzyRules, table, "strategy condor", None)
    assert (made.side, str(made.config.rsi.family), str(made.config.fusion.rule)) == (1, "trapezoid", "logit")
    with pytest.raises(ConfigError, match=r"condor: config\.rsi\.family cannot be"):
        made_of(FuzzyRules, {"underlying": "SPX", "config": {"rsi": {"family": "x"}}}, "strategy condor", None)


def test_the_entry_score_reads_forecast_rules_and_probability() -> None:
    """Confidence and direction of the forecast, the score of the rules as a signal, the package's own probability."""
    rules, fuzzy = EntryScoreRules(underlying="SPX"), _RULES.reading(_SCENE)
    found = rules.reading(_SCENE, 0.65, fuzzy)
    assert dict(found.points) == {
        "confidence": 20.0,
        "probability_of_profit": 30.0,
        "rule_signal": 30.0 if 2.0 * fuzzy.score - 1.0 > 0.5 else 15.0,
        "direction": 10.0,
    }
    assert found.is_passed


@pytest.mark.parametrize(
    ("scene", "probability", "rules", "missing"),
    [
        (_SCENE, nan, (_RULES,), "probability_of_profit"),
        (_SCENE, 0.65, (), "rule_signal"),
        (replace(_SCENE, forecasts={}), 0.65, (_RULES,), "confidence, direction"),
    ],
)
def test_an_entry_without_a_component_does_not_pass(
    scene: Scene,
    probability: float,
    rules: tuple[FuzzyRules, ...],
    missing: str,
) -> None:
    """No model, no probability or no rules: no entry, and the reason is its name."""
    fuzzy = rules[0].reading(_SCENE) if rules else None
    found = EntryScoreRules(underlying="SPX").reading(scene, probability, fuzzy)
    assert (found.is_passed, found.reason) == (False, f"missing: {missing}")


def test_a_bar_moved_from_its_open_to_its_close() -> None:
    """The feature of the original's measure needs its own bar alone, and is causal."""
    batch = bars([101.0, 99.0, 0.0], opens=[100.0, 100.0, 100.0])
    feature = OpenToClose(name="move", symbol="SYN")
    market = MarketState((feature,))
    (history,) = market.record_bars([batch])
    history.n_known = 2
    assert market.feature("move") == pytest.approx(-0.01)
    assert column_of(feature, history.window(2)) == pytest.approx([0.01, -0.01])
    history.n_known = 3
    assert isnan(market.feature("move"))
