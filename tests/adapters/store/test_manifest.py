"""Commits are numbered, chained, exclusive, and durable or not there at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import fs
from pyarrow._fs import _MockFileSystem

from adapters.store import DataKind, PointInTimeStore, open_store
from adapters.store.manifest import Manifest, _ends_checkpoint
from market.errors import ConfigError, DataError, VenueError
from tests.adapters.store.importer import ROWS_PER_COMMIT
from tests.adapters.store.samples import (
    DAY_NS,
    FOREVER_NS,
    MINUTE_NS,
    WatchedFiles,
    assert_same,
    bars,
    chain_of,
    store_at,
)
from tests.generators import AS_OF_NS

_ROOT = Path(__file__).resolve().parents[3]


def _add(store: PointInTimeStore, place: int, symbol: str = "SPY") -> None:
    writer = store.writer(DataKind.BARS, origin="test", source="test")
    writer.add_table(symbol, bars([AS_OF_NS + place * MINUTE_NS], [400.0 + place]))
    writer.commit()


def _closes(store: PointInTimeStore) -> list[float]:
    return list(store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS)["close"].to_pylist())


def test_nothing_is_seen_before_the_commit(tmp_path: Path) -> None:
    """A writer that stops before its commit leaves the data set as it was."""
    store, _ = store_at(tmp_path)
    _add(store, 0)
    writer = store.writer(DataKind.BARS, origin="test", source="test")
    writer.add_table("SPY", bars([AS_OF_NS + DAY_NS], [1.0]))
    writer._flush()
    assert writer.segments
    assert _closes(store) == [400.0]


def test_two_writers_of_one_partition_are_noticed(tmp_path: Path) -> None:
    """The one that commits second is refused and may try again; nothing of the first is lost."""
    store, _ = store_at(tmp_path)
    writers = [store.writer(DataKind.BARS, origin=f"{n}", source="test") for n in range(2)]
    for place, writer in enumerate(writers):
        writer.add_table("SPY", bars([AS_OF_NS + place * MINUTE_NS], [400.0 + place]))
    writers[0].commit()
    with pytest.raises(VenueError, match="another writer") as caught:
        writers[1].commit()
    assert caught.value.retryable
    assert _closes(store) == [400.0]


def test_writers_of_different_partitions_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Their commits are put one on top of the other."""
    store, _ = store_at(tmp_path)
    writers = [store.writer(DataKind.BARS, origin="test", source="test") for _ in range(3)]
    for symbol, writer in zip(("SPY", "QQQ", "IWM"), writers, strict=True):
        writer.add_table(symbol, bars([AS_OF_NS], [1.0]))
    assert [commit.sequence for writer in writers if (commit := writer.commit())] == [1, 2, 3]
    assert store.symbols(DataKind.BARS) == ("IWM", "QQQ", "SPY")


def test_a_long_manifest_is_read_from_its_checkpoint(tmp_path: Path) -> None:
    """After many commits a reader opens a few files, and any version can still be read."""
    store, _ = store_at(tmp_path)
    for place in range(70):
        _add(store, place)
    files = WatchedFiles(store.files)
    assert len(_closes(PointInTimeStore(files))) == 70
    assert len(files.was_read) == 7
    assert store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS, version=40).num_rows == 40
    with pytest.raises(DataError, match="no such commit"):
        store.state(DataKind.BARS, version=71)


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"sequence": 3}'])
def test_a_damaged_commit_is_told(tmp_path: Path, damage: bytes) -> None:
    """A commit that is not what it was is an error, never a shorter data set."""
    store, _ = store_at(tmp_path)
    for place in range(3):
        _add(store, place)
    path = tmp_path / Manifest(store.files, DataKind.BARS).folder / f"{2:012d}.json"
    path.write_bytes(damage)
    with pytest.raises(DataError, match="manifest of the store is damaged"):
        open_store(tmp_path).state(DataKind.BARS)


def test_a_changed_commit_breaks_the_chain(tmp_path: Path) -> None:
    """A commit names the hash of the one before: a later edit shows."""
    store, _ = store_at(tmp_path)
    for place in range(2):
        _add(store, place)
    path = tmp_path / Manifest(store.files, DataKind.BARS).folder / f"{1:012d}.json"
    path.write_bytes(path.read_bytes().replace(b'"recorded_ns":1', b'"recorded_ns":2'))
    with pytest.raises(DataError, match="manifest of the store is damaged"):
        open_store(tmp_path).state(DataKind.BARS)


def test_a_process_reads_each_commit_once(tmp_path: Path) -> None:
    """What others add is read, what was read before is not read again; a folder that begins anew is read anew."""
    store, _ = store_at(tmp_path)
    _add(store, 0)
    files = WatchedFiles(store.files)
    reader = PointInTimeStore(files)
    for place in range(1, 4):
        assert reader.state(DataKind.BARS).sequence == place
        assert len(files.was_read) == place
        _add(store, place)
    shutil.rmtree(tmp_path / "kind=bars")
    assert reader.state(DataKind.BARS).sequence == 0


def test_checkpoints_take_no_more_room_than_a_few_manifests() -> None:
    """In a year of a commit a minute; between two of them lie a sixteenth of the commits at most."""
    places = [sequence for sequence in range(1, 525_600) if _ends_checkpoint(sequence)]
    assert sum(places) < 17 * 525_600
    assert all(after - before <= max(32, before // 16) for before, after in pairwise(places))


def test_verify_names_the_files_that_changed(tmp_path: Path) -> None:
    """A flipped byte or a missing file is found by its hash."""
    store, _ = store_at(tmp_path)
    for place, symbol in enumerate(("SPY", "QQQ", "IWM")):
        _add(store, place, symbol)
    assert store.verify(DataKind.BARS) == ()
    flipped, missing = (tmp_path / segment.path for segment in store.segments(DataKind.BARS)[:2])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    missing.unlink()
    assert len(store.verify(DataKind.BARS)) == 2


@pytest.mark.parametrize("place", ["folder", "address", "subtree", "memory"])
def test_a_store_works_on_any_file_system(tmp_path: Path, place: str) -> None:
    """A folder, an address, a file system of pyarrow's and one in memory read and write alike."""
    where = {
        "folder": tmp_path,
        "address": f"file://{tmp_path}",
        "subtree": fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()),
        "memory": _MockFileSystem(),
    }[place]
    store = open_store(where)
    chain = chain_of()
    for version in (chain, chain_of(4001.0, as_of_ns=AS_OF_NS + 1)):
        writer = store.writer(DataKind.CHAINS, origin="test")
        writer.add_message(version)
        writer.commit()
    assert_same(store.chains.newest("SPX", known_ns=AS_OF_NS), chain)
    (segment, _) = store.segments(DataKind.CHAINS)
    assert store.noted(segment, "quality") is None
    store.note(segment, "quality", b'{"score": 1}')
    assert store.noted(segment, "quality") == {"score": 1}
    assert store.verify(DataKind.CHAINS) == ()


def test_two_writers_are_noticed_on_a_file_system_without_links() -> None:
    """The second of two rivals finds the number taken."""
    store = open_store(_MockFileSystem())
    writers = [store.writer(DataKind.BARS, origin="test", source="test") for _ in range(2)]
    for writer in writers:
        writer.add_table("SPY", bars([AS_OF_NS], [1.0]))
    writers[0].commit()
    with pytest.raises(VenueError, match="another writer"):
        writers[1].commit()


def test_an_address_that_cannot_be_opened_is_told_without_its_secret() -> None:
    """The error names the address, not what stands before the host."""
    with pytest.raises(ConfigError) as caught:
        open_store("nosuchscheme://key:secret@bucket/store")  # pragma: allowlist secret
    assert "secret" not in str(caught.value)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Commits of three processes get numbers without a gap, and every row is there once."""
    module = [sys.executable, "-m", "tests.adapters.store.importer", str(tmp_path), "0"]
    writers = [
        subprocess.Popen([*module, name, "12"], cwd=_ROOT, stdout=subprocess.DEVNULL) for name in ("A", "B", "C")
    ]
    assert [process.wait() for process in writers] == [0, 0, 0]
    store = open_store(tmp_path)
    assert store.state(DataKind.BARS).sequence == 36
    rows = [store.table(DataKind.BARS, name, known_ns=FOREVER_NS).num_rows for name in ("A", "B", "C")]
    assert rows == [12 * ROWS_PER_COMMIT] * 3


def test_kill_9_during_a_write_leaves_a_readable_store(tmp_path: Path) -> None:
    """Whatever was reported durable is there, whole and once; the next writer goes on."""
    rng = np.random.default_rng(5)
    done = 0
    for _ in range(4):
        command = [sys.executable, "-m", "tests.adapters.store.importer", str(tmp_path), str(done)]
        with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(int(rng.integers(1, 8)))]
            # The writer is at work on its next commit while this one is read: the kill falls anywhere in it.
            process.kill()
            lines += process.stdout.readlines()
        reported = int([line for line in lines if line.endswith("\n")][-1]) + 1
        store = open_store(tmp_path)
        found = store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS)
        done = found.num_rows // ROWS_PER_COMMIT
        assert done in {reported, reported + 1}
        assert found.num_rows == done * ROWS_PER_COMMIT
        expected = AS_OF_NS + np.arange(found.num_rows, dtype=np.int64) * MINUTE_NS
        np.testing.assert_array_equal(found["event_ns"].to_numpy(), expected)
        assert store.verify(DataKind.BARS) == ()
    assert isinstance(found, pa.Table)
