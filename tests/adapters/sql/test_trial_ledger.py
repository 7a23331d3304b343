"""The trial ledger: a configuration counts once on its data, for all users, over crashes; on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, event, text

from adapters.sql.trial_ledger import SqlTrialLedger
from adapters.sql.trial_messages import DataSet, Evaluation, TrialResult, TrialSource
from market.errors import ConfigError, VenueError
from tests.adapters.sql.trial_writer import DATA, trial

_ROOT = Path(__file__).resolve().parents[3]
_TABLES = "hedgefield_trials, hedgefield_sources, hedgefield_results, hedgefield_evaluations, hedgefield_trial_schema"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'trials.sqlite'}"
    address: str = request.getfixturevalue("postgres")
    with create_engine(address).begin() as connection:
        connection.execute(text(f"DROP TABLE IF EXISTS {_TABLES}"))
    return address


def _data(digest: str, *sources: TrialSource) -> DataSet:
    return DataSet(digest=digest, sources=sources)


def _prices(digest: str, market: str = "recorded SPX") -> TrialSource:
    return TrialSource(name="SPX chains", digest=digest, kind="chains", market=market)


def _result(config: str, sharpe: float) -> TrialResult:
    key = trial(config).key
    return TrialResult(trial_key=key, sharpe=sharpe, n_days=2, first_day="2024-01-02", last_day="2024-01-03")


def _writers(url: str, names: Sequence[str], n_batches: int) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.adapters.sql.trial_writer", url]
    return [
        subprocess.Popen([*command, name, str(n_batches)], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        for name in names
    ]


def test_a_configuration_counts_once_whoever_tries_it(url: str) -> None:
    """The same configuration again is no new trial, in another study and by another user neither."""
    ledger = SqlTrialLedger(url)
    assert ledger.count(DATA) == 0
    again = replace(trial("one"), ts_event_ns=7, study="other", user="two")
    assert [ledger.record(trial("one"), DATA), ledger.record(again, DATA)] == [1, 1]
    ledger.record_all([trial("two"), trial("three")], DATA)
    assert ledger.count(DATA) == 3
    told = ledger.summary(DATA)
    assert (told.n_trials, told.n_runs, told.n_users, told.n_studies, told.n_known) == (3, 4, 2, 2, 0)


def test_other_dates_and_one_more_input_do_not_begin_the_count_anew(url: str) -> None:
    """A shared market of prices makes data sets one, whatever was read of it and whatever beside it."""
    ledger = SqlTrialLedger(url)
    ledger.record(trial("one"), DATA)
    volatility = TrialSource(name="VIX values", digest="vix", kind="values", market="")
    shorter, wider = _data("shorter", _prices("a part")), _data("wider", *DATA.sources, volatility)
    for number, data in enumerate((shorter, wider), start=2):
        assert ledger.record(trial(f"on {data.digest}", data=data), data) == number
    assert ledger.count(DATA) == 3


def test_the_same_prices_under_another_name_are_the_same_data(url: str) -> None:
    """Whoever renames a symbol meets the digest of its file."""
    ledger = SqlTrialLedger(url)
    ledger.record(trial("one"), DATA)
    renamed = _data("renamed", replace(DATA.sources[0], name="MINE chains", market="recorded MINE"))
    assert ledger.count(renamed) == 1


def test_rates_and_events_do_not_make_two_markets_one(url: str) -> None:
    """What is no price is read beside every market."""
    rates = TrialSource(name="DFF values", digest="rates", kind="values", market="")
    one = _data("one", _prices("spx"), rates)
    other = _data("other", _prices("btc", "recorded BTC"), rates)
    ledger = SqlTrialLedger(url)
    ledger.record(trial("one", data=one), one)
    assert ledger.count(other) == 0
    only = _data("only", rates)
    assert (ledger.record(trial("rates", data=only), only), ledger.count(one)) == (1, 1)


def test_a_trial_of_unknown_sources_joins_when_they_become_known(url: str) -> None:
    """An old count names a digest alone; a later run with that digest tells what it stood for."""
    ledger, unknown = SqlTrialLedger(url), DataSet(digest=DATA.digest)
    ledger.record(trial("old", data=unknown), unknown)
    shorter = _data("shorter", _prices("a part"))
    assert (ledger.count(DATA), ledger.count(shorter)) == (1, 0)
    ledger.record(trial("new"), DATA)
    assert ledger.count(shorter) == 2


def test_the_newest_finite_ratio_of_each_configuration_is_told(url: str) -> None:
    """Deflation needs one figure for each distinct trial; one that was broken off or has no ratio gives none."""
    ledger = SqlTrialLedger(url)
    ledger.record_all([trial(name) for name in ("one", "two", "three", "broken off")], DATA)
    ledger.conclude([_result("one", 0.1), _result("two", 0.2), _result("one", 0.3), _result("three", float("nan"))])
    assert sorted(ledger.sharpes(DATA)) == [0.2, 0.3]
    np.testing.assert_array_equal(ledger.sharpes(DATA, without="one"), [0.2])
    assert (ledger.count(DATA), ledger.summary(DATA).n_known) == (4, 2)


def test_what_is_kept_comes_back_bit_by_bit(url: str) -> None:
    """Any bytes under any key, more keys than a statement takes; a damaged one is replaced."""
    ledger = SqlTrialLedger(url)
    rows = {f"{n:064d}": bytes([n % 256]) * (n % 7) for n in range(2_000)}
    ledger.keep(Evaluation(key=k, payload=p, ts_event_ns=0, code_version="1") for k, p in rows.items())
    assert ledger.outcomes([*rows, "nothing"]) == rows
    key = next(iter(rows))
    ledger.keep([Evaluation(key=key, payload=b"\x00\xff", ts_event_ns=1, code_version="2")])
    assert ledger.outcomes([key]) == {key: b"\x00\xff"}
    ledger.keep([])
    ledger.conclude([])


def test_writers_at_a_time_lose_nothing(url: str) -> None:
    """Processes that open an empty store together and hammer it are all counted, and none is refused."""
    running = _writers(url, ("a", "b", "c"), 12)
    assert [process.communicate(timeout=120)[0].split()[-1] for process in running] == ["12"] * 3
    ledger = SqlTrialLedger(url)
    assert ledger.count(DATA) == 3 * 12 * 7
    assert ledger.summary(DATA).n_users == 3
    assert ledger.sharpes(DATA).size == 3 * 12 * 7
    keys = [f"{w}-{b}-{n}" for w in "abc" for b in range(12) for n in range(7)]
    assert len(ledger.outcomes(keys)) == len(keys)


def test_nothing_acknowledged_is_lost_when_a_writer_is_killed(url: str) -> None:
    """After SIGKILL every acknowledged batch stands, and none stands in part."""
    (process,) = _writers(url, ("a",), 10_000)
    with process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(8)]
        process.kill()
        told += process.stdout.read().splitlines()
    found = SqlTrialLedger(url).summary(DATA).n_runs
    assert found % 7 == 0
    assert found >= 7 * len([line for line in told if line.strip()])


def test_a_store_of_another_version_is_refused(url: str) -> None:
    """A newer program may count what this one does not know."""
    SqlTrialLedger(url).close()
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE hedgefield_trial_schema SET version = 99"))
    with pytest.raises(
        ConfigError, match="trial ledger has another schema version; found 99; expected 1; use the newer"
    ):
        SqlTrialLedger(url)


def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """Neither the statement nor its values are told."""
    path = tmp_path / "trials.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(VenueError, match=r"trial ledger cannot be opened; found file is not a database; free its disk"):
        SqlTrialLedger(f"sqlite:///{path}")


def test_a_full_store_refuses_a_trial_and_keeps_what_it_has(tmp_path: Path) -> None:
    """What was acknowledged stays, and nothing of the refused batch stands."""
    ledger = SqlTrialLedger(f"sqlite:///{tmp_path / 'trials.sqlite'}")
    ledger.record(trial("one"), DATA)
    with ledger._engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    event.listen(ledger._engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count={pages + 1}"))
    many = [trial(f"config {n}" * 20, number=n) for n in range(500)]
    with pytest.raises(VenueError, match="cannot be written; found database or disk is full; free its disk"):
        ledger.record_all(many, DATA)
    assert ledger.count(DATA) == 1


def test_no_text_tells_the_password() -> None:
    """Neither the ledger nor an error repeats a URL."""
    secret = "postgresql+psycopg://me:hidden@127.0.0.1:1/db"  # noqa: S105  # pragma: allowlist secret
    with pytest.raises(VenueError) as failure:
        SqlTrialLedger(secret)
    assert "hidden" not in f"{failure.value}{failure.value.__dict__}"
    assert "hidden" not in repr(SqlTrialLedger("sqlite://"))
