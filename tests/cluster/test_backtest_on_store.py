"""A backtest on the store: from `data import` to the run folder, equal to the same run on the files themselves."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.calendars import sessions_between
from tests.cluster.run_numbers import check_numbers
from tests.cluster.stores import called, run

_CONFIG = """\
[run]
name = "crossing"
from = {first}
to = {last}

{data}

[account]
cash = 100_000

[costs]
interest = {{ rate = 0.03 }}

[[strategies]]
kind = "moving_average"
name = "crossing"
weight = 0.75
parameters = {{ instrument = "SPY", quantity = 100, fast = 3, slow = 12 }}

[[strategies]]
kind = "buy_and_hold"
name = "held"
weight = 0.25
parameters = {{ instrument = "SPY", fraction = 0.5 }}

[benchmark]
symbol = "SPY"

[report]
pdf = false
bootstrap_samples = 100
"""
_STORE = '[data.store]\nplace = "{place}"\nbars = ["SPY"]\nshares = ["SPY"]'
_FILES = '[data.files]\ninputs = [{{ path = "{place}", names = {{ SPY = "SPY" }} }}]'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """The same run twice: on the store, and on the file that came into it."""

    stored: Path
    filed: Path
    printed: str


def _daily_bars(path: Path) -> None:
    """Write a year of daily bars of a share that wanders."""
    rng = np.random.default_rng(5)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("date", "symbol", "open", "high", "low", "close", "volume"))
        close = 400.0
        for session in sessions_between("NYSE", date(2023, 1, 3), date(2023, 12, 29)):
            opened, close = close, close * float(np.exp(rng.normal(0.0, 0.012)))
            ends = (f"{opened:.2f}", f"{max(opened, close) + 0.5:.2f}", f"{min(opened, close) - 0.5:.2f}")
            writer.writerow((session.day.isoformat(), "SPY", *ends, f"{close:.2f}", 1_000_000))


def _ran(place: Path, name: str, data: str, first: str, last: str) -> tuple[Path, str]:
    config, folder = place / f"{name}.toml", place / name
    config.write_text(_CONFIG.format(first=first, last=last, data=data), encoding="utf-8")
    done = run(place / "home", "backtest", str(config), "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def _both(place: Path, file: Path, first: str, last: str) -> _Runs:
    store = place / "store"
    done = run(place / "home", "data", "import", str(file), "--store", str(store))
    assert done.returncode == 0, done.stderr
    stored, printed = _ran(place, "stored", _STORE.format(place=store), first, last)
    filed, _ = _ran(place, "filed", _FILES.format(place=file), first, last)
    return _Runs(stored=stored, filed=filed, printed=printed)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> _Runs:
    """Import a file, and run on the store and on the file."""
    place = tmp_path_factory.mktemp("stored")
    _daily_bars(place / "spy_daily.csv")
    return _both(place, place / "spy_daily.csv", "2023-01-03", "2023-12-29")


def test_the_store_gives_the_run_of_its_file(runs: _Runs) -> None:
    """What came into the store is what is traded: each fill and each booking is the same."""
    assert (runs.stored / "fills.csv").read_bytes() == (runs.filed / "fills.csv").read_bytes()
    digests = [
        json.loads((each / "provenance.json").read_bytes())["ledger_digest"] for each in (runs.stored, runs.filed)
    ]
    assert digests[0] == digests[1]
    assert len((runs.stored / "fills.csv").read_text(encoding="utf-8").splitlines()) > 10


def test_the_numbers_of_all_files_agree(runs: _Runs) -> None:
    """Headline, CSV files, ledger, page and terminal tell one story."""
    check_numbers(runs.stored, runs.printed)


def test_what_the_data_lack_is_said(runs: _Runs) -> None:
    """Bars without dividends give returns without them, and two strategies share the money."""
    assert "The data tell no dividends or splits of SPY" in runs.printed
    with (runs.stored / "fills.csv").open(encoding="utf-8", newline="") as file:
        assert {row["strategy"] for row in csv.DictReader(file)} == {"crossing", "held"}


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ('shares = ["SPY"]', "", 2, "of the data may be traded: options only"),
        ('bars = ["SPY"]', 'bars = ["QQQ"]', 1, "QQQ"),
        ("from = 2023-01-03", "from = 2019-01-03", 1, "do not cover the dates of the run"),
        ("/store", "/nowhere", 1, "nowhere"),
    ],
)
def test_what_the_store_lacks_stops_before_the_run(
    runs: _Runs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    code: int,
    words: str,
) -> None:
    """The error names it, and nothing is written."""
    place = runs.stored.parent
    config = place / "bad.toml"
    config.write_text((place / "stored.toml").read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    found, _, complaint = called(
        monkeypatch, capsys, place / "home", "backtest", str(config), "--out", str(place / "bad")
    )
    assert (found, words in complaint, (place / "bad").exists()) == (code, True, False), complaint


@pytest.mark.data
def test_recorded_days_of_spy_run_from_the_store(data_root: Path, tmp_path: Path) -> None:
    """A real file comes in and is traded as it is."""
    file = data_root / "daily" / "spx_spy_qqq_daily.parquet"
    found = _both(tmp_path, file, "2022-01-03", "2022-12-30")
    assert (found.stored / "fills.csv").read_bytes() == (found.filed / "fills.csv").read_bytes()
    check_numbers(found.stored, found.printed)
