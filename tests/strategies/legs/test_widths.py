"""Wings whose distance depends on the market: each bound from both sides, and no width without its reading (Q15)."""

from __future__ import annotations

from decimal import Decimal
from math import nan

import pytest

from fields.amplification import feedback_uncertainty
from fields.live.interpretation import Interpretation
from fields.regime.history import ImpliedVolRank
from market.errors import ConfigError
from market.series import SeriesPoint, SeriesUnit
from market.tradables import OptionContract
from strategies.legs.rules import placed
from strategies.legs.strikes import Reading, WidthStep, width_steps
from strategies.structures.iron_condor import IronCondor, condor_by_delta
from tests.strategies.chains import view_at
from tests.strategies.scene import Scene


def _market(vix: float, rank: float, trend: float = nan) -> Scene:
    point = SeriesPoint(series="VIX", unit=SeriesUnit.INDEX_POINTS, event_ns=0, available_ns=0, value=vix)
    readings = Interpretation(
        feedback=feedback_uncertainty(nan, nan),
        regimes=(),
        signals=(),
        implied_vol_30d=nan,
        implied_vol_rank=ImpliedVolRank(rank=rank, percentile=nan, n_days=0, reason=""),
    )
    return Scene(chains={"SPX": view_at()}, points={"VIX": point}, read={"SPX": readings}, features={"adx": trend})


def _widths(market: Scene, *, trend: str = "") -> tuple[set[Decimal], str]:
    structure = condor_by_delta(0.2, 10.0, steps=width_steps(10.0, 25.0, trend=trend))
    found = placed(market.chains["SPX"], (1,), structure, market=market)
    strikes = [leg.instrument.strike for leg in found.legs if isinstance(leg.instrument, OptionContract)]
    return {abs(strikes[0] - strikes[1]), abs(strikes[3] - strikes[2])} if strikes else set(), found.reason


@pytest.mark.parametrize(
    ("vix", "rank", "width"),
    [
        (21.99, 0.39, 10),
        (22.0, 0.39, 15),
        (21.99, 0.4, 15),
        (25.0, 0.9, 15),
        (25.01, 0.1, 25),
        (80.0, 1.2, 25),
        (9.0, -0.1, 10),
    ],
)
def test_wings_widen_with_volatility(vix: float, rank: float, width: int) -> None:
    """Ten points; fifteen from a VIX of 22 or a rank of 0.4 on; twenty-five above a VIX of 25: on both sides alike."""
    assert _widths(_market(vix, rank)) == ({Decimal(width)}, "")


@pytest.mark.parametrize(("trend", "width"), [(25.0, 10), (25.1, 15)])
def test_a_trend_widens_them_too(trend: float, width: int) -> None:
    """Where a directional index is named, its 25 itself does not count."""
    assert _widths(_market(15.0, 0.1, trend), trend="adx") == ({Decimal(width)}, "")


@pytest.mark.parametrize(("vix", "rank", "missing"), [(nan, 0.1, "VIX"), (30.0, nan, "iv_rank"), (nan, nan, "VIX")])
def test_a_missing_reading_leaves_no_width(vix: float, rank: float, missing: str) -> None:
    """Also where another step would hold: the width that is right cannot be told."""
    expected = f"no strike for leg 1: {missing} is missing, and the width depends on it"
    assert _widths(_market(vix, rank)) == (set(), expected)


def test_without_a_market_such_a_wing_has_no_place() -> None:
    """A structure whose width depends on the market cannot be placed in a chain alone."""
    found = placed(view_at(), (1,), condor_by_delta(0.2, 10.0, steps=width_steps(10.0, 25.0)))
    assert "is missing" in found.reason


def test_a_condor_takes_steps_as_parameters() -> None:
    """They stand in its structure, and the widest that is allowed is a bound of the rule."""
    step = WidthStep(reading=Reading.SERIES, bound=20.0, points=15.0)
    rules = [each.strike for each in IronCondor(underlying="SPX", steps=(step,)).plan.structure.legs]
    assert [getattr(rule, "steps", ()) for rule in rules] == [(), (step,), (), (step,)]
    with pytest.raises(ConfigError, match="most cannot be"):
        width_steps(10.0, 14.0)
