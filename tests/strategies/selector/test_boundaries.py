"""The market regime of Q14 at each border from both sides, and the structure that follows."""

from __future__ import annotations

import pytest

from fields.regime import Axis, Market, RegimeConfig, RegimeInputs, RegimeState, TermStructure
from fields.snapshot import Feedback
from strategies.selector.table import Choice, RegimeFacts, SelectorConfig, select

_MINUTE_NS = 60_000_000_000
_MARKET_ONLY = RegimeConfig(axes=(Axis.MARKET,))
_ON = SelectorConfig(enable_broken_wing=True, enable_long_puts=True, bwb_skew_threshold=0.0)


def _read(state: RegimeState, minute: int, *, vix: float, adx: float = 10.0, close: float = 4000.0) -> str:
    (found,) = state.update(RegimeInputs(vix=vix, adx=adx, close=close, sma=4000.0), minute * _MINUTE_NS)
    return found.state


def _choice(market: str, vix: float) -> Choice:
    facts = RegimeFacts(
        market=Market(market),
        feedback=Feedback.LONG_DAMPING,
        term_structure=TermStructure.FLAT,
        vix=vix,
        iv_rank=0.5,
        skew=120.0,
    )
    return select(facts, _ON).choice


@pytest.mark.parametrize(
    ("vix", "adx", "close", "market", "choice"),
    [
        (35.0, 10.0, 4000.0, Market.HIGH_VOL_RANGE, Choice.WIDE_CONDOR),
        (35.01, 99.0, 9000.0, Market.CRASH, Choice.LONG_PUT),
        (35.0, 25.01, 4100.0, Market.BULL_TREND, Choice.BULLISH_BROKEN_WING),
        (19.0, 25.01, 4000.01, Market.BULL_TREND, Choice.BULLISH_BROKEN_WING),
        (19.0, 25.01, 4000.0, Market.BEAR_TREND, Choice.BEARISH_BROKEN_WING),
        (19.0, 25.0, 4000.01, Market.LOW_VOL_RANGE, Choice.NARROW_CONDOR),
        (20.0, 25.0, 4000.0, Market.LOW_VOL_RANGE, Choice.NARROW_CONDOR),
        (20.01, 25.0, 4000.0, Market.HIGH_VOL_RANGE, Choice.WIDE_CONDOR),
    ],
)
def test_a_first_reading_takes_the_borders_as_they_are(
    vix: float, adx: float, close: float, market: Market, choice: Choice
) -> None:
    """More than 35 is a crash, then more than 25 of ADX a trend by the average, then more than 20 high volatility."""
    found = _read(RegimeState(_MARKET_ONLY), 0, vix=vix, adx=adx, close=close)
    assert found == market
    assert _choice(found, vix) is choice


def test_a_state_is_left_below_its_band_and_after_its_dwell() -> None:
    """A VIX around 20 does not change the structure to and fro."""
    state = RegimeState(_MARKET_ONLY)
    assert _read(state, 0, vix=20.5) == Market.HIGH_VOL_RANGE
    assert _read(state, 60, vix=19.5) == Market.HIGH_VOL_RANGE  # within a point of the border
    assert _read(state, 61, vix=18.9) == Market.LOW_VOL_RANGE
    assert _read(state, 80, vix=20.5) == Market.LOW_VOL_RANGE  # there for less than half an hour
    assert _read(state, 91, vix=20.5) == Market.HIGH_VOL_RANGE


def test_a_crash_waits_for_nothing_and_is_left_late() -> None:
    """It comes at once, and stays until VIX has fallen a point below its border."""
    state = RegimeState(_MARKET_ONLY)
    assert _read(state, 0, vix=15.0) == Market.LOW_VOL_RANGE
    assert _read(state, 1, vix=35.5) == Market.CRASH
    assert _read(state, 60, vix=34.5) == Market.CRASH
    assert _read(state, 61, vix=33.9) == Market.HIGH_VOL_RANGE


def test_a_missing_input_stands_aside_at_once() -> None:
    """And the state before holds on when it comes back."""
    state = RegimeState(_MARKET_ONLY)
    _read(state, 0, vix=30.0)
    found = _read(state, 1, vix=float("nan"))
    assert _choice(found, float("nan")) is Choice.STAND_ASIDE
    assert _read(state, 2, vix=19.5) == Market.HIGH_VOL_RANGE
