"""What other markets, calendars and the news say to a symbol: messages in, inputs as known at an instant out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Final, final

import numpy as np

from fields.live.announcements import NO_EVENTS, EventTimes, NewsTimes, joined
from fields.live.bar_reading import BarReading, TrendReading, read_bars, read_trend, spans_session
from fields.live.context_config import INDEX_INPUTS, MOST_DAILY_BARS, ContextConfig
from fields.live.findings import NOTHING_TOLD, Findings, inputs_without, stale
from fields.live.histories import NO_BARS, NO_ROWS, History, Known, bar_rows, funding_rows, series_rows
from fields.live.market import CrossReading, MarketInputs
from market.bars import BarBatch
from market.funding import FundingBatch
from market.news import NewsBatch
from market.ports import ContextMessage
from market.series import EventBatch, EventKind, SeriesBatch, SeriesUnit

__all__ = ["ContextCheckpoint", "MarketContext"]

_NS_PER_S: Final = 1e9
_MINUTE_NS: Final = 60_000_000_000
_DAY_NS: Final = 86_400_000_000_000
_MOST: Final = {"daily": MOST_DAILY_BARS, "intraday": 256, "series": 512, "funding": 256}
_MOST_NAMES: Final = 4_096  # of each kind: so many symbols of daily bars are 90 MB
_MOST_EVENTS: Final = 16_384
_MOST_ARTICLES: Final = 4_096
_NEWS: Final = ("news_24h", "minutes_since_news", "market_news_24h", "market_minutes_since_news")
_LOST: Final = inputs_without("what was told of other markets was lost on its way")
_UNITS: Final = {
    name: SeriesUnit.FRACTION_PER_YEAR if name == "rate" else SeriesUnit.INDEX_POINTS for name in INDEX_INPUTS
}
_EventViews = dict[EventKind, dict[str, EventTimes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCheckpoint:
    """What a `MarketContext` needs to go on as if it had never stopped.

    Parameters
    ----------
    histories : mapping of str to mapping of str to History
        ``daily``, ``intraday``, ``series`` and ``funding``, each by name.
    events : EventBatch or None
        Announced events.
    news : NewsBatch or None
        Articles.
    simulated : bool
        Whether anything told was simulated.
    refused : mapping of str to str
        Why the messages of a name were not taken.
    lost : int
        Messages lost on their way.
    """

    histories: Mapping[str, Mapping[str, History]] = field(default_factory=dict)
    events: EventBatch | None = None
    news: NewsBatch | None = None
    simulated: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    lost: int = 0


@final
class MarketContext:
    """What is known beside the options, for all symbols of a shard; one writer, bounded memory, no clock of its own.

    Parameters
    ----------
    config : ContextConfig
        What feeds which input, and how old it may be.
    saved : ContextCheckpoint, optional
        To go on from.
    keeps_all : bool, optional
        Whether older rows are kept beyond the bound of memory, for a recording that is told at once and read at its
        instants one after the other. What is read is the same: the newest rows known by then, as many as the bound.
    """

    def __init__(
        self, config: ContextConfig, saved: ContextCheckpoint | None = None, *, keeps_all: bool = False
    ) -> None:
        saved = saved or ContextCheckpoint()
        self._config, self._keeps_all = config, keeps_all
        self._rows = {kind: dict(saved.histories.get(kind, {})) for kind in _MOST}
        self._events, self._news, self._simulated = saved.events, saved.news, saved.simulated
        self._refused, self._lost = dict(saved.refused), saved.lost
        self._units = {series: _UNITS[name] for name, series in config.series.items()}
        self._bar_views: dict[tuple[str, bool], Known[BarReading]] = {}
        self._trend_views: dict[tuple[str, bool], Known[TrendReading]] = {}
        self._row_views: dict[tuple[str, str], Known[History]] = {}
        self._event_views: Known[_EventViews] | None = None
        self._news_views: Known[NewsTimes] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been told yet."""
        return self._events is None and self._news is None and not any(self._rows.values())

    def checkpoint(self) -> ContextCheckpoint:
        """Return what a restart needs."""
        return ContextCheckpoint(
            histories={kind: dict(rows) for kind, rows in self._rows.items()},
            events=self._events,
            news=self._news,
            simulated=self._simulated,
            refused=dict(self._refused),
            lost=self._lost,
        )

    def after_loss(self, messages: int) -> MarketContext:
        """Return a context that knows nothing, because messages were lost: a hole must not pass for knowledge.

        Parameters
        ----------
        messages : int
            How many.

        Returns
        -------
        MarketContext
            It says so until it is told again.
        """
        return MarketContext(self._config, ContextCheckpoint(lost=self._lost + messages, simulated=self._simulated))

    def on_context(self, messages: Iterable[ContextMessage]) -> None:
        """Take messages; a row that is told twice changes nothing, and their order does not matter.

        Parameters
        ----------
        messages : iterable of ContextMessage
            Bars, funding, series, events and news.
        """
        for message in messages:
            self._simulated |= message.provenance.simulated
            if isinstance(message, BarBatch):
                self._take_bars(message)
            elif isinstance(message, FundingBatch):
                self._take("funding", message.symbol, funding_rows(message))
            elif isinstance(message, SeriesBatch):
                self._take_series(message)
            elif isinstance(message, EventBatch):
                self._events, self._event_views = joined(self._events, message, _MOST_EVENTS), None
            else:
                self._news, self._news_views = joined(self._news, message, _MOST_ARTICLES), None

    def _take_bars(self, message: BarBatch) -> None:
        rows = bar_rows(message)
        is_daily = spans_session(rows)
        for kind, chosen in (("daily", is_daily), ("intraday", ~is_daily)):
            if chosen.any():
                self._take(kind, message.symbol, rows.rows(np.flatnonzero(chosen)))

    def _take_series(self, message: SeriesBatch) -> None:
        unit = self._units.get(message.series, message.unit)
        if message.unit is unit:
            self._take("series", message.series, series_rows(message))
        else:
            self._refuse(message.series, f"{message.series} is told in {message.unit.value}, not in {unit.value}")

    def _take(self, kind: str, name: str, rows: History) -> None:
        held = self._rows[kind]
        if name not in held and len(held) >= _MOST_NAMES:
            self._refuse(name, f"more than {_MOST_NAMES} names are told")
            return
        held[name] = held.get(name, NO_ROWS).joined(rows, None if self._keeps_all else _MOST[kind])
        for is_coin in (False, True):
            self._bar_views.pop((name, is_coin), None)
            if kind == "daily":
                self._trend_views.pop((name, is_coin), None)
        self._row_views.pop((kind, name), None)

    def _refuse(self, name: str, why: str) -> None:
        if len(self._refused) < _MOST_NAMES:
            self._refused[name] = why

    def inputs(self, symbol: str, now_ns: int) -> MarketInputs:
        """Return the inputs of a symbol at an instant; what became known later is not in them.

        Parameters
        ----------
        symbol : str
            Underlying.
        now_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        MarketInputs
            Every missing number has its reason.
        """
        if self.is_empty:
            return _LOST if self._lost else NOTHING_TOLD
        found = Findings(now_ns)
        for name in INDEX_INPUTS:
            self._read_index(name, found)
        self._read_bars(symbol, found)
        self._read_funding(symbol, found)
        self._read_events(symbol, found)
        self._read_news(symbol, found)
        return found.inputs(
            cross=tuple(self._cross(other, now_ns) for other in self._config.cross), simulated=self._simulated
        )

    def _read_index(self, name: str, found: Findings) -> None:
        series = self._config.series.get(name)
        if series is None:
            found.miss((name,), "no series is set for it")
            return
        rows = self._known("series", series, found.now_ns)
        event_ns, value = (int(rows.event_ns[-1]), float(rows.values[-1, 0])) if rows.n_rows else (-1, nan)
        bars = self._bars(series, series, found.now_ns)
        if name != "rate" and bars.close_ns > event_ns:
            event_ns, value = bars.close_ns, bars.close
        oldest_ns = self._config.rate_age_ns if name == "rate" else self._config.index_age_ns
        found.put(name, value, event_ns, oldest_ns, self._why_not(series))

    def _why_not(self, name: str) -> str:
        return self._refused.get(name, f"nothing of {name} was known by then")

    def _read_bars(self, symbol: str, found: Findings) -> None:
        config, name = self._config, self._bars_of(symbol, found.now_ns)
        trend, bars = self._trend(symbol, name, found.now_ns), self._bars(symbol, name, found.now_ns)
        for item in ("adx", "sma"):
            found.put(item, getattr(trend, item), trend.end_ns, config.daily_bar_age_ns, trend.reasons.get(item, ""))
        why = bars.reasons.get("realised_vol", "")
        found.put("realised_vol", bars.realised_vol, bars.intraday_ns, config.intraday_bar_age_ns, why)

    def _cross(self, symbol: str, now_ns: int) -> CrossReading:
        bars, age_ns = self._bars(symbol, self._bars_of(symbol, now_ns), now_ns), self._config.daily_bar_age_ns
        if bars.close_ns < 0 or now_ns - bars.close_ns > age_ns:
            why = stale(age_ns) if bars.close_ns >= 0 else "no bar was known by then"
            return CrossReading(symbol=symbol, close=nan, log_return=nan, age_s=nan, reason=why)
        return CrossReading(
            symbol=symbol,
            close=bars.close,
            log_return=bars.log_return,
            age_s=(now_ns - bars.close_ns) / _NS_PER_S,
            reason=bars.reasons.get("log_return", ""),
        )

    def _read_funding(self, symbol: str, found: Findings) -> None:
        perpetual = self._config.perpetuals.get(symbol)
        names = ("funding_rate", "funding_interval_h")
        if perpetual is None:
            found.miss(names, "no perpetual is set for it")
            return
        rows = self._known("funding", perpetual, found.now_ns)
        event_ns = int(rows.event_ns[-1]) if rows.n_rows else -1
        for place, name in enumerate(names):
            value = float(rows.values[-1, place]) if rows.n_rows else nan
            found.put(name, value, event_ns, self._config.funding_age_ns, self._why_not(perpetual))

    def _read_events(self, symbol: str, found: Findings) -> None:
        by_kind = self._events_known(found.now_ns)
        config = self._config
        for name, kind, age_ns in (
            ("fomc", EventKind.FOMC, config.fomc_age_ns),
            ("release", EventKind.ECONOMIC, config.release_age_ns),
        ):
            times = by_kind.get(kind, {}).get("", NO_EVENTS)
            found.put_ahead(f"minutes_to_{name}", times.next_after(found.now_ns), _MINUTE_NS)
            found.put_since(f"minutes_since_{name}", times.last_by(found.now_ns), age_ns, "no such event has come")
        ahead = by_kind.get(EventKind.EARNINGS, {}).get(symbol, NO_EVENTS)
        found.put_ahead("days_to_earnings", ahead.next_after(found.now_ns), _DAY_NS)

    def _read_news(self, symbol: str, found: Findings) -> None:
        told = self._news_known(found.now_ns)
        _, newest_ns = (0, None) if told is None else told.read("", found.now_ns, _DAY_NS)
        if told is None or newest_ns is None or found.now_ns - newest_ns > self._config.news_age_ns:
            why = "no news were told" if newest_ns is None else stale(self._config.news_age_ns)
            found.miss(_NEWS, why)
            return
        for prefix, name in (("", symbol), ("market_", "")):
            count, last_ns = told.read(name, found.now_ns, _DAY_NS)
            found.put_count(f"{prefix}news_24h", count)
            found.put_since(f"{prefix}minutes_since_news", last_ns, self._config.news_age_ns, "no article about it")

    def _known(self, kind: str, name: str, now_ns: int) -> History:
        view = self._row_views.get((kind, name))
        if view is None:
            rows = self._rows[kind].get(name, NO_ROWS)
            view = self._row_views[kind, name] = Known(rows.known_ns, rows.by_instant(_MOST[kind]))
        return view.at(now_ns)

    def _bars_of(self, symbol: str, now_ns: int) -> str:
        """Return whose bars are those of a symbol: a coin has those of its perpetual where none bear its own name."""
        name, perpetual = self._config.bars.get(symbol, symbol), self._config.perpetuals.get(symbol)
        if perpetual is None or symbol in self._config.bars or self._bars(symbol, name, now_ns).close_ns >= 0:
            return name
        return perpetual

    def _bars(self, symbol: str, name: str, now_ns: int) -> BarReading:
        is_coin = symbol in self._config.perpetuals
        view = self._bar_views.get((name, is_coin))
        if view is None:
            held = {kind: self._rows[kind].get(name, NO_BARS) for kind in ("daily", "intraday")}
            daily, intraday = (rows.by_instant(_MOST[kind]) for kind, rows in held.items())
            view = self._bar_views[name, is_coin] = Known(
                np.concatenate([rows.known_ns for rows in held.values()]),
                lambda at_ns: read_bars(daily(at_ns), intraday(at_ns), self._config, is_coin=is_coin),
            )
        return view.at(now_ns)

    def _trend(self, symbol: str, name: str, now_ns: int) -> TrendReading:
        is_coin = symbol in self._config.perpetuals
        view = self._trend_views.get((name, is_coin))
        if view is None:
            rows = self._rows["daily"].get(name, NO_BARS)
            daily = rows.by_instant(_MOST["daily"])
            view = self._trend_views[name, is_coin] = Known(
                rows.known_ns, lambda at_ns: read_trend(daily(at_ns), self._config, is_coin=is_coin)
            )
        return view.at(now_ns)

    def _events_known(self, now_ns: int) -> _EventViews:
        events = self._events
        if events is None:
            return {}
        if self._event_views is None:
            self._event_views = Known(events.available_ns, lambda at_ns: _by_kind(events.known_at(at_ns)))
        return self._event_views.at(now_ns)

    def _news_known(self, now_ns: int) -> NewsTimes | None:
        news = self._news
        if news is None:
            return None
        if self._news_views is None:
            self._news_views = Known(news.available_ns, lambda at_ns: NewsTimes(news.known_at(at_ns)))
        return self._news_views.at(now_ns)


def _by_kind(known: EventBatch) -> _EventViews:
    return {kind: EventTimes.of(known, kind) for kind in EventKind}
