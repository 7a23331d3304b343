"""Regimes, signals and models' answers in the view: what a shard would have said, and nothing of the future."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from backtest.audit.rewrites import cut, reordered, spoiled
from backtest.engine import run_backtest
from backtest.history import History, ModelAnswers
from backtest.interpreting import ReadingsMemory
from backtest.schedule import OnBars, OnChains
from fields.compute import compute_field
from fields.config import FieldConfig
from fields.live.config import LiveConfig
from fields.live.context import MarketContext
from fields.live.interpretation import Interpretation, Interpreter
from fields.live.state import SymbolState
from fields.regime import Axis, GexEnvironment, Market, RegimeConfig, TermStructure
from fields.signals import SignalConfig
from fields.snapshot import FieldSnapshot
from market.calendars import sessions_between
from market.chains import OptionChain
from market.errors import DataError
from market.forecasts import Forecast, PolicyAction, PolicyReading
from strategies.decisions import HOLD, Decision
from strategies.noop import Noop
from strategies.views import View
from tests.backtest.recordings import DESCRIPTION, MINUTE_NS, Scripted, bars, of_bars, run, settings
from tests.fields.live.context_samples import bar_batch, points
from tests.generators import Expiry, synthetic_chain

_SESSIONS = sessions_between("NYSE", date(2023, 5, 22), date(2023, 6, 2))
_EXPIRIES = (Expiry(date(2023, 6, 9)), Expiry(date(2023, 6, 30)), Expiry(date(2023, 7, 14)))
_IMPACT = FieldConfig(impact_return_per_usd=1e-12)
_SETTINGS = LiveConfig(
    fields=_IMPACT, regime=RegimeConfig(gex_min_days=5, gex_days=20), signals=SignalConfig(min_samples=3)
)
_HOUR_NS = 60 * MINUTE_NS


@dataclass(frozen=True)
class _Chains:
    """Two chains a session whose open interest is drawn anew at each."""

    symbol: str = "SPX"

    @property
    def available_ns(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """An hour and two after each open."""
        return np.array([each.open_ns + k * _HOUR_NS for each in _SESSIONS for k in (1, 2)], dtype=np.int64)

    def chain(self, place: int) -> OptionChain:
        """Return one."""
        return _chain(place)


@lru_cache(maxsize=64)
def _chain(place: int) -> OptionChain:
    instant = int(_Chains().available_ns[place])
    strikes = np.arange(3600.0, 4401.0, 50.0)
    spot = 4000.0 + 15.0 * np.sin(place)
    made = synthetic_chain(spot, _EXPIRIES, strikes, half_spread=0.05, seed=place, as_of_ns=instant)
    return replace(made, cause_id=f"chain {place}")


_FIELDS: dict[bytes, FieldSnapshot] = {}


def _field(chain: OptionChain) -> FieldSnapshot:
    key = chain.open_interest.tobytes() + chain.bid.tobytes()
    if key not in _FIELDS:
        _FIELDS[key] = compute_field(chain, _IMPACT)
    return replace(_FIELDS[key], cause_id=chain.cause_id)


@dataclass(frozen=True)
class _Reader:
    """Notes what the view says of a symbol and never trades."""

    symbol: str = "SPX"
    name: str = "reader"
    with_field: bool = True
    seen: dict[int, Interpretation | None] = field(default_factory=dict)

    def decide(self, view: View) -> Decision:
        """Hold."""
        self.seen[view.now_ns] = view.readings(self.symbol, with_field=self.with_field)
        return HOLD


def _daily(n: int = 230) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], list[float]]:
    sessions = sessions_between("NYSE", date(2022, 6, 1), date(2023, 6, 2))[-n:]
    closes = 3800.0 + 200.0 * np.sin(np.arange(n) / 9.0) + np.arange(n)
    return np.array([each.close_ns for each in sessions], dtype=np.int64), closes.tolist()


def _history(*, with_chains: bool = True) -> History:
    ends, closes = _daily()
    vix = points("VIX", [(int(end), int(end), 14.0 + (k % 30)) for k, end in enumerate(ends)])
    vix9d = points("VIX9D", [(int(end), int(end), 15.0 + (k % 27)) for k, end in enumerate(ends)])
    daily = bar_batch("SPX", ends.tolist(), closes, span_ns=int(6.5 * _HOUR_NS))
    chains = (_Chains(),) if with_chains else ()
    return History(sources=(), bars=(daily,), series=(vix, vix9d), chains=chains)


def _seen(history: History, *, fields: bool = True, **changed: Any) -> dict[int, Interpretation | None]:
    reader = _Reader()
    config = settings(readings=_SETTINGS, with_greeks=False, **changed)
    result = run_backtest(config, history, [reader], DESCRIPTION, fields=_field if fields else None)
    assert not result.stopped
    return reader.seen


def _state(found: Interpretation | None, axis: Axis) -> str:
    assert found is not None
    return next(each.state for each in found.regimes if each.axis is axis)


def _told(found: Interpretation | None) -> str:
    """Return readings as text, in which a missing number equals itself."""
    return repr(found)


def test_a_recording_says_what_a_shard_would_have_said() -> None:
    """The same states and signals at each chain, sessions and their quintiles included."""
    history = _history()
    seen = _seen(history, triggers=(OnChains(),))
    shard, context = SymbolState(_SETTINGS), MarketContext(_SETTINGS.context)
    context.on_context([*history.bars, *history.series])
    for place, ts_ns in enumerate(_Chains().available_ns.tolist()):
        shard.on_market(context.inputs("SPX", ts_ns))
        shard.on_chain(_chain(place))
        live, found = shard.field().live, seen[ts_ns]
        assert found is not None
        for one, other in zip(found.regimes, live.regimes, strict=True):
            assert (one.axis, one.state) == (other.axis, other.state)
            assert repr((one.margin, one.inputs)) == repr((other.margin, other.inputs))
        assert repr(found.signals) == repr(live.signals)
        assert repr(found.implied_vol_rank) == repr(live.implied_vol_rank)


def test_ended_sessions_give_gamma_its_quintiles() -> None:
    """Unknown until enough sessions have ended, and never the open one."""
    seen = list(_seen(_history(), triggers=(OnChains(),)).values())
    states = [_state(each, Axis.GEX) for each in seen]
    assert len(states) == 2 * len(_SESSIONS)
    assert states[:10] == [GexEnvironment.UNKNOWN] * 10
    assert all(state != GexEnvironment.UNKNOWN for state in states[10:])
    last = seen[-1]
    assert last is not None
    assert last.implied_vol_rank.n_days == len(_SESSIONS) - 1


def test_market_and_term_structure_need_no_chain() -> None:
    """Indices and daily bars are enough; what needs a field is missing and says so."""
    found = list(_seen(_history(with_chains=False), triggers=(OnBars(),)).values())
    assert _state(found[0], Axis.MARKET) == Market.UNKNOWN  # no average of 200 days yet
    last = found[-1]
    assert last is not None
    assert _state(last, Axis.MARKET) not in {Market.UNKNOWN, Market.CRASH}
    assert _state(last, Axis.TERM_STRUCTURE) != TermStructure.UNKNOWN
    missing = {each.axis: each.reason for each in last.regimes if each.state == "UNKNOWN"}
    assert missing[Axis.FEEDBACK] == "missing: feedback_x"
    assert all(each.direction == 0 and each.reason for each in last.signals)


def test_without_a_source_of_fields_the_market_is_read_at_the_chains() -> None:
    """The price of the chain stands in for that of the field."""
    last = list(_seen(_history(), fields=False, triggers=(OnChains(),)).values())[-1]
    assert _state(last, Axis.MARKET) != Market.UNKNOWN
    assert _state(last, Axis.GEX) == GexEnvironment.UNKNOWN


def test_who_asks_and_when_changes_nothing() -> None:
    """One that asks once at the end finds what one that asks always finds."""
    for with_chains in (True, False):
        history = _history(with_chains=with_chains)
        often = _seen(history, triggers=(OnBars(), OnChains()))
        late_ns = max(often)
        once = _seen(history, triggers=(OnBars(), OnChains()), start_ns=late_ns)
        assert list(once) == [late_ns]
        assert _told(once[late_ns]) == _told(often[late_ns])


def test_runs_with_a_memory_read_what_they_read_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later days first, then all, then the first: each is told the same, and nothing is read twice."""
    read: list[str] = []
    whole = _seen(history := _history())
    instants = sorted(whole)
    middle_ns = instants[len(instants) // 2]
    advance = Interpreter.read

    def count(self: Interpreter, *given: Any) -> Interpretation:
        read.append(given[0].cause_id)
        return advance(self, *given)

    monkeypatch.setattr(Interpreter, "read", count)
    memory = ReadingsMemory()
    for first_ns, last_ns in ((middle_ns, 0), (0, 0), (0, middle_ns)):
        reader, config = _Reader(), settings(readings=_SETTINGS, start_ns=first_ns, end_ns=last_ns)
        assert not run_backtest(config, history, [reader], DESCRIPTION, fields=_field, readings=memory).stopped
        assert reader.seen
        assert all(_told(found) == _told(whole[ts_ns]) for ts_ns, found in reader.seen.items())
    assert len(read) == len(set(read)) == len(_SESSIONS) * 2


def test_a_memory_tells_settings_apart_and_may_have_no_room() -> None:
    """Other settings read other states; a memory without room changes nothing."""
    history, other = _history(), replace(_SETTINGS, regime=RegimeConfig(gex_min_days=9, gex_days=20))
    memory = ReadingsMemory()
    for readings, kept in ((_SETTINGS, memory), (other, memory), (_SETTINGS, ReadingsMemory(most=0))):
        with_memory, without = _Reader(), _Reader()
        config = settings(readings=readings)
        run_backtest(config, history, [with_memory], DESCRIPTION, fields=_field, readings=kept)
        run_backtest(config, history, [without], DESCRIPTION, fields=_field)
        assert _told_all(with_memory) == _told_all(without)
    assert _told_all(with_memory) != _told_all(_read_with(other, history))


def test_a_reading_that_failed_is_read_anew() -> None:
    """Nobody goes on from a past that broke off half-way."""
    history, memory, reader = _history(), ReadingsMemory(), _Reader()

    def fail(chain: OptionChain) -> FieldSnapshot:
        raise DataError("no field", found=chain.cause_id, expected="one")

    config = settings(readings=_SETTINGS)
    assert run_backtest(config, history, [_Reader()], DESCRIPTION, fields=fail, readings=memory).stopped
    assert not run_backtest(config, history, [reader], DESCRIPTION, fields=_field, readings=memory).stopped
    assert _told_all(reader) == _told_all(_read_with(_SETTINGS, history))


def _read_with(readings: LiveConfig, history: History) -> _Reader:
    reader = _Reader()
    run_backtest(settings(readings=readings), history, [reader], DESCRIPTION, fields=_field)
    return reader


def _told_all(reader: _Reader) -> dict[int, str]:
    return {ts_ns: _told(found) for ts_ns, found in reader.seen.items()}


def test_nothing_of_the_future_shows() -> None:
    """Cut or spoiled after an instant, or in another order of rows, a recording reads the same until then."""
    generator = np.random.default_rng(3)
    for with_chains in (True, False):
        history = _history(with_chains=with_chains)
        whole = _seen(history)
        for instant_ns in (sorted(whole)[-30], sorted(whole)[-8]):
            rewritten = (cut(history, instant_ns), spoiled(history, instant_ns, generator))
            for other in (*rewritten, reordered(history, generator)):
                found = _seen(other)
                for ts_ns in [each for each in whole if each <= instant_ns]:
                    assert _told(found[ts_ns]) == _told(whole[ts_ns])


def test_no_field_is_computed_for_who_does_not_ask_or_asks_for_none() -> None:
    """The axes of other markets are the same with a field and without."""

    def refuse(chain: OptionChain) -> FieldSnapshot | None:
        raise AssertionError(chain.cause_id)

    reader, config = _Reader(with_field=False), settings(with_greeks=False, readings=_SETTINGS)
    for strategy in (Noop(), reader):
        assert not run_backtest(config, _history(), [strategy], DESCRIPTION, fields=refuse).stopped
    for ts_ns, found in _seen(_history()).items():
        for axis in (Axis.MARKET, Axis.TERM_STRUCTURE):
            assert found is None or _state(reader.seen[ts_ns], axis) == _state(found, axis)


def _forecast(ts_ns: int, bull: float) -> Forecast:
    return Forecast(
        symbol="SYN",
        ts_event_ns=ts_ns,
        cause_id="m",
        model="m:1",
        horizon_ns=2 * MINUTE_NS,
        prob_bull=bull,
        prob_bear=1.0 - bull,
        prob_neutral=0.0,
    )


def test_answers_show_from_when_they_were_given_until_their_horizon_has_passed() -> None:
    """A forecast is known when it is told, not when its inputs were; a policy stays until it speaks again."""
    batch = bars([10.0] * 6)
    ends = batch.end_ns
    told = ModelAnswers(name="f", available_ns=ends[[1]], answers=(_forecast(int(ends[0]), 0.7),))
    policy = PolicyReading(
        symbol="SYN", ts_event_ns=int(ends[2]), cause_id="p", model="p:1", probabilities=(0.1, 0.6, 0.2, 0.1)
    )
    spoke = ModelAnswers(name="p", available_ns=ends[[3]], answers=(policy,))
    seen: list[tuple[float, PolicyAction | None]] = []

    def look(view: View) -> Decision:
        forecast, reading = view.forecast("SYN"), view.policy("SYN")
        seen.append((forecast.prob_bull if forecast else nan, reading.action if reading else None))
        return HOLD

    run(of_bars(batch, answers=(told, spoke)), Scripted([look] * 6))
    assert [action for _, action in seen] == [None] * 3 + [PolicyAction.BUY_CALL] * 3
    assert [isnan(bull) for bull, _ in seen] == [True, False, True, True, True, True]


def test_an_answer_that_is_known_before_its_inputs_is_refused() -> None:
    """Nobody answers before the question."""
    with pytest.raises(DataError, match="known before its own inputs"):
        ModelAnswers(name="f", available_ns=np.array([9], dtype=np.int64), answers=(_forecast(10, 0.5),))
