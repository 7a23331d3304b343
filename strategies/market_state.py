"""The market as it is known at one instant: fed by the same messages in a recording and live, read by strategies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite, nan
from typing import Final, Protocol, final

import numpy as np

from fields.live.interpretation import Interpretation
from fields.snapshot import FieldSnapshot
from market.bars import BarBatch
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from market.forecasts import Forecast, PolicyReading
from market.provenance import AsOfSource, Provenance
from market.series import EventBatch, SeriesBatch, SeriesPoint, SeriesUnit, joined_events
from market.trades import UNDERLYING, QuoteBatch, TradeBatch
from strategies.bar_history import BarHistory, bar_name, finest_bars, of_underlying
from strategies.chain_lookup import ChainLookup
from strategies.features import Feature, SeriesDays, SeriesFeature
from strategies.views import BarWindow, ChainView, Quote

__all__ = ["BarQuoter", "FieldSource", "MarketState", "ReadingsSource", "point_at", "quote_at"]

_NO_INSTANTS: Final = np.zeros(0, dtype=np.int64)
_NO_NUMBERS: Final = np.zeros(0)
_NO_BARS: Final = BarHistory("").window(0)
_NO_EVENTS: Final = EventBatch(
    ts_event_ns=0,
    cause_id="",
    provenance=Provenance(source="none", origin="", simulated=False, as_of_source=AsOfSource.RECEIVED),
    event_id=(),
    kind=(),
    symbol=(),
    name=(),
    event_ns=_NO_INSTANTS,
    available_ns=_NO_INSTANTS,
    forecast=_NO_NUMBERS,
    actual=_NO_NUMBERS,
)


class FieldSource(Protocol):
    """Where the field of a chain comes from: computed, or found by the content of the chain."""

    def __call__(self, chain: OptionChain) -> FieldSnapshot | None:
        """Return the field of a chain; None where none can be computed."""


class ReadingsSource(Protocol):
    """Where regimes and signals come from in a recording, which reads its past when it is asked."""

    def __call__(self, symbol: str, now_ns: int, *, with_field: bool) -> Interpretation | None:
        """Return the readings of a symbol as they stood at an instant; None before the first."""


class BarQuoter(Protocol):
    """A named model of executable prices around a print, for data without quotes."""

    def __call__(self, symbol: str, price: float, ts_ns: int) -> Quote:
        """Return the modelled quote around a price."""


@final
class MarketState:
    """What is known of the market; it implements the market's half of `strategies.views.View`.

    Parameters
    ----------
    features : sequence of Feature, optional
        Numbers that strategies ask for by name.
    fields : FieldSource, optional
        Where fields come from; without it there are none.
    bar_quoter : BarQuoter, optional
        Makes quotes of closes for symbols whose data have no quotes; without it they have none.

    Notes
    -----
    Of several widths of bars of a symbol the finest is the symbol's own; each is also known by `bar_name`.
    """

    def __init__(
        self,
        features: Sequence[Feature] = (),
        fields: FieldSource | None = None,
        bar_quoter: BarQuoter | None = None,
    ) -> None:
        self.now_ns = 0
        self._declared = tuple(features)
        self._days, self._day_features = _days_of(features)
        self._fields = fields
        self._bar_quoter = bar_quoter
        self._bars: dict[str, BarHistory] = {}
        self._feature_bars: dict[str, tuple[BarHistory, list[float]]] = {}
        self._quotes: dict[str, Quote] = {}
        self.prices: dict[str, tuple[float, int]] = {}
        """Newest print of each symbol and its instant, ns since the epoch, UTC."""
        self._chains: dict[str, ChainView] = {}
        self._lookup = ChainLookup()
        self._field_of: dict[str, tuple[str, FieldSnapshot | None]] = {}
        self.n_fields = 0
        """Fields that were asked for, one a chain."""
        self.readings_source: ReadingsSource | None = None
        """Where readings of symbols come from that were not told; None where there are none."""
        self._readings: dict[str, Interpretation] = {}
        self._forecasts: dict[str, Forecast] = {}
        self._policies: dict[str, PolicyReading] = {}
        self._series: dict[str, SeriesPoint] = {}
        self._events: EventBatch | None = None
        self._ahead: tuple[int, EventBatch] | None = None
        _require_names(features)

    # -- what comes in ------------------------------------------------------------------------------------------------

    def record_bars(self, batches: Sequence[BarBatch]) -> tuple[BarHistory, ...]:
        """Take whole recordings; the engine raises `BarHistory.n_known` as the bars close.

        Parameters
        ----------
        batches : sequence of BarBatch
            Bars of underlyings themselves, each in order of its ends, one width of one symbol in each.

        Returns
        -------
        tuple of BarHistory
            One per batch, in the same order.
        """
        own = finest_bars(batches)
        made = []
        for batch in batches:
            is_own = own[batch.symbol] is batch
            made.append(self._open_bars(batch, is_own=is_own))
            made[-1].record(batch)
        return tuple(made)

    def on_bars(self, batch: BarBatch) -> None:
        """Take bars that have just closed; rows of options are left to their chains."""
        own = of_underlying(batch)
        history = self._bars.get(bar_name(own))
        if history is None:
            history = self._open_bars(own, is_own=own.symbol not in self._bars)
        history.append(own)
        if own.n_bars:
            self.on_price(own.symbol, float(own.close[-1]), int(own.end_ns[-1]))

    def _open_bars(self, batch: BarBatch, *, is_own: bool) -> BarHistory:
        name = bar_name(batch)
        if name in self._bars:
            raise DataError("two recordings of bars have one symbol and width", found=name, action="join them first")
        keys = {name, batch.symbol} if is_own else {name}
        features = [each for each in self._declared if not isinstance(each, SeriesFeature) and each.symbol in keys]
        history = BarHistory(name, features)
        for key in keys:
            self._bars[key] = history
        for feature in features:
            self._feature_bars[feature.name] = (history, history.feature_column(feature.name))
        return history

    def on_price(self, symbol: str, price: float, ts_ns: int) -> None:
        """Take the newest print of a symbol: a close, a trade or a level; not finite, or older, it tells nothing."""
        if isfinite(price) and ts_ns >= self.price(symbol)[1]:
            self.prices[symbol] = (price, ts_ns)

    def on_quote(self, symbol: str, quote: Quote) -> None:
        """Take the newest quote of a share, perpetual or future."""
        self._quotes[symbol] = quote

    def on_quotes(self, batch: QuoteBatch) -> None:
        """Take the newest quote of the underlying in a batch; those of options are left to their chains."""
        rows = np.flatnonzero(batch.contract == UNDERLYING)
        if rows.size:
            self.on_quote(batch.symbol, quote_at(batch, int(rows[-1])))

    def on_trades(self, batch: TradeBatch) -> None:
        """Take the newest trade of the underlying in a batch."""
        rows = np.flatnonzero(batch.contract == UNDERLYING)
        if rows.size:
            self.on_price(batch.symbol, float(batch.price[rows[-1]]), int(batch.ts_ns[rows[-1]]))

    def on_chain(self, chain: OptionChain, *, is_modelled: bool = False) -> ChainView:
        """Take the newest chain of an underlying.

        Parameters
        ----------
        chain : OptionChain
            Every contract as it stands.
        is_modelled : bool
            True where its bids and asks are a model around mids.

        Returns
        -------
        ChainView
            What `chain` returns from now on.
        """
        return self.on_view(self._lookup.view(chain, is_modelled=is_modelled))

    def on_view(self, view: ChainView) -> ChainView:
        """Take a view of the newest chain of an underlying, and return it."""
        chain = view.chain
        self._chains[chain.symbol] = view
        if isfinite(chain.spot_last):
            self.on_price(chain.symbol, chain.spot_last, chain.spot_ts_ns)
        return view

    def on_readings(self, symbol: str, readings: Interpretation) -> None:
        """Take regimes and signals that were read elsewhere, as by the shard that computes the field."""
        self._readings[symbol] = readings

    def on_forecast(self, forecast: Forecast) -> None:
        """Take the newest forecast of a symbol; one that knows less than the one that stands changes nothing."""
        known = self._forecasts.get(forecast.symbol)
        if known is None or forecast.ts_event_ns >= known.ts_event_ns:
            self._forecasts[forecast.symbol] = forecast

    def on_policy(self, reading: PolicyReading) -> None:
        """Take what a policy says of a symbol; a reading that knows less than the one that stands changes nothing."""
        known = self._policies.get(reading.symbol)
        if known is None or reading.ts_event_ns >= known.ts_event_ns:
            self._policies[reading.symbol] = reading

    def on_split(self, symbol: str, numerator: int, denominator: int) -> None:
        """Divide the newest print of a share that is split, and forget its quote and its chain.

        Parameters
        ----------
        symbol : str
            Share.
        numerator, denominator : int
            New shares for old ones. Closed bars stay as they were traded.
        """
        if symbol in self.prices:
            price, ts_ns = self.prices[symbol]
            self.prices[symbol] = (price * denominator / numerator, ts_ns)
        self._quotes.pop(symbol, None)
        self._chains.pop(symbol, None)
        self._field_of.pop(symbol, None)

    def on_series(self, batch: SeriesBatch) -> None:
        """Take points of a series that have become known."""
        for row in range(batch.n_points):
            self.on_point(point_at(batch, row))

    def on_point(self, point: SeriesPoint) -> None:
        """Take one point; a revision of an older event does not replace the newest, and counts in features of days."""
        days = self._days.get(point.series)
        if days is not None:
            days.take(point.event_ns, point.value)
        known = self._series.get(point.series)
        if known is None or point.event_ns >= known.event_ns:
            self._series[point.series] = point

    def on_events(self, batch: EventBatch) -> None:
        """Take announced events; rows that are known later show from then on."""
        self._events = batch if self._events is None else joined_events((self._events, batch))
        self._ahead = None

    # -- what strategies read -----------------------------------------------------------------------------------------

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote; where the data have none, the model's around the newest print."""
        found = self._quotes.get(symbol)
        if found is None and self._bar_quoter is not None and symbol in self.prices:
            return self._bar_quoter(symbol, *self.price(symbol))
        return found

    def price(self, symbol: str) -> tuple[float, int]:
        """Return the newest print of a symbol and its instant; NaN and -1 where there is none."""
        return self.prices.get(symbol, (nan, -1))

    def spot(self, underlying: str) -> float:
        """Return the price of an underlying: its newest print, else what the quotes of its chain imply; NaN else."""
        price = self.price(underlying)[0]
        view = self._chains.get(underlying)
        return price if isfinite(price) or view is None else view.spot

    def bars(self, symbol: str, count: int) -> BarWindow:
        """Return up to so many closed bars of a symbol, or of a name as `bar_name` gives it; none where it has none."""
        history = self._bars.get(symbol)
        return _NO_BARS if history is None else history.window(count)

    def feature(self, name: str) -> float:
        """Return the newest value of a declared feature; NaN before its window is full, or where its days are old."""
        found = self._feature_bars.get(name)
        if found is not None:
            n_known = found[0].n_known
            return found[1][n_known - 1] if n_known else nan
        days = self._day_features.get(name)
        if days is not None:
            return days.value(name, self.now_ns)
        if any(feature.name == name for feature in self._declared):
            return nan  # declared, and its symbol has no bars yet
        raise ConfigError(
            "a feature is not declared",
            found=name,
            expected=str(sorted(feature.name for feature in self._declared)),
            action="declare it in the run's features",
        )

    def chain(self, symbol: str) -> ChainView | None:
        """Return the newest chain of an underlying; None before the first."""
        return self._chains.get(symbol)

    def field(self, symbol: str) -> FieldSnapshot | None:
        """Return the field of the newest chain, computed once; None where there is none."""
        view = self._chains.get(symbol)
        if view is None or self._fields is None:
            return None
        known = self._field_of.get(symbol)
        if known is None or known[0] != view.chain.cause_id:
            known = self._field_of[symbol] = (view.chain.cause_id, self._fields(view.chain))
            self.n_fields += 1
        return known[1]

    def readings(self, symbol: str, *, with_field: bool = True) -> Interpretation | None:
        """Return regimes and signals of a symbol, told or read from the recording; None before the first.

        Parameters
        ----------
        symbol : str
            Underlying.
        with_field : bool, optional
            False reads the axes of other markets alone, which needs no field; what was told is given whole.
        """
        told = self._readings.get(symbol)
        if told is None and self.readings_source is not None:
            return self.readings_source(symbol, self.now_ns, with_field=with_field)
        return told

    def forecast(self, symbol: str) -> Forecast | None:
        """Return the newest forecast; None where there is none, or where its horizon has passed."""
        found = self._forecasts.get(symbol)
        if found is None or self.now_ns >= found.ts_event_ns + found.horizon_ns:
            return None
        return found

    def policy(self, symbol: str) -> PolicyReading | None:
        """Return what a policy said last; None where none has spoken."""
        return self._policies.get(symbol)

    def series(self, name: str) -> SeriesPoint:
        """Return the newest known value of a series, or the reason why there is none."""
        return self._series.get(name) or SeriesPoint(
            series=name,
            unit=SeriesUnit.INDEX_POINTS,
            event_ns=-1,
            available_ns=-1,
            value=nan,
            reason="nothing was published by then",
        )

    def levels(self) -> dict[str, float]:
        """Return the newest known value of every series, by its name."""
        return {name: point.value for name, point in self._series.items()}

    def events(self) -> EventBatch:
        """Return the announced events that are known and lie ahead."""
        if self._events is None:
            return _NO_EVENTS
        if self._ahead is None or self._ahead[0] != self.now_ns:
            self._ahead = (self.now_ns, self._events.ahead(self.now_ns))
        return self._ahead[1]

    def newest_inputs(self) -> Iterator[tuple[str, str]]:
        """Give name and id of what a decision of now is made from: chains by cause, bars and quotes by instant."""
        for symbol, view in self._chains.items():
            yield f"chain {symbol}", view.chain.cause_id
        for name, history in self._bars.items():
            if history.n_known and "@" in name:
                yield f"bars {name}", str(int(history.end_ns[history.n_known - 1]))
        for symbol, quote in self._quotes.items():
            yield f"quote {symbol}", str(quote.ts_ns)
        for name, point in self._series.items():
            yield f"series {name}", f"{point.event_ns}/{point.available_ns}"
        for symbol, readings in self._readings.items():
            yield f"readings {symbol}", _id_of(readings)
        for symbol, forecast in self._forecasts.items():
            yield f"forecast {symbol}", f"{forecast.model}/{forecast.cause_id}/{forecast.ts_event_ns}"
        for symbol, policy in self._policies.items():
            yield f"policy {symbol}", f"{policy.model}/{policy.cause_id}/{policy.ts_event_ns}"


def _id_of(readings: Interpretation) -> str:
    """Return rules, field and instant of readings."""
    return "/".join(f"{axis.version}/{axis.cause_id}/{axis.ts_event_ns}" for axis in readings.regimes[:1])


def _require_names(features: Sequence[Feature]) -> None:
    names = [feature.name for feature in features]
    if len(set(names)) != len(names):
        raise ConfigError("features share a name", found=str(sorted(names)), expected="one name each")


def _days_of(features: Sequence[Feature]) -> tuple[dict[str, SeriesDays], dict[str, SeriesDays]]:
    """Return the days of each series that features read, by its name and by those of the features."""
    found: dict[str, dict[str, SeriesFeature]] = {}
    for feature in features:
        if isinstance(feature, SeriesFeature):
            found.setdefault(feature.series, {})[feature.name] = feature
    days = {series: SeriesDays(declared) for series, declared in found.items()}
    return days, {name: days[series] for series, declared in found.items() for name in declared}


def quote_at(batch: QuoteBatch, row: int) -> Quote:
    """Return one row of a batch of quotes; a side that the venue does not show is NaN.

    Parameters
    ----------
    batch : QuoteBatch
        The batch.
    row : int
        Place.

    Returns
    -------
    Quote
        Dated by its row.
    """
    bid, ask = float(batch.bid[row]), float(batch.ask[row])
    return Quote(
        bid=bid if bid > 0.0 else nan,
        ask=ask if ask > 0.0 else nan,
        bid_size=float(batch.bid_size[row]),
        ask_size=float(batch.ask_size[row]),
        ts_ns=int(batch.ts_ns[row]),
    )


def point_at(batch: SeriesBatch, row: int) -> SeriesPoint:
    """Return one row of a series.

    Parameters
    ----------
    batch : SeriesBatch
        The series.
    row : int
        Place.

    Returns
    -------
    SeriesPoint
        Without a reason, because it has a value.
    """
    return SeriesPoint(
        series=batch.series,
        unit=batch.unit,
        event_ns=int(batch.event_ns[row]),
        available_ns=int(batch.available_ns[row]),
        value=float(batch.value[row]),
    )
