"""A sweep as studies of Optuna, for its dashboard and its plots: written from our records, never read to decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, takewhile
from math import isfinite, isnan, nan
from typing import Any, Final, final

from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from adapters.sql.claim import Claim
from market.clock import Clock
from market.errors import ConfigError
from tuning.configuration.settings import ConstraintSettings, Objective
from tuning.search.distributions import distributions_of, params_of
from tuning.search.records import PartRecord, TrialRecord, TrialState
from tuning.search.scoring import sample_of, score
from tuning.space.space import Space
from tuning.studies.optuna_store import MirroredTrial, OptunaStore
from tuning.studies.resuming import StudyIdentity

__all__ = ["MirrorTerms", "StudyMirror"]

_IDENTITY: Final = "hedgefield:identity"
_STATE: Final = "hedgefield:state"
_BEGUN: Final = "hedgefield:begun_ns"
_CONSTRAINTS: Final = "constraints"  # the key that Optuna and its dashboard read
_OUTSIDE: Final = "the base configuration lies outside the space: its scores stand in the attributes"
_BATCH: Final = 500
_MEASURES: Final = ("n_trades", "turnover", "costs")
_ENDED: Final = {
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.REFUSED: OptunaState.FAIL,
    TrialState.FAILED: OptunaState.FAIL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorTerms:
    """What the trials of a sweep mean.

    Parameters
    ----------
    space : Space
        Where their points lie.
    objectives : tuple of Objective
        In the order of the scores.
    constraints : ConstraintSettings
        Bounds, in the order of the excesses.
    periods_per_year : int
        Days a year of the objectives.
    """

    space: Space
    objectives: tuple[Objective, ...]
    constraints: ConstraintSettings
    periods_per_year: int

    @property
    def bounds(self) -> tuple[str, ...]:
        """Names of the constraints that are told."""
        return tuple(name for name, value in self.constraints.model_dump().items() if value is not None)


@final
class StudyMirror:
    """The studies of a sweep in Optuna's storage: NAME for the search over all blocks, NAME/outer-K for the others.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of the storage, SQLite or PostgreSQL; it may hold a password and is left out of every text.
    name : str
        Name of the sweep. Where a study has it and the sweep does not go on, a number is added.
    terms : MirrorTerms
        What the trials mean.
    identity : StudyIdentity
        What the study is told from others by.
    clock : Clock
        When trials are written.
    resume : bool, optional
        Whether the sweep goes on where it was broken off; one that was never begun is begun.

    Raises
    ------
    ConfigError
        The sweep goes on with other settings, space, data or code than it was begun with.
    VenueError
        The storage cannot be used, or another process runs this study.

    Notes
    -----
    Trials are numbered as ours, so one is written when all before it have ended, and once.
    """

    def __init__(
        self,
        url: str,
        name: str,
        terms: MirrorTerms,
        identity: StudyIdentity,
        clock: Clock,
        *,
        resume: bool = False,
    ) -> None:
        self._url, self._terms, self._identity, self._clock = url, terms, identity, clock
        self._store = OptunaStore(url)
        self._distributions = distributions_of(terms.space)
        self._studies: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._name, self._claim = self._going_on(name) if resume else self._begun(name)
        told = self._store.attributes(self._name)
        self._begun_ns, self._is_finished = int(told[_BEGUN]), bool(told[_STATE] == "finished")

    def __repr__(self) -> str:
        return f"StudyMirror({self._name!r})"

    @property
    def name(self) -> str:
        """Name of the study over all blocks."""
        return self._name

    @property
    def begun_ns(self) -> int:
        """When the sweep was first begun, ns since the epoch, UTC: the same when it goes on."""
        return self._begun_ns

    @property
    def is_finished(self) -> bool:
        """Whether the sweep has been run to its end."""
        return self._is_finished

    def write(self, parts: Sequence[PartRecord]) -> int:
        """Write the trials that have ended since the last time.

        Parameters
        ----------
        parts : sequence of PartRecord
            The searches; the last one is over all blocks.

        Returns
        -------
        int
            Trials written.

        Raises
        ------
        VenueError
            The storage cannot be written; what it holds stays.
        """
        n_written = 0
        for place, part in enumerate(parts):
            name = self._name if place == len(parts) - 1 else f"{self._name}/outer-{part.splits[0]}"
            n_written += self._write_part(name, part)
        return n_written

    def finish(self) -> None:
        """Say that the sweep was run to its end."""
        self._store.tell(self._studies[self._name], {_STATE: "finished"})
        self._is_finished = True

    def close(self) -> None:
        """Release the storage, and the name for others."""
        self._store.close()
        self._claim.release()

    def _begun(self, wanted: str) -> tuple[str, Claim]:
        """Begin a study under the first name that is free."""
        taken = self._store.names()
        for name in _numbered(wanted):
            # Where another sweep has just taken the name, there is a next one.
            if name not in taken and self._begin(name, {_STATE: "running", _BEGUN: self._clock.now_ns()}):
                return name, Claim(self._url, name, "study")
        raise ConfigError("every name of a study is taken", found=wanted, action="give the sweep another name")

    def _going_on(self, wanted: str) -> tuple[str, Claim]:
        """Take up the newest study of a name that is this one; one that has not ended comes first."""
        taken = self._store.names()
        names = list(takewhile(lambda name: name in taken, _numbered(wanted)))
        if not names:
            return self._begun(wanted)
        told = {name: self._store.attributes(name) for name in names}
        same = [name for name in names if self._is_same(told[name])]
        if not same:
            self._identity.require_same(told[names[-1]].get(_IDENTITY), names[-1])
        running = [name for name in same if told[name].get(_STATE) != "finished"]
        name = (running or same)[-1]
        claim = Claim(self._url, name, "study")
        self._studies[name] = self._store.study(name)
        return name, claim

    def _is_same(self, told: Mapping[str, Any]) -> bool:
        known = told.get(_IDENTITY)
        return known is not None and not self._identity.differences(known)

    def _begin(self, name: str, attributes: Mapping[str, Any]) -> bool:
        terms = self._terms
        maximise, minimise = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
        directions = [maximise if each.is_maximised else minimise for each in terms.objectives]
        told = {_IDENTITY: self._identity.as_dict(), "constraint names": list(terms.bounds), **attributes}
        study = self._store.begin(name, directions, [each.value for each in terms.objectives], told)
        if study is None:
            return False
        self._studies[name] = study
        return True

    def _write_part(self, name: str, part: PartRecord) -> int:
        ended = list(takewhile(lambda record: record.state in _ENDED, part.trials))
        if name not in self._studies and not self._begin(name, {"train blocks": list(part.train)}):
            self._studies[name] = self._store.study(name)
        if name not in self._written:
            self._written[name] = self._store.n_trials(self._studies[name])
        n_before = self._written[name]
        for first in range(n_before, len(ended), _BATCH):
            batch = [self._mirrored(record) for record in ended[first : first + _BATCH]]
            self._store.add(self._studies[name], first, batch, self._distributions, self._now())
            self._written[name] = first + len(batch)
        return max(len(ended) - n_before, 0)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ns() / 1e9)  # noqa: DTZ006  # Optuna keeps local times

    def _mirrored(self, record: TrialRecord) -> MirroredTrial:
        is_inside = bool(record.point.values)
        state, reason = _ENDED[record.state], record.reason
        if state is OptunaState.COMPLETE and any(map(isnan, record.scores)):
            state, reason = OptunaState.FAIL, reason or "a score is missing"
        if not is_inside and state is OptunaState.COMPLETE:
            # A complete trial without parameters would leave none that all trials share, and so none to plot.
            state, reason = OptunaState.PRUNED, _OUTSIDE
        scores = dict(zip((each.value for each in self._terms.objectives), record.scores, strict=False))
        return MirroredTrial(
            state=state,
            values=record.scores if state is OptunaState.COMPLETE else (),
            params=self._params(record) if is_inside else {},
            user_attrs=_told(record, reason, {} if state is OptunaState.COMPLETE else scores),
            system_attrs=_constraints(record),
            steps=self._steps(record),
        )

    def _params(self, record: TrialRecord) -> dict[str, float]:
        held = params_of(self._terms.space, record.point)
        return {name: self._distributions[name].to_internal_repr(value) for name, value in held.items()}

    def _steps(self, record: TrialRecord) -> dict[int, float]:
        """Return the first objective at each look of the pruning, else over the blocks up to each of them."""
        if record.looks:
            return dict(enumerate(record.looks))
        if len(self._terms.objectives) > 1:
            return {}  # Optuna has no such thing for several objectives
        objective, per_year = self._terms.objectives[0], self._terms.periods_per_year
        return {
            outcome.block: score(objective, sample_of(record.blocks[: place + 1]), per_year).value
            for place, outcome in enumerate(record.blocks)
        }


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _constraints(record: TrialRecord) -> dict[str, Any]:
    """Return what is above 0 where a bound is broken, as a list, which every version of the dashboard reads."""
    if not record.excesses or any(map(isnan, record.excesses)):
        return {}
    return {_CONSTRAINTS: list(record.excesses)}


def _told(record: TrialRecord, reason: str, scores: Mapping[str, float]) -> dict[str, Any]:
    """Return what a reader of the dashboard sees beside the values; JSON knows no NaN, so it is left out."""
    told: dict[str, Any] = {"state": record.state.value, "blocks": [outcome.block for outcome in record.blocks]}
    if reason:
        told["reason"] = reason
    if record.pruned_at is not None:
        told["pruned at look"] = record.pruned_at
    summed = {name: sum(each.measures.get(name, nan) for each in record.blocks) for name in _MEASURES if record.blocks}
    return told | {name: value for name, value in {**scores, **summed}.items() if isfinite(value)}
