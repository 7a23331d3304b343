"""A run that begins late knows what a walk through all before would have told it; a memory changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.chain_feed import ViewMemory
from backtest.chain_table import ChainTable
from backtest.engine import run_backtest
from backtest.fills.spreads import ClosingSpread
from backtest.history import ChainSequence, History
from backtest.results import RunResult
from backtest.tape import Phase, Tape, TapeStream
from market.bars import BarBatch
from market.chains import OptionChain
from market.series import SeriesBatch, SeriesUnit
from market.trades import Int64Array
from strategies.decisions import HOLD, Decision
from strategies.features import Feature, IvRank, MovingAverage
from strategies.views import View
from tests.backtest import recordings
from tests.backtest.option_recordings import chains
from tests.backtest.recordings import DESCRIPTION, MINUTE_NS, PROVENANCE, START_NS, Scripted, bars, of_bars
from tests.backtest.test_engine import buy

_N = 24
_FEATURES: tuple[Feature, ...] = (
    MovingAverage(name="slow", symbol="SYN", n_bars=5),
    IvRank(name="level", series="FEAR.DAYS", n_days=252, min_days=2),
)


@dataclass(frozen=True)
class Witness:
    """Holds, and writes down everything that it is shown."""

    name: str = "witness"
    seen: list[tuple[Any, ...]] = field(default_factory=list)

    def decide(self, view: View) -> Decision:
        """Write the view down."""
        chain, window = view.chain("SPX"), view.bars("SYN", 3)
        numbers = [view.feature("slow"), view.feature("level"), *window.close.tolist()]
        told = [view.series(name) for name in ("FEAR", "FEAR.DAYS")]
        self.seen.append(
            (
                view.now_ns,
                None if chain is None else (chain.chain.cause_id, repr(chain.spot), chain.chain.bid.tolist()),
                [repr(view.quote(symbol)) for symbol in ("SYN", "SPX")],
                [repr(each) for each in numbers],
                [(repr(each.value), each.event_ns, each.available_ns) for each in told],
            )
        )
        return HOLD


@dataclass(frozen=True)
class Printed:
    """Chains whose price of the underlying is sometimes missing, and sometimes older than the chain."""

    table: ChainTable
    spots: tuple[float, ...]
    ages: tuple[int, ...]
    symbol: str = "SPX"

    @property
    def available_ns(self) -> Int64Array:
        """As those of the table."""
        return self.table.available_ns

    def chain(self, place: int) -> OptionChain:
        """Return a chain of the table with another print."""
        ts_ns = int(self.table.available_ns[place]) - self.ages[place] * MINUTE_NS
        return self.table.chain(place).updated({"spot_last": self.spots[place], "spot_ts_ns": ts_ns})


@dataclass(frozen=True)
class Counted:
    """Writes down which chains are read."""

    chains: ChainSequence
    asked: list[int]
    symbol: str = "SPX"

    @property
    def available_ns(self) -> Int64Array:
        """As those of the chains."""
        return self.chains.available_ns

    def chain(self, place: int) -> OptionChain:
        """Return one."""
        self.asked.append(place)
        return self.chains.chain(place)


def _series(name: str, seed: int, step_ns: int = MINUTE_NS) -> SeriesBatch:
    rng = np.random.default_rng(seed)
    event = np.sort(START_NS + step_ns * rng.integers(-9, 1, 9))
    known = np.maximum(event, START_NS + MINUTE_NS * rng.integers(0, _N, 9))
    order = np.lexsort((known, event))
    return SeriesBatch(
        series=name,
        unit=SeriesUnit.INDEX_POINTS,
        ts_event_ns=int(known.max()),
        cause_id=name,
        provenance=PROVENANCE,
        event_ns=event[order],
        available_ns=known[order],
        value=rng.uniform(10.0, 20.0, 9),
    )


def _history(seed: int) -> History:
    rng = np.random.default_rng(seed)
    table = chains(
        [{(4290.0, "C"): (5.0 + k, 5.5 + k), (4290.0, "P"): (5.0, 5.5)} for k in range(8)], step_ns=3 * MINUTE_NS
    )
    spots = tuple(rng.choice([nan, 4285.0, 4290.0, 4295.0], 8).tolist())
    closes = np.where(rng.random(_N) < 0.2, nan, rng.integers(90, 110, _N))
    own = bars(closes.tolist(), opens=[100.0] * _N)
    spx: BarBatch = replace(bars(rng.integers(4280, 4300, 5).tolist(), width_ns=5 * MINUTE_NS), symbol="SPX")
    return of_bars(
        own,
        spx,
        chains=(Printed(table, spots, tuple(rng.integers(0, 9, 8).tolist())),),
        series=(_series("FEAR", seed), _series("FEAR.DAYS", seed + 1, 24 * 60 * MINUTE_NS)),
    )


def _seen(history: History, start_ns: int, **more: Any) -> tuple[list[tuple[Any, ...]], RunResult]:
    witness = Witness()
    config = recordings.settings(start_ns=start_ns, features=_FEATURES, mid_spread=ClosingSpread())
    result = run_backtest(config, history, (witness,), DESCRIPTION, **more)
    assert result.stopped == ""
    return witness.seen, result


def _walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs walk through everything, as the law says that it gives the same."""

    def all_rows(tape: Tape, _start_ns: int, _standing: object) -> Iterator[tuple[int, int, int]]:
        return iter(tape)

    monkeypatch.setattr(Tape, "begun_at", all_rows)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 100_000), minute=st.integers(0, _N - 1))
def test_a_late_begin_knows_what_a_walk_would_have_told(seed: int, minute: int) -> None:
    """Prices, quotes, bars, features, series and chains are the same at every view; so is the account."""
    history, start_ns = _history(seed), START_NS + minute * MINUTE_NS
    begun, result = _seen(history, start_ns)
    with pytest.MonkeyPatch.context() as patch:
        _walked(patch)
        walked, other = _seen(history, start_ns)
    assert begun == walked
    assert len(begun) >= _N - minute
    np.testing.assert_array_equal(result.curve.ts_ns, other.curve.ts_ns)
    assert result.ledger_digest == other.ledger_digest


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 100_000), minute=st.integers(0, _N - 1), room=st.sampled_from([0, 600, 1 << 20]))
def test_a_memory_of_chains_changes_nothing(seed: int, minute: int, room: int) -> None:
    """Two runs with one memory, with room for none, some or all chains, see what runs without one see."""
    history, start_ns = _history(seed), START_NS + minute * MINUTE_NS
    views = ViewMemory(room)
    found = [_seen(history, start_ns, views=views)[0] for _ in range(2)]
    assert found == [_seen(history, start_ns)[0]] * 2


def test_orders_after_a_late_begin_are_those_of_a_walk() -> None:
    """A share bought at the first view after the start costs the same, and nothing else is booked."""
    batch = bars([10.0, 11.0, 12.0, 13.0, 14.0])
    late = START_NS + 3 * MINUTE_NS
    results = []
    for is_walk in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if is_walk:
                _walked(patch)
            results.append(recordings.run(of_bars(batch), Scripted([buy("12.5", "3")]), start_ns=late))
    assert results[0].ledger_digest == results[1].ledger_digest
    assert [fill.quantity for fill in results[0].fills] == [3]


@given(
    instants=st.lists(st.lists(st.integers(0, 20), max_size=12).map(sorted), min_size=1, max_size=4),
    start_ns=st.integers(0, 21),
)
def test_a_tape_gives_what_still_counts_and_all_after(instants: list[list[int]], start_ns: int) -> None:
    """With the newest row of each stream asked for, each comes once, before the first row of the start, in order."""
    streams = [
        TapeStream(phase=Phase.QUOTE, name=f"{k}", instants=np.array(each, dtype=np.int64))
        for k, each in enumerate(instants)
    ]
    tape = Tape(streams)
    found = list(tape.begun_at(start_ns, lambda _place, n_rows: (n_rows - 1,)))
    newest = [
        max((row for ts, mine, row in tape if mine == k and ts < start_ns), default=nan) for k in range(len(streams))
    ]
    wanted = [(ts, k, row) for ts, k, row in tape if ts >= start_ns or row == newest[k]]
    assert found == wanted
    assert all(isnan(each) or each >= 0 for each in newest)


def test_chains_are_made_once_for_all_runs_of_a_memory() -> None:
    """The second run asks for no chain; a memory without room asks again."""
    history = _history(5)
    asked: list[int] = []
    counted = replace(history, chains=(Counted(history.chains[0], asked),))
    views = ViewMemory()
    for _ in range(3):
        _seen(counted, START_NS, views=views)
    assert sorted(asked) == list(range(8))
    none = ViewMemory(0)
    for _ in range(2):
        _seen(counted, START_NS, views=none)
    assert len(asked) > 8 + 8
