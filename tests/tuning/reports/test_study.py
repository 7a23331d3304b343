"""A study as files, page and terminal: the outer estimate leads, and nothing found in sample passes for a result."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from io import StringIO
from math import isfinite
from pathlib import Path

import numpy as np
import pytest

from backtest.reports.folder import RunFolder
from cluster.backtests.telling import print_report
from market.errors import DataError
from tests.tuning.search.planted import Market
from tests.tuning.studies.planted import Stopping, hill, noise, study_of
from tuning.reports.files import outer_days_csv, study_as_json_line, study_json, trials_csv
from tuning.reports.page import study_as_html
from tuning.reports.sections import short_report
from tuning.reports.writing import write_study
from tuning.studies.answer import StudyAnswer
from tuning.studies.winner import WINNER, WinnerFile

_WINNER = WinnerFile(name=WINNER, text="# words\n", files={"own.py": b"pass\n"})


def _page(answer: StudyAnswer) -> str:
    return study_as_html(answer).decode()


def test_the_page_leads_with_verdict_and_outer_estimate() -> None:
    """The first figures are the verdict and the outer estimate; the peak of the search comes later, as in sample."""
    page = _page(hill())
    facts = re.findall(r"<dt>(.*?)</dt>", page)
    assert facts[:2] == ["verdict", "outer Sharpe ratio"]
    best = max(item.scores[0] for item in hill().trials)
    place = page.index(f"{best:.2f}")
    assert page.rindex("in sample: not a result", 0, place) > page.index("outer Sharpe ratio")
    assert "in sample: the days that chose it" in page
    assert "SIMULATED" in page
    assert "It promises nothing" in page


def test_a_refusal_stands_above_everything() -> None:
    """A study of noise says refused, and why, before its first figure."""
    page = _page(noise())
    assert page.index("REFUSED: the defaults stand.") < page.index("<h2>Verdict</h2>")
    assert all(check.name in page for check in noise().verdict.checks)
    assert "REFUSED" not in _page(hill())


def test_the_page_needs_nothing_else() -> None:
    """No address is loaded, and the same study gives the same bytes."""
    page = _page(hill())
    assert not re.search(r"(?:src|href)=\"https?:", page)
    assert study_as_html(hill()) == study_as_html(hill())
    assert len(page) < 1_000_000


@pytest.mark.parametrize("objectives", [["sharpe", "max_drawdown"], ["total_return"], ["max_drawdown"]])
def test_other_objectives_have_their_page(objectives: list[str]) -> None:
    """Several objectives have a front; percentages are written as such."""
    page = _page(study_of(Market(noise=0.004), objectives=objectives))
    assert ("Pareto front" in page) == (len(objectives) > 1)
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()


def test_studies_without_days_or_choice_have_a_page() -> None:
    """What is missing is a dash with its reason on every face."""
    stopped = study_of(Stopping(noise=0.002))
    without = study_of(Market(noise=0.002), constraints={"min_trades": 10_000})
    several = study_of(Market(noise=0.004), validation={"scheme": "combinatorial", "train_blocks": 6, "test_blocks": 2})
    assert "There is no outer estimate: block 7 stopped: out of money." in _page(stopped)
    assert "keeps the constraints" in _page(without)
    assert "7 paths" in _page(several)
    for answer in (stopped, without, several):
        assert json.loads(study_json(answer))["verdict"]["accepted"] is False


def test_json_holds_all_figures_and_a_reason_for_each_null() -> None:
    """The file has everything; the line of the terminal has the headline without series."""
    told = json.loads(study_json(hill()))
    assert told["outer"]["sharpe"]["value"]["value"] == hill().outer.sharpe.value.value
    assert len(told["trials"]) == 60
    line = json.loads(study_as_json_line(hill(), "reports/planted"))
    assert line["folder"] == "reports/planted"
    assert line["verdict"]["accepted"] is True
    assert line["simulated"] is True
    assert "trials" not in line
    assert "returns" not in line["outer"]
    stopped = json.loads(study_as_json_line(study_of(Stopping(noise=0.002)), "x"))["outer"]
    assert stopped["sharpe"]["value"]["value"] is None
    assert "out of money" in stopped["sharpe"]["value"]["reason"]


def test_the_tables_hold_every_trial_and_every_outer_day() -> None:
    """One row for each, in order, with numbers that read back exactly."""
    answer = hill()
    trials = list(csv.DictReader(StringIO(trials_csv(answer).decode())))
    assert [int(row["number"]) for row in trials] == list(range(60))
    assert [float(row["in_sample_sharpe"]) for row in trials] == [item.scores[0] for item in answer.trials]
    assert all(isfinite(float(row[f"sharpe_block_{block}"])) for row in trials for block in range(8))
    days = list(csv.DictReader(StringIO(outer_days_csv(answer).decode())))
    assert np.array_equal([float(row["choices"]) for row in days], answer.outer.returns[0])
    assert np.array_equal([float(row["defaults"]) for row in days], answer.outer.defaults)


def test_the_terminal_shows_verdict_splits_and_trials(capsys: pytest.CaptureFixture[str]) -> None:
    """Inner beside outer for each choice with its parameters, and what is in sample is called so."""
    print_report(short_report(noise()))
    said = capsys.readouterr().out
    assert "REFUSED: the defaults stand." in said
    assert re.search(r"test days +choice +x0 +x1 +inner +outer +optimism +defaults", said)
    assert "Best trials over all blocks, in sample: not a result" in said
    assert "[SIMULATED]" in said


def test_a_folder_is_whole_or_marked(tmp_path: Path) -> None:
    """All files stand there and the mark is gone; where one cannot be written, the mark stays."""
    folder = RunFolder(tmp_path / "study")
    folder.begin()
    write_study(folder, hill(), _WINNER, "[sweep]\n")
    names = {path.name for path in folder.path.iterdir()}
    expected = {WINNER, "own.py", "sweep.toml", "study.json", "trials.csv", "outer_days.csv", "study.html"}
    assert names == expected
    broken = RunFolder(tmp_path / "broken")
    broken.begin()
    (broken.path / "trials.csv").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        write_study(broken, hill(), replace(_WINNER, files={}), "[sweep]\n")
    assert (broken.path / "INCOMPLETE").exists()
