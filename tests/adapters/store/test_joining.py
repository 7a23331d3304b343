"""Tables of several sources come together, or say why they do not."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from adapters.store import DataKind, PointInTimeStore
from adapters.store.joining import joined
from market.errors import DataError
from tests.adapters.store.samples import FOREVER_NS, store_at
from tests.generators import AS_OF_NS


def _add(store: PointInTimeStore, source: str, place: pa.Array) -> None:
    instants = pa.array([AS_OF_NS] * len(place), type=pa.int64())
    writer = store.writer(DataKind.TABLES, origin="test", source=source)
    writer.add_table("SPY", pa.table({"event_ns": instants, "known_ns": instants, "place": place}))
    writer.commit()


def test_a_column_coded_here_and_plain_there_is_read_across_sources(tmp_path: Path) -> None:
    """Words are words, however a source codes them."""
    store, _ = store_at(tmp_path)
    _add(store, "coded", pa.array(["a", "b", "a"]).dictionary_encode())
    _add(store, "plain", pa.array(["c", "a"]))
    _add(store, "large", pa.array(["d"], type=pa.large_string()))
    found = store.table(DataKind.TABLES, "SPY", known_ns=FOREVER_NS)
    assert sorted(found["place"].to_pylist()) == ["a", "a", "a", "b", "c", "d"]


def test_numbers_of_two_widths_get_the_wider(tmp_path: Path) -> None:
    """Whole numbers of one source and fractions of another are fractions."""
    store, _ = store_at(tmp_path)
    _add(store, "whole", pa.array([1, 2], type=pa.int32()))
    _add(store, "fractions", pa.array([0.5]))
    assert store.table(DataKind.TABLES, "SPY", known_ns=FOREVER_NS)["place"].to_pylist() == [0.5, 1.0, 2.0]


def test_words_and_numbers_do_not_go_together() -> None:
    """The error says what to do: read one source at a time."""
    tables = [pa.table({"place": pa.array(cells)}) for cells in (["a"], [1])]
    with pytest.raises(DataError, match="one source at a time"):
        joined(tables)


def test_codes_of_two_dictionaries_become_one_column() -> None:
    """Equal types are left alone, other index types are made plain."""
    one = pa.table({"place": pa.array(["a"]).dictionary_encode()})
    other = pa.table({"place": pa.array(["b"]).cast(pa.dictionary(pa.int8(), pa.string()))})
    assert joined([one, other])["place"].to_pylist() == ["a", "b"]
    assert joined([one, one]).schema == one.schema
