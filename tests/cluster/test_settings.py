"""Settings: file, environment, command line, in this order; nothing unknown, nothing secret shown."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from cluster.feed_kind import FeedKind
from cluster.settings import ImpactSettings, Settings, load_settings
from cluster.wiring import shard_names, wire
from fields.config import FieldConfig, PositionSource
from fields.dealer.config import OpeningMode
from fields.live.config import LiveConfig
from fields.live.context_config import ContextConfig
from fields.signing.steps import SigningRule
from market.errors import ConfigError


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))
    monkeypatch.delenv("HEDGEFIELD_CONFIG", raising=False)
    monkeypatch.delenv("HEDGEFIELD_TOKEN", raising=False)


def test_the_defaults_are_those_of_the_field_engine() -> None:
    """The tree restates the engine's defaults for its documentation; they must not drift apart."""
    assert repr(load_settings().fields.config()) == repr(FieldConfig())  # NaN differs from itself, its text does not


def test_the_defaults_of_a_live_state_are_those_of_the_engine() -> None:
    """Surface, signing, dealers' book and flow: the tree restates what their own configurations say."""
    assert repr(load_settings().live()) == repr(LiveConfig())


def test_how_long_things_count_is_set_in_seconds_hours_and_days() -> None:
    """Each age has its unit in its name, and all of them reach the live state."""
    ages = {"funding_age_h": 8.5, "news_age_d": 0.5, "intraday_bar_age_d": 1.0}
    live = load_settings({"book_max_age_s": 2.5, "inputs": ages}).live()
    assert live.book_max_age_ns == 2_500_000_000
    assert live.context == replace(
        ContextConfig(),
        funding_age_ns=30_600_000_000_000,
        news_age_ns=43_200_000_000_000,
        intraday_bar_age_ns=86_400_000_000_000,
    )


def test_settings_of_trades_reach_the_live_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Milliseconds and seconds become nanoseconds on the way."""
    for name, value in {
        "SIGNING__RULE": "clnv",
        "SIGNING__QUOTE_LAG_MS": "-1.5",
        "SIGNING__MAX_QUOTE_AGE_S": "2",
        "DEALER__OPENING": "flat",
        "FLOW__STRIKE_WINDOW": "0.1",
        "SURFACE__MIN_QUOTES": "7",
        "CADENCE_S": "0.25",
    }.items():
        monkeypatch.setenv(f"HEDGEFIELD_{name}", value)
    live = load_settings().live(flow_is_told=True)
    assert (live.signing.rule, live.signing.quote_lag_ns) == (SigningRule.CLNV, -1_500_000)
    assert live.signing.max_quote_age_ns == 2_000_000_000
    assert (live.opening, live.flow.strike_window, live.fields.surface.min_quotes) == (OpeningMode.FLAT, 0.1, 7)
    assert live.cadence_ns == 250_000_000
    assert live.fields.position_source is PositionSource.HYBRID


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNING__RULE", "stacked"),
        ("SIGNING__RULE", "reverse_tick"),
        ("SIGNING__QUOTE_LAG_MS", "1e9"),
        ("DEALER__OPENING", "guess"),
        ("SURFACE__MIN_QUOTES", "2"),
        ("FLOW__IMPACT_WINDOW_MIN", "1440"),
    ],
)
def test_a_setting_out_of_bounds_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A rule that needs later trades is one of them: a live field does not have them."""
    monkeypatch.setenv(f"HEDGEFIELD_{name}", value)
    with pytest.raises(ConfigError, match=name.lower().replace("__", ".")):
        load_settings()


def test_each_source_overrides_the_one_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file gives way to the environment, and that to the command line; parts merge entry by entry."""
    (tmp_path / "config.toml").write_text(
        "stale_after_s = 1.0\n[fields]\nladder_points = 201\nhorizon_min = 10.0\nvol_of_vol = 40.0\n"
    )
    monkeypatch.setenv("HEDGEFIELD_FIELDS__HORIZON_MIN", "20")
    monkeypatch.setenv("HEDGEFIELD_FIELDS__VOL_OF_VOL", "50")
    settings = load_settings({"fields": {"vol_of_vol": 70.0, "dynamics": None}})
    assert settings.stale_after_s == 1.0
    found = settings.fields
    assert (found.ladder_points, found.horizon_min, found.vol_of_vol) == (201, 20.0, 70.0)


@pytest.mark.parametrize("content", ["unknown = 1\n", "[fields]\nladder = 3\n", "[http]\nport = 99999\n", "no toml"])
def test_a_wrong_file_is_an_error_that_names_the_entry(tmp_path: Path, content: str) -> None:
    """A typing mistake is not ignored."""
    (tmp_path / "config.toml").write_text(content)
    with pytest.raises(ConfigError, match=r"setting|settings file"):
        load_settings()


def test_a_named_file_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a file means it."""
    monkeypatch.setenv("HEDGEFIELD_CONFIG", "/nowhere/config.toml")
    with pytest.raises(ConfigError, match="missing"):
        load_settings()


def test_a_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would pass unnoticed and leave the default in force."""
    monkeypatch.setenv("HEDGEFIELD_FEILDS__DYNAMICS", "sticky_moneyness")
    with pytest.raises(ConfigError, match="no setting HEDGEFIELD_FEILDS__DYNAMICS"):
        load_settings()


def test_an_unknown_name_in_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message speaks of settings, not of the library that reads them."""
    path = tmp_path / "mine.toml"
    path.write_text("[feilds]\nx = 1\n", encoding="utf-8")
    monkeypatch.setenv("HEDGEFIELD_CONFIG", str(path))
    with pytest.raises(ConfigError, match=r"no setting feilds.*mine\.toml"):
        load_settings()


def test_a_user_without_a_home_can_read_files_but_must_name_a_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run as users that the machine does not know."""
    monkeypatch.delenv("HEDGEFIELD_HOME")
    monkeypatch.setattr(Path, "expanduser", _homeless)
    settings = load_settings()
    with pytest.raises(ConfigError, match="HEDGEFIELD_HOME"):
        _ = settings.folder


def _homeless(_path: Path) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the token nor the database password appears when the settings are printed."""
    monkeypatch.setenv("HEDGEFIELD_TOKEN", "very-secret-token")
    url = "postgresql://me:hidden@host/db"  # pragma: allowlist secret
    monkeypatch.setenv("HEDGEFIELD_LEDGER__URL", url)
    settings = load_settings()
    assert "very-secret" not in repr(settings)
    assert "hidden" not in repr(settings)
    assert settings.ledger_url() == url


def test_settings_cannot_be_changed() -> None:
    """What was read at the start holds until the end."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().stale_after_s = 5.0


def test_every_setting_says_what_it_is() -> None:
    """Each entry of the tree has a description."""
    parts: list[type[BaseModel]] = [Settings, ImpactSettings]
    parts += [type(value) for value in dict(load_settings()).values() if isinstance(value, BaseModel)]
    names = {f"{part.__name__}.{name}" for part in parts for name, f in part.model_fields.items() if not f.description}
    assert names == {f"Settings.{name}" for name, part in load_settings() if isinstance(part, BaseModel)}


def test_the_store_lies_in_the_state_folder_unless_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An address may hold a key: it stays out of the text; variables of vendors are no settings."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))
    monkeypatch.setenv("HEDGEFIELD_CREDENTIALS", "keys.toml")
    assert load_settings().store_url() == str(tmp_path / "store")
    monkeypatch.setenv("HEDGEFIELD_STORE__URL", "s3://key:word@bucket/store")  # pragma: allowlist secret
    assert load_settings().store_url() == "s3://key:word@bucket/store"  # pragma: allowlist secret
    assert "word" not in repr(load_settings())


def test_the_assumed_impact_is_marked_and_others_are_unknown() -> None:
    """0.1 % per 5 billion USD for the S&P 500 complex, named as assumed; no figure for anything else."""
    impacts = load_settings().impacts()
    assert set(impacts) == {"SPX", "SPY"}
    assert math.isclose(impacts["SPX"].return_per_usd * 5e9, 0.001)
    assert impacts["SPX"].source.startswith("assumed: 0.1 % per 5 bn USD")


def test_the_simulated_market_brings_its_own_impact() -> None:
    """Simulated symbols carry the simulator's impact, marked; the recipe crosses a process."""
    wiring = wire(load_settings())
    assert wiring.simulated
    assert wiring.impacts["SIM.SPX"].source == "simulated"
    assert pickle.loads(pickle.dumps(wiring.factory)) == wiring.factory  # noqa: S301  # our own bytes


def test_a_replay_without_files_is_refused() -> None:
    """There is nothing to replay, and the message says how to name it."""
    with pytest.raises(ConfigError, match="--path"):
        wire(load_settings({"feed": {"kind": FeedKind.REPLAY}}))


def test_the_number_of_shards_is_what_was_asked_for() -> None:
    """A given number wins over the number of cores."""
    assert shard_names(load_settings({"cluster": {"shards": 3}})) == ("shard-0", "shard-1", "shard-2")
