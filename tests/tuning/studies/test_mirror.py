"""The mirror of a sweep in Optuna's storage: what its dashboard reads is what our records say, once and in order."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import TrialState as OptunaState
from sqlalchemy import create_engine, event, text

from market.clock import SystemClock
from market.errors import ConfigError, VenueError
from tests.tuning.studies.mirrored import IDENTITY, TERMS, base_trial, part, trial
from tuning.configuration.settings import Objective
from tuning.search.records import PartRecord, TrialState
from tuning.search.scoring import sample_of, score
from tuning.studies.mirror import MirrorTerms, StudyMirror
from tuning.studies.resuming import StudyIdentity

_ROOT = Path(__file__).resolve().parents[3]


def _mirror(
    url: str, *, resume: bool = False, identity: StudyIdentity = IDENTITY, terms: MirrorTerms = TERMS
) -> StudyMirror:
    return StudyMirror(url, "study", terms, identity, SystemClock(), resume=resume)


def _read(url: str, name: str = "study") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=url)


def test_optuna_reads_what_the_records_say(url: str) -> None:
    """Parameters, distributions, values, constraints and attributes of every trial, under our numbers."""
    records = [trial(number) for number in range(12)]
    mirror = _mirror(url)
    assert mirror.write([part(*records)]) == 12
    study = _read(url)
    assert study.metric_names == ["sharpe"]
    assert study.direction is optuna.study.StudyDirection.MAXIMIZE
    for record, found in zip(records, study.trials, strict=True):
        assert (found.number, found.state) == (record.number, OptunaState.COMPLETE)
        assert found.params == pytest.approx(record.point.as_dict())
        assert found.values == list(record.scores)
        assert list(found.constraints.values()) == [-0.1, 0.2]
        assert found.user_attrs == {"state": "complete", "blocks": [0, 1, 2], "n_trades": 6.0, "turnover": 1.5}
        told = [score(Objective.SHARPE, sample_of(record.blocks[:n]), 252).value for n in (1, 2, 3)]
        np.testing.assert_array_equal([found.intermediate_values[n] for n in range(3)], told)
    assert study.trials[0].distributions["a.width"] == optuna.distributions.FloatDistribution(0.5, 2.0, log=True)
    assert study.user_attrs["constraint names"] == ["max_drawdown", "min_trades"]


def test_trials_that_gave_no_score_say_why(url: str) -> None:
    """Pruned, refused and failed trials stand with their reason; a missing score is no value."""
    looks = replace(trial(1, TrialState.PRUNED), looks=(0.3, float("nan")), pruned_at=1)
    missing = replace(trial(3), scores=(float("nan"),), excesses=(float("nan"), 0.0), reason="nothing was traded")
    trials = [base_trial(), looks, trial(2, TrialState.REFUSED, 0), missing, trial(4, TrialState.FAILED, 0)]
    _mirror(url).write([part(*trials)])
    found = _read(url).trials
    states = [OptunaState.PRUNED, OptunaState.PRUNED, OptunaState.FAIL, OptunaState.FAIL, OptunaState.FAIL]
    assert [each.state for each in found] == states
    assert found[0].params == {}
    assert (found[0].user_attrs["sharpe"], found[0].user_attrs["state"]) == (0.5, "complete")
    assert found[1].intermediate_values[0] == 0.3
    assert np.isnan(found[1].intermediate_values[1])
    assert (found[1].user_attrs["pruned at look"], found[1].user_attrs["reason"]) == (1, "it was pruned")
    assert found[2].user_attrs == {"state": "refused", "blocks": [], "reason": "it was refused"}
    assert (found[3].user_attrs["reason"], found[3].constraints, found[3].values) == ("nothing was traded", {}, None)


def test_a_trial_is_written_once_and_after_all_before_it(url: str) -> None:
    """A number of ours is the number of Optuna's, over a kill and a resumption."""
    running = replace(trial(2), state=TrialState.RUNNING)
    mirror = _mirror(url)
    assert mirror.write([part(trial(0), trial(1), running, trial(3))]) == 2
    assert mirror.write([part(trial(0), trial(1), running, trial(3))]) == 0
    mirror.close()
    again = _mirror(url, resume=True)
    assert (again.name, again.begun_ns) == ("study", mirror.begun_ns)
    records = [trial(number) for number in range(5)]
    assert again.write([part(*records)]) == 3
    found = _read(url).trials
    assert [each.number for each in found] == list(range(5))
    assert [each.value for each in found] == [record.scores[0] for record in records]


def test_each_outer_search_has_a_study_of_its_own(url: str) -> None:
    """A search that saw other days is not mixed with the one over all."""
    outer = PartRecord(index=0, splits=(2,), train=(0, 1), trials=(trial(0), trial(1)))
    mirror = _mirror(url)
    assert mirror.write([outer, part(trial(0))]) == 3
    assert (len(_read(url, "study/outer-2").trials), len(_read(url).trials)) == (2, 1)
    assert _read(url, "study/outer-2").user_attrs["train blocks"] == [0, 1]
    mirror.close()
    again = _mirror(url, resume=True)
    assert again.write([outer, part(trial(0))]) == 0


def test_a_name_that_is_taken_gets_a_number(url: str) -> None:
    """A sweep that is begun anew spoils no study; one that goes on takes the newest that is it."""
    first = _mirror(url)
    other = _mirror(url, identity=replace(IDENTITY, data="more"))
    assert (first.name, other.name) == ("study", "study-2")
    for each in (first, other):
        each.close()
    going_on = _mirror(url, resume=True)
    assert going_on.name == "study"
    going_on.finish()
    going_on.close()
    told = _mirror(url, resume=True)
    assert (told.name, told.is_finished, first.is_finished) == ("study", True, False)


@pytest.mark.parametrize(
    ("member", "words"),
    [("settings", "its settings"), ("space", "its space"), ("data", "its data"), ("code", "its code")],
)
def test_a_study_goes_on_with_what_it_was_begun_with_alone(tmp_path: Path, member: str, words: str) -> None:
    """Old and new trials of unlike code or data would be one sample of two things."""
    url = f"sqlite:///{tmp_path / 'sweeps.sqlite'}"
    _mirror(url).close()
    changed: Any = replace(IDENTITY, **{member: "other"})
    with pytest.raises(ConfigError, match=rf"the study study cannot go on; found {words}.*leave --resume out"):
        _mirror(url, resume=True, identity=changed)
    assert _read(url).user_attrs["hedgefield:identity"] == IDENTITY.as_dict()


def test_a_study_of_another_program_is_not_taken_up(tmp_path: Path) -> None:
    """It keeps its trials, and a sweep that is begun gets another name."""
    url = f"sqlite:///{tmp_path / 'sweeps.sqlite'}"
    optuna.create_study(storage=url, study_name="study")
    with pytest.raises(ConfigError, match="a study of this name is not one of a sweep"):
        _mirror(url, resume=True)
    assert _mirror(url).name == "study-2"


def test_going_on_with_nothing_begins(url: str) -> None:
    """A job that is started again and again may always be told to go on."""
    assert _mirror(url, resume=True).write([part(trial(0))]) == 1


def test_one_process_runs_a_study(url: str) -> None:
    """Two that go on with the same study at a time would write it twice; a kill sets it free."""
    command = [sys.executable, "-m", "tests.tuning.studies.mirrored", url, "study", "100000"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "study 1\n"
        with pytest.raises(VenueError, match="another process runs this study; found study"):
            _mirror(url, resume=True)
        process.kill()
        told = process.stdout.read().split()
    mirror = _mirror(url, resume=True)
    n_stands = len(_read(url).trials)
    assert n_stands >= (int(told[-1]) if told else 1)
    mirror.write([part(*[trial(number) for number in range(n_stands + 2)])])
    assert [each.number for each in _read(url).trials] == list(range(n_stands + 2))


def test_mirrors_write_to_an_empty_storage_at_a_time(url: str) -> None:
    """The tables are made once and no trial is lost, whoever comes first."""
    command = [sys.executable, "-m", "tests.tuning.studies.mirrored", url, "study", "30"]
    running = [subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {process.communicate(timeout=120)[0].splitlines()[-1] for process in running}
    assert told == {"study 30", "study-2 30"}
    for name in ("study", "study-2"):
        assert [each.number for each in _read(url, name).trials] == list(range(30))


def test_the_plots_of_the_dashboard_can_be_drawn(tmp_path: Path) -> None:
    """Also with the base outside the space, with pruned, refused and failed trials among them."""
    url = f"sqlite:///{tmp_path / 'sweeps.sqlite'}"
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE, TrialState.FAILED]
    records = [base_trial(), *(trial(n, states[n % 4]) for n in range(1, 40))]
    _mirror(url).write([part(*records)])
    study, draw = _read(url), optuna.visualization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importances = optuna.importance.get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
        assert set(importances) == set(TERMS.space.names)
        figures = [draw.plot_optimization_history(study), draw.plot_slice(study), draw.plot_parallel_coordinate(study)]
        figures += [draw.plot_intermediate_values(study), draw.plot_timeline(study)]
        figures += [draw.plot_contour(study, params=["a.width", "b.days"])]
    assert all(figure.data for figure in figures)


def test_several_objectives_have_their_directions(tmp_path: Path) -> None:
    """The Pareto front is the one of our scores."""
    url = f"sqlite:///{tmp_path / 'sweeps.sqlite'}"
    terms = replace(TERMS, objectives=(Objective.SHARPE, Objective.MAX_DRAWDOWN))
    scores = [(1.0, 0.2), (2.0, 0.3), (0.5, 0.4)]
    records = [replace(trial(n), scores=told, excesses=()) for n, told in enumerate(scores)]
    _mirror(url, terms=terms).write([part(*records)])
    study = _read(url)
    assert sorted(each.number for each in study.best_trials) == [0, 1]
    assert study.trials[0].intermediate_values == {}


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    """They may mean something else."""
    url = f"sqlite:///{tmp_path / 'sweeps.sqlite'}"
    _mirror(url).close()
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v9.9.9.z'"))
    with pytest.raises(ConfigError, match="cannot be used by this version of Optuna"):
        _mirror(url)


def test_a_full_storage_is_told_and_keeps_what_it_has(tmp_path: Path) -> None:
    """Neither half a trial nor a gap in the numbers is left, and nothing is said of statements."""
    url = f"sqlite:///{tmp_path / 'sweeps.sqlite'}"
    mirror = _mirror(url)
    mirror.write([part(trial(0))])
    engine = mirror._store.storage.engine
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    event.listen(engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count={pages}"))
    engine.dispose()
    many = part(*[trial(number) for number in range(2000)])
    with pytest.raises(VenueError, match="cannot be written to the sweep storage; found database or disk is full"):
        mirror.write([many])
    n_stands = len(_read(url).trials)
    assert n_stands % 500 == 1
    mirror.close()
    assert _mirror(url, resume=True).write([many]) == 2000 - n_stands


def test_no_text_tells_the_password() -> None:
    """Neither an error nor the mirror repeats a URL."""
    secret = "postgresql://me:hidden@127.0.0.1:1/db"  # noqa: S105  # pragma: allowlist secret
    with pytest.raises(VenueError) as failure:
        _mirror(secret)
    assert "hidden" not in f"{failure.value}{failure.value.__dict__}"
