"""Packed entries are what was packed, are read where they lie, and hide no other store."""

from __future__ import annotations

import hashlib
import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cluster.histories.fields import BlobsInMemory
from cluster.histories.shared_fields import LayeredBlobs, RecordedBlobs, packed_blobs


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@given(st.dictionaries(st.text(max_size=4).map(_key), st.binary(max_size=40), max_size=20), st.text(max_size=4))
def test_every_entry_is_found_and_no_other(entries: dict[str, bytes], other: str) -> None:
    """Also empty ones, and after a way through a pickle whose arrays travel beside it."""
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(packed_blobs(entries), protocol=5, buffer_callback=buffers.append)
    packed = pickle.loads(content, buffers=buffers)  # noqa: S301  # our own bytes
    assert len(packed) == len(entries)
    for key, entry in entries.items():
        assert bytes(packed.get(key)) == entry
    if _key(other) not in entries:
        assert packed.get(_key(other)) is None


def test_an_entry_is_read_where_it_lies() -> None:
    """No byte is copied, and nobody can write into what others read."""
    packed = packed_blobs({_key("a"): b"one", _key("b"): b"other"})
    found = packed.get(_key("b"))
    assert found is not None
    assert found.readonly
    assert np.shares_memory(np.frombuffer(found, dtype=np.uint8), packed.content)


def test_shared_entries_stand_before_those_below() -> None:
    """What is not shared is found and written below."""
    below = BlobsInMemory()
    layered = LayeredBlobs([packed_blobs({_key("a"): b"shared"})], below)
    layered.put(_key("b"), b"own")
    assert bytes(layered.get(_key("a")) or b"") == b"shared"
    assert layered.get(_key("b")) == below.get(_key("b")) == b"own"
    assert layered.get(_key("c")) is None


def test_a_record_holds_what_was_read_and_what_was_written() -> None:
    """A field that the cache of the node had is shared as well as one that was computed."""
    below = BlobsInMemory()
    below.put(_key("a"), b"found")
    recorded = RecordedBlobs(below)
    assert recorded.get(_key("a")) == b"found"
    assert recorded.get(_key("b")) is None
    recorded.put(_key("c"), b"computed")
    assert recorded.seen == {_key("a"): b"found", _key("c"): b"computed"}
    assert below.get(_key("c")) == b"computed"
