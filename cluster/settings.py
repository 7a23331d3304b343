"""The one settings tree: file, then environment (``HEDGEFIELD_*``), then command line; frozen, units in each field."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from actors.state import Impact
from cluster.feed_settings import (
    EmulatedSettings,
    FeedSettings,
    ImpactSettings,
    InputSettings,
    SettingsPart,
    VenueSettings,
)
from fields.config import Boundary, Dynamics, FieldConfig, PositionSource, TimeBasis
from fields.dealer.config import OpeningMode
from fields.flow.config import FlowConfig
from fields.live.config import LiveConfig
from fields.signing.config import SigningConfig
from fields.signing.steps import SigningRule
from fields.surface.config import SurfaceConfig
from market.errors import ConfigError

__all__ = [
    "ClusterSettings",
    "DealerSettings",
    "FieldSettings",
    "FlowSettings",
    "HttpSettings",
    "ImpactSettings",
    "LedgerSettings",
    "Settings",
    "SigningSettings",
    "StoreSettings",
    "SurfaceSettings",
    "load_settings",
]

# 0.1 % per 5 billion USD: an order of magnitude for the S&P 500 complex, not an estimate.
_ASSUMED_SPX_IMPACT: Final = 2e-13
_ASSUMED_SOURCE: Final = "assumed: 0.1 % per 5 bn USD, linear; replace it by impact.SYMBOL in the settings or --impact"

# Read elsewhere: the settings file itself, tracebacks, the recorded data of the tests, keys and budgets of vendors.
_OTHER_VARIABLES: Final = frozenset(
    f"HEDGEFIELD_{name}" for name in ("CONFIG", "CREDENTIALS", "DATA", "DEBUG", "LIMITS")
)


_NEED_LATER_TRADES: Final = frozenset({SigningRule.REVERSE_TICK, SigningRule.STACKED})


class FieldSettings(SettingsPart):
    """Settings of every field; `fields.config.FieldConfig` explains them."""

    position_source: PositionSource = Field(PositionSource.OI_NAIVE, description="Dealer convention.")
    dynamics: Dynamics = Field(Dynamics.STICKY_STRIKE, description="Volatility dynamics of the ladder.")
    time_basis: TimeBasis = Field(TimeBasis.CALENDAR, description="Clock of time to expiry and of charm.")
    ladder_points: int = Field(401, ge=3, le=4001, description="Nodes of the spot ladder, odd.")
    ladder_half_width: float = Field(0.12, gt=0.0, le=1.0, description="Half width of the ladder, log price.")
    boundary: Boundary = Field(Boundary.OPEN, description="Boundary of Green's operator.")
    screening_range: float = Field(0.01, gt=0.0, description="Averaging length of the potential, log price.")
    horizon_min: float = Field(30.0, gt=0.0, description="Horizon of the shock scenario, minutes.")
    vol_of_vol: float = Field(60.0, gt=0.0, description="Vol points per square-root year.")
    spot_vol_slope: float = Field(
        0.0, ge=-50.0, le=50.0, description="Change of a strike's volatility per unit of log spot, for its dynamics."
    )
    wall_window: float = Field(0.10, gt=0.0, description="Window of the walls, log distance from spot.")
    roots_window: float = Field(0.10, gt=0.0, description="Window of the zero-gamma levels, log distance from spot.")

    def config(self) -> FieldConfig:
        """Return the settings as the field engine takes them; the impact is set per symbol."""
        return FieldConfig(**self.model_dump())


class SurfaceSettings(SettingsPart):
    """Which quotes make the volatility surface; `fields.surface.SurfaceConfig` has the rest."""

    min_quotes: int = Field(5, ge=3, description="Usable quotes below which an expiration is not fitted.")
    half_life_s: float = Field(300.0, gt=0.0, description="Lag of a quote at which it counts half, seconds.")
    max_lag_s: float = Field(600.0, gt=0.0, description="Lag beyond which a quote is stale, seconds.")
    max_lag_index_s: float = Field(900.0, gt=0.0, description="The same for index options, seconds.")
    max_stale_share: float = Field(
        0.2, ge=0.0, le=1.0, description="Share of stale quotes above which the surface has no confidence."
    )

    def config(self) -> SurfaceConfig:
        """Return the settings as the surface takes them."""
        return SurfaceConfig(**self.model_dump())


class SigningSettings(SettingsPart):
    """How trades get their side; `fields.signing.SigningConfig` has the rest."""

    rule: SigningRule = Field(SigningRule.LEE_READY, description="Rule; none that needs later trades.")
    prefer_venue: bool = Field(default=True, description="Whether the venue's own word comes first.")
    quote_lag_ms: float = Field(
        0.0, ge=-60_000.0, le=60_000.0, description="A trade meets the newest quote older than this, milliseconds."
    )
    max_quote_age_s: float = Field(300.0, gt=0.0, description="Age beyond which a quote signs no trade, seconds.")

    @field_validator("rule")
    @classmethod
    def _without_the_future(cls, rule: SigningRule) -> SigningRule:
        if rule in _NEED_LATER_TRADES:
            raise ValueError(f"{rule.value} asks later trades, which a live field does not have; take stacked_live")
        return rule

    def config(self) -> SigningConfig:
        """Return the settings as the signer takes them."""
        return SigningConfig(
            rule=self.rule,
            prefer_venue=self.prefer_venue,
            quote_lag_ns=round(self.quote_lag_ms * 1e6),
            max_quote_age_ns=round(self.max_quote_age_s * 1e9),
        )


class DealerSettings(SettingsPart):
    """The dealers' book."""

    opening: OpeningMode = Field(OpeningMode.OI_NAIVE, description="What a `hybrid` book opens with.")


class FlowSettings(SettingsPart):
    """The flow of each minute; `fields.flow.FlowConfig` has the rest."""

    strike_window: float = Field(0.05, gt=0.0, le=1.0, description="Strikes that count, fraction of spot either side.")
    min_open_interest: float = Field(100.0, ge=0.0, description="Open interest from which a contract counts.")
    vwap_window_min: int = Field(30, ge=1, le=1439, description="Window of the trailing average price, minutes.")
    spread_window_min: int = Field(60, ge=1, le=1439, description="Window of the spread's percentile, minutes.")
    impact_window_min: int = Field(60, ge=4, le=1439, description="Window of the impact regression, minutes.")

    def config(self) -> FlowConfig:
        """Return the settings as the flow features take them."""
        return FlowConfig(**self.model_dump())


class HttpSettings(SettingsPart):
    """The gateway's address."""

    host: str = Field("127.0.0.1", description="Interface; anything but loopback opens the gateway to other machines.")
    port: int | None = Field(None, ge=1, le=65535, description="Port; without it 8000, or the next free one.")


class ClusterSettings(SettingsPart):
    """Ray."""

    address: str | None = Field(None, description="Address of a running cluster; without it a local one is started.")
    shards: int | None = Field(None, ge=1, le=64, description="Symbol shards; without it one per core, at most 4.")
    object_store_mb: int = Field(512, ge=80, description="Memory of the local object store, MB (10^6 bytes).")
    dashboard: bool = Field(default=False, description="Whether Ray's dashboard is started, on loopback.")
    metrics_port: int | None = Field(None, ge=1, le=65535, description="Port of the metrics page; else a free one.")


class LedgerSettings(SettingsPart):
    """The event log."""

    url: SecretStr | None = Field(None, description="SQLAlchemy URL; without it SQLite in the state folder.")
    snapshot_period_s: float = Field(1.0, ge=0.0, description="Shortest time between records of a symbol, seconds.")
    health_period_s: float = Field(60.0, ge=0.0, description="Shortest time between health records, seconds.")


class StoreSettings(SettingsPart):
    """The point-in-time store of market data."""

    url: SecretStr | None = Field(
        None, description="Folder, or address such as s3://bucket/store; else `store` in `home`."
    )
    record: SecretStr | None = Field(None, description="Folder or address where the feed of `up` is recorded.")
    commit_s: float = Field(60.0, gt=0.0, le=3_600.0, description="Longest time until a recorded row is safe, seconds.")


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="HEDGEFIELD_", env_nested_delimiter="__", validate_default=True
    )

    home: Path = Field(Path("~/.hedgefield"), description="State folder: token, ledger, logs, checkpoints.")
    token: SecretStr | None = Field(None, description="Token of the gateway; without it the file `token` in `home`.")
    fields: FieldSettings = FieldSettings()  # type: ignore[call-arg]  # every field has a default
    surface: SurfaceSettings = SurfaceSettings()  # type: ignore[call-arg]  # every field has a default
    signing: SigningSettings = SigningSettings()  # type: ignore[call-arg]  # every field has a default
    dealer: DealerSettings = DealerSettings()  # type: ignore[call-arg]  # every field has a default
    flow: FlowSettings = FlowSettings()  # type: ignore[call-arg]  # every field has a default
    impact: dict[str, ImpactSettings] = Field(
        default={
            symbol: ImpactSettings(return_per_usd=_ASSUMED_SPX_IMPACT, source=_ASSUMED_SOURCE)
            for symbol in ("SPX", "SPY")
        },
        description="Impact by symbol; amplification is unknown for a symbol that is not listed.",
    )
    cadence_s: float = Field(1.0, ge=0.0, description="Shortest event time between fields of a symbol, seconds.")
    material_move: float = Field(
        5e-4, gt=0.0, description="Move of spot since the last field that makes one due at once, log price."
    )
    book_max_age_s: float = Field(
        60.0, ge=0.0, description="Age beyond which an order book tells no liquidity, event time, seconds."
    )
    stale_after_s: float = Field(10.0, gt=0.0, description="Age at which a field is stale, seconds.")
    checkpoint_period_s: float = Field(60.0, gt=0.0, description="Time between checkpoints of a shard, seconds.")
    http: HttpSettings = HttpSettings()  # type: ignore[call-arg]  # every field has a default
    cluster: ClusterSettings = ClusterSettings()  # type: ignore[call-arg]  # every field has a default
    feed: FeedSettings = FeedSettings()  # type: ignore[call-arg]  # every field has a default
    venue: VenueSettings = VenueSettings()  # type: ignore[call-arg]  # every field has a default
    emulated: EmulatedSettings = EmulatedSettings()  # type: ignore[call-arg]  # every field has a default
    inputs: InputSettings = InputSettings()  # type: ignore[call-arg]  # every field has a default
    ledger: LedgerSettings = LedgerSettings()  # type: ignore[call-arg]  # every field has a default
    store: StoreSettings = StoreSettings()  # type: ignore[call-arg]  # every field has a default
    trials: SecretStr | None = Field(
        None, description="Ledger of all trials, SQLAlchemy URL; without it SQLite in the state folder."
    )
    sweep_storage: SecretStr | None = Field(
        None, description="Optuna storage of sweeps, SQLAlchemy URL; without it SQLite in the state folder."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: command line, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _settings_file())

    @property
    def folder(self) -> Path:
        """State folder with ``~`` resolved."""
        try:
            return self.home.expanduser()
        except RuntimeError as error:  # a container's user without an entry and without HOME
            raise ConfigError(
                "the state folder is unknown: this user has no home", found=str(error), action="set HEDGEFIELD_HOME"
            ) from error

    def ledger_url(self) -> str:
        """Return the URL of the event log; it may hold a password."""
        if self.ledger.url is not None:
            return self.ledger.url.get_secret_value()
        return f"sqlite:///{self.folder / 'ledger.sqlite'}"

    def store_url(self) -> str:
        """Return the place of the store of market data: a folder or an address, which may hold a key."""
        return str(self.folder / "store") if self.store.url is None else self.store.url.get_secret_value()

    def record_url(self) -> str | None:
        """Return where the feed is recorded, which may hold a key; None for nowhere."""
        return None if self.store.record is None else self.store.record.get_secret_value()

    def live(self, *, flow_is_told: bool = False) -> LiveConfig:
        """Return the settings of every symbol's live state.

        Parameters
        ----------
        flow_is_told : bool, optional
            Whether the feed tells trades; then the dealers' book follows them, unless a convention was asked for.

        Returns
        -------
        LiveConfig
            The impact is set per symbol.
        """
        config = replace(self.fields.config(), surface=self.surface.config())
        if flow_is_told and "position_source" not in self.fields.model_fields_set:
            config = replace(config, position_source=PositionSource.HYBRID)
        return LiveConfig(
            fields=config,
            opening=self.dealer.opening,
            signing=self.signing.config(),
            flow=self.flow.config(),
            cadence_ns=round(self.cadence_s * 1e9),
            material_move=self.material_move,
            book_max_age_ns=round(self.book_max_age_s * 1e9),
            context=self.inputs.context(),
        )

    def impacts(self) -> dict[str, Impact]:
        """Return the impact of each listed symbol."""
        return {s: Impact(return_per_usd=i.return_per_usd, source=i.source) for s, i in self.impact.items()}


def _settings_file() -> Path | None:
    named = os.environ.get("HEDGEFIELD_CONFIG")
    home = Path(os.environ.get("HEDGEFIELD_HOME", "~/.hedgefield"))
    try:
        return Path(named).expanduser() if named else home.expanduser() / "config.toml"
    except RuntimeError:  # a user without a home has no file there either
        return None


def load_settings(overrides: dict[str, Any] | None = None) -> Settings:
    """Read file and environment and lay the command line over them.

    Parameters
    ----------
    overrides : dict, optional
        Nested values from the command line; a None in it means not given.

    Returns
    -------
    Settings
        Raises ConfigError that names the wrong entry.
    """
    named = os.environ.get("HEDGEFIELD_CONFIG")
    if named and not Path(named).expanduser().is_file():
        raise ConfigError("the settings file is missing", found=named, action="correct HEDGEFIELD_CONFIG")
    _check_environment()
    try:
        return Settings(**_given(overrides or {}))
    except ValidationError as error:
        raise _explained(error) from error
    except ValueError as error:  # TOML that cannot be parsed
        raise ConfigError(
            "the settings file cannot be read", found=str(error), action=f"correct {_settings_file()}"
        ) from error


def _explained(error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    hidden = any(name in place for name in ("token", "url", "record", "trials", "sweep_storage"))
    unknown = first["type"] == "extra_forbidden"
    return ConfigError(
        f"there is no setting {place}" if unknown else f"setting {place} cannot be used",
        found="a hidden value" if hidden else repr(first.get("input")),
        expected="a name of docs/guides/settings.md" if unknown else first["msg"],
        action=f"correct it on the command line, in HEDGEFIELD_* or in {_settings_file() or 'a settings file'}",
    )


def _check_environment() -> None:
    """Refuse a misspelt variable: pydantic would pass over it, and the default would stand unnoticed."""
    known = {f"HEDGEFIELD_{name.upper()}" for name in Settings.model_fields} | _OTHER_VARIABLES
    for variable in sorted(os.environ):
        if variable.startswith("HEDGEFIELD_") and variable.partition("__")[0] not in known:
            raise ConfigError(
                f"there is no setting {variable}",
                found="it in the environment",
                expected="a name of docs/guides/settings.md, in capitals, with two underscores for each dot",
                action="correct or unset it",
            )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _given(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in kept.items() if value is not None and value != {}}
