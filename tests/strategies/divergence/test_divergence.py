"""A divergence is measured with its carry and against its own past, is off by default, and only hedges or leans."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import nan
from typing import Any

import numpy as np
import pytest

from market.calendars import sessions_between
from market.errors import ConfigError
from market.orders import Leg, PositionEffect
from market.series import SeriesPoint, SeriesUnit
from market.tradables import Future
from risk.book import PortfolioGreeks
from strategies.decisions import HOLD
from strategies.divergence.condor import DivergenceCondor, leaning_condor
from strategies.divergence.hedge import DivergenceHedge
from strategies.divergence.measures import DivergenceMeasure, fair_future, overnight_divergence, ratio_divergence
from strategies.divergence.rules import DivergenceRules
from strategies.legs.strikes import AtDelta
from strategies.views import BarWindow, HeldPackage
from tests.strategies.chains import view_at
from tests.strategies.scene import NOW_NS, Scene, SceneAccount, quote

_SESSIONS = sessions_between("NYSE", date(2023, 4, 3), date(2023, 6, 2))
_MINUTE_NS = 60_000_000_000
_ES = Future(
    symbol="ES",
    underlying="SPX",
    multiplier=Decimal(50),
    tick=Decimal("0.25"),
    expiration=date(2023, 6, 16),
    expiry_ns=NOW_NS + 14 * 86_400_000_000_000,
)
_RULES = DivergenceRules(enabled=True, min_sessions=10, lookback=30, dividend_yield=0.0)


def _future(last: float, *, carry: float = 0.0) -> tuple[Any, Any]:
    """Return a future that moves 0.1 % to and fro each night and by `last` in the last one, at each close and hour."""
    ends, closes, level = [], [], 4000.0
    for place, session in enumerate(_SESSIONS):
        move = last if place == len(_SESSIONS) - 1 else 0.001 * (-1) ** place
        level *= np.exp(move)
        for hour in range(7):
            ends.append(session.open_ns + hour * 60 * _MINUTE_NS)
            closes.append(level)
        ends.append(session.close_ns)
        closes.append(level)
    end_ns = np.array(ends, dtype=np.int64)
    years = (end_ns - end_ns[0]) / (365.0 * 86_400e9)
    return end_ns, np.array(closes) * np.exp(-carry * years)


def _at_open(last: float, carry: float = 0.0, *, taken_out: float = 0.0) -> Any:
    end_ns, close = _future(last, carry=carry)
    now_ns = _SESSIONS[-1].open_ns
    known = end_ns <= now_ns
    return overnight_divergence(end_ns[known], close[known], _SESSIONS, now_ns, carry=taken_out, min_sessions=10)


def test_the_fair_future_stands_far_above_the_trigger_and_is_no_signal() -> None:
    """EQ7: 5 % and 1.3 % a quarter before the end are 0.93 %, above a threshold of 0.5 % every day."""
    assert fair_future(4000.0, 0.05, 0.013, 0.25) / 4000.0 - 1.0 == pytest.approx(0.0093, abs=5e-5)


def test_a_future_that_only_loses_its_carry_does_not_diverge() -> None:
    """What falls as its end comes nearer is taken out; without that it would look cheap each night."""
    plain, dear = _at_open(0.008), _at_open(0.008, 0.5, taken_out=0.5)
    assert plain.size == pytest.approx(0.008)
    assert dear.size == pytest.approx(0.008, rel=1e-9)
    assert _at_open(0.008, 0.5).size < plain.size


def test_a_large_night_stands_out_from_the_nights_before() -> None:
    """In units of their deviation, with its sign; a usual one does not."""
    for sign in (1.0, -1.0):
        found = _at_open(sign * 0.008)
        assert found.z * sign > 5.0
        assert found.n == len(_SESSIONS) - 2
    assert abs(_at_open(0.001).z) < 1.5


def test_what_is_missing_says_so() -> None:
    """No bar at the close, too short a past, or a past that does not move."""
    end_ns, close = _future(0.01)
    now_ns = _SESSIONS[-1].open_ns
    late = overnight_divergence(end_ns, close, _SESSIONS[-5:], now_ns, carry=0.0, min_sessions=10)
    assert (np.isnan(late.z), late.reason) == (True, "3 past values of 10 needed")
    stale = overnight_divergence(end_ns[:-20], close[:-20], _SESSIONS, now_ns, carry=0.0, min_sessions=10)
    assert np.isnan(stale.size)
    flat = overnight_divergence(end_ns, np.ones(close.shape), _SESSIONS, now_ns, carry=0.0, min_sessions=10)
    assert flat.reason == "past values do not differ"


def test_a_ratio_leaves_its_newest_close_out_of_its_past() -> None:
    """Fifty closes before the newest give mean and deviation (Q54x)."""
    rng = np.random.default_rng(1)
    one = 400.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001, 60)))
    jump = one.copy()
    jump[-1] *= 1.05
    usual, far = (ratio_divergence(each, np.full(60, 300.0), lookback=50) for each in (one, jump))
    assert far.size - usual.size == pytest.approx(np.log(1.05))
    assert far.z > 2.0
    assert ratio_divergence(one[:50], one[:50], lookback=50).reason == "50 bars of both, 51 needed"


class _Bars(Scene):
    """A scene with the bars of a future as they were known."""

    def bars(self, symbol: str, count: int) -> BarWindow:
        """Return those of the future at instants up to now."""
        end_ns, close = _future(float(self.features.get("last", 0.001)))
        known = np.flatnonzero(end_ns <= self.now_ns)[-count:] if symbol == "ES" else np.zeros(0, dtype=np.int64)
        end_ns, close = end_ns[known], close[known]
        empty = np.full(close.shape, nan)
        return BarWindow(
            start_ns=end_ns - _MINUTE_NS,
            end_ns=end_ns,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=empty,
        )


def _view(last: float, *, delta_usd: float = 0.0, held: tuple[HeldPackage, ...] = (), **parts: Any) -> _Bars:
    greeks = PortfolioGreeks(
        delta_shares=delta_usd / 400.0,
        gamma_shares_per_usd=0.0,
        vega_usd_per_volpt=0.0,
        theta_usd_per_day=0.0,
        delta_usd=delta_usd,
        beta_delta_shares=delta_usd / 400.0,
    )
    rate = SeriesPoint(
        series="DFF", unit=SeriesUnit.FRACTION_PER_YEAR, event_ns=0, available_ns=0, value=0.0, reason=""
    )
    return _Bars(
        now_ns=_SESSIONS[-1].open_ns,
        account=SceneAccount(equity=1e6, buying_power=1e6, packages=held, greeks_of={"": greeks}),
        quotes={"ES": quote(3999.75, 4000.0)},
        features={"last": last},
        points={"DFF": rate},
        **parts,
    )


def test_one_future_is_worth_five_hundred_shares() -> None:
    """A book long 1 000 SPY at 400 is hedged with two ES at 4000, where the future has fallen."""
    hedge = DivergenceHedge(instrument=_ES, rules=_RULES)
    (opening,) = hedge.decide(_view(-0.01, delta_usd=400_000.0)).proposals
    assert (opening.quantity, opening.legs[0].ratio, opening.effect) == (Decimal(2), -1, PositionEffect.OPEN)
    (bought,) = hedge.decide(_view(0.01, delta_usd=-400_000.0)).proposals
    assert bought.legs[0].ratio == 1


@pytest.mark.parametrize(
    ("last", "delta_usd", "gate"),
    [
        (0.001, 400_000.0, "divergence_size"),
        (0.01, 400_000.0, "delta_against"),
        (-0.01, nan, "delta_known"),
        (-0.01, 100_000.0, "size_at_least_one"),
    ],
)
def test_it_only_hedges_and_says_why_not(last: float, delta_usd: float, gate: str) -> None:
    """A book that gains where it points, or whose delta is unknown, gets nothing."""
    decision = DivergenceHedge(instrument=_ES, rules=_RULES).decide(_view(last, delta_usd=delta_usd))
    assert (decision.proposals, decision.reason) == ((), gate)


def test_the_hedge_goes_with_the_divergence_or_its_measurement() -> None:
    """It stays while the divergence stands, until its time."""
    held = HeldPackage(
        package_id="p1",
        strategy="divergence_hedge",
        structure="divergence_hedge",
        legs=(Leg(instrument=_ES, ratio=-1),),
        quantity=Decimal(2),
        opened_ns=_SESSIONS[-1].open_ns - _MINUTE_NS,
        entry_price=-4000.0,
        is_whole=True,
    )
    hedge = DivergenceHedge(instrument=_ES, rules=_RULES, exit_z=2.0)
    assert hedge.decide(_view(-0.01, held=(held,))) is HOLD
    (closing,) = hedge.decide(_view(0.0, held=(held,))).proposals
    assert (closing.reason, closing.legs[0].ratio, closing.quantity) == ("divergence_gone", 1, Decimal(2))
    old = replace(held, opened_ns=held.opened_ns - 86_400_000_000_000)
    assert hedge.decide(_view(-0.01, held=(old,))).reason == "time_stop"


def test_the_overlay_is_off_by_default() -> None:
    """Q53."""
    assert DivergenceHedge(instrument=_ES).decide(_view(-0.05, delta_usd=1e6)) is HOLD
    assert DivergenceRules().direction(_at_open(0.05)) == 0


def test_a_condor_leans_away_from_where_the_future_points() -> None:
    """More room above where it is rich; the same name, so that one set of exits looks after all."""
    for lean in (0.06, -0.06, 0.0):
        legs = leaning_condor(0.16, 25.0, lean).legs
        deltas = [leg.strike.delta for leg in legs if isinstance(leg.strike, AtDelta)]
        assert deltas == pytest.approx([0.16 + lean, 0.16 - lean])
        assert leaning_condor(0.16, 25.0, lean).name == "iron_condor"
    view = Scene(chains={"SPX": view_at()}, account=SceneAccount(equity=1e6, buying_power=1e6))
    upright = DivergenceCondor(underlying="SPX").decide(view)
    missing = DivergenceCondor(underlying="SPX", rules=_RULES).decide(view)
    assert upright.proposals == missing.proposals  # what is not measured does not lean
    assert upright.proposals


def test_the_bounds_of_the_overlay_are_those_of_the_requirements() -> None:
    """Half a per cent counts (Q51), two deviations over 50 past values (Q54x), of ES and SPY."""
    rules = DivergenceRules()
    assert (rules.threshold, rules.z_threshold, rules.lookback, rules.future, rules.share) == (
        0.005,
        2.0,
        50,
        "ES",
        "SPY",
    )


def test_rules_that_cannot_be_are_refused() -> None:
    """By name."""
    for wrong in ({"threshold": 0.0}, {"lookback": 1}, {"dividend_yield": 2.0}):
        with pytest.raises(ConfigError):
            DivergenceRules(**wrong)
    with pytest.raises(ConfigError):
        DivergenceCondor(underlying="SPX", lean=0.2)
    assert (
        DivergenceRules(measure=DivergenceMeasure.SHARE_RATIO).direction(
            ratio_divergence(*[np.ones(60)] * 2, lookback=50)
        )
        == 0
    )
