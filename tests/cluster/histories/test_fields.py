"""The cache of fields as runs use it: on disk, shared, and never of other code."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cluster.histories import digests
from cluster.histories.digests import digest_of_code
from cluster.histories.fields import BlobsInMemory, FieldsOnDemand, field_cache, fields_code
from fields.config import FieldConfig
from fields.snapshot import Feedback
from tests.generators import Expiry, synthetic_chain

CHAIN_OF = (Expiry(date(2023, 6, 9)),)


def test_a_field_on_disk_is_found_by_the_next_run(tmp_path: Path) -> None:
    """What comes back from the folder is equal in every number."""
    chain = synthetic_chain(expiries=CHAIN_OF, half_spread=0.1)
    computed = field_cache(FieldConfig(), tmp_path).field(chain)
    again = field_cache(FieldConfig(), tmp_path)
    found = again.field(chain)
    assert again.counts["fields_found"] == 1
    assert found.totals == computed.totals
    assert found.zero_gamma == computed.zero_gamma
    assert np.array_equal(found.ladder.amplification, computed.ladder.amplification, equal_nan=True)
    assert np.array_equal(found.surface.theta, computed.surface.theta)


def test_an_entry_that_is_damaged_on_disk_is_computed_anew(tmp_path: Path) -> None:
    """A torn file is no field."""
    chain = synthetic_chain(expiries=CHAIN_OF, half_spread=0.1)
    run = field_cache(FieldConfig(), tmp_path)
    computed = run.field(chain)
    (entry,) = (path for path in tmp_path.rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes()[:-7])
    assert run.field(chain).totals == computed.totals
    assert run.counts["fields_computed"] == 2


def test_the_code_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources and releases of the libraries make the version; another release gives other keys."""
    before = field_cache(FieldConfig()).settings
    assert fields_code() == fields_code()
    digest_of_code.cache_clear()
    monkeypatch.setattr(digests, "version", lambda library: f"{library}-next")
    assert field_cache(FieldConfig()).settings != before
    digest_of_code.cache_clear()


def test_memory_keeps_a_bounded_number_of_fields() -> None:
    """The oldest entry goes first."""
    store = BlobsInMemory(most=2)
    for key in ("a", "b", "c"):
        store.put(key, key.encode())
    assert [store.get(key) for key in ("a", "b", "c")] == [None, b"b", b"c"]


def test_a_cache_is_opened_when_the_first_field_is_asked_for(tmp_path: Path) -> None:
    """A run without a question leaves no folder; one with a question leaves its field to the next."""
    chain = synthetic_chain(expiries=CHAIN_OF, half_spread=0.1)
    folder = tmp_path / "fields"
    source = FieldsOnDemand(folder)
    assert not folder.exists()
    found = source(chain)
    assert found is not None
    again = field_cache(FieldConfig(), folder)
    assert again.field(chain).totals == found.totals
    assert again.counts["fields_found"] == 1


def test_an_impact_that_is_told_for_a_symbol_makes_its_feedback_known(tmp_path: Path) -> None:
    """The others stay unknown, and a cache never takes the field of one setting for that of another."""
    chain = synthetic_chain(expiries=CHAIN_OF, half_spread=0.1)
    told = FieldConfig(impact_return_per_usd=2e-13, impact_source="assumed: by hand")
    known = FieldsOnDemand(tmp_path, named={chain.symbol: told})(chain)
    other = FieldsOnDemand(tmp_path, named={"OTHER": told})(chain)
    assert known is not None
    assert other is not None
    assert (known.regime.feedback is Feedback.UNKNOWN, other.regime.feedback) == (False, Feedback.UNKNOWN)
    assert known.regime.impact_source == "assumed: by hand"
