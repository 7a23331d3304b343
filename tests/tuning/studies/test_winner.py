"""The choice of a study as a file that a backtest takes, and that gives what the study saw."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backtest.engine import run_backtest
from backtest.history import History
from backtest.metrics.days import calendar_of
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.origins import config_digest
from cluster.backtests.reading import settings_of
from cluster.backtests.running import description_of
from cluster.backtests.wiring import engine_config, periods_per_year, shared_fields, strategies_of
from tests.tuning.evaluation.sweeps import BASE, walk
from tests.tuning.studies.planted import hill, noise
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of
from tuning.evaluation.evaluator import Evaluator
from tuning.evaluation.outcomes import block_outcome
from tuning.space.declaring import space_of
from tuning.space.space import Space
from tuning.studies.answer import StudyAnswer
from tuning.studies.winner import REFUSED, WINNER, Folders, WinnerFile, winner_file
from tuning.work import Block, BlockOutcome, Item

_FAST, _SLOW = (f"strategies.moving_average.parameters.{name}" for name in ("fast", "slow"))
_VALUES = {_FAST: 2, _SLOW: 7}
_OWN = '''"""A strategy of the user's own."""

from dataclasses import dataclass

from own_words import NAME
from strategies.decisions import HOLD, Decision
from strategies.views import View


@dataclass(frozen=True)
class Idle:
    name: str = NAME

    def decide(self, view: View) -> Decision:
        return HOLD
'''


def _space(base: BacktestSettings) -> Space:
    return space_of({_FAST: {"low": 2, "high": 4}, _SLOW: {"low": 6, "high": 12}}, base)


def _file(answer: StudyAnswer, text: str = BASE, folder: Path = Path("here")) -> WinnerFile:
    base = settings_of(text, "base", folder)
    space = _space(base)
    chosen = replace(answer, candidate_point=space.point(_VALUES))
    return winner_file(chosen, space, base, text, Folders(data=folder, strategies=folder))


def _ran(text: str, block: Block, history: History) -> BlockOutcome:
    """Return what a backtest of a file gives over the dates of a block."""
    told = tomllib.loads(text)
    told["run"] |= {"from": block.first, "to": block.last}
    settings = BacktestSettings.model_validate(told)
    strategies = strategies_of(settings, history)
    config = replace(engine_config(settings, strategies, history), with_greeks=False)
    fields = shared_fields(settings)
    result = run_backtest(config, history, strategies, description_of(settings, 1), fields=fields)
    return block_outcome(result, block, calendar_of(periods_per_year(settings)))


@pytest.mark.parametrize(("more", "error"), [('\n[[strategies]]\nkind = "noop"\n', 0.0), ("", 1e-12)])
def test_a_winner_run_over_a_block_gives_the_returns_of_that_block(more: str, error: float) -> None:
    """Bit by bit what the study saw of the choice by the engine; but for rounding what it saw compiled."""
    base, history = settings_of(BASE + more, "base"), walk()
    blocks = blocks_of(ValidationSettings.model_validate({"blocks": 4, "train_blocks": 2}), base, history)
    space = _space(base)
    evaluator = Evaluator(base, space, history, blocks)
    assert evaluator.path.startswith("engine" if not error else "compiled")
    seen = evaluator.run(Item(number=1, point=space.point(_VALUES), blocks=(0, 1, 2, 3))).blocks
    ran = [_ran(_file(hill(), BASE + more).text, block, history) for block in blocks]
    if not error:
        assert ran == list(seen)
    for ours, theirs in zip(ran, seen, strict=True):
        assert ours.end_ns.tolist() == theirs.end_ns.tolist()
        assert ours.returns == pytest.approx(theirs.returns, rel=0.0, abs=error)
    assert any(outcome.returns.any() for outcome in seen)


def test_an_accepted_choice_is_the_winner_with_its_provenance() -> None:
    """A backtest takes the text as it is; it says where it comes from, and that changes no digest."""
    found = _file(hill())
    assert found.name == WINNER
    settings = settings_of(found.text, found.name)
    assert settings.strategies[0].parameters["fast"] == 2
    assert settings.provenance["study"] == "planted"
    assert settings.provenance["simulated"] == "yes"
    assert settings.provenance["outer_estimate"].startswith("sharpe ")
    assert "defaults" in settings.provenance["outer_estimate"]
    base = settings_of(BASE, "base")
    assert config_digest(settings) == config_digest(_space(base).settings_at(_space(base).point(_VALUES), base))
    assert "REFUSED" not in found.text


def test_a_refused_choice_says_so_in_its_name_and_first_lines() -> None:
    """Nobody opens it without reading that the defaults stand, and why."""
    found = _file(noise())
    assert found.name == REFUSED
    assert found.text.splitlines()[1].startswith("# REFUSED")
    assert any(line.startswith("# - ") for line in found.text.splitlines()[:12])
    assert settings_of(found.text, found.name).provenance["verdict"].startswith("refused; ")


def test_without_a_choice_the_base_itself_is_written() -> None:
    """The defaults stand, and the file is theirs."""
    base = settings_of(BASE, "base")
    answer = replace(noise(), candidate_point=None, candidate=replace(noise().candidate, number=None))
    found = winner_file(answer, _space(base), base, BASE, Folders(data=Path(), strategies=Path()))
    assert found.name == REFUSED
    assert config_digest(settings_of(found.text, "x")) == config_digest(base)
    assert settings_of(found.text, "x").provenance["trial"] == "none: the defaults stand"


def test_paths_of_data_hold_wherever_the_file_stands(tmp_path: Path) -> None:
    """Relative paths count from the folder of the base, so they are written whole."""
    data = '[data.files]\nchains = ["a.parquet"]\ninputs = ["b.csv", { path = "c.csv", names = { X = "Y" } }]\n'
    text = BASE.replace('[data.files]\ninputs = ["walk.csv"]\n', f'{data}factors = {{ SYN = "f/d.csv" }}\n')
    files = settings_of(_file(hill(), text, tmp_path).text, "x").data.files
    assert files is not None
    assert files.chains == (tmp_path / "a.parquet",)
    assert files.inputs[0] == tmp_path / "b.csv"
    assert getattr(files.inputs[1], "path", None) == tmp_path / "c.csv"
    assert files.factors == {"SYN": tmp_path / "f" / "d.csv"}


def test_files_of_a_users_own_strategy_come_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module is looked for beside the configuration, with what it imports."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_idle.py").write_text(_OWN)
    (tmp_path / "own_words.py").write_text('NAME = "idle"\n')
    text = f'{BASE}\n[[strategies]]\nkind = "own_idle:Idle"\nname = "idle"\n'
    files: dict[str, Any] = dict(_file(hill(), text, tmp_path).files)
    assert files == {name: (tmp_path / name).read_bytes() for name in ("own_idle.py", "own_words.py")}
