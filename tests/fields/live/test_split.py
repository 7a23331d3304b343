"""The morning after a split: nothing is merged across strike scales."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from fields.live.state import SymbolState
from market.chains import OptionChain
from tests.fields.live.samples import HYBRID, opened, session_start


def _tomorrow(spot_ratio: float) -> OptionChain:
    chain = next(chain for chain in session_start()[0].chains if chain.symbol == "SIM.IWM")
    day_ns = 86_400_000_000_000
    return replace(
        chain,
        session=date(2025, 6, 3),
        ts_event_ns=chain.ts_event_ns + day_ns,
        quote_ts_ns=chain.quote_ts_ns + day_ns,
        spot_ts_ns=chain.spot_ts_ns + day_ns,
        spot_last=chain.spot_last * spot_ratio,
        spot_bid=chain.spot_bid * spot_ratio,
        spot_ask=chain.spot_ask * spot_ratio,
    )


def _unknown(state: SymbolState, chain: OptionChain) -> tuple[str, int]:
    state.on_chain(chain)
    saved = state.checkpoint("SIM.IWM")
    assert saved.chain is not None
    return saved.order_flow.note, int(np.isnan(saved.chain.chain().open_interest).sum())


def test_open_interest_in_old_terms_is_not_taken_over() -> None:
    """Spot at a seventh overnight: the book begins anew, says why, and the old contracts have no open interest."""
    note, unknown = _unknown(opened(), _tomorrow(1.0 / 7.0))
    assert "split" in note
    assert unknown == _tomorrow(1.0).n_contracts


@pytest.mark.parametrize("ratio", [0.75, 1.0, 1.3])
def test_a_large_overnight_move_is_no_split(ratio: float) -> None:
    """News moves spot by a quarter; the book goes on."""
    note, unknown = _unknown(opened(HYBRID), _tomorrow(ratio))
    assert (note, unknown) == ("", int(np.isnan(_tomorrow(ratio).open_interest).sum()))
