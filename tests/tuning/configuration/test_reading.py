"""A sweep is read with the backtest that it varies; what is wrong is told with file, line, key and the nearest name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cluster.backtests.reading import settings_of
from market.errors import ConfigError
from tuning.configuration.reading import base_folder, base_settings, place_in, sweep_settings
from tuning.configuration.settings import Objective, Sampler
from tuning.space import space_of

_TABLE = """\
[sweep]
name = "condor"
objectives = ["sharpe", "max_drawdown"]

[base.run]
name = "base"
from = 2025-06-02
to = 2025-06-06

[base.data.simulated]

[base.account]
cash = 50_000

[[base.strategies]]
kind = "noop"

[[base.strategies]]
kind = "zero_dte_condor"
name = "condor"
parameters = { underlying = "SIM.SPX", at = 11:00:00 }

[space]
presets = ["q88"]
"strategies.condor.short_delta" = { low = 0.1, high = 0.3 }

[space.risk]
risk_share = { low = 0.01, high = 0.05 }

[validation]
blocks = 6
train_blocks = 3
"""
_BASE = '[run]\nname = "base"\n[data.simulated]\n[strategy]\nkind = "noop"\n'
_BY_FILE = '[sweep]\nname = "a"\nbase = "runs/base.toml"\n[space]\n"risk.risk_share" = [0.01, 0.02]\n'


def test_a_sweep_with_its_base_as_a_table_is_read() -> None:
    """Both trees with their defaults; the text of the base gives the same settings again, dates and times with it."""
    settings = sweep_settings(_TABLE, "s.toml", Path())
    assert settings.sweep.objectives == (Objective.SHARPE, Objective.MAX_DRAWDOWN)
    assert (settings.sweep.sampler, settings.validation.blocks) == (Sampler.TPE, 6)
    base, text = base_settings(settings, Path())
    assert [item.called for item in base.strategies] == ["noop", "condor"]
    assert settings_of(text, "again.toml") == base
    assert tomllib.loads(text) == settings.base


def test_a_base_by_file_counts_from_the_folder_of_the_sweep(tmp_path: Path) -> None:
    """Its text is the file as it stands, and its own relative paths count from its own folder."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "base.toml").write_text(_BASE)
    settings = sweep_settings(_BY_FILE, "s.toml", tmp_path)
    base, text = base_settings(settings, tmp_path)
    assert (base.run.name, text) == ("base", _BASE)
    assert base_folder(settings, tmp_path) == tmp_path / "runs"
    assert base_folder(sweep_settings(_TABLE, "s.toml", tmp_path), tmp_path) == tmp_path


def test_a_base_that_is_no_file_is_told_with_its_line_and_what_there_is(tmp_path: Path) -> None:
    """The path is looked for beside the sweep; other configurations of that folder are named."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "bass.toml").write_text(_BASE)
    with pytest.raises(ConfigError, match=r"s\.toml, line 3: \[sweep\] base names no file.*such as bass\.toml"):
        sweep_settings(_BY_FILE, "s.toml", tmp_path)


def test_what_is_wrong_in_a_base_by_file_is_told_in_that_file(tmp_path: Path) -> None:
    """Not the sweep is to be corrected, but the backtest."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "base.toml").write_text(_BASE.replace("noop", "nope"))
    with pytest.raises(ConfigError, match=r"base\.toml, line 4.*did you mean noop"):
        sweep_settings(_BY_FILE, "s.toml", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[sweep]", "[sweep", ["this is no TOML", "line 1"]),
        ('name = "condor"\nobj', 'nme = "condor"\nobj', ["line 2", "[sweep] nme", "name?"]),
        ("[validation]", "[valdation]", ["line 30", "table [valdation]", "validation?"]),
        ("blocks = 6", "blocks = 2", ["line 31", "[validation] blocks", "found 2", "greater than or equal to 3"]),
        ("train_blocks = 3", "train_blocks = 6", ["line 30", "do not fit into 6 blocks"]),
        ('"max_drawdown"]', '"max_drawdwn"]', ["line 3", "[sweep.objectives] 2", "'max_drawdwn'", "'max_drawdown'"]),
        ('"max_drawdown"]', '"sharpe"]', ["line 3", "stands twice"]),
        ("[base.account]\ncash", "[base.account]\ncsh", ["line 13", "[base.account] csh", "cash?"]),
        ("[base.account]", "[base.acount]", ["line 12", "[base] acount", "account?"]),
        ('kind = "noop"', 'kind = "noop"\nnam = 1', ["line 17", "[[base.strategies]] 1 nam", "name?"]),
        ("underlying", "underlyng", ["line 18", "[[base.strategies]] 2", "no parameter", "underlying?"]),
        ('[base.run]\nname = "base"', "[base.run]", ["line 5", "[base.run] name is missing"]),
        ("cash = 50_000", "cash = -1", ["line 13", "[base.account] cash", "greater than 0"]),
        ("[sweep]", '[sweep]\nbase = "x.toml"', ["either the file [sweep] base or the table [base]"]),
        ("[sweep]", '[sweep]\nsampler = "cma_es"', ["line 1", "cma_es knows one objective"]),
        ("[validation]", '[validation]\nscheme = "combinatorial"', ["tpe would search anew", "grid or random"]),
        ("[validation]", "[pruning]\nfirst_blocks = 6\n[validation]", ["first_blocks must lie below the 6 blocks"]),
    ],
)
def test_a_mistake_in_the_sweep_or_its_base_is_told_with_its_line(old: str, new: str, words: list[str]) -> None:
    """File, line, table and key, what was found, and what was expected."""
    assert old in _TABLE
    with pytest.raises(ConfigError) as caught:
        sweep_settings(_TABLE.replace(old, new), "s.toml", Path())
    for word in ["s.toml", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('presets = ["q88"]', 'presets = ["q99"]', ["line 24", "q88"]),
        ("condor.short_delta", "condor.short_delt", ["line 25", "short_delta?"]),
        ("risk_share =", "risk_shr =", ["line 28", "risk_share?"]),
        ("low = 0.01, high = 0.05", "low = 0.06, high = 0.05", ["line 28", "0.06 and 0.05"]),
        ("high = 0.3 }", "high = 0.9 }", ["line 25", "0.9 cannot be"]),
    ],
)
def test_a_mistake_in_the_space_is_told_with_its_line(old: str, new: str, words: list[str]) -> None:
    """Keys with points in quotes and tables within tables are found alike."""
    assert old in _TABLE
    text = _TABLE.replace(old, new)
    settings = sweep_settings(text, "s.toml", Path())
    with pytest.raises(ConfigError) as caught:
        space_of(settings.space, base_settings(settings, Path())[0], place_in(text, "s.toml"))
    for word in ["s.toml", *words]:
        assert word in str(caught.value)


def test_the_examples_are_read_and_their_spaces_can_be_searched() -> None:
    """Every sweep among the examples declares a space over its base."""
    folder = Path(__file__).parents[3] / "examples"
    for path in sorted(folder.glob("*sweep*.toml")):
        text = path.read_text(encoding="utf-8")
        settings = sweep_settings(text, path.name, folder)
        assert space_of(settings.space, base_settings(settings, folder)[0], place_in(text, path.name)).n_dims > 0
