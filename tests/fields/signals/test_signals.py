"""Signals: read at spot, against their own past alone, on both sides, and honest about confidence."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from math import exp, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.signals import (
    Calibration,
    Direction,
    IsotonicMap,
    PlattMap,
    Signal,
    SignalConfig,
    SignalInputs,
    SignalKind,
    SignalState,
    TrailingWindow,
    decay_wind,
)
from market.errors import ConfigError, DataError

MINUTE = 60_000_000_000
NOW = 1_700_000_000_000_000_000
DAY = date(2024, 3, 4)
CONFIG = SignalConfig(min_samples=20)
CALM = SignalInputs(
    session=DAY,
    spot=5000.0,
    gamma_usd_per_pct=1e9,
    potential_gradient_usd=0.0,
    potential_rate_usd_per_min=0.0,
    cumulative_flow_usd=0.0,
    zero_gamma=4900.0,
    vanna_usd_per_volpt=1e8,
    expected_vol_change_pts=0.0,
    cause_id="field-1",
)


def past(n: int = 60, seed: int = 1, base: SignalInputs = CALM) -> Iterator[tuple[SignalInputs, int]]:
    """Yield minutes of noise with unit deviation in every reading."""
    rng = np.random.default_rng(seed)
    flow = 0.0
    for k in range(n):
        flow += float(rng.standard_normal()) * 1e6
        noise = rng.standard_normal(3)
        yield (
            replace(
                base,
                potential_gradient_usd=float(noise[0]),
                potential_rate_usd_per_min=float(noise[1]),
                cumulative_flow_usd=flow,
                expected_vol_change_pts=float(noise[2]),
            ),
            NOW + k * MINUTE,
        )


def state_with_past(n: int = 60, base: SignalInputs = CALM) -> tuple[SignalState, SignalInputs, int]:
    """Return a state with a past, its last inputs, and the next minute."""
    state = SignalState(CONFIG)
    last, ts_ns = CALM, NOW
    for inputs, now in past(n, base=base):
        state.update(inputs, now)
        last, ts_ns = inputs, now
    return state, last, ts_ns + MINUTE


def of(signals: tuple[Signal, ...], kind: SignalKind) -> Signal:
    """Return the signal of a kind."""
    return next(signal for signal in signals if signal.kind is kind)


@pytest.mark.parametrize(("gradient", "direction"), [(5.0, Direction.SHORT), (-5.0, Direction.LONG)])
def test_long_gamma_reverts_against_the_gradient(gradient: float, direction: Direction) -> None:
    """A gradient far from its own past is faded, on both sides, where dealers are long gamma; else not."""
    state, last, now = state_with_past()
    other = copy.deepcopy(state)
    found = of(state.update(replace(last, potential_gradient_usd=gradient), now), SignalKind.MEAN_REVERSION)
    assert found.direction is direction
    assert found.strength_z * gradient > 0.0
    short = replace(last, potential_gradient_usd=gradient, gamma_usd_per_pct=-1e9)
    none = of(other.update(short, now), SignalKind.MEAN_REVERSION)
    assert (none.direction, none.reason) == (Direction.NONE, "dealers are not long gamma")


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_short_gamma_follows_potential_and_flow_where_both_go_one_way(side: float) -> None:
    """Momentum has two sides; against flow, or with long gamma, there is none."""
    state, last, now = state_with_past(base=replace(CALM, gamma_usd_per_pct=-1e9))
    flow = last.cumulative_flow_usd + side * 5e7
    go = replace(last, potential_rate_usd_per_min=4.0 * side, cumulative_flow_usd=flow)
    for inputs, expected in (
        (go, Direction(int(side))),
        (replace(go, cumulative_flow_usd=-flow), Direction.NONE),
        (replace(go, gamma_usd_per_pct=1e9), Direction.NONE),
    ):
        found = of(copy.deepcopy(state).update(inputs, now), SignalKind.MOMENTUM)
        assert found.direction is expected, found.reason
    assert dict(of(state.update(go, now), SignalKind.MOMENTUM).inputs)["flow_change_usd"] * side > 0.0


def test_momentum_compares_flow_with_ten_minutes_ago() -> None:
    """The change is the difference to the value of that minute, and a new session starts anew."""
    state, last, now = state_with_past()
    flows = [inputs.cumulative_flow_usd for inputs, _ in past()]
    found = of(state.update(replace(last, cumulative_flow_usd=7.0), now), SignalKind.MOMENTUM)
    assert dict(found.inputs)["flow_change_usd"] == pytest.approx(7.0 - flows[-10])
    fresh = of(state.update(replace(last, session=DAY + timedelta(days=1)), now + MINUTE), SignalKind.MOMENTUM)
    assert isnan(dict(fresh.inputs)["flow_change_usd"])


def flip(state: SignalState, path: list[float], start: int = 0) -> list[Direction]:
    """Return the flip signal along prices, one a minute, with zero gamma at 5000."""
    inputs = [replace(CALM, spot=price, zero_gamma=5000.0, gamma_usd_per_pct=price - 5000.0) for price in path]
    found = [state.update(item, NOW + (start + k) * MINUTE) for k, item in enumerate(inputs)]
    return [of(signals, SignalKind.GAMMA_FLIP).direction for signals in found]


def test_a_crossing_of_zero_gamma_counts_once_and_after_it_has_stood() -> None:
    """Three minutes beyond the band confirm it, in either direction; a visit does not."""
    none, state = Direction.NONE, SignalState(CONFIG)
    assert flip(state, [5050.0, 4950.0, 4950.0, 5050.0, 4999.0, 5050.0]) == [none] * 6
    assert flip(state, [4950.0] * 6, 6) == [none, none, none, Direction.SHORT, none, none]
    assert flip(state, [5050.0] * 5, 12) == [none, none, none, Direction.LONG, none]


def test_a_visit_to_the_band_starts_the_confirmation_again() -> None:
    """Spot has to stay beyond the level without a break."""
    state = SignalState(CONFIG)
    path = [5050.0, 4950.0, 4950.0, 5000.1, 4950.0, 4950.0, 4950.0]
    assert flip(state, path) == [Direction.NONE] * 7
    assert flip(state, [4950.0], 7) == [Direction.SHORT]


def test_no_zero_gamma_is_no_flip() -> None:
    """And it says so."""
    signals = SignalState(CONFIG).update(replace(CALM, zero_gamma=nan), NOW)
    assert of(signals, SignalKind.GAMMA_FLIP).reason == "there is no zero-gamma level"


@pytest.mark.parametrize(("vanna", "vol"), [(1e8, -4.0), (-1e8, 4.0), (1e8, 4.0), (-1e8, -4.0)])
def test_vanna_rallies_where_dealers_have_to_buy(vanna: float, vol: float) -> None:
    """Dealers trade -vanna x change of volatility: falling volatility with positive vanna is a rally."""
    state, last, now = state_with_past(base=replace(CALM, vanna_usd_per_volpt=vanna))
    found = of(state.update(replace(last, expected_vol_change_pts=vol), now), SignalKind.VANNA)
    assert found.direction is (Direction.LONG if vanna * vol < 0.0 else Direction.SHORT)
    assert ("rally" in found.reason) == (found.direction is Direction.LONG)


NEEDS = {
    SignalKind.MEAN_REVERSION: ("potential_gradient_usd", "gamma_usd_per_pct"),
    SignalKind.MOMENTUM: ("potential_rate_usd_per_min", "cumulative_flow_usd", "gamma_usd_per_pct"),
    SignalKind.GAMMA_FLIP: ("spot", "zero_gamma"),
    SignalKind.VANNA: ("vanna_usd_per_volpt", "expected_vol_change_pts"),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NEEDS.items() for name in names])
def test_a_missing_input_gives_no_signal_and_a_reason(kind: SignalKind, name: str) -> None:
    """NaN is never a direction, and it leaves no trace in the past."""
    state, last, now = state_with_past()
    before = state.checkpoint().series[0][1].value
    signals = state.update(replace(last, **{"potential_gradient_usd": nan, name: nan}), now)  # type: ignore[arg-type]  # floats
    found = of(signals, kind)
    assert found.direction is Direction.NONE
    assert found.reason
    assert isnan(found.confidence)
    assert np.array_equal(state.checkpoint().series[0][1].value, before)


def test_without_a_past_there_is_no_signal() -> None:
    """Nineteen readings are not twenty."""
    state, last, now = state_with_past(n=19)
    found = of(state.update(replace(last, potential_gradient_usd=9.0), now), SignalKind.MEAN_REVERSION)
    assert found.reason == "19 past readings of 20 needed"
    found = of(state.update(replace(last, potential_gradient_usd=9.0), now + MINUTE), SignalKind.MEAN_REVERSION)
    assert found.direction is Direction.SHORT


def test_strength_is_the_z_of_the_past_alone() -> None:
    """Against mean and deviation of the readings before, by hand; the present and the future play no part."""
    state, last, now = state_with_past()
    gradients = np.array([inputs.potential_gradient_usd for inputs, _ in past()])
    found = of(state.update(replace(last, potential_gradient_usd=3.3), now), SignalKind.MEAN_REVERSION)
    assert found.strength_z == pytest.approx((3.3 - gradients.mean()) / gradients.std(ddof=1), rel=1e-12)


def test_confidence_is_a_calibrated_probability_or_nothing() -> None:
    """Uncalibrated is NaN and says so; a calibration that knows later data is not used."""
    state, last, now = state_with_past()
    strong = replace(last, potential_gradient_usd=5.0)
    saved = state.checkpoint()
    plain = of(state.update(strong, now), SignalKind.MEAN_REVERSION)
    assert (isnan(plain.confidence), plain.is_calibrated) == (True, False)
    assert plain.reason.endswith("; uncalibrated")
    curve = PlattMap(intercept=-1.0, slope=0.5)
    fitted = Calibration(kind=SignalKind.MEAN_REVERSION, curve=curve, n=400, brier=0.24, fitted_until_ns=NOW)
    found = of(SignalState(CONFIG, (fitted,), saved).update(strong, now), SignalKind.MEAN_REVERSION)
    assert found.confidence == pytest.approx(1.0 / (1.0 + exp(1.0 - 0.5 * abs(found.strength_z))))
    assert (found.is_calibrated, found.calibration_n, found.calibration_brier) == (True, 400, 0.24)
    later = replace(fitted, fitted_until_ns=now + 1)
    refused = of(SignalState(CONFIG, (later,), saved).update(strong, now), SignalKind.MEAN_REVERSION)
    assert isnan(refused.confidence)
    assert "later data" in refused.reason


def test_an_isotonic_map_is_linear_between_its_knots_and_flat_beyond() -> None:
    """And one that falls is refused."""
    curve = IsotonicMap(strength=np.array([1.0, 3.0]), chance=np.array([0.5, 0.7]))
    assert [curve.probability(s) for s in (0.0, 2.0, 9.0)] == pytest.approx([0.5, 0.6, 0.7])
    for strength, chance in (([1.0, 1.0], [0.5, 0.6]), ([1.0, 2.0], [0.6, 0.5]), ([1.0], [1.5]), ([], [])):
        with pytest.raises(DataError):
            IsotonicMap(strength=np.array(strength), chance=np.array(chance))
    assert PlattMap(intercept=0.0, slope=1000.0).probability(-5.0) == 0.0
    with pytest.raises(DataError):
        PlattMap(intercept=nan, slope=1.0)
    with pytest.raises(DataError):
        Calibration(kind=SignalKind.VANNA, curve=curve, n=0, brier=0.2, fitted_until_ns=0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-200, 200), st.floats(-9.0, 9.0) | st.just(nan)), max_size=60), st.integers(2, 20)
)
def test_a_window_is_the_plain_list_of_its_past(steps: list[tuple[int, float]], room: int) -> None:
    """Against a list that is filtered anew at every step: spacing, age, room, and clocks set back."""
    window, now = TrailingWindow(500, 30, room), 1000
    kept: list[tuple[int, float]] = []
    for step, value in steps:
        now = max(0, now + step)
        assert window.past(now).tolist() == [v for t, v in kept if now - 500 <= t < now]
        window.add(now, value)
        if kept and kept[-1][0] == now:
            continue
        kept = [(t, v) for t, v in kept if t < now]
        if not isnan(value) and (not kept or now - kept[-1][0] >= 30):
            kept = [(t, v) for t, v in kept if t >= now - 500]
            kept = [*kept, (now, value)][-room:]
        assert window.n <= room


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 59), st.integers(0, 5))
def test_a_state_goes_on_from_its_checkpoint(cut: int, seed: int) -> None:
    """Saved anywhere and restored, every signal after it is the same."""
    whole, first = SignalState(CONFIG), SignalState(CONFIG)
    stream = list(past(seed=seed, base=replace(CALM, zero_gamma=5000.0)))
    for inputs, now in stream[:cut]:
        whole.update(inputs, now)
        first.update(inputs, now)
    second = SignalState(CONFIG, checkpoint=copy.deepcopy(first.checkpoint()))
    for inputs, now in stream[cut:]:
        assert repr(second.update(inputs, now)) == repr(whole.update(inputs, now))


def test_the_same_reading_in_any_unit_has_the_same_strength() -> None:
    """Dollars or millions of dollars: the past is in the same unit."""
    one, other = SignalState(CONFIG), SignalState(CONFIG)
    for inputs, now in past():
        z = of(one.update(inputs, now), SignalKind.MEAN_REVERSION).strength_z
        scaled = replace(inputs, potential_gradient_usd=1e6 * inputs.potential_gradient_usd)
        assert of(other.update(scaled, now), SignalKind.MEAN_REVERSION).strength_z == pytest.approx(z, nan_ok=True)


def test_decay_wind_is_the_move_that_hedging_of_charm_makes() -> None:
    """Dealers whose delta decays by a million a minute buy it back: 30 minutes at 1e-11 are 3 bp up."""
    assert decay_wind(1e-11, -1e6, 30.0) == pytest.approx(3e-4)
    assert decay_wind(1e-11, 1e6, 30.0, 0.5) == pytest.approx(-1.5e-4)
    assert isnan(decay_wind(nan, 1e6, 30.0))


@pytest.mark.parametrize(
    "changes", [{"min_samples": 1}, {"sample_ns": 0}, {"flow_lookback_ns": 0}, {"vanna_z": -1.0}, {"flip_band": -1.0}]
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, float]) -> None:
    """Windows hold a past, thresholds are not negative; one calibration per kind."""
    with pytest.raises(ConfigError):
        SignalConfig(**changes)  # type: ignore[arg-type]  # one table for all kinds
    curve = PlattMap(intercept=0.0, slope=0.0)
    one = Calibration(kind=SignalKind.VANNA, curve=curve, n=1, brier=0.25, fitted_until_ns=0)
    with pytest.raises(ConfigError):
        SignalState(CONFIG, (one, one))
