"""A bounded folder of bytes: what is read is what was written, or nothing."""

from __future__ import annotations

import multiprocessing
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.store.blobs import BlobFolder
from market.errors import ConfigError

MIB = 1 << 20


def key_of(number: int) -> str:
    """Return a key."""
    return sha256(str(number).encode()).hexdigest()


@settings(deadline=None, max_examples=30)
@given(content=st.binary(max_size=5000), other=st.binary(max_size=50))
def test_what_was_put_is_got(tmp_path_factory: pytest.TempPathFactory, content: bytes, other: bytes) -> None:
    """The newest bytes of a key come back, also through another door."""
    root = tmp_path_factory.mktemp("blobs")
    folder = BlobFolder(root)
    assert folder.get(key_of(1)) is None
    folder.put(key_of(1), other)
    folder.put(key_of(1), content)
    assert folder.get(key_of(1)) == content
    assert BlobFolder(root).get(key_of(1)) == content


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_entry_is_none_and_counted(tmp_path: Path, damage: bytes | None) -> None:
    """A torn file and a flipped bit are found by the hash."""
    folder = BlobFolder(tmp_path)
    folder.put(key_of(1), b"x" * 1000)
    path = tmp_path / key_of(1)[:2] / key_of(1)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(bytes(content) if damage is None else damage)
    assert folder.get(key_of(1)) is None
    assert folder.n_damaged == 1
    folder.put(key_of(1), b"anew")
    assert folder.get(key_of(1)) == b"anew"


def test_the_longest_unused_entries_go_first(tmp_path: Path) -> None:
    """Above the bound the folder shrinks to nine tenths of it; what was read lately stays."""
    folder = BlobFolder(tmp_path, most_bytes=MIB)
    for number in range(10):
        folder.put(key_of(number), bytes([number]) * 100_000)
        os.utime(tmp_path / key_of(number)[:2] / key_of(number), ns=(number, number))
    assert folder.get(key_of(0)) is not None  # used now, so number 1 is the oldest
    folder.put(key_of(10), b"y" * 100_000)
    assert folder.n_bytes <= 0.9 * MIB + 200_000
    assert folder.get(key_of(1)) is None
    assert folder.get(key_of(0)) == bytes(100_000)
    assert folder.get(key_of(10)) == b"y" * 100_000


def test_a_key_is_a_hash_and_no_path(tmp_path: Path) -> None:
    """A key cannot lead out of the folder, and a bound must hold an entry."""
    with pytest.raises(ConfigError, match="file name"):
        BlobFolder(tmp_path).put("../../somewhere/else", b"x")
    with pytest.raises(ConfigError, match="too small"):
        BlobFolder(tmp_path, most_bytes=10)


def _write_all(root: Path) -> None:
    folder = BlobFolder(root, most_bytes=MIB)
    for number in range(200):
        folder.put(key_of(number % 40), bytes([number % 40]) * 60_000)
        found = folder.get(key_of((number * 7) % 40))
        assert found is None or found == bytes([(number * 7) % 40]) * 60_000


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    """Both write and remove at once; each reads whole entries or none."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_all, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert list((tmp_path / ".partial").iterdir()) == []
