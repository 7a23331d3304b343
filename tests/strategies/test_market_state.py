"""The market at an instant: the newest of everything, the same from recordings as from live messages."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest

from fields.amplification import feedback_uncertainty
from fields.live.interpretation import Interpretation
from fields.regime import ImpliedVolRank
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from market.series import EventBatch, EventKind, SeriesBatch, SeriesUnit
from strategies.features import MovingAverage
from strategies.market_state import MarketState
from strategies.views import Quote
from tests.backtest.option_recordings import chains
from tests.backtest.recordings import MINUTE_NS, PROVENANCE, START_NS, bars

MEAN = MovingAverage(name="mean", symbol="SYN", n_bars=2)
BATCH = bars([1.0, 2.0, 4.0, 8.0])


def _series(events: list[int], known: list[int], values: list[float]) -> SeriesBatch:
    return SeriesBatch(
        series="DFF",
        unit=SeriesUnit.FRACTION_PER_YEAR,
        ts_event_ns=known[-1],
        cause_id="s",
        provenance=PROVENANCE,
        event_ns=np.array(events, dtype=np.int64),
        available_ns=np.array(known, dtype=np.int64),
        value=np.array(values),
    )


def _events(name: str, at: int, known: int) -> EventBatch:
    return EventBatch(
        ts_event_ns=known,
        cause_id=name,
        provenance=PROVENANCE,
        event_id=(name,),
        kind=(EventKind.FOMC,),
        symbol=("",),
        name=(name,),
        event_ns=np.array([at], dtype=np.int64),
        available_ns=np.array([known], dtype=np.int64),
        forecast=np.array([nan]),
        actual=np.array([nan]),
    )


def test_bars_of_a_recording_and_bars_that_come_live_show_the_same() -> None:
    """Windows, features and prices, at every bar."""
    recorded, live = MarketState((MEAN,)), MarketState((MEAN,))
    (history,) = recorded.record_bars((BATCH,))
    for row in range(BATCH.n_bars):
        columns = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
        live.on_bars(replace(BATCH, **{name: getattr(BATCH, name)[row : row + 1] for name in columns}))
        history.n_known = row + 1
        for name in ("end_ns", "open", "high", "low", "close"):
            assert np.array_equal(getattr(recorded.bars("SYN", 3), name), getattr(live.bars("SYN", 3), name))
        assert recorded.feature("mean") == live.feature("mean") or isnan(live.feature("mean"))
    assert live.feature("mean") == 6.0
    assert live.price("SYN") == (8.0, int(BATCH.end_ns[-1]))


def test_windows_are_read_only() -> None:
    """No strategy writes into the past."""
    state = MarketState()
    state.on_bars(BATCH)
    with pytest.raises(ValueError, match="read-only"):
        state.bars("SYN", 2).close[0] = 0.0


def test_the_finest_bars_bear_the_symbol_and_each_width_its_own_name() -> None:
    """Wider bars beside them are found by name."""
    state = MarketState()
    daily = bars([5.0], width_ns=24 * 60 * MINUTE_NS)
    for history in state.record_bars((daily, BATCH)):
        history.n_known = 1
    assert state.bars("SYN", 9).close.tolist() == [1.0]
    assert (state.bars("SYN@1m", 9).close.tolist(), state.bars("SYN@1d", 9).close.tolist()) == ([1.0], [5.0])
    assert state.bars("OTHER", 9).close.size == 0


def test_a_feature_that_nobody_declared_is_an_error_and_one_without_bars_is_missing() -> None:
    """A spelling mistake must not look like a number that is not there yet."""
    state = MarketState((MEAN,))
    assert isnan(state.feature("mean"))
    with pytest.raises(ConfigError, match="not declared"):
        state.feature("maen")


def test_two_recordings_of_one_symbol_and_width_are_refused() -> None:
    """Nobody could tell which one counts."""
    with pytest.raises(DataError, match="one symbol and width"):
        MarketState().record_bars((BATCH, BATCH))


def test_a_revision_of_an_older_value_does_not_replace_the_newest() -> None:
    """The newest event counts, in its newest telling."""
    state = MarketState()
    assert state.series("DFF").reason
    for batch in (_series([10], [10], [1.0]), _series([20], [20], [2.0]), _series([10], [30], [1.5])):
        state.on_series(batch)
    assert state.series("DFF").value == 2.0
    state.on_series(_series([20], [40], [2.5]))
    assert state.series("DFF").value == 2.5


def test_events_show_from_their_announcement_until_they_have_happened() -> None:
    """Of several sources."""
    state = MarketState()
    state.on_events(_events("first", at=100, known=10))
    state.on_events(_events("second", at=200, known=50))
    found = []
    for now_ns in (5, 20, 60, 150, 300):
        state.now_ns = now_ns
        found.append(state.events().name)
    assert found == [(), ("first",), ("first", "second"), ("second",), ()]


def test_a_field_is_computed_once_for_each_chain() -> None:
    """However often it is asked for."""
    asked: list[str] = []

    def source(chain: OptionChain) -> None:
        asked.append(chain.cause_id)

    state = MarketState(fields=source)
    assert state.field("SPX") is None
    table = chains([{(4290.0, "C"): (1.0, 1.1)}] * 2)
    for place in range(2):
        state.on_chain(table.chain(place))
        state.field("SPX")
        state.field("SPX")
    assert len(asked) == 2


def test_readings_that_were_told_stand_before_those_of_the_recording() -> None:
    """As a live shard tells them; a decision names them among what it was made from."""
    unknown = ImpliedVolRank(rank=nan, percentile=nan, n_days=0, reason="not given")
    read = Interpretation(
        feedback=feedback_uncertainty(nan, nan),
        regimes=(),
        signals=(),
        implied_vol_30d=nan,
        implied_vol_rank=unknown,
    )
    told = replace(read, implied_vol_30d=0.2)

    def source(symbol: str, now_ns: int, *, with_field: bool) -> Interpretation | None:
        return read if (symbol, now_ns, with_field) == ("SPX", START_NS, True) else None

    state = MarketState()
    state.now_ns = START_NS
    assert state.readings("SPX") is None
    state.readings_source = source
    assert state.readings("SPX") is read
    assert state.readings("SPX", with_field=False) is None
    state.on_readings("SPX", told)
    assert state.readings("SPX") is told
    assert "readings SPX" in dict(state.newest_inputs())


def test_a_quote_is_the_newest_and_without_one_the_models_around_the_print() -> None:
    """The model's is marked."""

    def around(symbol: str, price: float, ts_ns: int) -> Quote:
        return Quote(bid=price - 1.0, ask=price + 1.0, bid_size=nan, ask_size=nan, ts_ns=ts_ns, is_modelled=True)

    state = MarketState(bar_quoter=around)
    assert state.quote("SYN") is None
    state.on_price("SYN", 5.0, START_NS)
    state.on_price("SYN", nan, START_NS + 1)
    modelled = state.quote("SYN")
    assert modelled is not None
    assert (modelled.bid, modelled.ask, modelled.is_modelled) == (4.0, 6.0, True)
    state.on_quote("SYN", replace(modelled, bid=4.9, ask=5.1, is_modelled=False))
    told = state.quote("SYN")
    assert told is not None
    assert (told.bid, told.is_modelled) == (4.9, False)
