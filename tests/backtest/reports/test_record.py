"""The record of a run: what is written is read again, and what is broken is refused with its name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtest.reports.codec import decoded, encoded
from backtest.reports.folder import INCOMPLETE, RunFolder
from backtest.reports.record import read_decisions, read_description, read_result, record_files
from backtest.results import RunResult
from execution.events import Bust, LedgerEvent
from execution.trades import Trade
from market.errors import ConfigError, DataError
from tests.backtest.reports.samples import sample_run


def _written(tmp_path: Path, result: RunResult) -> Path:
    folder = RunFolder(tmp_path / "run")
    folder.begin()
    for name, content in record_files(result):
        folder.put(name, content)
    folder.complete()
    return folder.path


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right, equal_nan=True) and left.dtype == right.dtype)
    if hasattr(left, "__dataclass_fields__"):
        return all(_same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
    if isinstance(left, float) and left != left:
        return bool(right != right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right and type(left) is type(right))


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every field of the result comes back with its value and its type, exact decimals and missing numbers too."""
    result = sample_run(stopped="a strategy raised")
    told = {field.name: getattr(result, field.name) for field in fields(result)}
    assert not [name for name, value in told.items() if isinstance(value, tuple | dict | str) and not value]
    assert not [name for name, value in told.items() if isinstance(value, np.ndarray) and not value.size]
    assert _same(read_result(_written(tmp_path, result)), result)


def test_description_and_decisions_are_read_alone(tmp_path: Path) -> None:
    """What `explain` needs does not read curves and ledger."""
    result = sample_run()
    folder = _written(tmp_path, result)
    assert read_description(folder) == result.description
    assert _same(read_decisions(folder), result.decisions)


def test_a_run_without_greeks_has_no_file_of_them(tmp_path: Path) -> None:
    """What was not reckoned is absent and not zero."""
    result = RunResult(**{f.name: getattr(sample_run(), f.name) for f in fields(RunResult)} | {"greeks": None})
    assert read_result(_written(tmp_path, result)).greeks is None


@pytest.mark.parametrize("name", ["run.json", "ledger.jsonl", "instruments.jsonl", "curve.parquet"])
def test_a_missing_or_broken_file_is_named(tmp_path: Path, name: str) -> None:
    """A record that is not whole is refused with the file that lacks."""
    folder = _written(tmp_path, sample_run())
    (folder / "record" / name).write_bytes(b"{broken")
    with pytest.raises(DataError, match=name.split(".", maxsplit=1)[0]):
        read_result(folder)
    (folder / "record" / name).unlink()
    with pytest.raises(DataError, match="no record/"):
        read_result(folder)


def test_a_record_of_other_fields_is_refused() -> None:
    """A trade that lacks a field is no trade."""
    told = encoded(sample_run().trades[0])
    known = {leg.instrument.symbol: leg.instrument for leg in sample_run().trades[0].legs}
    assert decoded(Trade, told, known).package_id == "p1"
    del told["net_pnl"]
    with pytest.raises(DataError, match="a record is no Trade"):
        decoded(Trade, told, known)


def test_an_unfinished_folder_says_so(tmp_path: Path) -> None:
    """From its beginning until its last file a folder carries the mark, which a kill leaves there."""
    folder = RunFolder(tmp_path / "run")
    folder.begin()
    folder.put("metrics.json", b"{}")
    assert (folder.path / INCOMPLETE).read_text(encoding="utf-8").startswith("This run has not ended")
    with pytest.raises(DataError, match="did not end"):
        folder.require_complete()
    folder.complete()
    folder.require_complete()
    assert [path.name for path in folder.path.iterdir()] == ["metrics.json"]


def test_an_earlier_run_is_never_overwritten(tmp_path: Path) -> None:
    """A folder with anything in it is refused."""
    folder = _written(tmp_path, sample_run())
    with pytest.raises(ConfigError, match="not empty"):
        RunFolder(folder).begin()


def test_a_bust_is_read_as_it_was_written() -> None:
    """A live ledger may hold one; it carries the whole execution that is void."""
    result = sample_run()
    void = result.fills[0]
    bust = Bust(event_id="bust", ts_event_ns=1, fill=void, reason="clearly erroneous")
    kind: Any = LedgerEvent
    assert decoded(kind, encoded(bust), {void.instrument.symbol: void.instrument}) == bust


def test_of_two_runs_at_once_only_one_takes_a_folder(tmp_path: Path) -> None:
    """Between the look and the mark another run may come: the mark itself decides."""
    places = [tmp_path / "run"] * 8
    with ThreadPoolExecutor(max_workers=8) as pool:
        taken = list(pool.map(_takes, places))
    assert taken.count(True) == 1


def _takes(path: Path) -> bool:
    try:
        RunFolder(path).begin()
    except ConfigError:
        return False
    return True


def test_a_file_that_cannot_be_written_is_told_by_its_name(tmp_path: Path) -> None:
    """A full disk or a folder that went away ends in an error of ours, and the mark stays."""
    folder = RunFolder(tmp_path / "run")
    folder.begin()
    (tmp_path / "run" / "record").write_text("in the way", encoding="utf-8")
    with pytest.raises(DataError, match="a file of the run cannot be written") as caught:
        folder.put("record/run.json", b"{}")
    assert "record/run.json" in str(caught.value)
    assert (tmp_path / "run" / INCOMPLETE).exists()
