"""Laws of what other markets say: nothing from the future, no order, no second telling, no forgetting but by age."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.codec import decode, encode
from fields.indicators import average_close, directional_index
from fields.live.context import ContextCheckpoint, MarketContext
from fields.live.context_config import INDEX_INPUTS, ContextConfig
from fields.live.market import MarketInputs
from market.errors import ConfigError
from market.news import NewsBatch
from market.ports import ContextMessage
from market.series import EventBatch, EventKind, SeriesBatch, SeriesUnit
from tests.fields.live.context_samples import (
    DAY_NS,
    HOUR_NS,
    REAL,
    START_NS,
    announced,
    articles,
    bar_batch,
    everything,
    funding,
    points,
)

_CONFIG = ContextConfig(sma_bars=20, cross=("TLT", "BTC"))
_SYMBOLS = ("SPY", "BTC")


def _context(messages: list[ContextMessage], config: ContextConfig = _CONFIG) -> MarketContext:
    context = MarketContext(config)
    context.on_context(messages)
    return context


def _answers(context: MarketContext, *instants: int) -> list[bytes]:
    return [encode(context.inputs(symbol, at)) for symbol in _SYMBOLS for at in instants]


def _truncated(message: ContextMessage, at_ns: int) -> ContextMessage:
    """Return what of a message was known at an instant, by the message's own rule where it has one."""
    if isinstance(message, SeriesBatch):
        rows = np.flatnonzero(message.available_ns <= at_ns)
        event, known, value = message.event_ns[rows], message.available_ns[rows], message.value[rows]
        return replace(message, event_ns=event, available_ns=known, value=value)
    if isinstance(message, EventBatch | NewsBatch):
        return message.known_at(at_ns)
    moments = message.end_ns if hasattr(message, "end_ns") else message.ts_ns
    rows = np.flatnonzero(moments <= at_ns)
    columns = {
        name: getattr(message, name)[rows]
        for name in message.__dataclass_fields__
        if isinstance(getattr(message, name), np.ndarray)
    }
    return replace(message, **columns)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 8 * 24), st.integers(0, 3))
def test_the_future_never_changes_a_past_answer(hours: int, seed: int) -> None:
    """What was told later, or was known later, is not in the inputs of an instant as far back as memory reaches."""
    at_ns, messages = START_NS + hours * HOUR_NS, everything(8, seed=seed)
    past = [_truncated(message, at_ns) for message in messages]
    assert _answers(_context(messages), at_ns) == _answers(_context(past), at_ns)


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 30))
def test_the_order_of_arrival_does_not_matter_nor_a_second_telling(order: st.DataObject, repeated: int) -> None:
    """The same messages shuffled, with some told twice, give the same inputs at each instant."""
    messages = everything()
    shuffled = [*messages, *messages[:repeated]]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    instants = [START_NS + day * DAY_NS + HOUR_NS for day in (0, 13, 39)]
    assert _answers(_context(shuffled), *instants) == _answers(_context(messages), *instants)


@pytest.mark.parametrize("cut", [0, 100, 359])
def test_a_restart_goes_on_as_if_it_had_never_stopped(cut: int) -> None:
    """A checkpoint through its bytes, then the rest: the same inputs as without the cut."""
    messages = everything()
    first = _context(messages[:cut])
    saved = decode(ContextCheckpoint, encode(first.checkpoint()))
    second = MarketContext(_CONFIG, saved)
    second.on_context(messages[cut:])
    instants = [START_NS + day * DAY_NS + 2 * HOUR_NS for day in (5, 39)]
    assert _answers(second, *instants) == _answers(_context(messages), *instants)


def test_a_revision_counts_from_its_own_instant() -> None:
    """Before it the first value stands, after it the revised one; a newer event counts before that."""
    context = _context([points("VIX", [(10, 20, 15.0), (10, 40, 16.0), (30, 35, 17.0)])])
    found = [context.inputs("SPY", at) for at in (19, 20, 34, 35, 40)]
    assert isnan(found[0].vix)
    assert found[0].reasons["vix"] == "nothing of VIX was known by then"
    assert [inputs.vix for inputs in found[1:]] == [15.0, 15.0, 17.0, 17.0]
    assert found[4].ages_s["vix"] == pytest.approx(10e-9)


def test_each_value_goes_stale_at_its_own_age() -> None:
    """At its longest age a value stands; one nanosecond later it is missing and says so."""
    context = _context(
        [
            points("VIX", [(START_NS, START_NS, 15.0)]),
            points("DFF", [(START_NS, START_NS, 0.05)], SeriesUnit.FRACTION_PER_YEAR),
            funding("BTC/USDT:USDT", [(START_NS, 1e-4)]),
            bar_batch("TLT", [START_NS - DAY_NS, START_NS], [90.0, 91.0]),
            announced([("f", EventKind.FOMC, "", START_NS, START_NS)]),
            articles([("n", ("BTC",), START_NS, START_NS)]),
        ]
    )
    ages = {
        "vix": _CONFIG.index_age_ns,
        "rate": _CONFIG.rate_age_ns,
        "funding_rate": _CONFIG.funding_age_ns,
        "minutes_since_fomc": _CONFIG.fomc_age_ns,
        "minutes_since_news": _CONFIG.news_age_ns,
        "market_news_24h": _CONFIG.news_age_ns,
    }
    for name, age_ns in ages.items():
        fresh, old = (context.inputs("BTC", START_NS + age_ns + late) for late in (0, 1))
        assert name in fresh.numbers()
        assert not isnan(fresh.numbers()[name]), name
        assert isnan(old.numbers()[name]), name
        assert "stale" in old.reasons[name], name
    bond, gone = (context.inputs("BTC", START_NS + _CONFIG.daily_bar_age_ns + late).cross[0] for late in (0, 1))
    assert bond.log_return == pytest.approx(log(91.0 / 90.0))
    assert (isnan(gone.close), gone.reason) == (True, "stale: older than 120 h")


def test_every_missing_number_has_a_reason() -> None:
    """With nothing told, with all told and with a name that nobody knows: a number, or why there is none."""
    for context in (MarketContext(_CONFIG), _context(everything())):
        for symbol in ("SPY", "BTC", "XYZ"):
            found = context.inputs(symbol, START_NS + 39 * DAY_NS + 3 * HOUR_NS)
            missing = {name for name, value in found.numbers().items() if isnan(value)}
            assert missing == set(found.reasons)
            assert all(found.reasons.values())
            assert all(reading.reason for reading in found.cross if isnan(reading.log_return))


def test_trend_and_average_come_from_the_daily_bars() -> None:
    """The whole history gives the indicators of its closes; intraday bars of the same symbol change nothing in them."""
    rng = np.random.default_rng(2)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 300)))
    ends = START_NS + np.arange(300) * DAY_NS
    daily = bar_batch("SPX", ends.tolist(), close.tolist())
    short = bar_batch("SPX", [int(ends[-1]) + HOUR_NS], [1.0], HOUR_NS)
    found = _context([daily, short], ContextConfig()).inputs("SPX", int(ends[-1]) + 2 * HOUR_NS)
    assert found.sma == pytest.approx(average_close(close), rel=1e-12)
    assert found.adx == pytest.approx(directional_index(daily.high, daily.low, close), rel=1e-12)
    assert found.ages_s["sma"] == 7200.0


def test_a_split_or_a_hole_begins_the_bars_anew() -> None:
    """Unadjusted closes over a split, or bars over a hole, make no average; a coin may fall as far without one."""
    ends = [START_NS + day * DAY_NS for day in range(30)]
    split = [100.0] * 25 + [50.0] * 5
    apart = [end + (20 * DAY_NS if place > 24 else 0) for place, end in enumerate(ends)]
    context = _context(
        [
            bar_batch("AAPL", ends, split),
            bar_batch("BTC", ends, split),
            bar_batch("SPY", apart, [100.0] * 30),
        ]
    )
    by_split, coin = (context.inputs(symbol, ends[-1]) for symbol in ("AAPL", "BTC"))
    by_hole = context.inputs("SPY", apart[-1])
    assert by_split.reasons["sma"] == "5 daily bars since a jump as at a split, fewer than 20"
    assert by_hole.reasons["adx"] == "5 daily bars since a hole, fewer than 28"
    assert coin.sma == pytest.approx((15 * 100.0 + 5 * 50.0) / 20)


def test_a_coin_without_bars_of_its_own_has_those_of_its_perpetual() -> None:
    """Once a bar of its own name is known, that one counts; settings come before both."""
    swap, own = "BTC/USDT:USDT", bar_batch("BTC", [START_NS + HOUR_NS], [41.0], HOUR_NS)
    messages: list[ContextMessage] = [bar_batch(swap, [START_NS], [40.0], HOUR_NS), own]
    context = _context(messages)
    assert [context.inputs("SPY", START_NS + hours * HOUR_NS).cross[1].close for hours in (0, 1)] == [40.0, 41.0]
    named = _context(messages, ContextConfig(cross=("BTC",), bars={"BTC": swap}))
    assert named.inputs("SPY", START_NS + HOUR_NS).cross[0].close == 40.0


def test_events_count_down_and_up() -> None:
    """An announced meeting lies ahead until it has begun; a meeting that is moved counts where it now lies."""
    day = START_NS + DAY_NS
    context = _context(
        [
            announced(
                [
                    ("m1", EventKind.FOMC, "", day, START_NS),
                    ("e", EventKind.EARNINGS, "SPY", day, START_NS),
                    ("m1", EventKind.FOMC, "", day + HOUR_NS, START_NS + HOUR_NS),
                ]
            )
        ]
    )
    before, moved = context.inputs("SPY", START_NS), context.inputs("SPY", START_NS + HOUR_NS)
    assert (before.minutes_to_fomc, before.days_to_earnings) == (1440.0, 1.0)
    assert moved.minutes_to_fomc == 1440.0
    after = context.inputs("SPY", day + 2 * HOUR_NS)
    assert after.minutes_since_fomc == 60.0
    assert after.reasons["minutes_to_fomc"] == "none is announced"
    assert context.inputs("QQQ", START_NS).reasons["days_to_earnings"] == "none is announced"


def test_news_are_counted_by_article_and_by_symbol() -> None:
    """An update of an article is not a second one; a symbol without one has a count of zero where news are told."""
    now = START_NS + 2 * DAY_NS
    context = _context(
        [
            articles(
                [
                    ("a", ("SPY",), now - 2 * HOUR_NS, now - 2 * HOUR_NS),
                    ("a", ("SPY", "QQQ"), now - 2 * HOUR_NS, now - HOUR_NS),
                    ("b", (), now - HOUR_NS, now - HOUR_NS),
                    ("c", ("SPY",), now - 25 * HOUR_NS, now - 25 * HOUR_NS),
                ]
            )
        ]
    )
    spy, qqq, other = (context.inputs(symbol, now) for symbol in ("SPY", "QQQ", "IWM"))
    assert (spy.news_24h, spy.market_news_24h, spy.minutes_since_news) == (1.0, 2.0, 120.0)
    assert (qqq.news_24h, other.news_24h, other.market_minutes_since_news) == (1.0, 0.0, 60.0)
    assert isnan(other.minutes_since_news)
    assert context.inputs("QQQ", now - HOUR_NS - 1).news_24h == 0.0


def test_an_index_may_come_as_bars_and_the_newer_counts() -> None:
    """A level that streams as bars takes the place of yesterday's close from the series."""
    context = _context(
        [
            points("VIX", [(START_NS, START_NS, 15.0)]),
            bar_batch("VIX", [START_NS + HOUR_NS], [22.0], 60_000_000_000),
        ]
    )
    assert [context.inputs("SPY", START_NS + hours * HOUR_NS).vix for hours in (0, 1)] == [15.0, 22.0]


def test_what_cannot_be_believed_is_missing_with_its_reason() -> None:
    """A rate in the wrong unit is not taken; after a loss nothing is known; simulated context says so."""
    context = _context([points("DFF", [(1, 1, 5.0)])])
    context.on_context([points("VIX", [(1, 1, 15.0)])])
    assert context.inputs("SPY", 2).reasons["rate"] == "DFF is told in index_points, not in fraction_per_year"
    lost = context.after_loss(3)
    assert lost.inputs("SPY", 2).reasons["vix"] == "what was told of other markets was lost on its way"
    marked = replace(points("VIX", [(1, 1, 15.0)]), provenance=replace(REAL, simulated=True))
    assert _context([marked]).inputs("SPY", 2).simulated


def test_memory_is_bounded() -> None:
    """However much is told, so many rows are kept, and the newest are."""
    context = MarketContext(_CONFIG)
    for start in range(0, 5_000, 500):
        rows = [(START_NS + n, START_NS + n, float(n)) for n in range(start, start + 500)]
        context.on_context([points("VIX", rows), articles([(f"{n}", (), n, n) for _, n, _ in rows])])
    saved = context.checkpoint()
    assert saved.histories["series"]["VIX"].n_rows == 512
    assert saved.news is not None
    assert saved.news.n_articles == 4_096
    assert context.inputs("SPY", START_NS + 5_000).vix == 4_999.0


def test_a_told_input_comes_before_a_read_one() -> None:
    """What a user tells stands, without an age; what was not told is read."""
    read = _context(everything()).inputs("SPY", START_NS + 39 * DAY_NS)
    told = read.under(MarketInputs.of({"vix": 99.0, "ltv": 0.4}))
    assert (told.vix, told.ltv, told.sma) == (99.0, 0.4, read.sma)
    assert "vix" not in told.ages_s
    assert "ltv" not in told.reasons


@pytest.mark.parametrize("broken", [{"series": {"vox": "VOX"}}, {"sma_bars": 401}, {"index_age_ns": 0}])
def test_settings_out_of_range_are_refused(broken: dict[str, object]) -> None:
    """An input that does not exist, more bars than are kept, and an age without length are errors."""
    with pytest.raises(ConfigError):
        ContextConfig(**broken)  # type: ignore[arg-type]
    assert "vix" in INDEX_INPUTS


def test_decades_told_at_once_read_as_if_told_row_by_row() -> None:
    """Kept beyond the bound of memory, older rows change no bit of what the newest ones say."""
    messages: list[ContextMessage] = [
        each for each in everything(900, seed=6) if not isinstance(each, EventBatch | NewsBatch)
    ]
    whole, shard = MarketContext(_CONFIG, keeps_all=True), MarketContext(_CONFIG)
    whole.on_context(messages)
    for day in (5, 250, 420, 640, 899):
        at_ns = START_NS + day * DAY_NS
        shard.on_context([_truncated(each, at_ns) for each in messages])
        assert _answers(shard, at_ns) == _answers(whole, at_ns)
    assert _context(messages).inputs("SPY", START_NS + 5 * DAY_NS).sma != whole.inputs("SPY", START_NS + 5 * DAY_NS).sma
