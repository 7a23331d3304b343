"""Every run that was tried on the same data, counted: who looks often enough finds what chance has left there."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, final

from backtest.history import DataSource
from market.clock import iso_of_ns
from market.errors import DataError

__all__ = ["Trial", "TrialLedger", "digest_of_data"]

_NAME: Final = "trials.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run.

    Parameters
    ----------
    ts_event_ns : int
        When it began, ns since the epoch, UTC.
    name : str
        As its configuration calls it.
    data_digest : str
        Of all that it read, see `digest_of_data`.
    config_digest : str
        Of what can change its result: the same configuration again is the same trial.
    code_version : str
        Version and commit.
    """

    ts_event_ns: int
    name: str
    data_digest: str
    config_digest: str
    code_version: str


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


@final
class TrialLedger:
    """A file to which runs are appended, by many processes at a time; nothing is ever taken out of it.

    A line that a crash has cut off is passed over: its run had not begun.

    Parameters
    ----------
    home : pathlib.Path
        State folder of Hedgefield.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / _NAME

    def record(self, trial: Trial) -> int:
        """Append a run, durably, and return how many configurations were tried on its data, this one included.

        Parameters
        ----------
        trial : Trial
            The run that is about to begin: one that is broken off was tried as well.

        Returns
        -------
        int
            At least 1.

        Raises
        ------
        DataError
            The file cannot be written: a run that is not counted would look better than it is.
        """
        try:
            with self._locked() as file:
                known = list(_trials_in(file))
                line = json.dumps({"at": iso_of_ns(trial.ts_event_ns), **asdict(trial)}, ensure_ascii=False)
                file.write(_line_end(file) + line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DataError(
                "the ledger of trials cannot be written",
                path=str(self._path),
                found=error.strerror or str(error),
                action="free its disk, or set HEDGEFIELD_HOME to a folder that may be written",
            ) from error
        return len(_configurations([*known, asdict(trial)], trial.data_digest))

    def count(self, data_digest: str) -> int:
        """Return how many configurations were tried on these data so far."""
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            return len(_configurations(_trials_in(file), data_digest))

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, also by a kill
            yield file


def _trials_in(file: BinaryIO) -> Iterator[dict[str, Any]]:
    file.seek(0)
    for line in file:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and {"data_digest", "config_digest"} <= told.keys():
            yield told


def _configurations(trials: Sequence[dict[str, Any]] | Iterator[dict[str, Any]], data_digest: str) -> set[str]:
    return {told["config_digest"] for told in trials if told["data_digest"] == data_digest}


def _line_end(file: BinaryIO) -> bytes:
    """Return what ends a line that a crash has cut off, so that the next one stands alone."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"
