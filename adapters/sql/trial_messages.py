"""What the trial ledger takes and tells: who tried what on which data, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from hashlib import sha256

__all__ = ["DataSet", "Evaluation", "Trial", "TrialResult", "TrialSource", "TrialSummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSource:
    """One input of a trial.

    Parameters
    ----------
    name : str
        What it is, such as ``SPX chains``.
    digest : str
        SHA-256 of what was read; it changes with the span where only a part was read.
    kind : str
        ``chains``, ``mids``, ``bars``, ``quotes``, ``trades``; else what it is, such as ``series``.
    market : str
        What its prices are prices of, such as ``recorded SPX``: the same for every file and span of one market. Empty
        where it tells no prices: rates, events and other numbers do not make two data sets one.
    """

    name: str
    digest: str
    kind: str
    market: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """All that a trial read.

    Parameters
    ----------
    digest : str
        Of names and digests of all sources.
    sources : tuple of TrialSource
        Each input; empty for a data set of which only the digest is known.
    """

    digest: str
    sources: tuple[TrialSource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration that is about to be run on some data.

    Parameters
    ----------
    ts_event_ns : int
        When it began, ns since the epoch, UTC.
    user, host : str
        Who ran it, and where; empty where that is not known.
    study : str
        Name of the sweep; empty for a single run.
    part : str
        Search within the sweep; empty for a single run, and for a trial that several searches share.
    number : int
        Of the trial within its part or study, from 0, in the order in which they were begun.
    name : str
        As its configuration calls it.
    data_digest : str
        Of its data, as `DataSet.digest`.
    config_digest : str
        Of what can change its result: the same configuration again is the same trial, whoever runs it.
    code_version : str
        Version and commit.
    simulated : bool or None
        Whether any input was simulated; None where an older version did not tell.
    """

    ts_event_ns: int
    user: str
    host: str
    study: str
    part: str
    number: int
    name: str
    data_digest: str
    config_digest: str
    code_version: str
    simulated: bool | None

    @property
    def key(self) -> str:
        """Digest of all members but the number: a trial that is brought twice stands once, as when a sweep goes on."""
        names = (each.name for each in fields(self) if each.name != "number")
        told = "\n".join(f"{name} {getattr(self, name)!r}" for name in names)
        return sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What came of a trial.

    Parameters
    ----------
    trial_key : str
        `Trial.key`.
    sharpe : float
        Sharpe ratio per day, not annual, of the returns less the risk-free return; NaN where there is none.
    n_days : int
        Daily returns behind it.
    first_day, last_day : str
        ISO dates of the first and last; empty without one.
    """

    trial_key: str
    sharpe: float
    n_days: int
    first_day: str
    last_day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSummary:
    """What was tried on a data set before and now.

    Parameters
    ----------
    n_trials : int
        Distinct configurations.
    n_runs : int
        Runs of them, repetitions included.
    n_users : int
        People who ran them, told apart by name and host.
    n_studies : int
        Sweeps among them.
    n_known : int
        Distinct configurations of which a Sharpe ratio is known.
    """

    n_trials: int
    n_runs: int
    n_users: int
    n_studies: int
    n_known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A result that is kept so that it is not computed twice.

    Parameters
    ----------
    key : str
        Digest of all that decides it: configuration, data, days and code.
    payload : bytes
        The result, packed by whoever keeps it.
    ts_event_ns : int
        When it was made, ns since the epoch, UTC.
    code_version : str
        Version and commit that made it.
    """

    key: str
    payload: bytes
    ts_event_ns: int
    code_version: str
