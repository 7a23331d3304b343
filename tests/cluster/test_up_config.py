"""What `hedgefield up` takes of a backtest's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.commands.up_config import config_overrides, merged
from cluster.settings import load_settings
from market.errors import ConfigError

_TEXT = """[run]
name = "x"
[data.files]
inputs = ["walk.csv"]
[[strategies]]
kind = "noop"
[readings]
series = { rate = "DGS3MO" }
bars = { SPX = "I:SPX" }
[readings.field]
horizon_min = 15.0
dynamics = "sticky_moneyness"
[readings.impact.SPX]
return_per_usd = 1.5e-13
source = "regression"
[provenance]
study = "weights"
verdict = "refused; deflated Sharpe probability"
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "winner.toml"
    path.write_text(text)
    return path


def test_readings_become_settings_of_the_desk(tmp_path: Path) -> None:
    """Impact, series and bars hold as they held in the backtest; the rest of the settings stays."""
    below, _ = config_overrides(_written(tmp_path, _TEXT))
    settings = load_settings(merged(below, {"http": {"port": 8123}}))
    assert settings.impacts()["SPX"].return_per_usd == 1.5e-13
    assert settings.inputs.context().series["rate"] == "DGS3MO"
    assert settings.inputs.context().bars["SPX"] == "I:SPX"
    assert settings.fields.config().horizon_min == 15.0
    assert settings.fields.config().dynamics.value == "sticky_moneyness"
    assert settings.http.port == 8123


def test_what_is_not_used_is_said(tmp_path: Path) -> None:
    """Strategies do not run yet, and nobody is left to believe that they do; a refusal is told first."""
    _, lines = config_overrides(_written(tmp_path, _TEXT))
    assert "study weights, refused" in lines[0]
    assert lines[1].endswith("used: readings.impact, readings.field, readings.series, readings.bars")
    assert "no strategies yet" in lines[2]
    assert lines[2].endswith("data, run, strategies")


def test_a_broken_configuration_is_refused_whole(tmp_path: Path) -> None:
    """A mistake in a table that is not used is a mistake still."""
    with pytest.raises(ConfigError, match=r"line 5: \[\[strategies\]\] 1"):
        config_overrides(_written(tmp_path, _TEXT.replace('"noop"', '"nope"')))


def test_the_command_line_lies_above_the_file() -> None:
    """What is given by hand holds; None says nothing."""
    below = {"inputs": {"bars_of": {"SPX": "a"}, "index_series": {}}}
    above = {"inputs": {"bars_of": {"SPX": "b"}, "files": None}, "store": {"url": None}}
    assert merged(below, above) == {"inputs": {"bars_of": {"SPX": "b"}, "index_series": {}}, "store": {}}
