"""The event log: durable before acknowledged, in order, once; on SQLite and on PostgreSQL."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from adapters.sql.event_log import SqlEventLog, SqlLogFactory
from market.errors import ConfigError, VenueError
from market.ports import Stream
from tests.adapters.sql.writer import record

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    address: str = request.getfixturevalue("postgres")
    with create_engine(address).begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS events, schema_version"))
    return address


def test_records_are_read_back_in_order(url: str) -> None:
    """Every member survives; a NaN of the payload becomes null."""
    log = SqlEventLog(url, "run")
    last = log.append([record(1), record(2)])
    found = list(log.read())
    assert [r.id for r in found] == sorted(r.id for r in found)
    assert found[-1].id == last
    assert found[0].record.payload == {"number": 1, "nothing": None}
    assert (found[1].record.cause_id, found[1].record.simulated, found[1].run_id) == ("cause-2", True, "run")


def test_an_event_is_recorded_once_per_run(url: str) -> None:
    """A writer that is restarted may bring an event again; another run has events of its own."""
    log = SqlEventLog(url, "run")
    log.append([record(1)])
    log.append([record(1), record(2)])
    assert log.count() == 2
    SqlEventLog(url, "other").append([record(1)])
    assert log.count() == 3


def test_reading_goes_on_after_an_id(url: str) -> None:
    """A reader resumes where it stopped, and sees one stream alone where it asks for it."""
    log = SqlEventLog(url, "run")
    log.append(record(n) for n in range(5))
    (first,) = log.read(limit=1)
    assert len(list(log.read(after=first.id))) == 4
    assert not list(log.read(stream=Stream.FIELD_SNAPSHOTS))


def test_appending_nothing_changes_nothing(url: str) -> None:
    """An empty batch is answered with the newest id."""
    log = SqlEventLog(url, "run")
    assert log.append([]) == 0
    assert log.append([record(1)]) == log.append([])


def test_a_store_of_another_version_is_refused(url: str) -> None:
    """Nothing is written into tables that another version laid out."""
    SqlEventLog(url, "run").close()
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    with pytest.raises(ConfigError, match="99"):
        SqlEventLog(url, "run")


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(url: str) -> None:
    """After SIGKILL in the middle of appending, every acknowledged record stands, and no batch stands in part."""
    command = [sys.executable, "-m", "tests.adapters.sql.writer", url]
    acknowledged = 0
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while acknowledged < 210:
            acknowledged = int(process.stdout.readline())
        process.kill()
        lines = process.stdout.read().split()
    acknowledged = int(lines[-1]) if lines else acknowledged
    numbers = [r.record.payload["number"] for r in SqlEventLog(url, "run").read(limit=1_000_000)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= acknowledged
    assert len(numbers) % 7 == 0


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    """The log runs in WAL mode with full synchronisation: the default of WAL would not sync a commit."""
    log = SqlEventLog(f"sqlite:///{tmp_path / 'a' / 'ledger.sqlite'}", "run")
    with log._engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2


def test_a_damaged_file_is_an_error_without_its_statement(tmp_path: Path) -> None:
    """The user is told what is wrong, not what was being written."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(VenueError, match="not a database"):
        SqlEventLog(f"sqlite:///{path}", "run")


@pytest.mark.parametrize("url", ["mysql://host/db", "not a url"])
def test_another_database_is_refused(url: str) -> None:
    """Only what is tested is accepted."""
    with pytest.raises(ConfigError):
        SqlEventLog(url, "run")


def test_the_recipe_keeps_its_password_to_itself() -> None:
    """A recipe crosses processes and may be logged: its text form holds no URL."""
    recipe = SqlLogFactory(url="postgresql+psycopg://me:hidden@host/db", run_id="run")
    assert "hidden" not in repr(recipe)
    assert pickle.loads(pickle.dumps(recipe)) == recipe  # noqa: S301  # our own bytes


def test_other_readers_see_the_log_while_it_is_written(tmp_path: Path) -> None:
    """WAL lets a second process read: a reader is never locked out."""
    log = SqlEventLog(f"sqlite:///{tmp_path / 'ledger.sqlite'}", "run")
    log.append([record(1)])
    with sqlite3.connect(tmp_path / "ledger.sqlite") as reader:
        log.append([record(2)])
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (2,)
