"""Every reading against its definition: brute force over the whole session, and laws with known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.features import FlowColumn as C
from fields.flow.features import FlowReason
from fields.flow.messages import FlowMinute, GreeksTable, OptionTrades
from fields.flow.state import FlowState
from fields.flow.windows import impact_slope, percentile_of
from tests.fields.flow.reference import option_reference, quote_reference, trade_reference
from tests.fields.flow.streams import (
    LEVELS,
    OPEN_NS,
    greeks_table,
    option_trades,
    quotes,
    random_day,
    stream_day,
    underlying_trades,
)

CONFIG = FlowConfig(vwap_window_min=3, quote_max_age_ns=45_000_000_000)


def fresh(config: FlowConfig = CONFIG, n_minutes: int = 120) -> FlowState:
    """Return a state with an open session."""
    state = FlowState(config)
    state.open_session(OPEN_NS, OPEN_NS + n_minutes * MINUTE_NS)
    return state


def close(state: FlowState, minute: int = 0, greeks: GreeksTable | None = None) -> FlowMinute:
    """Close a minute by its place."""
    return state.close_minute(OPEN_NS + (minute + 1) * MINUTE_NS, greeks, LEVELS)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_readings_are_those_of_their_definitions(seed: int) -> None:
    """Brute force from all rows gives every minute's flow, inventory, averages, ticks, spreads and imbalance."""
    day = random_day(seed, n_rows=80)
    values = stream_day(day, CONFIG).history.values
    for minute in range(day.n_minutes):
        expected = option_reference(day, CONFIG, minute) | trade_reference(day, CONFIG, minute)
        for column, value in expected.items():
            assert values[minute, column] == pytest.approx(value, rel=1e-9, abs=1e-7, nan_ok=True), (minute, column)
        for column, value in quote_reference(day, CONFIG, minute).items():
            found = values[minute, column]
            if column is not C.ORDER_FLOW_IMBALANCE or not np.isnan(found):
                assert found == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), (minute, column)


def test_one_bought_call_leaves_the_dealer_short_gamma_and_delta() -> None:
    """The oracle of every sign: n = -1, and the units are USD per 1 %, USD per USD and USD."""
    state, table = fresh(), greeks_table()
    state.on_option_trades(option_trades([2], 1.0, 1))
    found = close(state, greeks=table)
    gamma = float(table.gamma[table.number == 2][0])
    assert found.value(C.NET_GAMMA_FLOW_USD_PER_PCT) == pytest.approx(-gamma * 100.0**2 * 100.0 * 0.01)
    assert found.value(C.LEGACY_NET_GAMMA_FLOW_USD_PER_USD) == pytest.approx(-gamma * 100.0 * 100.0)
    assert found.value(C.NET_DELTA_FLOW_USD) == pytest.approx(-0.5 * 100.0 * 100.0)
    assert found.value(C.GAMMA_SENTIMENT_RATIO) == -1.0
    assert found.value(C.GAMMA_FLOW_SE_USD_PER_PCT) == 0.0


def test_gamma_per_pct_compares_across_price_levels_where_the_legacy_unit_does_not() -> None:
    """EL7: a split day doubles price and halves gamma per contract twice over; only the new unit stays."""
    readings = []
    for factor in (1.0, 2.0):
        state, table = fresh(), greeks_table()
        state.on_option_trades(option_trades([2, 3], [4.0, 9.0], [1, -1]))
        moved = replace(table, spot=100.0 * factor, strike=table.strike * factor, gamma=table.gamma / factor**2)
        found = close(state, greeks=moved)
        readings.append((found.value(C.NET_GAMMA_FLOW_USD_PER_PCT), found.value(C.LEGACY_NET_GAMMA_FLOW_USD_PER_USD)))
    assert readings[0][0] == pytest.approx(readings[1][0])
    assert readings[0][1] == pytest.approx(2.0 * readings[1][1])


def test_inventory_is_revalued_and_the_legacy_sum_goes_stale() -> None:
    """EL4: gamma that grows fivefold after the trade grows the inventory's value fivefold, not the running sum."""
    state = fresh()
    state.on_option_trades(option_trades([2], 10.0, 1))
    first = close(state, 0, greeks_table())
    later = close(state, 1, greeks_table(scale=5.0))
    assert first.value(C.INVENTORY_GAMMA_USD_PER_PCT) == first.value(C.NET_GAMMA_FLOW_USD_PER_PCT)
    assert later.value(C.NET_GAMMA_FLOW_USD_PER_PCT) == 0.0
    assert later.value(C.INVENTORY_GAMMA_USD_PER_PCT) == pytest.approx(5.0 * first.value(C.INVENTORY_GAMMA_USD_PER_PCT))
    stale = first.value(C.LEGACY_CUMULATIVE_GAMMA_USD_PER_USD)
    assert later.value(C.LEGACY_CUMULATIVE_GAMMA_USD_PER_USD) == stale


def test_with_constant_greeks_inventory_is_the_running_sum() -> None:
    """The correct and the legacy cumulative reading agree where there is nothing to re-value."""
    state, table = fresh(), greeks_table()
    rng = np.random.default_rng(1)
    for minute in range(5):
        state.on_option_trades(option_trades(rng.integers(0, 8, 20), 3.0, rng.integers(-1, 2, 20), minute=minute))
        found = close(state, minute, table)
    legacy = found.value(C.LEGACY_CUMULATIVE_GAMMA_USD_PER_USD)
    assert found.value(C.INVENTORY_GAMMA_USD_PER_PCT) == pytest.approx(legacy * table.spot * 0.01)


def test_a_doubtful_side_shrinks_the_flow_and_widens_its_error() -> None:
    """At probability p the flow is 2p - 1 of the certain one, and the variance is 4p(1 - p) of a contract's square."""
    certain, doubtful = fresh(), fresh()
    certain.on_option_trades(option_trades([2], 10.0, 1))
    doubtful.on_option_trades(option_trades([2], 10.0, 1, probability=0.75))
    sure, found = close(certain, greeks=greeks_table()), close(doubtful, greeks=greeks_table())
    unit = abs(sure.value(C.NET_GAMMA_FLOW_USD_PER_PCT))
    assert found.value(C.NET_GAMMA_FLOW_USD_PER_PCT) == pytest.approx(-0.5 * unit)
    assert found.value(C.GAMMA_FLOW_SE_USD_PER_PCT) == pytest.approx(np.sqrt(0.75) * unit)
    assert found.value(C.INVENTORY_GAMMA_SE_USD_PER_PCT) == pytest.approx(np.sqrt(0.75) * unit)


def test_the_error_of_the_flow_is_that_of_random_sides() -> None:
    """Sides drawn with the stated probability scatter around the flow by its standard error."""
    rng, table = np.random.default_rng(7), greeks_table()
    numbers, p = rng.integers(0, 8, 60), rng.uniform(0.55, 0.95, 60)

    def flow(aggressor: np.ndarray, probability: np.ndarray | float) -> FlowMinute:
        state = fresh()
        state.on_option_trades(option_trades(numbers, 5.0, aggressor, probability=probability))
        return close(state, greeks=table)

    told = flow(np.ones(60), p)
    truth = [flow(np.where(rng.random(60) < p, 1, -1), 1.0).value(C.NET_GAMMA_FLOW_USD_PER_PCT) for _ in range(400)]
    assert np.std(truth) == pytest.approx(told.value(C.GAMMA_FLOW_SE_USD_PER_PCT), rel=0.12)
    assert abs(np.mean(truth) - told.value(C.NET_GAMMA_FLOW_USD_PER_PCT)) < 4.0 * np.std(truth) / 20.0


@pytest.mark.parametrize(
    ("trades", "coverage", "reason"),
    [
        (option_trades([2], 5.0, 0), 1.0, FlowReason.UNSIGNED),
        (option_trades([40], 5.0, 1), 0.0, FlowReason.NO_GREEKS),
    ],
)
def test_unknown_flow_is_missing_and_no_flow_is_zero(trades: OptionTrades, coverage: float, reason: FlowReason) -> None:
    """A minute without trades has flow 0; one whose sides or Greeks are unknown has none, and says why."""
    state, quiet = fresh(), close(fresh(), greeks=greeks_table())
    assert quiet.value(C.NET_GAMMA_FLOW_USD_PER_PCT) == quiet.value(C.GAMMA_SENTIMENT_RATIO) == 0.0
    assert quiet.value(C.INVENTORY_GAMMA_USD_PER_PCT) == quiet.value(C.VOLUME) == quiet.value(C.CVD) == 0.0
    state.on_option_trades(trades)
    found = close(state, greeks=greeks_table())
    assert np.isnan(found.value(C.NET_GAMMA_FLOW_USD_PER_PCT))
    assert found.value(C.FLOW_COVERAGE) == coverage
    assert state.history.reasons[0, C.NET_GAMMA_FLOW_USD_PER_PCT] == reason
    assert found.reasons["net_gamma_flow_usd_per_pct"]


def test_flow_of_an_unknown_contract_is_valued_once_its_greeks_come() -> None:
    """Inventory is kept by contract, so that a later table can value it; the share that is valued says so."""
    state, small, large = fresh(), greeks_table(n=4), greeks_table(n=8)
    state.on_option_trades(option_trades([2, 7], 5.0, 1))
    first, second = close(state, 0, small), close(state, 1, large)
    assert first.value(C.INVENTORY_COVERAGE) == first.value(C.FLOW_COVERAGE) == 0.5
    assert second.value(C.INVENTORY_COVERAGE) == 1.0
    unit = {int(c): g for c, g in zip(large.number, large.gamma, strict=True)}
    expected = -5.0 * (unit[2] + unit[7]) * 100.0 * large.spot**2 * 0.01
    assert second.value(C.INVENTORY_GAMMA_USD_PER_PCT) == pytest.approx(expected)


def test_strikes_far_away_and_contracts_without_interest_are_not_flow() -> None:
    """L60: only strikes within 5 % of spot and open interest from 100 count; unknown interest passes."""
    table = greeks_table()
    at = {int(c): i for i, c in enumerate(table.number)}
    strike, interest = table.strike.copy(), table.open_interest.copy()
    strike[at[0]], interest[at[1]], interest[at[2]] = 105.1, 99.0, np.nan
    state = fresh()
    state.on_option_trades(option_trades([0, 1, 2], 5.0, 1))
    found = close(state, greeks=replace(table, strike=strike, open_interest=interest))
    expected = -5.0 * table.gamma[at[2]] * 100.0 * table.spot**2 * 0.01
    assert found.value(C.NET_GAMMA_FLOW_USD_PER_PCT) == pytest.approx(expected)
    assert found.value(C.FLOW_COVERAGE) == 1.0
    assert found.value(C.CALL_VOLUME) + found.value(C.PUT_VOLUME) == 15.0


def test_put_call_counts_contracts_and_premium_not_rows() -> None:
    """EZ8: one trade of 90 calls against three trades of 10 puts each is 1/3, whatever the number of rows."""
    state = fresh()
    state.on_option_trades(option_trades([0, 1, 3, 5], [90.0, 10.0, 10.0, 10.0], 1, price=2.0))
    found = close(state)
    assert found.value(C.PUT_CALL_CONTRACTS) == found.value(C.PUT_CALL_PREMIUM) == pytest.approx(1.0 / 3.0)
    assert found.value(C.PUT_SHARE_CONTRACTS) == 0.25
    assert found.value(C.CALL_PREMIUM_USD) == 90.0 * 2.0 * 100.0


def test_levels_that_do_not_exist_leave_no_distance() -> None:
    """EL9: a missing root is NaN with the field's own reason, never a distance of 0."""
    found = close(fresh(), greeks=greeks_table(spot=101.0))
    assert found.value(C.DIST_TO_ZERO_GAMMA) == 2.0
    assert found.value(C.DIST_TO_POSITIVE_WALL) == -4.0
    assert np.isnan(found.value(C.DIST_TO_ZERO_DELTA))
    assert found.reasons["dist_to_zero_delta"] == LEVELS.reasons["zero_delta"]


def test_centroids_are_strikes_weighted_by_open_exposure() -> None:
    """GWS and DWS: the average strike by un-netted gamma and by un-netted delta of the open interest."""
    table = greeks_table()
    found = close(fresh(), greeks=table)
    for column, weight in ((C.GAMMA_WEIGHTED_STRIKE, table.gamma), (C.DELTA_WEIGHTED_STRIKE, np.abs(table.delta))):
        expected = np.average(table.strike, weights=weight * table.open_interest)
        assert found.value(column) == pytest.approx(float(expected))


def test_a_quote_stream_that_stops_leaves_no_spread() -> None:
    """After the maximum age the spread is missing with a reason; a one-sided quote ends it at once."""
    state = fresh()
    state.on_underlying_quotes(quotes([30.0, 170.0, 172.0], [99.99, 99.99, np.nan], 100.01))
    first, second, third, fourth = (close(state, k) for k in range(4))
    assert first.value(C.SPREAD) == pytest.approx(0.02 / 100.0)
    assert second.value(C.SPREAD_TIME_WEIGHTED) == pytest.approx(0.02 / 100.0)  # it lived for 15 s of this minute
    assert "older" in second.reasons["spread"]
    assert "one-sided" in third.reasons["spread"]
    assert np.isnan(fourth.value(C.ORDER_FLOW_IMBALANCE))
    assert fourth.value(C.QUOTE_AGE_S) == pytest.approx(68.0)


def test_order_flow_imbalance_is_mirrored_by_swapping_the_sides() -> None:
    """What bids gain asks lose: the mirrored book has the opposite imbalance."""
    rng = np.random.default_rng(4)
    at, move = np.sort(rng.uniform(0.0, 59.0, 50)), 0.01 * rng.integers(-2, 3, 50)
    bid, ask = 99.99 + move, 100.01 + move
    sizes = rng.integers(1, 20, (2, 50)).astype(float)
    found = []
    for b, a, bs, as_ in ((bid, ask, *sizes), (200.0 - ask, 200.0 - bid, *sizes[::-1])):
        state = fresh()
        state.on_underlying_quotes(quotes(at, np.round(b, 2), np.round(a, 2), bs, as_))
        found.append(close(state).value(C.ORDER_FLOW_IMBALANCE))
    assert found[0] == -found[1] != 0.0


def test_the_bar_proxy_gives_all_volume_to_the_move() -> None:
    """D117x: the sign of the change of the minute's last price times its volume, beside the true signed volume."""
    state = fresh()
    state.on_underlying_trades(underlying_trades([10.0, 70.0, 80.0, 130.0], [100, 100.5, 101, 99], [1, 2, 3, 4], -1))
    found = [close(state, k) for k in range(3)]
    assert [r.value(C.CVD_BAR_PROXY) for r in found] == [0.0, 5.0, 1.0]
    assert [r.value(C.CVD) for r in found] == [-1.0, -6.0, -10.0]
    assert found[2].value(C.CVD_KNOWN_SHARE) == 1.0
    assert [r.value(C.TICK_RUN) for r in found] == [0.0, 2.0, -1.0]


def test_deviation_bands_are_counted_from_the_settings() -> None:
    """Z12: how many thresholds the distance from the day's average passes, with its sign."""
    state = fresh(FlowConfig(vwap_bands=(0.01, 0.02)))
    state.on_underlying_trades(underlying_trades([1.0, 2.0], [100.0, 98.4], [1_000.0, 1.0]))
    found = close(state)
    assert found.value(C.VWAP_BAND) == -1.0
    assert found.value(C.VWAP_DEVIATION) == pytest.approx(-0.016, abs=1e-4)


def test_impact_slope_recovers_a_planted_slope_with_an_honest_error() -> None:
    """Returns that are a slope times volume plus noise that grows with volume: the error covers the slope."""
    rng, inside, errors, slopes = np.random.default_rng(3), 0, [], []
    for _ in range(300):
        x = rng.normal(0.0, 1e6, 60)
        found = impact_slope(2e-9 * x + rng.normal(0.0, 1e-3, 60) * np.abs(x) / 1e6, x, min_minutes=20)
        inside += abs(found.slope - 2e-9) < 1.96 * found.standard_error
        errors.append(found.standard_error)
        slopes.append(found.slope)
    assert np.mean(slopes) == pytest.approx(2e-9, rel=0.05)
    assert np.mean(errors) == pytest.approx(np.std(slopes), rel=0.25)
    assert 0.88 <= inside / 300 <= 0.99
    flat = impact_slope(np.ones(30), np.full(30, 7.0), min_minutes=20)
    few = impact_slope(np.ones(30), np.where(np.arange(30) < 15, np.nan, np.arange(30.0)), min_minutes=20)
    assert (flat.reason, few.reason) == (FlowReason.NO_VARIATION, FlowReason.TOO_FEW_MINUTES)


def test_a_percentile_counts_ties_by_half_and_only_the_past() -> None:
    """Half of equal values lie below; too few known values give none."""
    past = np.array([1.0, 2.0, 2.0, 3.0, np.nan])
    assert percentile_of(2.0, past, min_values=4) == 0.5
    assert percentile_of(0.5, past, min_values=4) == 0.0
    assert np.isnan(percentile_of(2.0, past, min_values=5))
