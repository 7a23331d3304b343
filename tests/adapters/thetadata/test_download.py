"""Days in files: whole or absent, skipped where they are there, equal to what was fetched."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest

from adapters.emulated import EmulatedServer, Fault, FaultKind
from adapters.thetadata import (
    DownloadKind,
    DownloadStatus,
    ThetaFormat,
    download_days,
    fetch_trade_quotes,
    read_trade_quotes,
)
from market.errors import VenueError
from tests.adapters.thetadata.venue import DAY, SYMBOL, served, terminal_of

_END = time(9, 34)
_DAYS = (DAY, DAY + timedelta(days=1))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def _download(server: EmulatedServer, folder: Path, end: time = _END) -> list[tuple[str, str]]:
    async with terminal_of(server) as terminal:
        found = download_days(terminal, SYMBOL, _DAYS, folder, end_time=end)
        return [(f"{item.day:%d} {item.kind}", item.status.value) async for item in found]


async def test_a_second_download_asks_only_for_what_is_not_there(tmp_path: Path) -> None:
    """Whole days are skipped without a request; a day without data is asked for again; a damaged file is too."""
    with served() as server:
        assert await _download(server, tmp_path) == [
            ("02 greeks_1m", "written"),
            ("02 trade_quotes", "written"),
            ("03 greeks_1m", "no_data"),
            ("03 trade_quotes", "no_data"),
        ]
        name = f"{SYMBOL}_thetadata_trade_quotes_{DAY}.parquet"
        assert _names(tmp_path) == [name.replace("trade_quotes", "greeks_1m"), name]
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        again = dict(await _download(server, tmp_path))
        assert (again["02 greeks_1m"], again["02 trade_quotes"]) == ("skipped", "written")
        longer = dict(await _download(server, tmp_path, time(9, 35)))
        assert (longer["02 greeks_1m"], longer["02 trade_quotes"]) == ("written", "written")


async def test_a_download_that_fails_leaves_whole_days_only_and_goes_on(tmp_path: Path) -> None:
    """A refusal in the middle of a day leaves no file of it, and the next run begins there."""
    fault = Fault(kind=FaultKind.REVOKED_KEY, path="*/trade_quote", first=3, times=0)
    with served(faults=(fault,)) as server:
        with pytest.raises(VenueError, match="471"):
            await _download(server, tmp_path)
        assert _names(tmp_path) == [f"{SYMBOL}_thetadata_greeks_1m_{DAY}.parquet"]
        server.faults.clear()
        assert dict(await _download(server, tmp_path))["02 trade_quotes"] == DownloadStatus.WRITTEN.value


async def test_a_downloaded_day_reads_as_it_was_fetched(tmp_path: Path) -> None:
    """The batches of the file are those of the terminal."""
    with served(steps=20) as server:
        async with terminal_of(server, form=ThetaFormat.NDJSON) as terminal:
            fetched = [pair async for pair in fetch_trade_quotes(terminal, SYMBOL, DAY, end_time=_END)]
            kinds = (DownloadKind.TRADES,)
            days = download_days(terminal, SYMBOL, (DAY,), tmp_path, kinds=kinds, end_time=_END)
            (item,) = [item async for item in days]
    stored = list(read_trade_quotes(item.path, SYMBOL))
    assert item.n_rows == sum(trades.n_trades for _, trades in stored) > 500
    assert [t.price.tolist() for _, t in stored] == [t.price.tolist() for _, t in fetched]
    assert [q.ts_ns.tolist() for q, _ in stored] == [q.ts_ns.tolist() for q, _ in fetched]
