"""Fields by content: found where chain, settings and code are the same, and computed in every other case."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from backtest.field_cache import FieldCache, chain_digest
from fields.compute import compute_field
from fields.config import FieldConfig
from fields.snapshot import FieldSnapshot
from market.chains import OptionChain
from market.errors import DataError
from tests.generators import Expiry, synthetic_chain


class Entries(dict[str, bytes]):
    """A store of bytes in memory."""

    def put(self, key: str, content: bytes) -> None:
        """Keep the bytes of a key."""
        self[key] = content


def decoded(content: bytes | memoryview) -> FieldSnapshot:
    """Return a pickled snapshot."""
    try:
        found: FieldSnapshot = pickle.loads(content)  # noqa: S301  # written by the test itself
    except pickle.UnpicklingError as error:
        raise DataError("no snapshot", found=str(error)) from error
    return found


def cache(store: Entries, *, config: FieldConfig | None = None, code: str = "1") -> FieldCache:
    """Return a cache over a store."""
    return FieldCache(config or FieldConfig(), code=code, store=store, encode=pickle.dumps, decode=decoded)


@pytest.fixture(scope="module")
def chain() -> OptionChain:
    """Return a small chain with quotes."""
    return synthetic_chain(expiries=[Expiry(date(2023, 6, 9)), Expiry(date(2023, 7, 7))], half_spread=0.1)


def test_a_field_is_computed_once_and_found_by_another_run(chain: OptionChain) -> None:
    """The second run finds what the first one left, equal to the last bit to what is computed."""
    store = Entries()
    first, second = cache(store), cache(store)
    computed, found = first.field(chain), second.field(chain)
    assert first.counts == {"fields_found": 0, "fields_computed": 1, "fields_damaged": 0}
    assert second.counts == {"fields_found": 1, "fields_computed": 0, "fields_damaged": 0}
    assert np.array_equal(computed.ladder.gamma_usd_per_pct, found.ladder.gamma_usd_per_pct)
    assert np.array_equal(found.ladder.potential_usd, compute_field(chain, FieldConfig()).ladder.potential_usd)
    assert found.totals == computed.totals


def test_the_same_content_under_another_id_keeps_its_own_id(chain: OptionChain) -> None:
    """Who told a chain does not change its field, and the field says whose chain it is of."""
    store = Entries()
    cache(store).field(chain)
    provenance = replace(chain.provenance, origin="elsewhere", simulated=False)
    run = cache(store)
    found = run.field(replace(chain, cause_id="other", provenance=provenance))
    assert run.counts["fields_found"] == 1
    assert (found.cause_id, found.surface.cause_id, found.provenance) == ("other", "other", provenance)


CHANGES: list[Callable[[OptionChain], dict[str, Any]]] = [
    lambda c: {"bid": c.bid + 0.01},
    lambda c: {"open_interest": c.open_interest + 1.0},
    lambda c: {"is_call": ~c.is_call},
    lambda c: {"strike": c.strike * 1.01},
    lambda c: {"vendor_forward": np.full(len(c.series), 4000.0)},
    lambda c: {"quote_ts_ns": c.quote_ts_ns - 1},
    lambda c: {"spot_last": c.spot_last + 0.01},
    lambda c: {"ts_event_ns": c.ts_event_ns + 1},
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_a_chain_changes_its_digest(
    chain: OptionChain, change: Callable[[OptionChain], dict[str, Any]]
) -> None:
    """One price, one instant or one strike is another chain, also right after the first one."""
    run = cache(Entries())
    moved = replace(chain, **change(chain))
    assert chain_digest(moved) != chain_digest(chain)
    assert run.key(chain) != run.key(moved) != run.key(chain)
    assert run.key(moved) == cache(Entries()).key(moved)


def test_other_settings_and_other_code_have_keys_of_their_own(chain: OptionChain) -> None:
    """A field of older code or of other settings is never found."""
    settings = FieldConfig(roots_window=0.05)
    keys = {cache(Entries(), config=c, code=v).key(chain) for c in (None, settings) for v in ("1", "2")}
    assert len(keys) == 4


def test_a_damaged_entry_is_computed_anew_and_counted(chain: OptionChain) -> None:
    """Bytes that are no snapshot do not stop the run, and do not pass for a field."""
    store = Entries()
    cache(store).field(chain)
    store[next(iter(store))] = b"\x80\x05not a pickle"
    run = cache(store)
    assert run.field(chain).totals == compute_field(chain, FieldConfig()).totals
    assert run.counts == {"fields_found": 0, "fields_computed": 1, "fields_damaged": 1}
    assert cache(store).field(chain).totals == run.field(chain).totals


def test_a_chain_without_contracts_has_no_field(chain: OptionChain) -> None:
    """The engine is told None, and nothing is kept."""
    nothing = np.zeros(0)
    names = ("bid", "ask", "last", "open_interest", "volume", "bid_size", "ask_size", "strike", "vendor_iv")
    columns: dict[str, Any] = dict.fromkeys((*names, "vendor_delta", "vendor_gamma"), nothing)
    empty = replace(
        chain, **columns, series_index=nothing.astype(np.int32), is_call=nothing.astype(np.bool_),
        quote_ts_ns=nothing.astype(np.int64), n_read=0,
    )  # fmt: skip
    store = Entries()
    assert cache(store)(empty) is None
    assert not store
