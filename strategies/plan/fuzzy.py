"""What fuzzy sizing and the entry score read from a view: indicators, ranks, regimes, forecasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan
from typing import Final

from fields.live.interpretation import Interpretation
from fields.regime import Axis
from market.forecasts import Forecast
from risk.entry_score import EntryScoreConfig, EntryScoreInputs, EntryScoreReading, entry_score
from risk.fuzzy.config import FuzzyConfig
from risk.fuzzy.score import FuzzyInputs, FuzzyReading, fuzzy_reading
from strategies.features import BandPosition, Feature, MovingAverage
from strategies.parameters import require, require_between
from strategies.views import View

__all__ = ["EntryScoreRules", "FuzzyRules"]

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzyRules:
    """Fuzzy sizing of the packages of one underlying.

    Parameters
    ----------
    underlying : str
        Whose readings, forecast and bars are read.
    bars : str
        Name of the bars that the indicators are made of (`strategies.bar_history.bar_name`); empty for the finest.
    prefix : str
        First part of the names of its features: rules of unlike settings need unlike prefixes.
    config : FuzzyConfig
        The table.
    base_size : float
        Q0, packages before any discount, > 0: below 1 / g nothing is left after rounding down.
    side : int
        Which way the package leans: 1 up, -1 down, 0 neither.
    volatility_index : str
        Series of its level.
    stability_axis : Axis
        Whose state may be another than it is taken for: the probability of change is one less that of the state.
    max_forecast_age_s : float
        Oldest forecast whose confidence is read, seconds, > 0.

    Raises
    ------
    ConfigError
        A parameter lies outside its range.
    """

    underlying: str
    bars: str = ""
    prefix: str = "fuzzy"
    config: FuzzyConfig = field(default_factory=FuzzyConfig)
    base_size: float = 5.0
    side: int = 0
    volatility_index: str = "VIX"
    stability_axis: Axis = Axis.FEEDBACK
    max_forecast_age_s: float = 300.0
    features: tuple[Feature, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_between("fuzzy", "base_size", self.base_size, 0.0, inf, open_low=True, open_high=True)
        require("fuzzy", "side", self.side, "-1, 0 or 1", holds=self.side in {-1, 0, 1})
        require_between("fuzzy", "max_forecast_age_s", self.max_forecast_age_s, 0.0, inf, open_low=True)
        symbol = self.bars or self.underlying
        made = (
            BandPosition(name=f"{self.prefix}.band_position", symbol=symbol, n_bars=20),
            MovingAverage(name=f"{self.prefix}.average", symbol=symbol, n_bars=20),
        )
        object.__setattr__(self, "features", made)

    def inputs(self, view: View) -> FuzzyInputs:
        """Return the numbers as they stand; NaN for what is missing."""
        window = view.bars(self.bars or self.underlying, 1)
        close = float(window.close[-1]) if window.close.shape[0] else nan
        average = view.feature(f"{self.prefix}.average")
        readings = view.readings(self.underlying)
        forecast = _fresh_forecast(view, self.underlying, self.max_forecast_age_s)
        return FuzzyInputs(
            iv_rank=nan if readings is None else readings.implied_vol_rank.rank,
            change_probability=_change_probability(readings, self.stability_axis),
            band_position=view.feature(f"{self.prefix}.band_position"),
            sma_distance=close / average - 1.0 if average > 0.0 else nan,
            vix=view.series(self.volatility_index).value,
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
        forecast = _fresh_forecast(view, self.underlying, self.max_forecast_age_s)
        return entry_score(
            self.config,
            EntryScoreInputs(
                confidence=nan if forecast is None else forecast.confidence,
                probability_of_profit=probability_of_profit,
                rule_signal=nan if fuzzy is None else 2.0 * fuzzy.score - 1.0,
                direction=nan if forecast is None else forecast.direction,
            ),
        )


def _change_probability(readings: Interpretation | None, axis: Axis) -> float:
    """Return the probability that an axis stands in another state than it is taken for; NaN where it is not known."""
    found = None if readings is None else next((each for each in readings.regimes if each.axis is axis), None)
    return nan if found is None else 1.0 - found.probability


def _fresh_forecast(view: View, symbol: str, max_age_s: float) -> Forecast | None:
    """Return the forecast of a symbol unless it is too old, comes from later than now, or could not tell."""
    found = view.forecast(symbol)
    if found is None:
        return None
    age = (view.now_ns - found.ts_event_ns) / _NS
    return found if 0.0 <= age <= max_age_s and not found.reason else None
