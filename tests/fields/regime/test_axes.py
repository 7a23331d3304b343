"""The six axes against the table of requirements 2.3, border by border."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.regime import (
    Axis,
    AxisInput,
    AxisReading,
    Funding,
    GexEnvironment,
    Ltv,
    Market,
    RegimeConfig,
    RegimeInputs,
    RegimeState,
    TermStructure,
    TrailingDays,
    implied_vol_rank,
)
from fields.snapshot import Feedback
from market.errors import ConfigError

MINUTE = 60_000_000_000
NOW = 1_700_000_000_000_000_000


def read(axis: Axis, inputs: RegimeInputs, config: RegimeConfig | None = None) -> AxisReading:
    """Return one axis of a fresh state."""
    return RegimeState(replace(config or RegimeConfig(), axes=(axis,))).update(inputs, NOW)[0]


@pytest.mark.parametrize(
    ("x", "state"),
    [
        (0.0, Feedback.LONG_DAMPING),
        (np.nextafter(0.0, -1.0), Feedback.SHORT_STABLE),
        (np.nextafter(-1.0 / 3.0, 0.0), Feedback.SHORT_STABLE),
        (-1.0 / 3.0, Feedback.CRITICAL),
        (np.nextafter(-1.0, 0.0), Feedback.CRITICAL),
        (-1.0, Feedback.UNSTABLE),
        (nan, Feedback.UNKNOWN),
    ],
)
def test_feedback_borders(x: float, state: Feedback) -> None:
    """x >= 0; -1/3 < x < 0; -1 < x <= -1/3; x <= -1."""
    assert read(Axis.FEEDBACK, RegimeInputs(feedback_x=x)).state is state


@pytest.mark.parametrize(
    ("vix", "adx", "close", "state"),
    [
        (35.01, 50.0, 110.0, Market.CRASH),
        (35.0, 25.01, 100.01, Market.BULL_TREND),
        (35.0, 25.01, 100.0, Market.BEAR_TREND),
        (35.0, 25.0, 110.0, Market.HIGH_VOL_RANGE),
        (20.01, 0.0, 90.0, Market.HIGH_VOL_RANGE),
        (20.0, 25.0, 90.0, Market.LOW_VOL_RANGE),
        (nan, 50.0, 100.0, Market.UNKNOWN),
        (12.0, nan, 100.0, Market.UNKNOWN),
        (12.0, 10.0, nan, Market.UNKNOWN),
    ],
)
def test_market_rules_in_their_order(vix: float, adx: float, close: float, state: Market) -> None:
    """VIX > 35, then ADX > 25 by the average, then VIX > 20, and UNKNOWN instead of a silent 0."""
    assert read(Axis.MARKET, RegimeInputs(vix=vix, adx=adx, close=close, sma=100.0)).state is state


@pytest.mark.parametrize(
    ("vix9d", "state"),
    [
        (94.999, TermStructure.CONTANGO),
        (95.0, TermStructure.FLAT),
        (105.0, TermStructure.FLAT),
        (105.001, TermStructure.INVERTED),
        (0.0, TermStructure.UNKNOWN),
        (nan, TermStructure.UNKNOWN),
    ],
)
def test_term_structure_borders(vix9d: float, state: TermStructure) -> None:
    """Below .95 contango, .95 to 1.05 flat, above inverted: the near index above the far one is stress."""
    assert read(Axis.TERM_STRUCTURE, RegimeInputs(vix9d=vix9d, vix=100.0)).state is state


@pytest.mark.parametrize(
    ("rate", "name"),
    [(9.9e-5, ""), (1e-4, "NORMAL"), (4.9e-4, "NORMAL"), (5e-4, "HEATED"), (1e-3, "MANIA"), (2e-3, "EXTREME")],
)
@pytest.mark.parametrize("hours", [8.0, 4.0, 1.0])
def test_funding_borders_on_both_sides_and_for_every_interval(rate: float, name: str, hours: float) -> None:
    """The rate of an interval is brought to 8 hours; its sign says who pays."""
    for sign, side in ((1.0, "LONGS_PAY"), (-1.0, "SHORTS_PAY")):
        expected = Funding(f"{name}_{side}") if name else Funding.NEUTRAL
        inputs = RegimeInputs(funding_rate=sign * rate * hours / 8.0, funding_interval_h=hours)
        assert read(Axis.FUNDING, inputs).state is expected
    assert read(Axis.FUNDING, RegimeInputs(funding_rate=rate)).state is Funding.UNKNOWN
    assert read(Axis.FUNDING, RegimeInputs(funding_rate=rate, funding_interval_h=0.0)).state is Funding.UNKNOWN


@pytest.mark.parametrize(
    ("border", "below", "at"),
    [
        (0.50, Ltv.SAFE, Ltv.MONITOR),
        (0.65, Ltv.MONITOR, Ltv.WARNING),
        (0.75, Ltv.WARNING, Ltv.CRITICAL),
        (0.85, Ltv.CRITICAL, Ltv.EMERGENCY),
        (0.95, Ltv.EMERGENCY, Ltv.LIQUIDATABLE),
    ],
)
def test_ltv_is_entered_at_b_and_left_below_b_less_a_hundredth(border: float, below: Ltv, at: Ltv) -> None:
    """Half-open intervals; worse at once, better after the band and the dwell."""
    state = RegimeState(RegimeConfig(axes=(Axis.LTV,)))

    def step(ltv: float, minute: int) -> Ltv:
        (reading,) = state.update(RegimeInputs(ltv=ltv, liquidation_ltv=0.95), NOW + minute * MINUTE)
        return Ltv(reading.state)

    assert step(float(np.nextafter(border, 0.0)), 0) is below
    assert step(border, 0) is at
    assert step(border - 0.01, 60) is at
    assert step(border - 0.0101, 119) is below


@pytest.mark.parametrize(("ltv", "threshold"), [(nan, 0.9), (0.5, nan), (-0.1, 0.9), (0.5, 0.0)])
def test_an_unknown_loan_is_not_safe(ltv: float, threshold: float) -> None:
    """A missing value or threshold is UNKNOWN."""
    reading = read(Axis.LTV, RegimeInputs(ltv=ltv, liquidation_ltv=threshold))
    assert reading.state is Ltv.UNKNOWN
    assert reading.reason


def test_a_venue_that_liquidates_early_comes_before_the_bands() -> None:
    """At a threshold of .7 a loan of .72 is liquidatable, not in warning."""
    assert read(Axis.LTV, RegimeInputs(ltv=0.72, liquidation_ltv=0.7)).state is Ltv.LIQUIDATABLE
    assert read(Axis.LTV, RegimeInputs(ltv=0.69, liquidation_ltv=0.7)).state is Ltv.WARNING


def gex_state(values: np.ndarray[tuple[int], np.dtype[np.float64]], config: RegimeConfig) -> RegimeState:
    """Return a state that has closed one session per value."""
    state = RegimeState(config)
    for k, value in enumerate(values):
        state.close_session(date(2024, 1, 1) + timedelta(days=k), float(value))
    return state


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [
        (-6.1, GexEnvironment.NEGATIVE_1),
        (-3.0, GexEnvironment.NEGATIVE_2),
        (-0.01, GexEnvironment.NEGATIVE_3),
        (0.0, GexEnvironment.POSITIVE_3),
        (1.9, GexEnvironment.POSITIVE_3),
        (2.1, GexEnvironment.POSITIVE_4),
        (9.9, GexEnvironment.POSITIVE_5),
        (nan, GexEnvironment.UNKNOWN),
    ],
)
def test_gex_is_placed_in_the_quintiles_of_its_own_past(gamma: float, expected: GexEnvironment) -> None:
    """Quintiles of -10..10 lie at -6, -2, 2 and 6; zero is the border of the sign."""
    values = np.linspace(-10.0, 10.0, 252)
    state = gex_state(np.where(values == 0.0, 1e-9, values), RegimeConfig(axes=(Axis.GEX,)))
    assert state.update(RegimeInputs(gamma_usd_per_pct=gamma), NOW)[0].state is expected


def test_gex_needs_sessions_and_forgets_the_oldest() -> None:
    """Too few are UNKNOWN; after a year of larger values the old ones count no more."""
    config = RegimeConfig(axes=(Axis.GEX,), gex_days=60, gex_min_days=60)
    few = gex_state(np.arange(59.0), config).update(RegimeInputs(gamma_usd_per_pct=1.0), NOW)[0]
    assert (few.state, few.reason) == (GexEnvironment.UNKNOWN, "59 sessions of 60 needed")
    state = gex_state(np.concatenate((np.arange(60.0), 1000.0 + np.arange(60.0))), config)
    assert state.update(RegimeInputs(gamma_usd_per_pct=59.0), NOW)[0].state is GexEnvironment.POSITIVE_1
    assert not state.close_session(date(2024, 1, 1), 5.0)
    flat = gex_state(np.full(60, 3.0), config).update(RegimeInputs(gamma_usd_per_pct=1.0), NOW)[0]
    assert flat.state is GexEnvironment.UNKNOWN


@pytest.mark.parametrize(("gamma", "expected"), [(-1.0, "NEGATIVE_1"), (0.1e9, "POSITIVE_2"), (6e9, "POSITIVE_5")])
def test_absolute_cut_points_are_an_alternative(gamma: float, expected: str) -> None:
    """Zero, half a billion, 2 and 5 need no history."""
    config = RegimeConfig(gex_cutoffs_usd=(0.0, 0.5e9, 2e9, 5e9))
    assert read(Axis.GEX, RegimeInputs(gamma_usd_per_pct=gamma), config).state is GexEnvironment(expected)


def test_danger_is_taken_at_once_and_left_slowly() -> None:
    """CRITICAL, UNSTABLE and CRASH pass the dwell; the way back needs band and dwell."""
    state = RegimeState(RegimeConfig(axes=(Axis.FEEDBACK, Axis.MARKET)))
    calm = RegimeInputs(feedback_x=0.1, vix=15.0, adx=10.0, close=100.0, sma=100.0)
    bad = replace(calm, feedback_x=-0.5, vix=40.0)
    state.update(calm, NOW)
    assert [r.state for r in state.update(bad, NOW + 1)] == [Feedback.CRITICAL, Market.CRASH]
    held = state.update(calm, NOW + 2)
    assert [(r.state, r.is_held) for r in held] == [(Feedback.CRITICAL, True), (Market.CRASH, True)]
    assert held[0].margin == pytest.approx(-1.0 / 3.0 + 0.02 - 0.1)
    assert held[1].margin == pytest.approx(15.0 - 34.0)
    assert [r.state for r in state.update(calm, NOW + 61 * MINUTE)] == [Feedback.LONG_DAMPING, Market.LOW_VOL_RANGE]


def test_margins_name_their_unit_and_the_state_beyond() -> None:
    """Of the borders that would change the state, the relatively nearest."""
    market = read(Axis.MARKET, RegimeInputs(vix=19.0, adx=24.5, close=105.0, sma=100.0))
    assert (market.margin_input, market.margin_to) == (AxisInput.ADX, Market.BULL_TREND)
    assert market.margin == pytest.approx(0.5)
    term = read(Axis.TERM_STRUCTURE, RegimeInputs(vix9d=1.0, vix=1.0))
    assert term.margin == pytest.approx(0.06)
    assert term.margin_input is AxisInput.VIX9D_OVER_VIX


def test_feedback_has_a_probability_where_it_has_an_error() -> None:
    """Half at a border; NaN without an error."""
    inputs = RegimeInputs(feedback_x=0.0, feedback_x_error=0.1, cause_id="f1")
    reading = read(Axis.FEEDBACK, inputs)
    assert reading.probability == pytest.approx(0.5)
    assert reading.cause_id == "f1"
    assert isnan(read(Axis.FEEDBACK, replace(inputs, feedback_x_error=nan)).probability)


def test_a_reading_names_its_rules() -> None:
    """Other borders are another version."""
    assert RegimeState().version == RegimeState().version
    assert RegimeState().version != RegimeState(RegimeConfig(high_vix=21.0)).version


@given(st.lists(st.tuples(st.floats(-1.5, 1.0) | st.just(nan), st.floats(0.3, 1.1), st.integers(-3, 9)), max_size=30))
def test_a_state_goes_on_from_its_checkpoint(steps: list[tuple[float, float, int]]) -> None:
    """Saved and restored after every update it reads the same; feedback and LTV are never later than danger."""
    config = RegimeConfig(axes=(Axis.FEEDBACK, Axis.LTV))
    state, now = RegimeState(config), NOW
    for x, ltv, minutes in steps:
        now += minutes * MINUTE
        inputs = RegimeInputs(feedback_x=x, ltv=ltv, liquidation_ltv=0.95)
        restored = RegimeState(config, state.checkpoint())
        found = state.update(inputs, now)
        assert [repr(r) for r in found] == [repr(r) for r in restored.update(inputs, now)]
        assert list(Ltv).index(Ltv(found[1].state)) >= list(Ltv).index(Ltv(found[1].unheld_state))
        if x <= -1.0:
            assert found[0].state is Feedback.UNSTABLE


def test_rank_and_percentile_of_implied_volatility_are_two_numbers() -> None:
    """Rank is the place in the range, percentile the share of sessions below (EQ12)."""
    trailing = np.array([*np.full(249, 0.12), 0.10, 0.60, 0.15])
    found = implied_vol_rank(trailing, 0.2)
    assert found.rank == pytest.approx(0.2)
    assert found.percentile == pytest.approx(251 / 252)
    assert found.n_days == 252
    flat = implied_vol_rank(np.full(100, 0.2), 0.2)
    assert (isnan(flat.rank), flat.percentile, bool(flat.reason)) == (True, 0.0, True)
    assert isnan(implied_vol_rank(trailing[:59], 0.2).percentile)
    assert isnan(implied_vol_rank(trailing, nan).rank)


def test_a_trailing_year_knows_days_and_no_future() -> None:
    """One value per session, replaced within it, none from later sessions, bounded."""
    days = TrailingDays(3)
    for k, value in enumerate((1.0, 2.0, 3.0, 4.0)):
        assert days.close_session(date(2024, 1, 2 + k), value)
    assert days.close_session(date(2024, 1, 5), 5.0)
    assert not days.close_session(date(2024, 1, 3), 9.0)
    assert not days.close_session(date(2024, 1, 6), nan)
    assert days.before().tolist() == [2.0, 3.0, 5.0]
    assert days.before(date(2024, 1, 5)).tolist() == [2.0, 3.0]
    assert TrailingDays(3, days.checkpoint()).before().tolist() == [2.0, 3.0, 5.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"dwell_ns": (1, 2)},
        {"ltv_borders": (0.5, 0.4, 0.75, 0.85)},
        {"term_low": 1.2},
        {"gex_min_days": 300},
        {"gex_cutoffs_usd": (1.0, 2.0)},
        {"vix_band": -1.0},
        {"feedback_band": 0.5},
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object]) -> None:
    """Borders rise, bands are not negative, each axis has a dwell."""
    with pytest.raises(ConfigError):
        RegimeConfig(**changes)  # type: ignore[arg-type]  # one table for all kinds
