"""Tasks: cut by sessions, done once, redone when they failed or were under way, and never in each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.downloads import DownloadOptions, Downloads, DownloadStatus, VenueOptions, open_downloader
from adapters.emulated import Fault, FaultKind
from adapters.store import DataKind, open_store
from market.clock import ns_of_datetime
from market.errors import ConfigError, VenueError
from tests.adapters.downloads.venues import DAY, KEYS, SYMBOL, coins, downloaded, opened, rows, shares
from tests.adapters.store.samples import SettableClock

_WRITTEN, _PRESENT, _FAILED = DownloadStatus.WRITTEN, DownloadStatus.PRESENT, DownloadStatus.FAILED
_FIRST = date(2024, 1, 1)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEDGEFIELD_LIMITS", str(tmp_path / "limits"))


def _days(venue: str, symbol: str, first: str, last: str, kind: DataKind = DataKind.BARS, **options: str) -> list[date]:
    downloader = open_downloader(venue, VenueOptions(**options))  # type: ignore[arg-type]  # checked by the class
    return [task.first for task in downloader.tasks(kind, symbol, date.fromisoformat(first), date.fromisoformat(last))]


def test_only_sessions_are_asked_for() -> None:
    """Weekends and holidays of the exchange have no task; half days do; coins trade every day."""
    pytest.importorskip("massive")
    assert _days("polygon", "SPY", "2024-07-03", "2024-07-08") == [date(2024, 7, 3), date(2024, 7, 5), date(2024, 7, 8)]
    assert _days("polygon", "SPY", "2024-07-06", "2024-07-07") == []
    assert len(_days("ccxt:binance", "BTC/USDT", "2024-07-03", "2024-07-08")) == 6
    assert _days("polygon", "I:SPX", "2024-01-15", "2024-03-02", timeframe="1d") == [
        date(2024, 1, 15),
        date(2024, 2, 1),
        date(2024, 3, 1),
    ]


def test_a_task_spans_the_whole_day_of_its_market() -> None:
    """From midnight to midnight in New York, daylight saving included; of coins in UTC."""
    pytest.importorskip("massive")
    spring, autumn = (
        open_downloader("polygon", VenueOptions()).tasks(DataKind.TRADES, "SPY", day, day)[0]
        for day in (date(2024, 3, 8), date(2024, 11, 4))
    )
    assert spring.start_ns == ns_of_datetime(datetime(2024, 3, 8, 5, tzinfo=UTC))
    assert autumn.end_ns == ns_of_datetime(datetime(2024, 11, 5, 5, tzinfo=UTC))
    assert not spring.is_over(spring.end_ns - 1)
    assert spring.is_over(spring.end_ns)


def test_identities_tell_tasks_apart() -> None:
    """Another venue, address, symbol, day or length of bars is another task; another budget is not."""
    options = [{}, {"timeframe": "5m"}, {"base_url": "http://127.0.0.1:9"}, {"jobs": 3, "requests_per_min": 9}]
    found = [
        open_downloader("ccxt:binance", VenueOptions(**one)).tasks(DataKind.BARS, symbol, _FIRST, date(2024, 1, 2))  # type: ignore[arg-type]
        for one in options
        for symbol in ("BTC/USDT", "ETH/USDT")
    ]
    assert len({task.identity for tasks in found for task in tasks}) == 12


def test_a_failed_task_stops_no_other_and_is_done_next_time(tmp_path: Path) -> None:
    """A refusal of the venue costs the day that it met."""
    fault = Fault(kind=FaultKind.REVOKED_KEY, path="/v3/trades/*", first=1, times=1)
    days = (DAY, date(2025, 6, 6))
    with shares("polygon", faults=(fault,)) as server:
        first, store = downloaded(tmp_path, opened("polygon", server, jobs=1), DataKind.TRADES, days)
        assert [report.status for report in first][:2] == [_FAILED, DownloadStatus.EMPTY]
        assert "HTTP 4" in first[0].problem
        again, _ = downloaded(tmp_path, opened("polygon", server), DataKind.TRADES, days)
    assert [report.status for report in again] == [_WRITTEN] + [_PRESENT] * 4
    assert rows(store, DataKind.TRADES) == again[0].n_rows > 0


@pytest.mark.parametrize("kind", [DataKind.TRADES, DataKind.BARS])
def test_a_day_under_way_is_taken_again_and_never_counted_twice(tmp_path: Path, kind: DataKind) -> None:
    """Neither rows with keys nor prints without: what came in the morning is part of the whole day."""
    clock = SettableClock(ns_of_datetime(datetime(2025, 6, 2, 13, 32, tzinfo=UTC)))
    with shares("polygon") as server:
        options = VenueOptions(base_url=server.url, requests_per_min=100_000)
        downloader, store = open_downloader("polygon", options, clock=clock), open_store(tmp_path)
        tasks = downloader.tasks(kind, SYMBOL, DAY, DAY)
        for _ in range(2):
            (part,) = Downloads(store, downloader, clock=clock).run(tasks)
            assert part.status is DownloadStatus.PART
        before = rows(store, kind)
        server.step(18)
        clock.instant_ns += 86_400_000_000_000
        (whole,) = Downloads(store, downloader, clock=clock).run(tasks)
        assert whole.status is _WRITTEN
        assert [r.status for r in Downloads(store, downloader, clock=clock).run(tasks)] == [_PRESENT]
        truth, minutes = server.desk.market.trades(SYMBOL), server.desk.market.bars(SYMBOL, 60_000_000_000)
    assert truth is not None
    n_true = int((truth.contract < 0).sum()) if kind is DataKind.TRADES else minutes.start_ns.size
    assert before < rows(store, kind) == n_true


def test_a_day_under_way_without_rows_is_not_noted_as_empty(tmp_path: Path) -> None:
    """It may still bring some."""
    clock = SettableClock(ns_of_datetime(datetime(2025, 6, 3, 12, tzinfo=UTC)))
    with shares("polygon") as server:
        downloader = open_downloader(
            "polygon", VenueOptions(base_url=server.url, requests_per_min=100_000), clock=clock
        )
        tasks, store = (
            downloader.tasks(DataKind.TRADES, SYMBOL, date(2025, 6, 3), date(2025, 6, 3)),
            open_store(tmp_path),
        )
        (report,) = Downloads(store, downloader, clock=clock).run(tasks)
    assert (report.status, report.n_rows) == (DownloadStatus.PART, 0)
    assert not store.versions(DataKind.TRADES)


def test_what_is_asked_for_again_is_known_from_then_on(tmp_path: Path) -> None:
    """Prints have no keys: a second answer stands for the first from its recording, and reads before do not change."""
    with shares("polygon") as server:
        downloader = opened("polygon", server)
        (first, _), store = downloaded(tmp_path, downloader, DataKind.TRADES)
        downloaded(tmp_path, downloader, DataKind.TRADES, skip_existing=False)
    assert rows(store, DataKind.TRADES) == first.n_rows
    past = store.table(DataKind.TRADES, SYMBOL, known_ns=1_748_980_000_000_000_000)
    assert past.num_rows == first.n_rows
    assert past["known_ns"].to_pylist() == past["event_ns"].to_pylist()


def test_simulated_and_real_answers_never_correct_each_other(tmp_path: Path) -> None:
    """The same address told apart: two tasks, two sources, and both stand."""
    with coins(days=1) as server:
        for simulated in (True, False):
            downloader = opened("ccxt:binance", server, simulated=simulated)
            (report,), store = downloaded(tmp_path, downloader, DataKind.BARS, (_FIRST, _FIRST), "BTC/USDT")
            assert (report.status, report.n_rows, report.n_corrected) == (_WRITTEN, 1440, 0)
    segments = store.segments(DataKind.BARS, "BTC/USDT")
    assert {(segment.source.endswith("-simulated"), segment.simulated) for segment in segments} == {
        (True, True),
        (False, False),
    }


def test_a_cut_between_two_kinds_of_one_task_is_mended(tmp_path: Path) -> None:
    """Quotes were committed, their trades not yet: the task is done again, and no quote stands twice."""
    with shares("thetadata") as server:
        downloader = opened("thetadata", server, jobs=8)
        (first,), store = downloaded(tmp_path, downloader, DataKind.TRADES, (DAY, DAY))
        before = rows(store, DataKind.QUOTES), rows(store, DataKind.TRADES)
        for file in (tmp_path / "kind=trades" / "_manifest").iterdir():
            file.unlink()
        (again,), store = downloaded(tmp_path, downloader, DataKind.TRADES, (DAY, DAY))
        (done,), _ = downloaded(tmp_path, downloader, DataKind.TRADES, (DAY, DAY))
    assert (first.status, again.status, done.status) == (_WRITTEN, _WRITTEN, _PRESENT)
    assert (rows(store, DataKind.QUOTES), rows(store, DataKind.TRADES)) == before
    assert again.n_repeated == before[0]


def test_a_dry_run_asks_nobody(tmp_path: Path) -> None:
    """It tells what is there and what would be asked for."""
    with coins(days=2) as server:
        downloader = opened("ccxt:binance", server)
        downloaded(tmp_path, downloader, DataKind.BARS, (_FIRST, _FIRST), "BTC/USDT")
        asked = len(server.requests.of())
        reports, _ = downloaded(
            tmp_path, downloader, DataKind.BARS, (_FIRST, date(2024, 1, 2)), "BTC/USDT", dry_run=True
        )
        assert [report.status for report in reports] == [_PRESENT, DownloadStatus.DRY_RUN]
        assert len(server.requests.of()) == asked


def test_a_closed_run_stops_at_once_and_keeps_what_was_done(tmp_path: Path) -> None:
    """As Ctrl-C does: the reports that were given are in the store."""
    with coins(days=8) as server:
        downloader, store = opened("ccxt:binance", server, jobs=2), open_store(tmp_path)
        tasks = downloader.tasks(DataKind.BARS, "BTC/USDT", _FIRST, date(2024, 1, 8))
        running: Iterator[object] = Downloads(store, downloader).run(tasks)
        next(running)
        running.close()  # type: ignore[attr-defined]  # a generator
        done = rows(store, DataKind.BARS, "BTC/USDT")
        assert 1440 <= done < 8 * 1440
        list(Downloads(store, downloader, DownloadOptions()).run(tasks))
    assert rows(store, DataKind.BARS, "BTC/USDT") == 8 * 1440


def test_a_store_that_fails_is_told_per_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every task has its report, whatever goes wrong."""
    with coins(days=2) as server:
        downloader, store = opened("ccxt:binance", server), open_store(tmp_path)
        tasks = downloader.tasks(DataKind.BARS, "BTC/USDT", _FIRST, date(2024, 1, 2))

        def full(*_: object, **__: object) -> None:
            raise VenueError("the disk is full", retryable=False)

        monkeypatch.setattr(store, "writer", full)
        reports = list(Downloads(store, downloader).run(tasks))
    assert [(report.status, report.problem) for report in reports] == [(_FAILED, "the disk is full")] * 2


@pytest.mark.parametrize("text", ["", "m", "0m", "1w", "-5m", "5 m", "1M"])
def test_a_length_of_bars_that_is_none_is_refused(text: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(ConfigError, match="there are no bars of this length"):
        open_downloader("ccxt:binance", VenueOptions(timeframe=text)).tasks(DataKind.BARS, "BTC/USDT", _FIRST, _FIRST)
