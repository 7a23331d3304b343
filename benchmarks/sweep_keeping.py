"""What a trial of a sweep costs to count, keep, find again and mirror: ``python -m benchmarks.sweep_keeping``."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from adapters.sql.engine import sqlite_url
from adapters.sql.trial_ledger import SqlTrialLedger
from adapters.sql.trial_messages import DataSet, Trial, TrialSource
from market.clock import SystemClock
from tuning.configuration.settings import ConstraintSettings, Objective
from tuning.search.distributions import distributions_of
from tuning.search.records import PartRecord, TrialRecord, TrialState
from tuning.space.dimensions import Varied
from tuning.space.scales import Uniform
from tuning.space.space import Space
from tuning.studies.keeping import Identity, KeptOutcomes
from tuning.studies.mirror import MirrorTerms, StudyMirror
from tuning.studies.optuna_store import quiet_optuna
from tuning.studies.resuming import StudyIdentity
from tuning.work import BlockOutcome, Item, ItemOutcome, Point

__all__ = ["main"]

_N: Final = 1_600
_N_BLOCKS: Final = 10
_N_DAYS: Final = 25
_N_DIMS: Final = 8
_DATA: Final = DataSet(
    digest="data", sources=(TrialSource(name="X bars", digest="x", kind="bars", market="recorded X"),)
)
_SPACE: Final = Space(
    tuple(
        Varied(name=f"strategies.condor.p{n}", targets=((f"p{n}",),), scale=Uniform(low=0.0, high=1.0))
        for n in range(_N_DIMS)
    )
)


def main() -> None:
    """Print tables in milliseconds per trial."""
    with tempfile.TemporaryDirectory() as name:
        lines = [*_keeping(Path(name)), "", *_mirroring(Path(name))]
    sys.stdout.write("\n".join(lines) + "\n")


def _identify(point: Point) -> Identity:
    key = point.key
    return Identity(config_digest=key, keys=tuple(sha256(f"{key} {b}".encode()).hexdigest() for b in range(_N_BLOCKS)))


def _blocks(rng: np.random.Generator) -> tuple[BlockOutcome, ...]:
    measures = {"n_trades": 3.0, "n_orders": 4.0, "turnover": 1.0, "costs": 2.0, "open_at_end": 0.0}
    return tuple(
        BlockOutcome(
            block=block,
            end_ns=np.arange(_N_DAYS, dtype=np.int64) + _N_DAYS * block,
            returns=rng.normal(0.001, 0.01, _N_DAYS),
            measures=measures,
        )
        for block in range(_N_BLOCKS)
    )


def _keeping(folder: Path) -> Iterator[str]:
    yield "| batch | counted and looked up | kept | found again |"
    yield "|---|---|---|---|"
    for batch in (8, 50, 200):
        ledger = SqlTrialLedger(sqlite_url(folder / f"trials-{batch}.sqlite"))
        rng = np.random.default_rng(batch)
        points = [Point.of({name: float(rng.random()) for name in _SPACE.names}) for _ in range(_N)]
        items = [Item(number=n, point=point, blocks=tuple(range(_N_BLOCKS))) for n, point in enumerate(points)]
        batches = [items[place : place + batch] for place in range(0, _N, batch)]
        ran = [[(item, ItemOutcome(number=item.number, blocks=_blocks(rng))) for item in each] for each in batches]
        kept = _kept(ledger)
        told = [_ms(kept.found, batches), _ms(kept.keep, ran), _ms(_kept(ledger).found, batches)]
        yield f"| {batch} | " + " | ".join(f"{each:.2f}" for each in told) + " |"


def _kept(ledger: SqlTrialLedger) -> KeptOutcomes:
    trial = Trial(
        ts_event_ns=1,
        user="user",
        host="host",
        study="study",
        part="",
        number=0,
        name="name",
        data_digest=_DATA.digest,
        config_digest="",
        code_version="1",
        simulated=True,
    )
    return KeptOutcomes(ledger, _DATA, trial, _identify, SystemClock())


def _ms(act: Callable[[Any], Any], batches: list[Any]) -> float:
    began = time.perf_counter()
    for batch in batches:
        act(batch)
    return (time.perf_counter() - began) / _N * 1e3


def _mirroring(folder: Path) -> Iterator[str]:
    terms = MirrorTerms(
        space=_SPACE,
        objectives=(Objective.SHARPE,),
        constraints=ConstraintSettings(max_drawdown=0.2, min_trades=None, max_turnover=None),
        periods_per_year=252,
    )
    identity = StudyIdentity(settings="settings", space="space", data="data", code="code")
    mirror = StudyMirror(sqlite_url(folder / "mirror.sqlite"), "study", terms, identity, SystemClock())
    rng = np.random.default_rng(0)
    records = [_record(number, rng) for number in range(_N + 100)]
    bulk_s = _seconds(lambda: mirror.write([_part(records[:_N])]))
    single_s = _seconds(lambda: [mirror.write([_part(records[: _N + n + 1])]) for n in range(100)])
    with quiet_optuna():
        own_s = _seconds(lambda: _by_optuna(folder, records[:100]))
    yield f"mirror in bulk {bulk_s / _N * 1e3:.2f}, one at a time {single_s * 10:.2f}, Optuna's own {own_s * 10:.1f}"


def _record(number: int, rng: np.random.Generator) -> TrialRecord:
    point = Point.of({name: float(rng.random()) for name in _SPACE.names})
    state, scores = TrialState.COMPLETE, (float(rng.normal()),)
    return TrialRecord(number=number, point=point, state=state, blocks=_blocks(rng), scores=scores, excesses=(-0.1,))


def _part(records: list[TrialRecord]) -> PartRecord:
    return PartRecord(index=0, splits=(), train=tuple(range(_N_BLOCKS)), trials=tuple(records))


def _by_optuna(folder: Path, records: list[TrialRecord]) -> None:
    storage = RDBStorage(sqlite_url(folder / "optuna.sqlite"))
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "study")
    for record in records:
        told = create_trial(
            state=OptunaState.COMPLETE,
            params=dict(record.point.as_dict()),
            distributions=distributions_of(_SPACE),
            value=record.scores[0],
            intermediate_values=dict.fromkeys(range(_N_BLOCKS), 0.5),
            user_attrs={"state": "complete", "blocks": list(range(_N_BLOCKS)), "costs": 20.0, "n_trades": 30.0},
            system_attrs={"constraints": [-0.1]},
        )
        storage.create_new_trial(study, template_trial=told)


def _seconds(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
