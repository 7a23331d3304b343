"""What fuzzy sizing and the entry score read from a view: indicators, ranks, regimes, forecasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, nan
from typing import Final

from fields.live.interpretation import Interpretation
from fields.regime import Axis
from market.forecasts import Forecast, PolicyReading
from risk.entry_score import EntryScoreConfig, EntryScoreInputs, EntryScoreReading, entry_score
from risk.fuzzy.config import FuzzyConfig, SigmaRule
from risk.fuzzy.consensus import mean_sign, movement
from risk.fuzzy.score import FuzzyInputs, FuzzyReading, fuzzy_reading
from strategies.features import (
    AtTimeframe,
    AverageDistance,
    BandPosition,
    BandWidth,
    BarFeature,
    DirectionalIndex,
    Feature,
    IvRank,
    OpenToClose,
    RealisedVolatility,
    RealisedVolatilityPercentile,
    RelativeStrengthIndex,
    SarDistance,
    Stochastic,
    VolumeRatio,
)
from strategies.parameters import require, require_between
from strategies.views import View

__all__ = ["ConsensusMeasure", "EntryScoreRules", "FuzzyRules", "IvRankSource", "fresh_forecast", "fresh_policy"]

_NS: Final = 1_000_000_000


class ConsensusMeasure(StrEnum):
    """What the time frames are asked (Q59)."""

    MEAN_SIGN = "mean_sign"
    MOVEMENT = "movement"


class IvRankSource(StrEnum):
    """Whose implied volatility is ranked."""

    INDEX = "index"  # the volatility index, over its days
    CHAIN = "chain"  # the underlying's own at 30 days, over the sessions that were recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzyRules:
    """Fuzzy sizing of the packages of one underlying.

    Parameters
    ----------
    underlying : str
        Whose readings, forecast and bars are read.
    bars : str
        Name of the bars that the indicators are made of (`strategies.bar_history.bar_name`); empty for the finest.
    config : FuzzyConfig
        The table.
    base_size : float
        Q0, packages before any discount, > 0: below 1 / g nothing is left after rounding down.
    side : int
        Which way the package leans: 1 up, -1 down, 0 neither.
    measure : ConsensusMeasure
        What the time frames are asked: the mean sign of their distances from their averages, or how little their bars
        moved, the original's measure, to be read by the linear family.
    timeframes : tuple of str
        Time frames of the consensus, none finer than the bars.
    timeframe_weights : tuple of float
        One for each, >= 0, of a sum above 0.
    volatility_timeframe : str
        Bars of the realised volatility behind sigma*; empty for the bars themselves.
    volatility_bars_per_year : float
        How many of those a year has, > 0.
    rsi_bars, adx_bars, band_bars, stochastic_bars, volume_bars, average_bars, volatility_bars : int
        Windows of the indicators, in bars.
    percentile_bars : int
        Volatilities that the newest is held against.
    neutral_reach : float
        Average true ranges from the parabolic stop at which a package that leans nowhere is on the cross-over, > 0.
    volatility_index : str
        Series of its level.
    iv_rank_source : IvRankSource
        Whose implied volatility is ranked.
    stability_axis : Axis
        Whose state may be another than it is taken for: the probability of change is one less that of the state.
    max_series_age_s : float
        Oldest level of the volatility index that counts, seconds, > 0; a week by default, as the longest closure of New
        York's shares.
    max_forecast_age_s : float
        Oldest forecast whose confidence is read, seconds, > 0.
    max_bars_age_s : float
        Oldest newest bar whose indicators count, seconds, > 0; five days by default, which bridges a long weekend.

    Raises
    ------
    ConfigError
        A parameter lies outside its range, or time frames and weights do not fit.
    """

    underlying: str
    bars: str = ""
    config: FuzzyConfig = field(default_factory=FuzzyConfig)
    base_size: float = 5.0
    side: int = 0
    measure: ConsensusMeasure = ConsensusMeasure.MEAN_SIGN
    timeframes: tuple[str, ...] = ("1d", "1h", "5m")
    timeframe_weights: tuple[float, ...] = (0.5, 0.35, 0.15)
    volatility_timeframe: str = "1d"
    volatility_bars_per_year: float = 252.0
    rsi_bars: int = 14
    adx_bars: int = 14
    band_bars: int = 20
    stochastic_bars: int = 14
    volume_bars: int = 20
    average_bars: int = 20
    volatility_bars: int = 20
    percentile_bars: int = 252
    neutral_reach: float = 1.25
    volatility_index: str = "VIX"
    iv_rank_source: IvRankSource = IvRankSource.INDEX
    stability_axis: Axis = Axis.FEEDBACK
    max_series_age_s: float = 7 * 86_400.0
    max_forecast_age_s: float = 300.0
    max_bars_age_s: float = 5 * 86_400.0
    features: tuple[Feature, ...] = field(init=False, repr=False, compare=False)
    _bar_names: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    _frame_names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_between("fuzzy", "base_size", self.base_size, 0.0, inf, open_low=True, open_high=True)
        require("fuzzy", "side", self.side, "-1, 0 or 1", holds=self.side in {-1, 0, 1})
        for name in (
            "neutral_reach",
            "max_series_age_s",
            "max_forecast_age_s",
            "max_bars_age_s",
            "volatility_bars_per_year",
        ):
            require_between("fuzzy", name, getattr(self, name), 0.0, inf, open_low=True)
        mean_sign([0.0] * len(self.timeframes), self.timeframe_weights)
        by_source, frames = self._of_bars(), self._of_frames()
        rank: tuple[Feature, ...] = ()
        if self.iv_rank_source is IvRankSource.INDEX:
            rank = (IvRank(name=_RANK.format(self.volatility_index), series=self.volatility_index),)
        object.__setattr__(self, "features", (*by_source.values(), *frames, *rank))
        object.__setattr__(self, "_bar_names", tuple((key, each.name) for key, each in by_source.items()))
        object.__setattr__(self, "_frame_names", tuple(each.name for each in frames))

    def _of_bars(self) -> dict[str, BarFeature]:
        """Return the indicators by the number that they are; equal settings have equal names and are made once."""
        of = self.bars or self.underlying
        made: dict[str, BarFeature] = {
            "rsi": RelativeStrengthIndex(name=f"{of} rsi {self.rsi_bars}", symbol=of, n_bars=self.rsi_bars),
            "adx": DirectionalIndex(name=f"{of} adx {self.adx_bars}", symbol=of, n_bars=self.adx_bars),
            "band_position": BandPosition(name=f"{of} %b {self.band_bars}", symbol=of, n_bars=self.band_bars),
            "band_width": BandWidth(name=f"{of} band width {self.band_bars}", symbol=of, n_bars=self.band_bars),
            "stochastic": Stochastic(name=f"{of} %k {self.stochastic_bars}", symbol=of, n_bars=self.stochastic_bars),
            "volume_ratio": VolumeRatio(name=f"{of} volume {self.volume_bars}", symbol=of, n_bars=self.volume_bars),
            "sma_distance": AverageDistance(
                name=f"{of} distance {self.average_bars}", symbol=of, n_bars=self.average_bars
            ),
            "sar_clearance": SarDistance(name=f"{of} sar", symbol=of),
        }
        source, volatility = self._volatility(of)
        frame = self.volatility_timeframe
        made[source] = AtTimeframe(feature=volatility, timeframe=frame) if frame else volatility
        return made

    def _volatility(self, of: str) -> tuple[str, BarFeature]:
        frame, n = self.volatility_timeframe, self.volatility_bars
        if self.config.sigma_star.rule is SigmaRule.PERCENTILE:
            name = f"{of} {frame} volatility percentile {n} {self.percentile_bars}"
            return "vol_percentile", RealisedVolatilityPercentile(
                name=name, symbol=of, n_returns=n, n_bars=self.percentile_bars
            )
        name = f"{of} {frame} volatility {n} {self.volatility_bars_per_year:g}"
        return "realised_vol", RealisedVolatility(
            name=name, symbol=of, n_returns=n, bars_per_year=self.volatility_bars_per_year
        )

    def _of_frames(self) -> tuple[BarFeature, ...]:
        of, made = self.bars or self.underlying, []
        for frame in self.timeframes:
            inner: BarFeature
            if self.measure is ConsensusMeasure.MEAN_SIGN:
                name = f"{of} {frame} distance {self.average_bars}"
                inner = AverageDistance(name=name, symbol=of, n_bars=self.average_bars)
            else:
                inner = OpenToClose(name=f"{of} {frame} move", symbol=of)
            made.append(AtTimeframe(feature=inner, timeframe=frame))
        return tuple(made)

    def inputs(self, view: View) -> FuzzyInputs:
        """Return the numbers as they stand; NaN for what is missing."""
        is_fresh = self._has_fresh_bars(view)
        found = {source: view.feature(name) if is_fresh else nan for source, name in self._bar_names}
        found["sar_clearance"] = self._clearance(found["sar_clearance"])
        readings = view.readings(self.underlying)
        forecast = fresh_forecast(view, self.underlying, self.max_forecast_age_s)
        return FuzzyInputs(
            **found,
            consensus=self._consensus(view) if is_fresh else nan,
            iv_rank=self._iv_rank(view, readings),
            change_probability=_change_probability(readings, self.stability_axis),
            vix=self._level(view),
            confidence=nan if forecast is None else forecast.confidence,
        )

    def reading(self, view: View, base_size: float | None = None) -> FuzzyReading:
        """Return what fuzzy sizing says now.

        Parameters
        ----------
        view : View
            Market and account.
        base_size : float, optional
            Another Q0, such as what the risk budget allows.

        Returns
        -------
        FuzzyReading
            `allowed` is the ceiling; size 0 with its reason where too much is missing.
        """
        return fuzzy_reading(self.config, self.inputs(view), self.base_size if base_size is None else base_size)

    def _has_fresh_bars(self, view: View) -> bool:
        end_ns = view.bars(self.bars or self.underlying, 1).end_ns
        return end_ns.shape[0] > 0 and view.now_ns - int(end_ns[-1]) <= self.max_bars_age_s * _NS

    def _clearance(self, distance: float) -> float:
        """Return how far the stop speaks for the package: on its side, or near by for one that leans nowhere."""
        return self.side * distance if self.side else self.neutral_reach - abs(distance)

    def _consensus(self, view: View) -> float:
        found = [view.feature(name) for name in self._frame_names]
        measure = mean_sign if self.measure is ConsensusMeasure.MEAN_SIGN else movement
        return measure(found, self.timeframe_weights)

    def _iv_rank(self, view: View, readings: Interpretation | None) -> float:
        if self.iv_rank_source is IvRankSource.INDEX:
            return view.feature(_RANK.format(self.volatility_index))
        return nan if readings is None else readings.implied_vol_rank.rank

    def _level(self, view: View) -> float:
        point = view.series(self.volatility_index)
        return point.value if view.now_ns - point.event_ns <= self.max_series_age_s * _NS else nan


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryScoreRules:
    """The entry score of a candidate.

    Parameters
    ----------
    underlying : str
        Whose forecast is read.
    config : EntryScoreConfig
        Edges and minima.
    max_forecast_age_s : float
        Oldest forecast that is read, seconds, > 0.

    Raises
    ------
    ConfigError
        The age is none.
    """

    underlying: str
    config: EntryScoreConfig = field(default_factory=EntryScoreConfig)
    max_forecast_age_s: float = 300.0

    def __post_init__(self) -> None:
        require_between("entry score", "max_forecast_age_s", self.max_forecast_age_s, 0.0, inf, open_low=True)

    def reading(self, view: View, probability_of_profit: float, fuzzy: FuzzyReading | None) -> EntryScoreReading:
        """Return the score of a candidate.

        Parameters
        ----------
        view : View
            Market and account.
        probability_of_profit : float
            Of the package; NaN where it is not known.
        fuzzy : FuzzyReading or None
            What the rules say: its score becomes a signal from -1 to 1, 0 at a half.

        Returns
        -------
        EntryScoreReading
            Not passed where something is missing.
        """
        forecast = fresh_forecast(view, self.underlying, self.max_forecast_age_s)
        return entry_score(
            self.config,
            EntryScoreInputs(
                confidence=nan if forecast is None else forecast.confidence,
                probability_of_profit=probability_of_profit,
                rule_signal=nan if fuzzy is None or fuzzy.reason else 2.0 * fuzzy.score - 1.0,
                direction=nan if forecast is None else forecast.direction,
            ),
        )


def fresh_forecast(view: View, symbol: str, max_age_s: float) -> Forecast | None:
    """Return the forecast of a symbol that may be acted upon.

    Parameters
    ----------
    view : View
        Market and account.
    symbol : str
        Underlying.
    max_age_s : float
        Oldest newest input, seconds.

    Returns
    -------
    Forecast or None
        None where there is none, where it is too old or from later than now, or where its model could not tell.
    """
    found = view.forecast(symbol)
    if found is None:
        return None
    age = (view.now_ns - found.ts_event_ns) / _NS
    return found if 0.0 <= age <= max_age_s and not found.reason else None


def fresh_policy(view: View, symbol: str, max_age_s: float) -> PolicyReading | None:
    """Return what a policy says of a symbol that may be acted upon.

    Parameters
    ----------
    view : View
        Market and account.
    symbol : str
        Underlying.
    max_age_s : float
        Oldest newest input, seconds.

    Returns
    -------
    PolicyReading or None
        None where there is none, where it is too old or from later than now, or where its model could not tell.
    """
    found = view.policy(symbol)
    if found is None or found.action is None:
        return None
    age = (view.now_ns - found.ts_event_ns) / _NS
    return found if 0.0 <= age <= max_age_s and not found.reason else None


_RANK: Final = "{} rank of implied volatility"


def _change_probability(readings: Interpretation | None, axis: Axis) -> float:
    """Return the probability that an axis stands in another state than it is taken for; NaN where it is not known."""
    found = None if readings is None else next((each for each in readings.regimes if each.axis is axis), None)
    return nan if found is None else 1.0 - found.probability
