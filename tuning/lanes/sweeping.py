"""A sweep from its configuration to its study: prepared, run on a cluster, answered and written."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.sql.engine import sqlite_url
from adapters.sql.trial_messages import Trial
from backtest.history import History
from backtest.reports.folder import RunFolder
from cluster.backtests.origins import code_version
from cluster.own_strategies import carry_by_value
from cluster.runtime import RayRuntime, job_address, start_ray, usable_cores
from cluster.settings import load_settings
from cluster.state_folder import make_run_folder, prune_runs, require_state_folder
from cluster.trials import data_set_of, ledger_place, opened_ledger, who
from market.clock import SystemClock
from market.errors import ConfigError
from tuning.evaluation.evaluator import Evaluator
from tuning.lanes.capacity import lanes_that_fit
from tuning.lanes.desk import DeskTerms
from tuning.lanes.interrupting import handlers_kept
from tuning.lanes.kit import LaneKit
from tuning.lanes.placing import PlacedData, evaluator_in_place, place_data
from tuning.lanes.planning import DeskMaker, PlanRecords
from tuning.lanes.preparing import PreparedSweep, prepare_sweep
from tuning.lanes.running import LaneRun, Watching, run_lanes
from tuning.lanes.telling import told_live
from tuning.reports.writing import write_study
from tuning.studies.answer import StudyAnswer
from tuning.studies.answering import StudyRecords, TrialsKnown, answer_of
from tuning.studies.mirror import MirrorTerms, StudyMirror
from tuning.studies.winner import winner_file

__all__ = ["FinishedSweep", "SweepRequest", "run_sweep"]

_STORAGE: Final = "sweeps.sqlite"
_ROOM: Final = 64_000_000  # of the object store beside the data, bytes
_MOST_NAMES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """What the user asked for.

    Parameters
    ----------
    config : pathlib.Path
        Configuration of the sweep.
    out : pathlib.Path or None
        Folder of the study; else ``reports/NAME``, with a number where that is taken.
    address : str or None
        Cluster to join; else that which a job names, else one of this machine is started.
    workers : int or None
        Workers; else as the configuration says.
    resume : bool
        Whether the study goes on where it was broken off.
    data : pathlib.Path or None
        Folder for relative paths of data.
    quiet : bool
        Show no progress.
    """

    config: Path
    out: Path | None = None
    address: str | None = None
    workers: int | None = None
    resume: bool = False
    data: Path | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedSweep:
    """A sweep that has ended, in its folder.

    Parameters
    ----------
    folder : pathlib.Path
        Of the study.
    answer : StudyAnswer
        What it found.
    records : PlanRecords
        All its trials and choices.
    """

    folder: Path
    answer: StudyAnswer
    records: PlanRecords


def run_sweep(request: SweepRequest, say: Callable[[str], None]) -> FinishedSweep:
    """Run a sweep to its end and write its study.

    Parameters
    ----------
    request : SweepRequest
        What was asked for.
    say : callable
        Told in a line what is done.

    Returns
    -------
    FinishedSweep
        Everything is on disk.

    Raises
    ------
    ConfigError, DataError
        What cannot be, before anything runs; or no trial has a score.
    VenueError
        The cluster, the ledger or the storage failed; what was kept stays.
    """
    home = require_state_folder(load_settings().folder)
    _require_free(request.out)
    prepared = prepare_sweep(request.config, request.data, say)
    if prepared.note:
        say(f"note: {prepared.note}")
    mirror = _mirror(prepared, home, resume=request.resume)
    try:
        records = _records(request, prepared, mirror, home, say)
        answer = _answer(prepared, records, mirror.name, home)
        folder = _written(request, prepared, answer)
        mirror.finish()
    finally:
        mirror.close()
    return FinishedSweep(folder=folder, answer=answer, records=records)


def _mirror(prepared: PreparedSweep, home: Path, *, resume: bool) -> StudyMirror:
    told = prepared.settings
    terms = MirrorTerms(
        space=prepared.space,
        objectives=told.sweep.objectives,
        constraints=told.constraints,
        periods_per_year=prepared.periods_per_year,
    )
    from_environment = load_settings().sweep_storage
    url = told.keeping.storage or (from_environment.get_secret_value() if from_environment else None)
    return StudyMirror(
        url or sqlite_url(home / _STORAGE), prepared.name, terms, prepared.identity, SystemClock(), resume=resume
    )


def _records(
    request: SweepRequest, prepared: PreparedSweep, mirror: StudyMirror, home: Path, say: Callable[[str], None]
) -> PlanRecords:
    with _cluster(request, prepared, home, say) as (folder, n_lanes):
        told, placed = prepared.settings, _placed(prepared, say)
        terms = DeskTerms(n_lanes=n_lanes, batch_s=told.resources.batch_s)
        maker = DeskMaker(
            prepared=replace(prepared, history=_without_data(prepared.history)),
            terms=terms,
            trial=_trial(prepared, mirror),
            ledger=ledger_place(home, told.keeping.ledger),
        )
        kit = LaneKit(
            make=evaluator_in_place,
            parts=(prepared.base, prepared.space, placed.history, prepared.blocks, *placed.fields),
            memory_mb=told.resources.memory_mb,
            item_s=told.resources.item_s,
        )
        run = LaneRun(n_lanes=n_lanes, scratch=folder)
        lead = told.sweep.objectives[0].value
        with told_live(mirror.name, lead, time.monotonic, quiet=request.quiet) as tell:
            watching = Watching(status=tell, records=lambda records: _mirrored(mirror, records))
            found: PlanRecords = run_lanes(run, kit, maker, watching)
        _mirrored(mirror, found)
    return found


def _placed(prepared: PreparedSweep, say: Callable[[str], None]) -> PlacedData:
    """Place the data and say what points are run by."""
    say(Evaluator(prepared.base, prepared.space, prepared.history, prepared.blocks).path)
    stores = [room["object_store_memory"] for room in _rooms() if "object_store_memory" in room]
    placed = place_data(prepared, min(stores, default=0.0) - _bytes_of(prepared.history) - _ROOM)
    if placed.words:
        say(placed.words)
    return placed


def _mirrored(mirror: StudyMirror, records: PlanRecords) -> None:
    mirror.write(records.parts)


@contextmanager
def _cluster(
    request: SweepRequest, prepared: PreparedSweep, home: Path, say: Callable[[str], None]
) -> Iterator[tuple[Path, int]]:
    """Start or join a cluster, and yield a folder for Tune and the number of lanes."""
    resources, address = prepared.settings.resources, request.address or job_address()
    asked = request.workers or resources.workers
    if address is None:
        _require_room(prepared.history, resources.object_store_mb)
    say("starting a cluster on this machine" if address is None else f"joining the cluster at {address}")
    prune_runs(home)
    folder = make_run_folder(home, f"{os.getpid()}-{secrets.token_hex(4)}")
    runtime: RayRuntime | None = None
    try:
        with handlers_kept():
            runtime = start_ray(
                folder,
                address=address,
                num_cpus=asked or usable_cores(),
                object_store_mb=resources.object_store_mb,
                with_code=True,
            )
            for each in prepared.base.strategies if address is not None else ():
                carry_by_value(each.kind, prepared.folders.strategies)
        n_lanes = lanes_that_fit(_rooms(), resources.memory_mb, asked)
        say(f"{n_lanes} workers, {resources.memory_mb} MB each")
        scratch = folder / "tune"
        scratch.mkdir()
        yield scratch, n_lanes
    finally:
        if runtime is not None:
            runtime.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _rooms() -> list[dict[str, float]]:
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node["Resources"] for node in nodes if node["Alive"]]


def _require_room(history: History, object_store_mb: int) -> None:
    """Refuse data that a local object store does not hold: Ray would read them from disk again and again."""
    needed = _bytes_of(history) + _ROOM
    if needed > object_store_mb * 1e6:
        raise ConfigError(
            "the object store does not hold the data",
            found=f"{object_store_mb} MB",
            expected=f"{needed / 1e6:.0f} MB or more",
            action="set [resources] object_store_mb",
        )


def _bytes_of(history: History) -> int:
    import pickle

    sizes: list[int] = []
    rest = pickle.dumps(history, protocol=5, buffer_callback=lambda buffer: sizes.append(buffer.raw().nbytes))
    return sum(sizes) + len(rest)


def _without_data(history: History) -> History:
    return History(sources=history.sources)


def _trial(prepared: PreparedSweep, mirror: StudyMirror) -> Trial:
    user, host = who()
    return Trial(
        ts_event_ns=mirror.begun_ns,
        user=user,
        host=host,
        study=mirror.name,
        part="",
        number=0,
        name=prepared.base.run.name,
        data_digest=data_set_of(prepared.history.sources).digest,
        config_digest="",
        code_version=code_version(),
        simulated=prepared.history.simulated,
    )


def _answer(prepared: PreparedSweep, records: PlanRecords, study: str, home: Path) -> StudyAnswer:
    ledger, data = opened_ledger(home, prepared.settings.keeping.ledger), data_set_of(prepared.history.sources)
    return answer_of(
        prepared.settings,
        prepared.space,
        StudyRecords(blocks=prepared.blocks, splits=prepared.splits, parts=records.parts, choices=records.choices),
        provenance=prepared.provenance(study),
        known=TrialsKnown(n=ledger.count(data), sharpes=ledger.sharpes(data)),
        rng=np.random.default_rng(prepared.settings.sweep.seed),
    )


def _written(request: SweepRequest, prepared: PreparedSweep, answer: StudyAnswer) -> Path:
    winner = winner_file(answer, prepared.space, prepared.base, prepared.base_text, prepared.folders)
    folder = RunFolder(request.out or _unused(prepared.name))
    folder.begin()
    write_study(folder, answer, winner, prepared.text)
    return folder.path


def _unused(name: str) -> Path:
    wanted = Path("reports") / name
    for number in range(1, _MOST_NAMES):
        path = wanted if number == 1 else wanted.with_name(f"{name}-{number}")
        if not path.exists():
            return path
    raise ConfigError("every name of a study's folder is taken", found=str(wanted), action="name one with --out")


def _require_free(out: Path | None) -> None:
    """Refuse a folder that is taken before hours of work, and not after."""
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            "the study folder is not empty",
            found=str(out),
            expected="a new or an empty folder: an earlier study is never overwritten",
            action="name another one with --out, or remove it",
        )
    _require_writable(out or Path("reports"))


def _require_writable(place: Path) -> None:
    """Refuse a folder that cannot be made, by making one where it would stand: rights alone do not tell."""
    above = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryDirectory(dir=above, prefix=".hedgefield-"):
            pass
    except OSError as error:
        raise ConfigError(
            "the study folder cannot be written",
            found=f"{above}: {error.strerror}",
            expected="a folder that this user may write in",
            action="name another one with --out",
        ) from error
