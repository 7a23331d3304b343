"""The door to the trial ledger: what makes two runs one data set, and the file of older versions."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from adapters.sql.trial_messages import DataSet, Trial
from backtest.history import DataSource
from cluster.trials import data_set_of, digest_of_data, ledger_place, opened_ledger, who
from market.errors import DataError
from market.provenance import AsOfSource, Provenance
from tests.backtest.reports.samples import description

_RECORDED = Provenance(source="table", origin="a.csv", simulated=False, as_of_source=AsOfSource.STAMPED)


def _source(name: str, digest: str, provenance: Provenance = _RECORDED) -> DataSource:
    return DataSource(name=name, provenance=provenance, digest=digest, rows=1, first_ns=0, last_ns=1)


def _trial(config: str, data: DataSet) -> Trial:
    return Trial(
        ts_event_ns=0,
        user="me",
        host="here",
        study="",
        part="",
        number=0,
        name="a",
        data_digest=data.digest,
        config_digest=config,
        code_version="1",
        simulated=False,
    )


def _older(path: Path, *lines: tuple[str, str]) -> None:
    with path.open("a") as file:
        for data, config in lines:
            told = {"at": "then", "ts_event_ns": 0, "name": "a", "data_digest": data, "config_digest": config}
            file.write(json.dumps(told) + "\n")


def test_the_digest_of_data_follows_content_and_not_places() -> None:
    """Order and origin of the sources do not matter, their content does."""
    (source,) = description().sources
    moved = replace(source, provenance=replace(source.provenance, origin="elsewhere"))
    other = replace(source, name="rates", digest="00" * 32)
    assert digest_of_data([source, other]) == digest_of_data([other, moved])
    assert digest_of_data([source]) != digest_of_data([replace(source, digest="ba" * 32)])


@pytest.mark.parametrize("name", ["SPX bars", "SPX chains", "SPX mids", "spx quotes"])
def test_prices_of_one_recorded_symbol_are_one_market(name: str, tmp_path: Path) -> None:
    """Another file, another kind of table, other dates: whoever looked at these prices has looked."""
    first = data_set_of([_source("SPX chains", "all")])
    ledger = opened_ledger(tmp_path)
    ledger.record(_trial("one", first), first)
    elsewhere = replace(_RECORDED, origin="b.parquet", source="other")
    again = data_set_of([_source(name, "a part", elsewhere), _source("VIX values", "vix")])
    assert ledger.record(_trial("two", again), again) == 2
    assert ledger.count(data_set_of([_source("SPY bars", "all of it")])) == 0


@pytest.mark.parametrize("name", ["VIX values", "BTC funding", "events", "SPX dividends and splits"])
def test_what_is_no_price_is_no_market(name: str) -> None:
    """Rates, events and payments are read beside every market."""
    assert [source.market for source in data_set_of([_source(name, "d")]).sources] == [""]


def test_simulated_worlds_are_told_apart_by_scenario_and_seed() -> None:
    """Another seed is another market; other dates of it are not; and none is the recorded one."""
    world = Provenance(
        source="simulated-market", origin="scenario demo, seed 1", simulated=True, as_of_source=AsOfSource.STAMPED
    )
    told = [world, replace(world, origin="scenario demo, seed 2"), _RECORDED]
    assert len({data_set_of([_source("SPX bars", "d", each)]).sources[0].market for each in told}) == 3
    longer = _source("SPX chains", "other dates", world)
    assert data_set_of([longer]).sources[0].market == data_set_of([_source("SPX bars", "d", world)]).sources[0].market


def test_a_run_of_the_makers_of_data_names_its_market(tmp_path: Path) -> None:
    """What the makers of histories call their sources is what is looked for: a new name would hide its trials."""
    from adapters.simulated.catalogue import named_market
    from adapters.store.blobs import BlobFolder
    from cluster.histories.simulated import simulated_history
    from cluster.histories.span import Span

    market = replace(named_market("calm", seed=3), step_s=1800.0, chain_every=2)
    days = [Span(first=date(2024, 3, 4), last=date(2024, 3, last), calendar="NYSE") for last in (4, 5)]
    blobs = BlobFolder(tmp_path / "blobs", most_bytes=1 << 30)
    one, two = (data_set_of(simulated_history(market, span, blobs).sources) for span in days)
    assert one.digest != two.digest
    assert {s.market for s in one.sources} == {s.market for s in two.sources}
    assert all("seed 3" in s.market for s in one.sources if s.kind in {"chains", "bars"})


def test_recorded_files_of_one_symbol_are_one_market_whatever_is_read_beside(tmp_path: Path) -> None:
    """The reader of files names bars so that they are found, and a series beside them is no market."""
    from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history

    bars, rates = tmp_path / "SPY.csv", tmp_path / "DFF.csv"
    rows = [f"SPY,2024-01-{day:02},1,2,0.5,1.5,10" for day in (2, 3, 4, 5)]
    rates.write_text("observation_date,DFF\n2024-01-02,5.3\n2024-01-03,5.3\n")
    found = []
    for kept in (rows, rows[:-1]):
        bars.write_text("\n".join(["Symbol,Date,Open,High,Low,Close,Volume", *kept]) + "\n")
        inputs = [InputFile(path=bars), *([InputFile(path=rates)] if kept is rows else [])]
        found.append(data_set_of(recorded_history(RecordedFiles(inputs=tuple(inputs))).sources))
    wide, short = found
    assert wide.digest != short.digest
    assert {source.market for source in wide.sources} == {"recorded SPY", ""}
    ledger = opened_ledger(tmp_path)
    ledger.record(_trial("one", wide), wide)
    assert ledger.record(_trial("two", short), short) == 2


def test_the_file_of_an_older_version_is_read_in_once(tmp_path: Path) -> None:
    """Nothing of it is lost and nothing counts twice; a line that a crash has cut off is passed over."""
    path = tmp_path / "trials.jsonl"
    data = data_set_of([_source("SPX chains", "all")])
    _older(path, (data.digest, "one"), (data.digest, "two"), (data.digest, "one"), ("other", "three"))
    with path.open("a") as file:
        file.write('{"data_digest": "da')
    assert opened_ledger(tmp_path).count(data) == 2
    assert not path.exists()
    assert (tmp_path / "trials.jsonl.read").read_text().count("\n") == 4
    _older(path, (data.digest, "four"))  # by an older program, later
    ledger = opened_ledger(tmp_path)
    assert ledger.record(_trial("two", data), data) == 3
    assert ledger.count(DataSet(digest="other")) == 1
    assert (tmp_path / "trials.jsonl.read2").exists()


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A count that forgets would look better than it is."""
    (tmp_path / "trials.jsonl").mkdir()
    with pytest.raises(DataError, match=r"trials.jsonl: the trials of an older version cannot be taken in"):
        opened_ledger(tmp_path)


def test_the_place_of_the_ledger_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared database comes from the environment, which may hold its password."""
    monkeypatch.setenv("HEDGEFIELD_TRIALS", f"sqlite:///{tmp_path / 'shared.sqlite'}")
    opened_ledger(tmp_path)
    assert (tmp_path / "shared.sqlite").exists()
    assert not (tmp_path / "trials.sqlite").exists()


def test_a_place_crosses_to_another_process_and_tells_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker does not have the environment of the driver, and texts of both may be logged."""
    secret = "postgresql://me:hidden@host/db"  # noqa: S105  # pragma: allowlist secret
    monkeypatch.setenv("HEDGEFIELD_TRIALS", secret)
    place = ledger_place(tmp_path)
    assert (place.url, "hidden" in repr(place)) == (secret, False)
    monkeypatch.delenv("HEDGEFIELD_TRIALS")
    assert pickle.loads(pickle.dumps(place)) == place  # noqa: S301  # our own bytes


def test_the_user_is_known() -> None:
    """Who tried what stands in the ledger."""
    assert all(who())
