"""A levered coin: liquidated in the bar and at the price that the formula says, funding counted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import History
from backtest.results import RunDescription, RunResult
from backtest.scenarios.leverage import LeveredPath, engine_findings, levered_path, liquidation_findings
from backtest.scenarios.probes import OpenOnce
from market.bars import BarBatch
from market.errors import DataError
from market.fills import Fill
from market.funding import FundingBatch
from market.provenance import AsOfSource, Provenance
from market.tradables import Perpetual
from risk.margin.perpetual import MarginTier, PerpetualTerms
from tests.backtest.scenarios.paths import bars_of

HOUR = 3_600 * 10**9
COIN = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))
TIER = MarginTier(up_to=Decimal("Infinity"), initial_rate=Decimal("0.01"), maintenance_rate=Decimal("0.005"))
TERMS = PerpetualTerms(tiers=(TIER,), fee_rate=Decimal(0))


def hours(lows: list[float]) -> BarBatch:
    """Return hourly bars from 100 with these lows; each opens and closes at the middle of low and 100."""
    low = np.array(lows)
    middle = 0.5 * (low + 100.0)
    middle[0] = 100.0
    prices = np.stack([middle, np.maximum(middle, 100.0), low, middle], axis=1)
    return bars_of(
        COIN.symbol, [k * HOUR for k in range(len(lows))], [(k + 1) * HOUR for k in range(len(lows))], prices
    )


def funding(rates: dict[int, float]) -> FundingBatch:
    """Return settled rates by hour."""
    at = np.array([hour * HOUR for hour in rates], dtype=np.int64)
    missing = np.full(at.shape, np.nan)
    return FundingBatch(
        symbol=COIN.symbol,
        ts_event_ns=0,
        cause_id="funding",
        provenance=Provenance(source="test", origin="", simulated=True, as_of_source=AsOfSource.STAMPED),
        ts_ns=at,
        funding_ns=at,
        interval_ns=np.full(at.shape, 8 * HOUR, dtype=np.int64),
        rate=np.array(list(rates.values())),
        is_settled=np.ones(at.shape, dtype=np.bool_),
        mark=missing,
        index=missing,
        venue=np.zeros(at.shape, dtype=np.int16),
    )


def held(lows: list[float], leverage: str, rates: dict[int, float] | None = None) -> LeveredPath:
    """Return a long coin over bars."""
    return levered_path(COIN, hours(lows), funding(rates or {}), Decimal(leverage), TERMS, is_long=True)


def test_a_long_is_taken_where_margin_meets_maintenance() -> None:
    """Ten times at 100: 10 of margin, so that 90 / 0.995 = 90.4523 is the price, and 90 is the bankruptcy."""
    found = held([99.0, 90.46, 90.45, 80.0], "10")
    assert found.liquidation is not None
    assert found.bar == 2
    assert float(found.liquidation.trigger_price) == pytest.approx(90.0 / 0.995)
    assert found.liquidation.price == Decimal(90)


def test_funding_brings_the_liquidation_nearer() -> None:
    """One per cent of about 95 paid before the fall moves the price by about as much."""
    without, after = held([99.0, 99.0, 91.0, 91.0], "10"), held([99.0, 99.0, 91.0, 91.0], "10", {1: 0.01})
    assert without.liquidation is None
    assert after.liquidation is not None
    assert after.funding_paid == Decimal("0.995")
    assert after.bar == 2


def test_a_bar_that_opens_beyond_bankruptcy_is_filled_at_its_open() -> None:
    """A gap is not stopped out at the formula's price."""
    bars = hours([99.0, 60.0])
    bars = replace(bars, open=np.array([100.0, 70.0]), high=np.array([100.0, 71.0]))
    found = levered_path(COIN, bars, funding({}), Decimal(10), TERMS, is_long=True)
    assert found.liquidation is not None
    assert found.liquidation.price == Decimal(70)
    assert all(finding.passed for finding in liquidation_findings(found, bars, TERMS))


@settings(deadline=None, max_examples=60)
@given(
    lows=st.lists(st.floats(40.0, 99.9), min_size=2, max_size=12),
    leverage=st.integers(2, 25),
    rates=st.dictionaries(st.integers(1, 11), st.floats(-0.003, 0.003), max_size=4),
)
def test_every_path_ends_where_the_formula_says(lows: list[float], leverage: int, rates: dict[int, float]) -> None:
    """Price, bar and loss of any path agree with the closed form."""
    found = held(lows, str(leverage), dict(sorted(rates.items())))
    findings = liquidation_findings(found, hours(lows), TERMS)
    assert [finding.criterion for finding in findings if not finding.passed] == []


def test_findings_fail_where_the_path_does_not_fit_the_bars() -> None:
    """A liquidation in bars that never came near is found."""
    taken = held([99.0, 90.0, 80.0], "10")
    calm = hours([99.0, 99.0, 99.0])
    assert not all(finding.passed for finding in liquidation_findings(taken, calm, TERMS))
    alive = held([99.0, 99.0, 99.0], "10")
    assert not all(finding.passed for finding in liquidation_findings(alive, hours([99.0, 80.0, 80.0]), TERMS))


def test_terms_of_several_tiers_have_no_formula() -> None:
    """They are refused rather than judged by the wrong one."""
    second = replace(TIER, initial_rate=Decimal("0.02"), maintenance_rate=Decimal("0.01"))
    tiers = PerpetualTerms(tiers=(replace(TIER, up_to=Decimal(1000)), second))
    with pytest.raises(DataError, match="one tier"):
        liquidation_findings(held([99.0, 98.0], "10"), hours([99.0, 98.0]), tiers)


LOWS = [99.0, 95.0, 92.0, 85.0, 80.0]
RATES = {2: 0.001, 3: -0.002}


def engine_run(leverage: int = 10) -> RunResult:
    """Return a run of one coin over the falling hours."""
    history = History(sources=(), instruments=(COIN,), bars=(hours(LOWS),), funding=(funding(RATES),))
    description = RunDescription(
        name="test", config_digest="", code_version="", seed=7, fill_model="", slippage_model="", cost_model="",
        sources=(), simulated=True, n_trials=1, currency="USDT", periods_per_year=365,
    )  # fmt: skip
    config = EngineConfig(
        initial_cash=Decimal(10_000), currency="USDT", perpetuals={COIN.symbol: TERMS}, leverage=Decimal(leverage)
    )
    return run_backtest(config, history, (OpenOnce(instrument=COIN, quantity=Decimal(1)),), description)


@pytest.mark.parametrize("leverage", [1, 10, 25])
def test_the_engine_liquidates_where_the_formula_says(leverage: int) -> None:
    """Price, instant and funding of a run agree; at one time nothing is taken."""
    found = engine_findings(engine_run(leverage), hours(LOWS), funding(RATES), leverage, TERMS)
    assert [finding.criterion for finding in found if not finding.passed] == []


def test_a_booking_that_is_off_is_found() -> None:
    """Another price, another instant, a lost liquidation and a lost payment each fail their criterion."""
    result = engine_run()

    def failed(ledger: tuple[object, ...]) -> list[str]:
        changed = replace(result, ledger=ledger)  # type: ignore[arg-type]  # bookings
        found = engine_findings(changed, hours(LOWS), funding(RATES), 10, TERMS)
        return [finding.criterion.split()[0] for finding in found if not finding.passed]

    last = next(event for event in result.ledger if isinstance(event, Fill) and event.fill_id.startswith("liquidation"))
    others = tuple(event for event in result.ledger if event is not last)
    assert failed((*others, replace(last, price=last.price + 1))) == ["liquidation"]
    assert failed((*others, replace(last, ts_event_ns=last.ts_event_ns - 1))) == ["liquidation"]
    assert failed(others) == ["liquidation", "liquidation"]
    paid = [event for event in result.ledger if getattr(event, "kind", "") != "funding"]
    assert failed(tuple(paid)) == ["funding"]
