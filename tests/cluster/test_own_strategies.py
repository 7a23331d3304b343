"""A strategy of the user's own: found beside the configuration, checked, told apart by its files, and run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.backtests.origins import config_digest
from cluster.backtests.reading import settings_of
from cluster.own_strategies import digest_of_module, own_strategy
from market.errors import ConfigError
from market.tradables import Share

_GOOD = """\
from dataclasses import dataclass
from hedge_parts import answer

@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    instrument: object
    speed: float = 1.0
    limit: float | None = None
    name: str = "mine"

    def decide(self, view):
        return answer()
"""
_PARTS = "from strategies.decisions import HOLD\n\ndef answer():\n    return HOLD\n"
_CONFIG = """\
[run]
name = "own"
from = 2025-06-02
to = 2025-06-02
[data.simulated]
[[strategies]]
kind = "{kind}"
parameters = {{ instrument = "SPY"{more} }}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with a good strategy; what is imported of it is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    (tmp_path / "hedge_mine.py").write_text(_GOOD, encoding="utf-8")
    (tmp_path / "hedge_parts.py").write_text(_PARTS, encoding="utf-8")
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("hedge_"):
            del sys.modules[name]


def test_a_class_beside_the_configuration_is_built_with_its_parameters(place: Path) -> None:
    """Its fields are the keys, and it is called by its class where no name is given."""
    settings = settings_of(_CONFIG.format(kind="hedge_mine:Mine", more=", speed = 3, limit = 2.5"), "x.toml", place)
    made = settings.strategies[0].build([Share(symbol="SPY")])
    assert (made.name, getattr(made, "speed", None), getattr(made, "limit", None)) == ("Mine", 3.0, 2.5)
    assert getattr(made, "instrument", None) == Share(symbol="SPY")


def test_a_change_of_any_file_of_it_is_another_trial(place: Path) -> None:
    """The digest follows what the class imports from its folder, and nothing else that lies there."""
    text = _CONFIG.format(kind="hedge_mine:Mine", more=", speed = 3")
    before, digest = settings_of(text, "x.toml", place), digest_of_module("hedge_mine:Mine", place)
    (place / "notes.py").write_text("x = 1\n", encoding="utf-8")
    assert config_digest(settings_of(text, "x.toml", place)) == config_digest(before)
    assert config_digest(settings_of(text.replace('"own"', '"new"'), "x.toml", place)) == config_digest(before)
    (place / "hedge_parts.py").write_text(_PARTS + "# changed\n", encoding="utf-8")
    assert digest_of_module("hedge_mine:Mine", place) != digest
    assert config_digest(settings_of(text, "x.toml", place)) != config_digest(before)


@pytest.mark.parametrize(
    ("wanted", "text", "words"),
    [
        ("hedge_non:Mine", "", "there is no module hedge_non; found hedge_mine.py, hedge_parts.py"),
        ("hedge_mine:Mina", None, "has no class Mina; found Mine; expected Mine?"),
        ("hedge_bad:Mine", "import nothing_like_it", "the import of hedge_bad raised; found ModuleNotFoundError"),
        ("hedge_bad:Mine", "x = 1 / 0", "ZeroDivisionError: division by zero, hedge_bad.py line 1"),
        ("hedge_bad:Mine", "class Mine(:", "SyntaxError"),
        ("hedge_bad:Mine", "class Mine:\n    name = 'a'", "hedge_bad:Mine is no strategy; expected a frozen dataclass"),
        (
            "hedge_bad:Mine",
            "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Mine:\n    name: str = 'a'",
            "expected a method decide(self, view)",
        ),
        ("strategies:Mine", None, "has no class Mine"),
    ],
)
def test_what_is_no_strategy_is_refused(place: Path, wanted: str, text: str | None, words: str) -> None:
    """Each error names the file or class, and what would do."""
    if text:
        (place / "hedge_bad.py").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        own_strategy(wanted, place)
    assert words in str(caught.value)


def test_a_file_never_hides_a_module_of_the_program(place: Path) -> None:
    """A file that is called as an installed module is not run in its place, and that is told."""
    (place / "strategies.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the name strategies belongs to another module"):
        own_strategy("strategies:Mine", place)


def test_a_parameter_that_no_file_can_tell_is_named(place: Path) -> None:
    """A type that plain data cannot write is an error with the types that they can."""
    path = place / "hedge_mine.py"
    path.write_text(_GOOD.replace("speed: float = 1.0", "speed: dict = None"), encoding="utf-8")
    with pytest.raises(ConfigError, match="speed cannot be given in a configuration; found a parameter of type dict"):
        settings_of(_CONFIG.format(kind="hedge_mine:Mine", more=", speed = {}"), "x.toml", place)


def test_nothing_tradable_in_the_data_is_told(place: Path) -> None:
    """A symbol that may not be traded stops before the run, where a run would have no fill."""
    settings = settings_of(_CONFIG.format(kind="hedge_mine:Mine", more=""), "x.toml", place)
    with pytest.raises(ConfigError, match="of the data may be traded: options only"):
        settings.strategies[0].build([])


def test_the_example_of_the_guide_is_a_strategy() -> None:
    """What is shown can be used."""
    folder = Path(__file__).resolve().parents[2] / "examples"
    made = own_strategy("dip_buyer:DipBuyer", folder)
    assert made(instrument=Share(symbol="SPY"), window=5).name == "dip_buyer"
