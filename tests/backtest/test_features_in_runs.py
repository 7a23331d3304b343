"""Features of a run: what a strategy is shown in a recording is what live messages would have shown it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from market.bars import BarBatch
from market.clock import ns_of_utc_midnight
from market.series import SeriesBatch, SeriesUnit
from strategies.decisions import HOLD, Decision
from strategies.features import AtTimeframe, Feature, IvPercentile, IvRank, RelativeStrengthIndex, SessionVwap
from strategies.market_state import MarketState
from strategies.views import View
from tests.backtest.recordings import MINUTE_NS, PROVENANCE, bars, of_bars, run
from tests.strategies.features.scenes import minutes

FEATURES: tuple[Feature, ...] = (
    AtTimeframe(feature=RelativeStrengthIndex(name="rsi", symbol="SYN", n_bars=3), timeframe="1h"),
    SessionVwap(name="vwap", symbol="SYN"),
    IvRank(name="rank", n_days=20, min_days=20),
    IvPercentile(name="percentile", n_days=20, min_days=20),
)
_NAMES = tuple(feature.name for feature in FEATURES)
_ROWS = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
_FIRST = date(2024, 1, 3)


@dataclass(frozen=True)
class _Onlooker:
    """Keeps what it is shown, and does nothing."""

    name: str = "onlooker"
    seen: dict[int, tuple[float, ...]] = field(default_factory=dict)

    def decide(self, view: View) -> Decision:
        """Look."""
        self.seen[view.now_ns] = tuple(view.feature(name) for name in _NAMES)
        return HOLD


def _bars() -> BarBatch:
    end = minutes(_FIRST, _FIRST + timedelta(days=1), before=0, after=0)
    rng = np.random.default_rng(4)
    made = bars((100.0 + 0.1 * np.cumsum(rng.standard_normal(end.size))).tolist())
    volume = np.floor(100.0 * rng.random(end.size))
    return replace(made, start_ns=end - MINUTE_NS, end_ns=end, ts_event_ns=int(end[-1]), volume=volume)


def _index() -> SeriesBatch:
    """Return closes of an index, told the evening after; on the second day of the run one of the first is revised."""
    days = [_FIRST - timedelta(days=number) for number in range(30, -1, -1)]
    event = np.array([ns_of_utc_midnight(day) + 21 * 60 * MINUTE_NS for day in days], dtype=np.int64)
    value = 15.0 + np.random.default_rng(5).random(event.size)
    available = event + 30 * MINUTE_NS
    return SeriesBatch(
        series="VIX",
        unit=SeriesUnit.INDEX_POINTS,
        ts_event_ns=int(available[-1]) + 18 * 60 * MINUTE_NS,
        cause_id="vix",
        provenance=PROVENANCE,
        event_ns=np.insert(event, 25, event[24]),
        available_ns=np.insert(available, 25, available[-1] + 18 * 60 * MINUTE_NS),
        value=np.insert(value, 25, 40.0),
    )


def test_a_run_shows_what_live_messages_show() -> None:
    """Strength of hours, VWAP, rank and percentile, at every minute of two sessions, to the last bit."""
    batch, index, onlooker = _bars(), _index(), _Onlooker()
    run(of_bars(batch, series=(index,)), onlooker, features=FEATURES)
    live, told = MarketState(FEATURES), np.lexsort((index.event_ns, index.available_ns))
    shown: dict[int, tuple[float, ...]] = {}
    for row in range(batch.n_bars):
        live.now_ns = int(batch.end_ns[row])
        for place in told[index.available_ns[told] <= live.now_ns]:
            rows = {name: getattr(index, name)[[place]] for name in ("event_ns", "available_ns", "value")}
            live.on_series(replace(index, **rows))
        told = told[index.available_ns[told] > live.now_ns]
        live.on_bars(replace(batch, **{name: getattr(batch, name)[[row]] for name in _ROWS}))
        shown[live.now_ns] = tuple(live.feature(name) for name in _NAMES)
    assert len(shown) == 780
    assert list(shown) == list(onlooker.seen)
    found = np.array(list(onlooker.seen.values()))
    assert np.array_equal(found, np.array(list(shown.values())), equal_nan=True)
    assert np.isfinite(found).sum(axis=0).tolist() == [780 - 239, 780, 780, 780]


def test_a_rank_of_today_is_known_only_after_its_printing() -> None:
    """Through the first session the newest day is the one before; a revision shows from its own instant on."""
    index, onlooker = _index(), _Onlooker()
    run(of_bars(_bars(), series=(index,)), onlooker, features=FEATURES)
    ranks = np.array([values[_NAMES.index("rank")] for values in onlooker.seen.values()])
    first, second = ranks[:390], ranks[390:]
    assert np.unique(first).size == 1
    assert first[0] != second[0]
    at_revision = int(np.flatnonzero(second != second[0])[0])
    assert list(onlooker.seen)[390 + at_revision] >= int(index.available_ns[25])
    assert list(onlooker.seen)[389 + at_revision] < int(index.available_ns[25])
