"""Settings of where the market data comes from; `cluster.settings` reads them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cluster.feed_kind import FeedKind
from fields.live.context_config import ContextConfig

__all__ = ["EmulatedSettings", "FeedSettings", "ImpactSettings", "InputSettings", "SettingsPart", "VenueSettings"]

_HOUR_NS: Final = 3_600_000_000_000
_HOURS_A_DAY: Final = 24


class SettingsPart(BaseModel):
    """A part of the settings tree: frozen, and without unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ImpactSettings(SettingsPart):
    """Price impact of one symbol."""

    return_per_usd: float = Field(gt=0.0, description="Fractional price move per USD of signed flow.")
    source: str = Field("settings", description="Where the figure comes from; shown beside every result.")


class FeedSettings(SettingsPart):
    """The source of chains."""

    kind: FeedKind = Field(FeedKind.SIMULATED, description="Simulated market, recorded files, the store, or a venue.")
    gate: bool | None = Field(
        None, description="Whether quality checks judge every chain; without it those of all but a simulated feed."
    )
    paths: tuple[Path, ...] = Field((), description="Files of recorded chains, for replay; also of trades and quotes.")
    ticks: tuple[Path, ...] = Field((), description="Files of trades, quotes and morning open interest, for replay.")
    regular_hours: bool = Field(default=False, description="Whether ticks outside the regular session are left out.")
    book_levels: int = Field(50, ge=0, le=5_000, description="Levels of a side of recorded order books; 0 for none.")
    interval_s: float = Field(
        1.0, ge=0.0, le=86_400.0, description="Machine time between batches of all but a venue, seconds."
    )
    speed: float | None = Field(
        None, gt=0.0, description="Recorded or simulated seconds per second; else interval_s, or the market's own."
    )
    loop: bool = Field(default=False, description="Whether a replay begins again at its end.")
    symbols: tuple[str, ...] = Field((), max_length=1_000, description="Underlyings that are played of the store.")
    first: date | None = Field(None, description="First day that is played of the store, in UTC.")
    last: date | None = Field(None, description="Last day that is played of the store, in UTC.")
    window_s: float = Field(
        1.0, ge=0.0, lt=86_400.0, description="Recorded time in a batch of the store, seconds; 0 as it was recorded."
    )
    scenario: str = Field("demo", description="Simulated market by name, also that of an emulated venue.")
    light_symbols: int = Field(0, ge=0, le=20_000, description="Simulated small symbols instead of the scenario's.")
    light_contracts: int = Field(100, ge=30, le=2000, description="Contracts of each small symbol, a multiple of 10.")
    seed: int = Field(7, ge=0, description="Seed of the simulated market.")


class VenueSettings(SettingsPart):
    """A vendor or exchange; keys are no settings, see `adapters.credentials`."""

    name: str | None = Field(None, description="Vendor, exchange as ccxt names it, or `emulated`.")
    symbols: tuple[str, ...] = Field((), max_length=1_000, description="Underlyings.")
    stock_feed: str = Field("iex", description="Alpaca's feed of stocks: iex, sip or delayed_sip.")
    option_feed: str = Field("indicative", description="Alpaca's feed of options: indicative or opra.")
    stream_options: bool = Field(
        default=True, description="Whether options are streamed; else they come with whole chains."
    )
    max_days: int = Field(60, ge=0, le=3_660, description="Expirations up to so many days ahead.")
    requests_per_min: int | None = Field(
        None, ge=1, le=1_000_000, description="Budget of requests of the key; without it that of the smallest plan."
    )
    interval_s: float = Field(
        0.1, ge=0.01, le=3_600.0, description="Time between batches, seconds; half of it is lag of every row."
    )
    chain_every_s: float = Field(60.0, ge=0.0, le=86_400.0, description="Time between whole chains, seconds.")
    closed_chain_every_s: float = Field(
        900.0, ge=0.0, le=86_400.0, description="The same while the market is closed; the next comes at its open."
    )
    bar_symbols: tuple[str, ...] = Field((), description="Alpaca: shares whose minute bars come as context.")
    coin_symbols: tuple[str, ...] = Field(
        (), description="Alpaca: coins whose minute bars come as context, and quotes and trades under their own names."
    )
    news_every_s: float | None = Field(
        None, ge=1.0, le=86_400.0, description="Alpaca: time between questions for news, seconds; none without it."
    )
    timeout_s: float = Field(10.0, gt=0.0, le=600.0, description="A request is given up after so long, seconds.")
    attempts: int = Field(5, ge=1, le=100, description="How often a request is tried in all.")
    data_timeout_s: float | None = Field(
        None, gt=0.0, le=86_400.0, description="A stream without a message for so long is opened again, seconds."
    )
    rest_url: str | None = Field(None, description="Address instead of the vendor's own; one here is simulated.")
    stream_url: str | None = Field(None, description="The same for streams.")

    def given(self, *names: str) -> dict[str, Any]:
        """Return settings by name, without those that are not given."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class EmulatedSettings(SettingsPart):
    """The emulated venue."""

    protocol: str = Field("alpaca", description="Whose protocol it speaks: alpaca, polygon, deribit, bybit or binance.")
    faults: tuple[str, ...] = Field((), description="What goes wrong: KIND[.WHERE][:PATH][@TURN], or a TOML file.")


class InputSettings(SettingsPart):
    """What other markets and calendars say; `fields.live.ContextConfig` has the rest."""

    files: tuple[Path, ...] = Field((), description="Files of rates, indices, events, news, bars and funding.")
    announced_ahead_h: float = Field(
        0.0,
        ge=0.0,
        le=8_784.0,
        description="How long before an event of a file without `known_time` it was known, hours.",
    )
    fomc: bool = Field(default=True, description="Whether the announced meetings of the FOMC are told to real data.")
    stored: bool = Field(default=False, description="Whether events and news of the store are told, and what follows.")
    series: tuple[str, ...] = Field((), description="Series of the store that are told, such as VIX and DFF.")
    bars: tuple[str, ...] = Field((), description="Symbols whose bars in the store are told.")
    perpetuals: tuple[str, ...] = Field((), description="Perpetuals whose funding in the store is told.")
    index_series: dict[str, str] = Field({}, description="Series of an input, such as rate = DGS3MO.")
    bars_of: dict[str, str] = Field({}, description="Whose bars are those of a symbol, such as SPX = I:SPX.")
    perpetual_of: dict[str, str] = Field({}, description="Perpetual whose funding is that of a coin, by coin.")
    cross: tuple[str, ...] | None = Field(None, description="Symbols whose bars are read for all symbols.")
    index_age_d: float = Field(
        5.0, gt=0.0, le=366.0, description="Longest time for which a level of a volatility index counts, days."
    )
    rate_age_d: float = Field(7.0, gt=0.0, le=366.0, description="The same for an interest rate, days.")
    daily_bar_age_d: float = Field(
        5.0, gt=0.0, le=366.0, description="The same for the newest daily bar, from its end, days."
    )
    intraday_bar_age_d: float = Field(
        4.0, gt=0.0, le=366.0, description="The same for the newest bar of the realised volatility, days."
    )
    funding_age_h: float = Field(9.0, gt=0.0, le=8_784.0, description="The same for a funding rate, hours.")
    fomc_age_d: float = Field(
        70.0, gt=0.0, le=366.0, description="Time since the last FOMC meeting after which the calendar has ended, days."
    )
    release_age_d: float = Field(
        40.0, gt=0.0, le=366.0, description="The same for releases such as CPI and payrolls, days."
    )
    news_age_d: float = Field(
        3.0, gt=0.0, le=366.0, description="Time since any article after which the news have ended, days."
    )

    @property
    def announced_ahead(self) -> timedelta:
        """How long before an event it was known, where a file does not say."""
        return timedelta(hours=self.announced_ahead_h)

    def context(self) -> ContextConfig:
        """Return which series, bars and funding feed which input; what is not said is as usual."""
        usual = ContextConfig()
        return replace(
            usual,
            series={**usual.series, **self.index_series},
            bars={**usual.bars, **self.bars_of},
            perpetuals={**usual.perpetuals, **self.perpetual_of},
            cross=usual.cross if self.cross is None else self.cross,
            **self._ages(),
        )

    def _ages(self) -> dict[str, int]:
        given = [name for name in type(self).model_fields if name.endswith(("_age_d", "_age_h"))]
        units = {"d": _HOURS_A_DAY * _HOUR_NS, "h": _HOUR_NS}
        return {f"{name[:-1]}ns": round(getattr(self, name) * units[name[-1]]) for name in given}
