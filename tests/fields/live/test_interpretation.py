"""What a field means: inputs of other markets, the rank of implied volatility, and which impact counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from math import isnan, nan

import pytest

from fields.config import FieldConfig
from fields.illiquidity.config import ImpactMethod
from fields.illiquidity.impact import no_impact
from fields.live.config import LiveConfig
from fields.live.interpretation import Interpreter, better_impact, confidence_of, with_impact
from fields.live.market import MarketInputs
from fields.regime import Axis, Market, TermStructure
from tests.serve.samples import AS_OF_NS, snapshot_of

NOTHING = no_impact(300_000_000_000, 0, "nothing traded")
ESTIMATE = replace(NOTHING, return_per_usd=5e-12, standard_error=1e-12, method=ImpactMethod.LINEAR, n=80, reason="")


def test_inputs_of_other_markets_reach_their_axes() -> None:
    """Without indices the axes are UNKNOWN; with them they are read by the shared rules."""
    interpreter = Interpreter(LiveConfig())
    before = {r.axis: r.state for r in interpreter.read(snapshot_of(), NOTHING, None, AS_OF_NS).regimes}
    assert {before[Axis.MARKET], before[Axis.TERM_STRUCTURE]} == {"UNKNOWN"}
    interpreter.market = MarketInputs(vix=40.0, vix9d=50.0, adx=10.0, sma=4_000.0)
    found = {r.axis: r.state for r in interpreter.read(snapshot_of(), NOTHING, None, AS_OF_NS + 1).regimes}
    assert found[Axis.MARKET] is Market.CRASH
    assert found[Axis.TERM_STRUCTURE] is TermStructure.INVERTED
    assert found[Axis.FUNDING] == "UNKNOWN"


def test_implied_volatility_is_ranked_among_sessions_before() -> None:
    """Sixty sessions make a rank; the session under way is not among them."""
    interpreter = Interpreter(LiveConfig())
    first = interpreter.read(snapshot_of(), NOTHING, None, AS_OF_NS)
    assert first.implied_vol_30d == pytest.approx(0.15, rel=1e-3)
    assert isnan(first.implied_vol_rank.rank)
    assert first.implied_vol_rank.reason
    for place in range(60):
        interpreter.implied_vol.close_session(date(2026, 6, 1) + timedelta(days=place), 0.10 + 0.001 * place)
    found = interpreter.read(snapshot_of(), NOTHING, None, AS_OF_NS + 1).implied_vol_rank
    assert found.rank == pytest.approx((0.15 - 0.10) / 0.059, rel=1e-2)
    assert found.percentile == pytest.approx(50 / 60, abs=0.02)


def test_an_estimate_takes_the_place_of_an_assumption_only() -> None:
    """An impact that the user set stands; an assumed or unknown one gives way to an estimate, which says its method."""
    assumed = FieldConfig(impact_return_per_usd=2e-13, impact_source="assumed: by order of magnitude")
    known = replace(assumed, impact_source="settings")
    unknown = replace(assumed, impact_return_per_usd=nan, impact_source="")
    for settings in (assumed, unknown):
        used = with_impact(settings, ESTIMATE)
        assert (used.impact_return_per_usd, used.impact_source) == (5e-12, "estimated: linear over 80 bars")
    assert with_impact(known, ESTIMATE) is known
    assert with_impact(assumed, NOTHING) is assumed


def test_the_error_of_an_impact_counts_where_it_was_used() -> None:
    """The loop gain of a field that used the estimated impact has an error, and so has its amplification."""
    interpreter = Interpreter(LiveConfig())
    snapshot = snapshot_of()
    with_it = replace(snapshot, regime=replace(snapshot.regime, impact_return_per_usd=5e-12, feedback_x=1.75))
    found = interpreter.read(with_it, ESTIMATE, None, AS_OF_NS).feedback
    assert found.x_standard_error > 0.0
    assert found.amplification_low < found.amplification_high


def test_the_quality_of_the_chain_lowers_confidence() -> None:
    """Half the quality is half the confidence, none is none, an impossible one is none; unchecked data lose nothing."""
    snapshot = snapshot_of()
    whole, _ = confidence_of(snapshot, flow_has_hole=False)

    def judged(quality: float | None, reason: str = "") -> tuple[float, str]:
        marked = replace(snapshot.provenance, quality=quality, quality_reason=reason)
        return confidence_of(replace(snapshot, provenance=marked), flow_has_hole=False)

    assert judged(None)[0] == judged(1.0)[0] == whole
    assert judged(0.5 * whole, "crossed quotes") == (0.5 * whole * whole, "quality of the chain: crossed quotes")
    assert judged(0.0) == (0.0, "quality of the chain: its checks found faults")
    assert judged(nan)[0] == judged(1.5)[0] == 0.0


def test_a_book_gives_an_impact_only_where_trades_give_none() -> None:
    """The impact of trades stands; without one that of resting orders does, and the field says so."""
    resting = replace(ESTIMATE, method=ImpactMethod.DEPTH, return_per_usd=9e-12, n=100)
    assert better_impact(ESTIMATE, resting) is ESTIMATE
    assert better_impact(NOTHING, None) is NOTHING
    assert better_impact(NOTHING, NOTHING) is NOTHING
    used = with_impact(FieldConfig(impact_return_per_usd=nan, impact_source=""), better_impact(NOTHING, resting))
    assert used.impact_source == "estimated: depth over 100 levels"
