"""Checkpoints: what is written is read back, and nothing else is taken for one."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from actors.checkpoint import Checkpoint, from_bytes, read_checkpoint, to_bytes, write_checkpoint
from actors.codec import decode, encode
from actors.messages import Publication
from market.errors import DataError
from tests.serve.samples import live_fields, publication_of, snapshot_of, without_roots

_PUBLICATIONS = (publication_of(snapshot_of("SPX")), publication_of(without_roots(snapshot_of("NDX"))))
_CHECKPOINT = Checkpoint(
    run_id="run", shard="shard-0", sequence=41, publications=_PUBLICATIONS, symbols=(live_fields()[1],)
)


def test_a_publication_survives_the_codec() -> None:
    """Every array, enum, date and NaN of a snapshot comes back as it was."""
    again = decode(Publication, encode(_PUBLICATIONS[1]))
    np.testing.assert_array_equal(
        again.snapshot.heatmap.gamma_usd_per_pct, snapshot_of("NDX").heatmap.gamma_usd_per_pct
    )
    assert again.snapshot.heatmap.expiry_ns.dtype == np.int64
    assert np.isnan(again.snapshot.regime.amplification)
    assert again.snapshot.totals == _PUBLICATIONS[1].snapshot.totals
    assert encode(decode(Publication, encode(again))) == encode(again)


def test_decoded_arrays_cannot_be_changed() -> None:
    """What comes over the bus is a fact: writing into it fails."""
    ladder = decode(Publication, encode(_PUBLICATIONS[0])).snapshot.ladder
    with pytest.raises(ValueError, match="read-only"):
        ladder.price[0] = 0.0


def test_a_checkpoint_is_read_back(tmp_path: Path) -> None:
    """Saving and loading is the identity, and leaves no scratch file."""
    path = tmp_path / "shard-0.ckpt"
    size = write_checkpoint(path, _CHECKPOINT)
    again = read_checkpoint(path, run_id="run", shard="shard-0")
    assert again is not None
    assert (again.sequence, len(again.publications), path.stat().st_size) == (41, 2, size)
    assert [p.snapshot.walls for p in again.publications] == [p.snapshot.walls for p in _PUBLICATIONS]
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    """A shard that starts for the first time begins empty."""
    assert read_checkpoint(tmp_path / "none.ckpt", run_id="run", shard="shard-0") is None


@pytest.mark.parametrize("length", [0, 10, 18, -1])
def test_a_cut_file_is_refused(length: int) -> None:
    """A file that lost its end, or all, is an error with a reason."""
    with pytest.raises(DataError, match="checkpoint is"):
        from_bytes(to_bytes(_CHECKPOINT)[:length])


def test_a_changed_byte_is_noticed() -> None:
    """The checksum covers the body."""
    content = bytearray(to_bytes(_CHECKPOINT))
    content[-5] ^= 1
    with pytest.raises(DataError, match="damaged"):
        from_bytes(bytes(content))


def test_another_schema_version_is_refused() -> None:
    """A file of another version is not guessed at."""
    content = bytearray(to_bytes(_CHECKPOINT))
    struct.pack_into("<H", content, 4, 99)
    with pytest.raises(DataError, match="version 99"):
        from_bytes(bytes(content))


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    """Sequences of another run would make the shard drop good chains."""
    path = tmp_path / "shard-0.ckpt"
    write_checkpoint(path, _CHECKPOINT)
    with pytest.raises(DataError, match="another run"):
        read_checkpoint(path, run_id="other", shard="shard-0")
