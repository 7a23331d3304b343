"""Each check finds what it is for, counts it, and keeps quiet about clean data."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.quality import (
    Check,
    Finding,
    SessionFacts,
    Severity,
    check_chain,
    check_open_interest,
    check_quotes,
    check_series,
    check_table,
    check_trades,
    score_of,
)
from adapters.store import DataKind
from market.calendars import sessions_between
from market.trades import ContractTable, QuoteBatch
from tests.adapters.store.samples import MINUTE_NS, chain_of, trades
from tests.generators import Expiry, synthetic_chain

_OPEN_NS = sessions_between("NYSE", date(2024, 3, 8), date(2024, 3, 8))[0].open_ns
_DAY_NS = 86_400_000_000_000


def _kinds(findings: list[Finding], worst: Severity = Severity.WARNING) -> set[Check]:
    levels = {Severity.WARNING: {Severity.WARNING, Severity.ERROR}, Severity.INFO: set(Severity)}[worst]
    return {item.check for item in findings if item.severity in levels}


def _one(findings: list[Finding], check: Check) -> Finding:
    (found,) = [item for item in findings if item.check is check]
    return found


def _bars(n: int = 200, **changed: Any) -> pa.Table:
    rng = np.random.default_rng(4)
    close = 500.0 * np.exp(np.cumsum(rng.normal(0.0, 3e-4, n)))
    opened = np.append(close[0], close[:-1])
    start = _OPEN_NS + np.arange(n, dtype=np.int64) * MINUTE_NS
    columns: dict[str, Any] = {
        "event_ns": start,
        "known_ns": start + MINUTE_NS,
        "length_ns": np.full(n, MINUTE_NS),
        "open": opened,
        "high": np.maximum(opened, close) * 1.0001,
        "low": np.minimum(opened, close) * 0.9999,
        "close": close,
        "volume": rng.integers(100, 900, n).astype(float),
    }
    for name, (rows, value) in changed.items():
        columns[name] = columns[name].copy()
        columns[name][rows] = value
    return pa.table(columns)


def test_clean_bars_and_chains_give_no_finding() -> None:
    """Nothing to find leaves a score of one."""
    assert check_table(DataKind.BARS, "SPY", _bars()) == []
    chain = replace(chain_of(), spot_last=float("nan"))
    assert _kinds(check_chain(chain)) == set()
    assert score_of(check_chain(chain)) == 1.0


@pytest.mark.parametrize(
    ("changed", "check", "count"),
    [
        ({"high": ([7, 9], 1.0)}, Check.OHLC, 2),
        ({"low": ([7], -1.0)}, Check.PRICE, 1),
        ({"low": ([50], 490.0)}, Check.WICK, 1),
        ({"high": ([50], 515.0)}, Check.WICK, 1),
        ({"event_ns": ([60], _OPEN_NS + 59 * MINUTE_NS)}, Check.DUPLICATE, 1),
        ({name: (slice(30, 60), 500.0) for name in ("open", "high", "low", "close")}, Check.STALE, 29),
    ],
)
def test_a_fault_in_bars_is_found_and_counted(changed: dict[str, Any], check: Check, count: int) -> None:
    """The rows that were spoilt, and no others, stand under the check."""
    found = check_table(DataKind.BARS, "SPY", _bars(**changed))
    assert _one(found, check).count == count
    assert _one(found, check).examples


def test_a_spike_is_found_and_a_move_that_stays_is_not() -> None:
    """A price far from both neighbours is an outlier; a jump to a new level is a market."""
    rows = np.arange(100, 200)
    spike: dict[str, Any] = {name: ([100], 530.0) for name in ("open", "high", "low", "close")}
    assert Check.OUTLIER in _kinds(check_table(DataKind.BARS, "SPY", _bars(**spike)))
    level = _bars()["close"].to_numpy()[100:] * 1.05
    jump: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close"), (rows, level))
    assert Check.OUTLIER not in _kinds(check_table(DataKind.BARS, "SPY", _bars(**jump)))


def test_missing_bars_are_counted_and_the_night_is_none() -> None:
    """Five bars are gone within a session."""
    table = _bars().filter(pa.array(~np.isin(np.arange(200), range(80, 85))))
    found = _one(check_table(DataKind.BARS, "SPY", table), Check.GAP)
    assert (found.count, found.n_checked) == (5, 200)


def test_a_market_without_a_close_that_stands_still_is_a_halt() -> None:
    """No volume before a missing bar on a coin exchange; the same in a share is only a gap."""
    table = _bars(volume=([79], 0.0)).filter(pa.array(np.arange(200) != 80))
    assert Check.HALT in _kinds(check_table(DataKind.BARS, "BTCUSDT-SPOT", table))
    assert Check.HALT not in _kinds(check_table(DataKind.BARS, "SPY", table))


def test_faults_in_a_chain_are_found() -> None:
    """Crossed, locked, doubled and absurd rows are told apart."""
    chain = replace(chain_of(), spot_last=float("nan"))
    bid, iv, strike = chain.bid.copy(), chain.vendor_iv.copy(), chain.strike.copy()
    row = int(np.flatnonzero(chain.bid > 50.0)[0])
    bid[row], bid[row + 1] = chain.ask[row] + 1.0, chain.ask[row + 1]
    iv[3], strike[10] = 40.0, strike[9]
    found = check_chain(replace(chain, bid=bid, vendor_iv=iv, strike=strike))
    counts = {item.check: item.count for item in found if item.severity is not Severity.INFO}
    assert counts == {Check.CROSSED: 1, Check.LOCKED: 1, Check.VOLATILITY: 1, Check.DUPLICATE: 1}


def test_a_doubled_rate_is_shown_with_its_value() -> None:
    """An example is an instant and what stands there."""
    day = np.array([_OPEN_NS, _OPEN_NS], dtype=np.int64)
    table = pa.table({"event_ns": day, "known_ns": day, "rate_pct": [5.25, 5.5]})
    assert _one(check_table(DataKind.RATES, "EFFR", table), Check.DUPLICATE).examples == ("2024-03-08T14:30:00Z: 5.5",)


def test_a_chain_without_bids_cannot_be_used_for_prices() -> None:
    """Hardly a bid in the whole set costs nearly the whole score."""
    chain = chain_of()
    found = check_chain(replace(chain, bid=np.where(np.arange(chain.n_contracts) % 40, 0.0, chain.bid)))
    assert _one(found, Check.UNUSABLE_QUOTES).severity is Severity.ERROR
    assert score_of(found) < 0.05


def test_quotes_of_two_instants_disagree_on_the_forward() -> None:
    """Calls of an hour ago beside puts of now show in the parity of strikes."""
    chain = replace(chain_of(), spot_last=4000.0)
    rng = np.random.default_rng(2)
    noise = np.where(chain.is_call, rng.normal(0.0, 8.0, chain.n_contracts), 0.0)
    moved = replace(chain, bid=np.maximum(chain.bid + noise, 0.01), ask=np.maximum(chain.ask + noise, 0.02))
    assert Check.PARITY in _kinds(check_chain(moved))
    assert Check.UNDERLYING in _kinds(check_chain(replace(chain, spot_last=4060.0)))
    assert not _kinds(check_chain(chain)) & {Check.PARITY, Check.UNDERLYING}


def test_wide_quotes_leave_the_forward_open() -> None:
    """What lies inside the quotes contradicts nothing; beside midpoints without a width it would."""
    chain = replace(chain_of(), spot_last=float("nan"))
    noise = np.where(chain.is_call, np.random.default_rng(2).normal(0.0, 4.0, chain.n_contracts), 0.0)
    middle = np.maximum(0.5 * (chain.bid + chain.ask) + noise, 12.1)
    wide = replace(chain, bid=middle - 12.0, ask=middle + 12.0)
    assert Check.PARITY not in _kinds(check_chain(wide))
    assert Check.PARITY in _kinds(check_chain(replace(chain, bid=middle, ask=middle)))


def test_stale_quotes_deep_in_the_money_do_not_make_the_forward() -> None:
    """The forward is sought where call and put cost the same, however many strikes lie elsewhere."""
    chain = replace(chain_of(), spot_last=4000.0)
    deep = chain.strike < 3_800.0
    stale = replace(chain, bid=np.where(deep & chain.is_call, 900.0, chain.bid), ask=np.where(deep, 950.0, chain.ask))
    assert not _kinds(check_chain(stale)) & {Check.PARITY, Check.UNDERLYING}


def test_a_snapshot_taken_before_its_stamp_is_found() -> None:
    """Time value in contracts that have expired by then; what is left after the close is intrinsic."""
    today = (Expiry(date(2023, 6, 2)), Expiry(date(2023, 6, 9)))
    morning = synthetic_chain(4002.0, today, half_spread=0.1)
    close_ns = morning.series[0].expiry_ns
    assert Check.EARLY in _kinds(check_chain(replace(morning, ts_event_ns=close_ns)))
    assert Check.EARLY not in _kinds(check_chain(morning))
    evening = synthetic_chain(4002.0, today, half_spread=0.1, as_of_ns=close_ns - 1_000_000_000)
    assert Check.EARLY not in _kinds(check_chain(replace(evening, ts_event_ns=close_ns)))


def test_a_bid_without_an_ask_is_no_regular_quote() -> None:
    """An ask without a bid is ordinary far from the money; the other way round nobody makes a market."""
    chain = replace(chain_of(), spot_last=float("nan"))
    bid, ask = chain.bid.copy(), chain.ask.copy()
    ask[[4, 5, 6]], bid[[9, 10]] = 0.0, 0.0
    found = check_chain(replace(chain, bid=bid, ask=ask))
    counts = {item.severity: item.count for item in found if item.check is Check.ONE_SIDED}
    assert counts == {Severity.WARNING: 3, Severity.INFO: int(((bid == 0.0) & (ask > 0.0)).sum())}


def test_a_chain_dated_for_another_session_is_found() -> None:
    """Quotes of Friday beside Thursday's date are of two sessions."""
    chain = chain_of()
    assert Check.OTHER_SESSION in _kinds(check_chain(replace(chain, session=date(2023, 6, 1))))


def test_open_interest_that_changes_within_a_session_is_found() -> None:
    """A clearing house publishes it once a day."""
    chain = chain_of()
    interest = chain.open_interest.copy()
    interest[[2, 5]] += 1.0
    later = replace(chain, ts_event_ns=chain.ts_event_ns + MINUTE_NS, open_interest=interest)
    assert check_open_interest([chain, replace(chain, ts_event_ns=later.ts_event_ns)]) == []
    found = _one(check_open_interest([chain, later, later]), Check.OPEN_INTEREST)
    assert (found.count, found.n_checked) == (2, 3 * chain.n_contracts)
    before, after = chain.open_interest[2], interest[2]
    assert f"{before:g} became {after:g}" in found.examples[0]
    assert _one(check_open_interest([chain, later, chain]), Check.OPEN_INTEREST).count == 4


def test_trades_that_repeat_run_backwards_or_jump_are_found() -> None:
    """The venue's number tells a repeat; the clock tells order."""
    batch = trades(400)
    contract = np.full(400, -1, dtype=np.int32)
    rng = np.random.default_rng(1)
    price = np.asarray(100.0 + 0.01 * rng.integers(-3, 4, 400), dtype=np.float64)
    clean = replace(batch, contract=contract, price=price)
    assert _kinds(check_trades(clean)) == set()
    ids, ts, jump = batch.trade_id.copy(), batch.ts_ns.copy(), price.copy()
    ids[8], ts[20], jump[50] = ids[7], ts[18], 140.0
    found = check_trades(replace(clean, trade_id=ids, ts_ns=ts, price=jump))
    assert _kinds(found) == {Check.DUPLICATE, Check.ORDER, Check.OUTLIER}


def test_a_stream_that_falls_silent_in_the_session_is_stale() -> None:
    """Two minutes without a quote, where there were ten a second; the close is no silence."""
    steps = np.full(2_000, 100_000_000, dtype=np.int64)
    steps[1_000] = 120 * 1_000_000_000
    ts = _OPEN_NS + np.cumsum(steps)
    ones, batch = np.ones(2_000), trades(1)
    quotes = QuoteBatch(
        symbol="SPY",
        ts_event_ns=int(ts[-1]),
        cause_id="sample",
        provenance=batch.provenance,
        contracts=ContractTable.empty(),
        contract=np.full(2_000, -1, dtype=np.int32),
        ts_ns=ts,
        bid=99.0 * ones,
        ask=100.0 * ones,
        bid_size=ones,
        ask_size=ones,
        venue=np.full(2_000, -1, dtype=np.int16),
    )
    assert _one(check_quotes(quotes), Check.STALE).count == 1
    crossed = replace(quotes, bid=np.where(np.arange(2_000) == 7, 101.0, 99.0))
    assert _one(check_quotes(crossed), Check.CROSSED).count == 1


def _days(first: date, last: date, shift_ns: int = 0, *, level: float = 100.0) -> SessionFacts:
    opens = np.array([s.open_ns for s in sessions_between("NYSE", first, last)], dtype=np.int64) + shift_ns
    return SessionFacts(
        first_ns=opens, last_ns=opens + 390 * MINUTE_NS, level=np.full(opens.size, level), length_ns=MINUTE_NS
    )


def test_clocks_in_the_wrong_zone_are_found() -> None:
    """Whole hours off the open, a bar late, and a clock that was not set in March are three findings."""
    days = _days(date(2024, 3, 1), date(2024, 3, 28))
    assert check_series("SPY", days) == []
    zone = _days(date(2024, 3, 1), date(2024, 3, 28), -3 * 60 * MINUTE_NS)
    assert "-3 h off" in _one(check_series("SPY", zone), Check.LOCAL_TIME).reason
    at_end = _days(date(2024, 3, 1), date(2024, 3, 28), MINUTE_NS)
    assert "their end" in _one(check_series("SPY", at_end), Check.LOCAL_TIME).reason
    fixed = days.first_ns[0] + (days.first_ns - days.first_ns[0] + _DAY_NS // 2) // _DAY_NS * _DAY_NS
    shifted = _one(check_series("SPY", replace(days, first_ns=fixed)), Check.DAYLIGHT_SAVING)
    assert shifted.count == 6


@pytest.mark.parametrize("ratio", [7.0, 1 / 10, 2.0])
def test_the_ratio_of_a_split_is_found_and_a_crash_is_not(ratio: float) -> None:
    """Seven for one, one for ten, two for one; a fall by a third is a market."""
    days = _days(date(2024, 3, 1), date(2024, 3, 8))
    level = np.where(np.arange(6) < 3, 100.0, 100.0 / ratio * 1.005)
    assert _one(check_series("SPY", replace(days, level=level)), Check.SPLIT).count == 1
    fall = np.where(np.arange(6) < 3, 100.0, 66.0)
    assert check_series("SPY", replace(days, level=fall)) == []


@given(
    parts=st.lists(
        st.tuples(st.sampled_from(list(Severity)), st.integers(0, 100), st.integers(1, 100)), min_size=0, max_size=8
    )
)
def test_the_score_lies_between_0_and_1_and_never_rises(parts: list[tuple[Severity, int, int]]) -> None:
    """Every further finding leaves the score where it was or lower."""
    findings = [
        Finding(check=Check.GAP, severity=severity, count=count, n_checked=n, reason="x")
        for severity, count, n in parts
    ]
    scores = [score_of(findings[:k]) for k in range(len(findings) + 1)]
    assert all(0.0 <= later <= earlier <= 1.0 for earlier, later in pairwise(scores))
