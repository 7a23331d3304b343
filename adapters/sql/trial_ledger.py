"""Every configuration that was ever tried, counted by the data it was tried on; and results worth keeping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any, Final, TypeVar, final

import numpy as np
from sqlalchemy import Connection, Select, and_, distinct, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import failed, insert_into, opened_engine, parsed_url, prepare
from adapters.sql.trial_messages import DataSet, Evaluation, Trial, TrialResult, TrialSummary
from adapters.sql.trial_schema import EVALUATIONS, METADATA, RESULTS, SCHEMA_VERSION, SOURCES, TRIALS, VERSIONS
from market.chains import FloatArray

__all__ = ["SqlTrialLedger"]

_WHAT: Final = "trial ledger"
_ACTION: Final = "free its disk, or name another place; what was acknowledged stays"
_T = TypeVar("_T")
_MOST_KEYS: Final = 900  # values of one statement; old builds of SQLite take 999


@final
class SqlTrialLedger:
    """A store of trials in SQLite or PostgreSQL; many programs write at a time, and no trial is ever taken out.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, such as ``sqlite:////home/me/.hedgefield/trials.sqlite`` or ``postgresql+psycopg://host/db``.
        It may hold a password and is left out of every text.

    Raises
    ------
    ConfigError
        The URL cannot be used, or the tables are those of another version.
    VenueError
        The store cannot be opened.

    Notes
    -----
    Two trials share a data set when they share a price source, by its content or by its market. So neither other
    dates, nor another file of the same market, nor one more file of rates begins the count anew.
    """

    def __init__(self, url: str) -> None:
        self._url = parsed_url(url, _WHAT)
        self._engine = opened_engine(url, _WHAT)
        self._writing("the trial ledger cannot be opened", _prepared)
        # SQLite moves its whole log into the file when the last connection closes: one stays open, and is not used.
        is_file = self._url.get_backend_name() == "sqlite" and bool(self._url.database)
        self._held = self._reading(lambda _: self._engine.connect()) if is_file else None

    def __repr__(self) -> str:
        return f"SqlTrialLedger({self._url.get_backend_name()})"

    def record(self, trial: Trial, data: DataSet) -> int:
        """Append a trial, durably, and return how many configurations were tried on its data, this one included.

        Parameters
        ----------
        trial : Trial
            What is about to begin: what is broken off was tried as well.
        data : DataSet
            Its data.

        Returns
        -------
        int
            At least 1.

        Raises
        ------
        VenueError
            It cannot be written: a run that is not counted would look better than it is.
        """
        self.record_all([trial], data)
        return self.count(data)

    def record_all(self, trials: Sequence[Trial], data: DataSet) -> None:
        """Append trials on the same data, durably, in one transaction; to count them takes longer, and is not done.

        Parameters
        ----------
        trials : sequence of Trial
            What is about to begin.
        data : DataSet
            Their data.

        Raises
        ------
        VenueError
            As `record`; then none of them stands.
        """
        rows, sources = [_trial_row(trial) for trial in trials], _source_rows(data)

        def write(connection: Connection) -> None:
            self._put(connection, SOURCES, sources)
            self._put(connection, TRIALS, rows)

        return self._writing("the trial ledger cannot be written", write)

    def conclude(self, results: Iterable[TrialResult]) -> None:
        """Append what came of trials, in one transaction.

        Parameters
        ----------
        results : iterable of TrialResult
            Of the trials of one configuration the newest counts.

        Raises
        ------
        VenueError
            They cannot be written; then none of them stands.
        """
        rows = [_result_row(result) for result in results]
        if rows:
            self._writing(
                "results of trials cannot be written", lambda connection: connection.execute(RESULTS.insert(), rows)
            )

    def count(self, data: DataSet) -> int:
        """Return how many distinct configurations were tried on these data so far, by whomever."""
        return self._reading(lambda connection: _count(connection, data))

    def sharpes(self, data: DataSet, *, without: str = "") -> FloatArray:
        """Return what is known of the Sharpe ratios of the configurations that were tried on these data.

        Parameters
        ----------
        data : DataSet
            The data.
        without : str, optional
            Digest of a configuration to leave out.

        Returns
        -------
        ndarray, shape (n_known,)
            Per day, not annual; the newest finite one of each configuration, in the order in which these were
            recorded. Trials that were broken off have none: it may be shorter than `count`.
        """
        newest = self._reading(lambda connection: _newest(connection, data))
        return np.array([value for config, value in newest.items() if config != without], dtype=np.float64)

    def summary(self, data: DataSet) -> TrialSummary:
        """Return who tried how much on these data."""
        return self._reading(lambda connection: _summary(connection, data))

    def outcomes(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return what is kept under some keys.

        Parameters
        ----------
        keys : iterable of str
            As `Evaluation.key`.

        Returns
        -------
        dict of str to bytes
            Payload by key; a key that nothing is kept under is missing.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, bytes] = {}
        for place in range(0, len(wanted), _MOST_KEYS):
            found.update(self._reading(partial(_kept, wanted[place : place + _MOST_KEYS])))
        return found

    def keep(self, evaluations: Iterable[Evaluation]) -> None:
        """Keep results, durably, in one transaction.

        Parameters
        ----------
        evaluations : iterable of Evaluation
            One under a key that is taken replaces what stands there, which must then have been damaged.

        Raises
        ------
        VenueError
            They cannot be written; then none of them is kept, and what was kept before stays.
        """
        rows = [
            {"key": e.key, "payload": e.payload, "ts_event_ns": e.ts_event_ns, "code_version": e.code_version}
            for e in {each.key: each for each in evaluations}.values()
        ]
        if not rows:
            return
        new = insert_into(self._engine, EVALUATIONS)
        put = new.on_conflict_do_update(
            index_elements=["key"],
            set_={name: new.excluded[name] for name in ("payload", "ts_event_ns", "code_version")},
            where=EVALUATIONS.c.payload != new.excluded.payload,
        )
        self._writing("results cannot be kept", lambda connection: connection.execute(put, rows))

    def close(self) -> None:
        """Release the store."""
        if self._held is not None:
            self._held.close()
        self._engine.dispose()

    def _put(self, connection: Connection, table: Any, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:  # in an order of their own, so that two writers never wait for each other in a ring
            connection.execute(insert_into(self._engine, table).on_conflict_do_nothing(), rows)

    def _writing(self, what: str, write: Callable[[Connection], _T]) -> _T:
        try:
            with self._engine.begin() as connection:
                return write(connection)
        except SQLAlchemyError as error:
            raise failed(what, error, action=_ACTION) from error

    def _reading(self, read: Callable[[Connection], _T]) -> _T:
        try:
            with self._engine.connect() as connection:
                return read(connection)
        except SQLAlchemyError as error:
            raise failed("the trial ledger cannot be read", error, action="check its place and its disk") from error


def _prepared(connection: Connection) -> None:
    prepare(connection, METADATA, VERSIONS, SCHEMA_VERSION, _WHAT)


def _kept(keys: Sequence[str], connection: Connection) -> dict[str, bytes]:
    query = select(EVALUATIONS.c.key, EVALUATIONS.c.payload).where(EVALUATIONS.c.key.in_(keys))
    return {str(key): bytes(payload) for key, payload in connection.execute(query)}


def _related(data: DataSet) -> Select[tuple[str]]:
    """Return the digests of the data sets that share a price source with this one; its own is not among them."""
    prices = [source for source in data.sources if source.market]
    markets, digests = {source.market for source in prices}, {source.digest for source in prices}
    shared = or_(SOURCES.c.market.in_(sorted(markets)), SOURCES.c.digest.in_(sorted(digests)))
    return select(SOURCES.c.data_digest).where(and_(SOURCES.c.market != "", shared))


def _on(data: DataSet) -> Any:
    return or_(TRIALS.c.data_digest == data.digest, TRIALS.c.data_digest.in_(_related(data)))


def _count(connection: Connection, data: DataSet) -> int:
    query = select(func.count(distinct(TRIALS.c.config_digest))).where(_on(data))
    return int(connection.execute(query).scalar_one())


def _newest(connection: Connection, data: DataSet) -> dict[str, float]:
    query = (
        select(TRIALS.c.config_digest, RESULTS.c.sharpe)
        .join(RESULTS, RESULTS.c.trial_key == TRIALS.c.trial_key)
        .where(_on(data), RESULTS.c.sharpe.is_not(None))
        .order_by(RESULTS.c.id)
    )
    return {config: float(sharpe) for config, sharpe in connection.execute(query)}


def _summary(connection: Connection, data: DataSet) -> TrialSummary:
    query = select(TRIALS.c.config_digest, TRIALS.c.user_name, TRIALS.c.host, TRIALS.c.study).where(_on(data))
    rows = connection.execute(query).all()
    return TrialSummary(
        n_trials=len({row.config_digest for row in rows}),
        n_runs=len(rows),
        n_users=len({(row.user_name, row.host) for row in rows if row.user_name}),
        n_studies=len({row.study for row in rows if row.study}),
        n_known=len(_newest(connection, data)),
    )


def _trial_row(trial: Trial) -> dict[str, object]:
    return {
        "trial_key": trial.key,
        "ts_event_ns": trial.ts_event_ns,
        "user_name": trial.user,
        "host": trial.host,
        "study": trial.study,
        "part": trial.part,
        "number": trial.number,
        "name": trial.name,
        "data_digest": trial.data_digest,
        "config_digest": trial.config_digest,
        "code_version": trial.code_version,
        "simulated": trial.simulated,
    }


def _source_rows(data: DataSet) -> list[dict[str, object]]:
    found: Iterator[dict[str, object]] = (
        {"data_digest": data.digest, "name": s.name, "digest": s.digest, "kind": s.kind, "market": s.market}
        for s in sorted(data.sources, key=lambda source: (source.name, source.digest, source.market))
    )
    return list(found)


def _result_row(result: TrialResult) -> dict[str, object]:
    return {
        "trial_key": result.trial_key,
        "sharpe": result.sharpe if isfinite(result.sharpe) else None,
        "n_days": result.n_days,
        "first_day": result.first_day,
        "last_day": result.last_day,
    }
