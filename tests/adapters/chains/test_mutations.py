"""Damaged files: whatever bytes flip or are missing, the result is a valid chain or a `DataError`."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chains import open_chains
from market.errors import DataError
from tests.adapters.chains.samples import (
    OPTIONSDX,
    cboe_rows,
    delayed_quotes,
    only,
    quote_table,
    recorded,
    standard_rows,
    write_lean,
    write_table,
    write_text,
)


def _samples() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write_text(folder / "table.csv", quote_table(standard_rows()))
        files = {
            "table": table,
            "gzip": write_text(folder / "table.csv.gz", quote_table(standard_rows())),
            "json": write_text(folder / "quotes.json", delayed_quotes()),
            "optionsdx": write_text(folder / "spy.csv", OPTIONSDX),
            "parquet": write_table(folder / "c.parquet", cboe_rows("2023-05-23")),
            "lean": write_lean(folder, "quote", {"call_7200000_20160115": "46740000,1,1,1,115000,5,1,1,1,125000,6\n"}),
            "recording": recorded([only(table)], folder / "store")[0],
            "zip": folder / "table.zip",
        }
        with zipfile.ZipFile(files["zip"], "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(table, "table.csv")
        return {kind: path.read_bytes() for kind, path in files.items()}


_SAMPLES = _samples()


@pytest.mark.parametrize("kind", _SAMPLES)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_damage_gives_a_valid_chain_or_a_data_error(kind: str, data: st.DataObject) -> None:
    """No mutation may end in another exception."""
    content = bytearray(_SAMPLES[kind])
    place = st.integers(min_value=0, max_value=len(content) - 1)
    for position, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=6)):
        content[position] = value
    if data.draw(st.booleans()):
        del content[data.draw(place) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spy_sample.csv"
        path.write_bytes(bytes(content))
        try:
            chains = list(open_chains(path))
        except DataError as error:
            assert str(error)  # noqa: PT017  # an error is one of the two allowed outcomes
        else:
            assert all(chain.n_read >= chain.n_contracts > 0 for chain in chains)


def test_an_archive_whose_entry_has_lost_its_name_is_refused(tmp_path: Path) -> None:
    """The directory of a damaged archive may hold an entry without a name: it is no file."""
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"1")
    path.write_bytes(path.read_bytes().replace(b"x", b"\0"))
    with pytest.raises(DataError, match="archive of other files"):
        list(open_chains(path))
