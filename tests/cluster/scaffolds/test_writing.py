"""A begun strategy: nothing is overwritten, names are checked, and every template passes its own tests and ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.scaffolds.templates import TEMPLATES
from cluster.scaffolds.writing import begun_strategy
from market.errors import ConfigError

_ROOT = Path(__file__).resolve().parents[3]
_LONGEST = "a_name_of_exactly_thirty_chars"


def _checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in what looks like a checkout, with the settings of the tools and the packages beside them."""
    for place in _ROOT.iterdir():
        if place.name not in ("examples", "tests", ".git", ".venv"):
            (folder / place.name).symlink_to(place)
    monkeypatch.chdir(folder)


def _passes(folder: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder), "HEDGEFIELD_HOME": str(folder / "home")}
    done = subprocess.run(
        (sys.executable, "-m", *command), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_template_passes_formatter_linter_types_and_its_own_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Untouched, with the longest name and a short one."""
    _checkout(tmp_path, monkeypatch)
    for template in TEMPLATES:
        begun_strategy(f"my_{template}", template)
    begun_strategy(_LONGEST, next(iter(TEMPLATES)))
    assert len(_LONGEST) == 30
    _passes(tmp_path, "ruff", "format", "--no-cache", "--check", "examples", "tests")
    _passes(tmp_path, "ruff", "check", "--no-cache", "examples", "tests")
    _passes(tmp_path, "mypy", "--cache-dir", str(_ROOT / ".mypy_cache"), "examples", "tests/examples")
    _passes(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "tests/examples")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Mine", "small letters"),
        ("class", "cannot be called so"),
        ("../mine", "cannot be called so"),
        (_LONGEST + "s", "at most 30"),
        ("iron_condor", "strategy of the project"),
        ("numpy", "module of that name is installed"),
        ("strategies", "module of that name is installed"),
    ],
)
def test_a_name_that_could_not_run_is_refused(name: str, words: str, tmp_path: Path) -> None:
    """A file that would never be found, or never be imported, is not written."""
    with pytest.raises(ConfigError, match=words):
        begun_strategy(name, "momentum", tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_template_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    """All of them are named too."""
    with pytest.raises(ConfigError, match="did you mean momentum"):
        begun_strategy("mine", "momentun", tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """One file that stands there already keeps all three from being written."""
    (tmp_path / "test_mine.py").write_text("# mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="overwrites nothing"):
        begun_strategy("mine", "momentum", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]


def test_what_cannot_be_written_whole_is_not_written(tmp_path: Path) -> None:
    """Of three files the second cannot stand; the first is taken back."""
    (tmp_path / "tests").write_text("in the way\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        begun_strategy("mine", "momentum", tmp_path / "tests")
    assert [path.name for path in tmp_path.iterdir()] == ["tests"]


def test_outside_of_a_checkout_all_files_stand_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one stands, or in the folder named, which is made."""
    monkeypatch.chdir(tmp_path)
    made = begun_strategy("mine", "momentum")
    assert {made.strategy.name, made.test.name, made.config.name} == {"mine.py", "test_mine.py", "mine.toml"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "mine.toml", "test_mine.py"]
    assert begun_strategy("mine", "momentum", Path("new", "place")).config.is_file()
