"""Files to import, the command run as a user runs it, and what a store holds in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.store import DataKind, open_store
from cluster.cli import main

__all__ = ["ROOT", "bar_files", "called", "content", "ended_after", "run"]

ROOT = Path(__file__).resolve().parents[2]
_FOREVER = 2**62
_FIRST = np.datetime64("2024-01-02T00:00")
_STEPS = {"m": np.timedelta64(1, "m"), "h": np.timedelta64(1, "h")}


def bar_files(folder: Path, n_files: int, rows: int, *, step: str = "m") -> list[Path]:
    """Write CSV files of bars of one symbol and source, one after the other in time."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(n_files):
        start = _FIRST + number * rows * _STEPS[step]
        times = (start + np.arange(rows) * _STEPS[step]).astype("datetime64[s]")
        close = 60_000.0 + number + np.arange(rows) * 0.25
        columns = zip(times.astype(str), close, close + 1.0, close - 1.0, close + 0.5, strict=True)
        path = folder / f"btcusdt_spot_{start.astype('datetime64[m]').astype(str).replace(':', '')}.csv"
        lines = ("{},{},{},{},{}".format(*row) for row in columns)
        path.write_text("time,open,high,low,close\n" + "\n".join(lines) + "\n")
        paths.append(path)
    return paths


def content(place: Path) -> dict[tuple[DataKind, str], list[int]]:
    """Return a hash of each row of a store by data set and symbol, whatever the order in which they came."""
    store = open_store(place)
    found = {}
    for kind in DataKind:
        for symbol in store.symbols(kind):
            rows: list[int] = []
            for source in store.sources(kind, symbol):  # sources may type one column differently
                table = store.table(kind, symbol, known_ns=_FOREVER, source=source)
                # The instant of a correction is that of its import, and differs from run to run.
                frame = table.select(sorted(set(table.column_names) - {"known_ns"})).to_pandas()
                rows += pd.util.hash_pandas_object(frame, index=False).to_list()
            found[kind, symbol] = sorted(rows)
    return found


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cluster", *arguments],
        cwd=ROOT,
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, *arguments: str
) -> tuple[int, str, str]:
    """Run the command in this process; exit code, output, and what stands on standard error without boxes."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["hedgefield", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    found = capsys.readouterr()
    return int(ended.value.code or 0), found.out, " ".join(found.err.replace("│", " ").split())


def ended_after(
    home: Path, n_lines: int, how: signal.Signals, arguments: Sequence[str], **environment: str
) -> tuple[int, str, str]:
    """Run the command in a group of its own and send it a signal after so many lines of progress."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cluster", *arguments],
        cwd=ROOT,
        env=_environment(home) | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    seen = list(_lines(process.stderr, n_lines))
    if how is signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.send_signal(how)
    told, complaint = process.communicate(timeout=100)
    return process.returncode, told, "".join(seen) + complaint


def _lines(stream: Iterator[str], n_lines: int) -> Iterator[str]:
    for _ in range(n_lines):
        yield next(stream)


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {"HEDGEFIELD_HOME": str(home), "HEDGEFIELD_LIMITS": str(home / "limits")}
