"""Optuna's tables: opened once by many at a time, and filled in bulk."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, final

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models  # the public call writes each trial by itself, which takes 40 to 60 ms
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from adapters.sql.claim import Claim
from adapters.sql.engine import failed, harden, make_folder, parsed_url, take_turn
from market.errors import ConfigError

__all__ = ["MirroredTrial", "OptunaStore", "quiet_optuna"]

_WHAT: Final = "sweep storage"
_ACTION: Final = "check its URL and its disk; outcomes that were kept stay, go on with --resume"
_METRIC_NAMES: Final = "study:metric_names"  # as `optuna.Study.set_metric_names` keeps them


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredTrial:
    """A trial that has ended, as Optuna's tables hold it.

    Parameters
    ----------
    state : optuna.trial.TrialState
        One that no worker will take up.
    values : tuple of float
        One for each direction, none of them NaN; empty without.
    params : mapping of str to float
        As each distribution keeps a value inside.
    user_attrs, system_attrs : mapping of str to object
        As JSON.
    steps : mapping of int to float
        Intermediate values; NaN where there is none.
    """

    state: OptunaState
    values: tuple[float, ...]
    params: Mapping[str, float]
    user_attrs: Mapping[str, Any]
    system_attrs: Mapping[str, Any]
    steps: Mapping[int, float]


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna's own lines and warnings from the terminal of a sweep."""
    logger = logging.getLogger("optuna")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


@final
class OptunaStore:
    """Studies of Optuna in SQLite or PostgreSQL.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, which may hold a password; it is left out of every text.

    Raises
    ------
    ConfigError
        The URL cannot be used, or the tables are those of another version of Optuna.
    VenueError
        The store cannot be opened.
    """

    def __init__(self, url: str) -> None:
        parsed = parsed_url(url, _WHAT)
        self._kind = parsed.get_backend_name()
        if self._kind == "sqlite" and parsed.database:
            make_folder(Path(parsed.database).parent, _WHAT)
        address = parsed.render_as_string(hide_password=False)
        with _told("the sweep storage cannot be opened"), quiet_optuna():
            # Optuna looks for its tables and then makes them: of two at a time one would fail.
            opening = Claim(address, "tables of Optuna", _WHAT, waits=True)
            try:
                self.storage = RDBStorage(address, engine_kwargs={"pool_pre_ping": self._kind == "postgresql"})
            except (RuntimeError, ImportError) as error:
                raise ConfigError(
                    "the sweep storage cannot be used by this version of Optuna",
                    found=str(error).partition("\n")[0],
                    action="name another place in HEDGEFIELD_SWEEP_STORAGE",
                ) from error
            finally:
                opening.release()
            harden(self.storage.engine)

    def __repr__(self) -> str:
        return f"OptunaStore({self._kind})"

    def names(self) -> set[str]:
        """Return the names of all studies."""
        table: Any = models.StudyModel.__table__
        with _told("the sweep storage cannot be read"), self.storage.engine.connect() as connection:
            return set(connection.execute(select(table.c.study_name)).scalars())

    def attributes(self, name: str) -> dict[str, Any]:
        """Return the user attributes of a study."""
        with _told("the sweep storage cannot be read"):
            return dict(self.storage.get_study_user_attrs(self.storage.get_study_id_from_name(name)))

    def begin(
        self, name: str, directions: Sequence[StudyDirection], metrics: Sequence[str], attributes: Mapping[str, Any]
    ) -> int | None:
        """Begin a study, in one transaction: none is ever seen without its attributes.

        Parameters
        ----------
        name : str
            Its name.
        directions : sequence of StudyDirection
            One for each objective.
        metrics : sequence of str
            Names of the objectives.
        attributes : mapping of str to object
            User attributes, as JSON.

        Returns
        -------
        int or None
            Its number in the tables; None where there is one of this name.
        """
        with _told("a study cannot be begun"):
            try:
                with self.storage.engine.begin() as connection:
                    return _begun(connection, name, directions, metrics, attributes)
            except IntegrityError:
                return None

    def tell(self, study: int, attributes: Mapping[str, Any]) -> None:
        """Set user attributes of a study, as JSON."""
        with _told("the sweep storage cannot be written"):
            for key, value in attributes.items():
                self.storage.set_study_user_attr(study, key, value)

    def study(self, name: str) -> int:
        """Return the number of a study that there is."""
        with _told("the sweep storage cannot be read"):
            return self.storage.get_study_id_from_name(name)

    def n_trials(self, study: int) -> int:
        """Return how many trials a study has."""
        with _told("the sweep storage cannot be read"), self.storage.engine.connect() as connection:
            return _n_trials(connection, study)

    def add(
        self,
        study: int,
        first: int,
        trials: Sequence[MirroredTrial],
        distributions: Mapping[str, BaseDistribution],
        now: datetime,
    ) -> None:
        """Append trials in one transaction; those that stand already are passed over.

        Parameters
        ----------
        study : int
            Its number in the tables.
        first : int
            Number of the first of the trials; those before it must stand.
        trials : sequence of MirroredTrial
            In order of number.
        distributions : mapping of str to BaseDistribution
            Of each parameter.
        now : datetime
            Local time, without a zone, as Optuna keeps it; begin and end of each trial.

        Raises
        ------
        VenueError
            They cannot be written; then none of them stands.
        """
        kinds = {name: distribution_to_json(each) for name, each in distributions.items()}
        with _told("trials cannot be written to the sweep storage"), self.storage.engine.begin() as connection:
            take_turn(connection)
            fresh = trials[_n_trials(connection, study) - first :]
            if fresh:
                _add(connection, _numbered(connection, study, fresh, now), kinds)

    def close(self) -> None:
        """Release the store."""
        self.storage.remove_session()
        self.storage.engine.dispose()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what the tables raise into an error without statement and values."""
    try:
        yield
    except SQLAlchemyError as error:
        raise failed(what, error, action=_ACTION) from error
    except StorageInternalError as error:
        cause = error.__cause__
        inner = cause if isinstance(cause, SQLAlchemyError) else SQLAlchemyError()
        raise failed(what, inner, action=_ACTION) from error


def _begun(
    connection: Connection,
    name: str,
    directions: Sequence[StudyDirection],
    metrics: Sequence[str],
    attributes: Mapping[str, Any],
) -> int:
    table: Any = models.StudyModel.__table__
    query = insert(table).values(study_name=name).returning(table.c.study_id)
    study = int(connection.execute(query).scalar_one())
    told = [{"study_id": study, "direction": each, "objective": place} for place, each in enumerate(directions)]
    _insert(connection, models.StudyDirectionModel, told)
    rows = [{"study_id": study, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()]
    _insert(connection, models.StudyUserAttributeModel, rows)
    row = {"study_id": study, "key": _METRIC_NAMES, "value_json": json.dumps(list(metrics))}
    _insert(connection, models.StudySystemAttributeModel, [row])
    return study


def _n_trials(connection: Connection, study: int) -> int:
    table: Any = models.TrialModel.__table__
    return int(connection.execute(select(func.count()).where(table.c.study_id == study)).scalar_one())


def _numbered(
    connection: Connection, study: int, trials: Sequence[MirroredTrial], now: datetime
) -> list[tuple[int, MirroredTrial]]:
    """Add the rows of trials, and return each with its number in the tables."""
    table: Any = models.TrialModel.__table__
    begun = _n_trials(connection, study)
    rows = [
        {"study_id": study, "number": number, "state": trial.state, "datetime_start": now, "datetime_complete": now}
        for number, trial in enumerate(trials, start=begun)
    ]
    added = connection.execute(insert(table).returning(table.c.trial_id, sort_by_parameter_order=True), rows)
    return list(zip(added.scalars(), trials, strict=True))


def _add(connection: Connection, trials: Sequence[tuple[int, MirroredTrial]], kinds: Mapping[str, str]) -> None:
    params = [
        {"trial_id": each, "param_name": name, "param_value": value, "distribution_json": kinds[name]}
        for each, trial in trials
        for name, value in trial.params.items()
    ]
    values = [
        {"trial_id": each, "objective": place} | _value_row(value)
        for each, trial in trials
        for place, value in enumerate(trial.values)
    ]
    steps = [
        {"trial_id": each, "step": step} | _step_row(value)
        for each, trial in trials
        for step, value in trial.steps.items()
    ]
    _insert(connection, models.TrialParamModel, params)
    _insert(connection, models.TrialValueModel, values)
    _insert(connection, models.TrialIntermediateValueModel, steps)
    attributes = [(each, trial.user_attrs) for each, trial in trials]
    _insert(connection, models.TrialUserAttributeModel, _attribute_rows(attributes))
    attributes = [(each, trial.system_attrs) for each, trial in trials]
    _insert(connection, models.TrialSystemAttributeModel, _attribute_rows(attributes))


def _attribute_rows(told: Sequence[tuple[int, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"trial_id": each, "key": key, "value_json": json.dumps(value)}
        for each, attributes in told
        for key, value in attributes.items()
    ]


def _insert(connection: Connection, model: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(model.__table__), rows)


def _value_row(value: float) -> dict[str, Any]:
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"value": stored, "value_type": kind}


def _step_row(value: float) -> dict[str, Any]:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return {"intermediate_value": stored, "intermediate_value_type": kind}
