"""A store of another release says so, and what to do, instead of being read wrongly."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

from adapters.encoded.footer import heads_from, packed_heads
from adapters.encoded.format import FORMAT
from adapters.encoded.messages import Head, Message, head_of
from adapters.store import DataKind, open_store
from adapters.store.manifest import Commit, Segment
from market.errors import DataError
from market.instruments import ExpirySeries
from market.provenance import Provenance
from tests.adapters.store.samples import bars, chain_of, store_at
from tests.generators import AS_OF_NS

# Of format 1. Where this changes, ask whether files from before can still be read: if not, raise FORMAT.
_LAYOUT = "7868947638e9f8cc"


def _layout() -> str:
    told = [
        f"{kind.__name__}.{f.name}: {f.type}"
        for kind in (*Message.__args__, Provenance, ExpirySeries)
        for f in fields(kind)
    ]
    kept = [f"{kind.__name__}.{f.name}: {f.type}" for kind in (Segment, Commit) for f in fields(kind)]
    return hashlib.sha256("\n".join([*told, *kept, *Head.__struct_fields__]).encode()).hexdigest()[:16]


def _packed(written: int | None) -> bytes:
    """Return a footer with another number, or with none as before there were numbers."""
    chain = chain_of()
    footer = msgspec.msgpack.decode(packed_heads([head_of(chain, chain.ts_event_ns, 0)]))
    del footer["format"]
    return msgspec.msgpack.encode(footer if written is None else footer | {"format": written})


def test_the_layout_is_that_of_the_number() -> None:
    """A field that comes or goes in what is written is noticed here."""
    assert (FORMAT, _layout()) == (1, _LAYOUT)


@pytest.mark.parametrize(("written", "way_out"), [(None, "import or download"), (FORMAT + 1, "install the newer")])
def test_a_file_of_another_release_is_refused(written: int | None, way_out: str) -> None:
    """Its heads would decode; the number says that they may mean something else."""
    with pytest.raises(DataError, match=way_out) as caught:
        heads_from(_packed(written), path="a.parquet")
    assert f"format {FORMAT}" in str(caught.value)


def test_heads_of_another_shape_tell_their_number_first() -> None:
    """Heads that cannot even be decoded are told from damage."""
    strange = msgspec.msgpack.encode({"heads": [1, 2], "format": FORMAT + 1})
    with pytest.raises(DataError, match="newer release"):
        heads_from(strange, path="a.parquet")
    with pytest.raises(DataError, match="damaged"):
        heads_from(msgspec.msgpack.encode({"heads": [1, 2], "format": FORMAT}), path="a.parquet")
    with pytest.raises(DataError, match="damaged"):
        heads_from(_packed(FORMAT)[:-9], path="a.parquet")


@pytest.mark.parametrize(("written", "way_out"), [(None, "import or download"), (FORMAT + 1, "install the newer")])
def test_a_manifest_of_another_release_is_refused(tmp_path: Path, written: int | None, way_out: str) -> None:
    """Neither a read nor a write goes on; nothing in the folder changes."""
    store, _ = store_at(tmp_path)
    writer = store.writer(DataKind.BARS, origin="test", source="test")
    writer.add_table("SPY", bars([AS_OF_NS], [400.0]))
    writer.commit()
    (path,) = (tmp_path / "kind=bars" / "_manifest").iterdir()
    commit = msgspec.json.decode(path.read_bytes())
    del commit["format"]
    path.write_bytes(msgspec.json.encode(commit if written is None else commit | {"format": written}))
    for act in (open_store(tmp_path).symbols, lambda kind: open_store(tmp_path).writer(kind, origin="test")):
        with pytest.raises(DataError, match=way_out):
            act(DataKind.BARS)
