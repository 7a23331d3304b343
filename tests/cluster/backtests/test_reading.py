"""The configuration of a backtest: what cannot be is refused with its file, line, table, key and the nearest name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cluster.backtests.reading import read_settings, settings_of
from market.errors import ConfigError

_GOOD = """\
[run]
name = "condor"
from = 2025-06-02
to = 2025-06-06

[data.simulated]
market = "calm"

[account]
cash = 50_000

[[strategies]]
kind = "noop"

[[strategies]]
kind = "iron_condor"
name = "second"
parameters = { underlying = "SPX", short_delta = 0.2 }

[benchmark]
symbol = "SPY"
"""


def test_a_sound_file_is_read() -> None:
    """Tables, dates, several strategies and the defaults of what is not named."""
    settings = settings_of(_GOOD, "x.toml")
    assert (settings.run.first, settings.run.last, settings.run.seed) == (date(2025, 6, 2), date(2025, 6, 6), 7)
    assert [item.kind for item in settings.strategies] == ["noop", "iron_condor"]
    assert (settings.account.cash, settings.fills.model) == (Decimal(50_000), "cross")


def test_one_strategy_may_stand_in_a_table_of_its_own() -> None:
    """`[strategy]` is a list of one."""
    text = '[run]\nname = "a"\n[data.simulated]\n[strategy]\nkind = "noop"\n'
    assert [item.kind for item in settings_of(text, "x.toml").strategies] == ["noop"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("market =", "markett =", ["line 7", "[data.simulated] markett", "market?"]),
        ("cash =", "csh =", ["line 10", "[account] csh", "cash?"]),
        ("[account]", "[acount]", ["line 9", "table [acount]", "account?"]),
        ("cash = 50_000", "cash = -1", ["line 10", "[account] cash", "found -1", "expected greater than 0"]),
        ('name = "second"', "name2 = 1", ["line 17", "[[strategies]] 2 name2", "name?"]),
        ('kind = "noop"\n', "", ["line 12", "[[strategies]] 1 kind is missing"]),
        ("to = 2025-06-06", "to = 2025-06-01", ["line 1", "from 2025-06-02 lies after to 2025-06-01"]),
        ("short_delta", "short_dleta", ["line 15", "[[strategies]] 2", "no parameter", "short_delta?"]),
        ("short_delta = 0.2", "short_delta = 0.7", ["[[strategies]] 2", "found 0.7", "short_delta < max_short_delta"]),
        ('kind = "noop"', 'kind = "nop"', ["[[strategies]] 1", "there is no strategy", "noop?"]),
        ("[benchmark]", "[fills]\nmodel = 'cros'\n[benchmark]", ["[fills] model", "line 21", "cross?"]),
        ("[benchmark]", "[fills]\nslippage = { name = 'fixed', amont = 1 }\n[benchmark]", ["slippage", "amount?"]),
        ("[benchmark]", "[fills]\nslippage = { name = 'mid', mid_bps = 'x' }\n[benchmark]", ["mid_bps", "a number"]),
        ("[benchmark]", "[costs]\nmodel = 'perpetuals'\n[benchmark]", ["[costs] model", "lacks maker_bps"]),
        ("[benchmark]", "[costs]\ninterest = {}\n[benchmark]", ["either a rate or a series"]),
        ("[data.simulated]", "[data.midpoints]\npath='x'\n[data.simulated]", ["exactly one", "simulated, midpoints"]),
        ('name = "second"', 'name = "noop"', ["two strategies are called noop"]),
        ('kind = "noop"\n', 'kind = "noop"\nweight = 0.5\n', ["every strategy has a weight or none"]),
        ("cash = 50_000", "cash = nan", ["[account] cash", "finite"]),
        ('name = "condor"', 'name = "../condor"', ["line 2", "[run] name"]),
        ("cash = 50_000", "cash = ", ["no TOML", "line 10"]),
    ],
)
def test_what_cannot_be_is_told_with_its_place(old: str, new: str, words: list[str]) -> None:
    """A user finds the line, and what should stand in it."""
    assert old in _GOOD
    with pytest.raises(ConfigError) as caught:
        settings_of(_GOOD.replace(old, new, 1), "x.toml")
    assert not [word for word in ["x.toml", *words] if word not in str(caught.value)], str(caught.value)


def test_a_strategy_that_cannot_be_is_one_problem() -> None:
    """That the list of strategies is then empty is no second one; a wrong key elsewhere is."""
    wrong = _GOOD.replace("short_delta", "short_dleta", 1)
    with pytest.raises(ConfigError) as alone:
        settings_of(wrong, "x.toml")
    with pytest.raises(ConfigError, match="1 more after it"):
        settings_of(wrong.replace("[benchmark]", "[benchmarkk]"), "x.toml")
    assert "more after it" not in str(alone.value)


def test_weights_of_strategies_sum_to_one() -> None:
    """Money is neither given twice nor left over unsaid."""
    text = _GOOD.replace('kind = "noop"', 'kind = "noop"\nweight = 0.5').replace(
        'name = "second"', 'name = "second"\nweight = 0.6'
    )
    with pytest.raises(ConfigError, match=r"weights of strategies sum to 1; these sum to 1\.1"):
        settings_of(text, "x.toml")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A missing file, or one that is no text, is bad usage and no fault."""
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"x\.toml"):
        read_settings(path)
