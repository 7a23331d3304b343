"""The door to the trial ledger: where it lies, what two runs share, who runs, and the file of older versions."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Final

from adapters.simulated.emission import SOURCE as SIMULATED_MARKET
from adapters.sql.engine import sqlite_url
from adapters.sql.trial_ledger import SqlTrialLedger
from adapters.sql.trial_messages import DataSet, Trial, TrialSource
from backtest.history import DataSource
from cluster.settings import load_settings
from market.errors import DataError

__all__ = ["LedgerPlace", "data_set_of", "digest_of_data", "ledger_place", "opened_ledger", "who"]

_STORE: Final = "trials.sqlite"
_OLDER: Final = "trials.jsonl"
_PRICES: Final = frozenset({"bars", "chains", "mids", "quotes", "trades"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPlace:
    """Where the ledger lies, for a process that does not have this one's environment.

    Parameters
    ----------
    home : pathlib.Path
        State folder of Hedgefield.
    url : str
        SQLAlchemy URL; it may hold a password, so it is left out of the text form.
    """

    home: Path
    url: str

    def __repr__(self) -> str:
        return f"LedgerPlace(home={str(self.home)!r})"

    def opened(self) -> SqlTrialLedger:
        """Open the ledger, as `opened_ledger`."""
        ledger = SqlTrialLedger(self.url)
        _take_in(ledger, self.home / _OLDER)
        return ledger


def ledger_place(home: Path, url: str | None = None) -> LedgerPlace:
    """Return where the ledger of all trials lies.

    Parameters
    ----------
    home : pathlib.Path
        State folder of Hedgefield.
    url : str, optional
        SQLAlchemy URL; else the setting ``trials``, else ``trials.sqlite`` in `home`.

    Returns
    -------
    LedgerPlace
        It can be sent to another process.
    """
    told = load_settings().trials if url is None else None
    url = told.get_secret_value() if told is not None else url
    return LedgerPlace(home=home, url=url or sqlite_url(home / _STORE))


def opened_ledger(home: Path, url: str | None = None) -> SqlTrialLedger:
    """Open the ledger of all trials, and take in what an older version has counted.

    Parameters
    ----------
    home : pathlib.Path
        State folder of Hedgefield.
    url : str, optional
        As `ledger_place`.

    Returns
    -------
    SqlTrialLedger
        With all that ``trials.jsonl`` of the state folder held; that file is then called ``trials.jsonl.read``.

    Raises
    ------
    ConfigError, VenueError
        As `SqlTrialLedger`.
    DataError
        The file of an older version cannot be read.
    """
    return ledger_place(home, url).opened()


def digest_of_data(sources: Sequence[DataSource]) -> str:
    """Return a digest of what a run reads, whatever the order of its sources and the places of their files.

    Parameters
    ----------
    sources : sequence of DataSource
        Inputs of the run.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    return sha256("\n".join(sorted(f"{source.name} {source.digest}" for source in sources)).encode()).hexdigest()


def data_set_of(sources: Sequence[DataSource]) -> DataSet:
    """Return what the ledger tells data sets apart by.

    Parameters
    ----------
    sources : sequence of DataSource
        Inputs of a run.

    Returns
    -------
    DataSet
        Each source with the market whose prices it tells. What was recorded is one market by symbol, whatever file,
        vendor or span; what was simulated is one by symbol and origin, which names its seed and scenario.
    """
    return DataSet(digest=digest_of_data(sources), sources=tuple(_source(source) for source in sources))


def who() -> tuple[str, str]:
    """Return the name of the user of this process, and of this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry
        user = f"uid {os.getuid()}"
    return user, socket.gethostname()


def _source(source: DataSource) -> TrialSource:
    symbol, _, kind = source.name.rpartition(" ")
    market = _market(source, symbol) if kind in _PRICES else ""
    return TrialSource(name=source.name, digest=source.digest, kind=kind, market=market)


def _market(source: DataSource, symbol: str) -> str:
    provenance, symbol = source.provenance, symbol.upper()
    if not provenance.simulated:
        return f"recorded {symbol}"
    # The origin of the simulated market names scenario and seed; that of a file only how it is called.
    world = provenance.origin if provenance.source == SIMULATED_MARKET else ""
    return " ".join(filter(None, ("simulated", provenance.source, world, symbol)))


def _take_in(ledger: SqlTrialLedger, path: Path) -> None:
    if not path.exists():
        return
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # an older program may be writing
            trials = sorted(_trials_in(file), key=lambda trial: trial.data_digest)
            for digest, group in groupby(trials, key=lambda trial: trial.data_digest):
                ledger.record_all(list(group), DataSet(digest=digest))
            path.rename(_unused(path.with_name(f"{path.name}.read")))
    except FileNotFoundError:  # another program has just done it
        return
    except OSError as error:
        raise DataError(
            "the trials of an older version cannot be taken in",
            path=str(path),
            found=error.strerror or str(error),
            action="make the file readable and its folder writable, or move it away",
        ) from error


def _unused(path: Path) -> Path:
    """Return a name that no file has: an older program may begin the file again."""
    number = 2
    found = path
    while found.exists():
        found, number = path.with_name(f"{path.name}{number}"), number + 1
    return found


def _trials_in(file: BinaryIO) -> Iterator[Trial]:
    """Yield the trials of each whole line; a line that a crash has cut off told of a run that had not begun."""
    for line in file:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and {"data_digest", "config_digest"} <= told.keys():
            yield _older(told)


def _older(told: dict[str, Any]) -> Trial:
    return Trial(
        ts_event_ns=int(told.get("ts_event_ns", 0)),
        user="",
        host="",
        study="",
        part="",
        number=0,
        name=str(told.get("name", "")),
        data_digest=str(told["data_digest"]),
        config_digest=str(told["config_digest"]),
        code_version=str(told.get("code_version", "")),
        simulated=None,
    )
