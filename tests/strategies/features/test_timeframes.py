"""Higher timeframes: a value of an hour shows once the hour has closed, whatever is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pytest

from market.calendars import sessions_between
from market.chains import FloatArray
from market.errors import ConfigError
from strategies.features import AtTimeframe, LogReturn, VolumeRatio, column_of, stream_of
from strategies.features.feature import bars_of, cut
from strategies.features.timeframes import resampled
from strategies.views import BarWindow
from tests.strategies.features.scenes import MINUTE_NS, TORN, WHOLE, flat, minutes, walk

_FRAMES = ("5m", "15m", "1h", "2h", "1d", "1w")


@dataclass(frozen=True)
class _End:
    """A canary: the end of the newest bar, minutes since the epoch."""

    name: str = "end"
    symbol: str = "SYN"
    lookback: int = 1

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the ends."""
        return (bars.end_ns // MINUTE_NS).astype(np.float64)


@pytest.mark.parametrize("bars", [WHOLE, TORN], ids=["whole", "torn"])
@pytest.mark.parametrize("timeframe", _FRAMES)
def test_a_higher_bar_shows_only_after_its_end(timeframe: str, bars: BarWindow) -> None:
    """At every minute the newest known bar has ended; with all minutes there it shows at its end."""
    shown = AtTimeframe(feature=_End(), timeframe=timeframe).column(bars)
    assert (shown[np.isfinite(shown)] <= (bars.end_ns // MINUTE_NS)[np.isfinite(shown)]).all()
    changes = np.flatnonzero(np.diff(shown, prepend=np.nan) != 0.0)
    changes = changes[np.isfinite(shown[changes])]
    assert changes.size > 1
    if bars is WHOLE:
        assert np.array_equal(shown[changes], bars.end_ns[changes] // MINUTE_NS)


@pytest.mark.parametrize("timeframe", _FRAMES)
def test_a_higher_bar_is_made_of_its_minutes_alone(timeframe: str) -> None:
    """First open, highest high, lowest low, last close and all volume of the minutes within."""
    higher, closed = resampled(WHOLE, timeframe, "NYSE")
    for place in range(0, closed.size, max(1, closed.size // 50)):
        rows = (WHOLE.start_ns >= higher.start_ns[place]) & (WHOLE.end_ns <= higher.end_ns[place])
        rows &= np.isin(WHOLE.end_ns, _regular())
        inside = {name: getattr(WHOLE, name)[rows] for name in ("open", "high", "low", "close", "volume")}
        assert (higher.open[place], higher.close[place]) == (inside["open"][0], inside["close"][-1])
        assert (higher.high[place], higher.low[place]) == (inside["high"].max(), inside["low"].min())
        assert higher.volume[place] == pytest.approx(inside["volume"].sum())
        assert WHOLE.end_ns[closed[place]] == higher.end_ns[place]


def _regular() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return minutes(date(2023, 10, 20), date(2024, 1, 10), before=0, after=0)


def test_an_early_close_ends_hour_day_and_week() -> None:
    """On 24 November 2023 New York's shares closed at 13:00, a Friday."""
    (session,) = sessions_between("NYSE", date(2023, 11, 24), date(2023, 11, 24))
    assert datetime.fromtimestamp(session.close_ns / 1e9, UTC).hour == 18
    for timeframe in ("1h", "1d", "1w"):
        higher, closed = resampled(WHOLE, timeframe, "NYSE")
        place = int(np.flatnonzero(higher.end_ns == session.close_ns)[0])
        assert WHOLE.end_ns[closed[place]] == session.close_ns
    hours, _ = resampled(WHOLE, "1h", "NYSE")
    of_day = (hours.end_ns > session.open_ns) & (hours.end_ns <= session.close_ns)
    assert ((hours.end_ns - hours.start_ns)[of_day] // MINUTE_NS).tolist() == [60, 60, 60, 30]


def test_a_hole_delays_a_close_and_never_hastens_one() -> None:
    """Without the last minutes of an hour it closes with the next minute that comes; an hour without any is none."""
    end = minutes(date(2024, 1, 3), date(2024, 1, 3), before=0, after=0)
    bars = walk(end)
    kept = np.concatenate((np.arange(55), np.arange(180, 390)))  # 9:30 to 10:25, and from 12:30 on
    torn = BarWindow(**{name: getattr(bars, name)[kept] for name in BarWindow.__dataclass_fields__})
    shown = AtTimeframe(feature=_End(), timeframe="1h").column(torn)
    assert np.isnan(shown[:55]).all()
    first = int(bars.start_ns[0]) // MINUTE_NS
    assert shown[55] == first + 60  # at 12:31 the hour until 10:30 is known
    assert set(shown[55:].tolist()) == {first + 60, first + 240, first + 300, first + 360, first + 390}
    higher, _ = resampled(torn, "1h", "NYSE")
    assert higher.close[0] == torn.close[54]


def test_the_bar_in_which_a_history_begins_is_left_out() -> None:
    """An hour of which twenty minutes were seen is no hour."""
    end = minutes(date(2024, 1, 3), date(2024, 1, 4), before=0, after=0)
    whole, begun = (resampled(walk(end[start:]), "1h", "NYSE")[0] for start in (0, 40))
    assert begun.end_ns.tolist() == whole.end_ns[1:].tolist()


def test_a_missing_volume_makes_that_of_the_hour_missing() -> None:
    """A part of a sum is another number."""
    volume = WHOLE.volume.copy()
    volume[100] = -1.0
    higher, _ = resampled(
        BarWindow(
            **{name: getattr(WHOLE, name) for name in BarWindow.__dataclass_fields__ if name != "volume"}, volume=volume
        ),
        "1h",
        "NYSE",
    )
    assert np.isnan(higher.volume).sum() == 1


def test_coins_have_days_of_utc() -> None:
    """The calendar that never closes: a day ends at midnight, on any weekday."""
    start = int(datetime(2024, 1, 6, tzinfo=UTC).timestamp()) * 10**9
    end = start + 60 * MINUTE_NS * np.arange(1, 24 * 3 + 1, dtype=np.int64)
    hours = walk(end)
    bars = BarWindow(
        start_ns=end - 60 * MINUTE_NS,
        **{name: getattr(hours, name) for name in BarWindow.__dataclass_fields__ if name != "start_ns"},
    )
    daily, closed = resampled(bars, "1d", "24/7")
    assert closed.tolist() == [23, 47, 71]
    feature = AtTimeframe(feature=LogReturn(name="r", symbol="S", n_bars=1), timeframe="1d", calendar="24/7")
    assert column_of(feature, bars)[-1] == pytest.approx(np.log(daily.close[2] / daily.close[1]))


def test_bars_cannot_be_cut_finer_and_no_timeframe_is_guessed() -> None:
    """Both are errors of the configuration, told before a number is."""
    feature = LogReturn(name="r", symbol="S", n_bars=1)
    with pytest.raises(ConfigError, match="no such timeframe"):
        AtTimeframe(feature=feature, timeframe="1 hour")
    day = cut(WHOLE, 60, 450)
    hours, _ = resampled(day, "1h", "NYSE")
    finer = AtTimeframe(feature=feature, timeframe="5m")
    with pytest.raises(ConfigError, match="cut into finer"):
        finer.column(hours)
    stream = stream_of(finer)
    with pytest.raises(ConfigError, match="cut into finer"):
        stream.update(bars_of(hours)[0])


def test_a_feature_at_a_timeframe_is_called_as_the_one_within() -> None:
    """Strategies ask by one name; without any closed bar there is no value."""
    feature = AtTimeframe(feature=VolumeRatio(name="v", symbol="SYN"), timeframe="1h")
    assert (feature.name, feature.symbol) == ("v", "SYN")
    assert np.isnan(feature.column(flat(5))).all()
