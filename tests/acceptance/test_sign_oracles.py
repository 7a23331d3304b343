"""What a customer's trade must do to the field, through the messages alone: batch, live state, snapshot."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from fields.config import FieldConfig, PositionSource
from fields.dealer.config import OpeningMode
from fields.live.config import LiveConfig
from fields.live.state import LiveField, SymbolState
from fields.snapshot import Feedback
from market.calendars import expiry_series
from market.chains import OptionChain
from market.instruments import product_of
from market.trades import CONSOLIDATED, ContractTable, TradeBatch
from tests.acceptance.oracle import black_price
from tests.fields.test_real_sessions import new_york_ns
from tests.generators import chain_of_columns

SPOT, SIGMA, TAU_DAYS, SIZE = 5_000.0, 0.2, 29.0, 2_000.0
AS_OF = new_york_ns("2025-08-20T11:00:00")
STRIKES = np.linspace(4_500.0, 5_500.0, 21)


def chain() -> OptionChain:
    """Return puts and calls of one month around 5 000 at 20 % volatility, with 100 000 contracts open in each."""
    series = (expiry_series(product_of("SPXW"), date(2025, 9, 18)),)
    tau = (series[0].expiry_ns - AS_OF) / (365 * 86_400e9)
    strike, is_call = np.tile(STRIKES, 2), np.repeat([1.0, 0.0], STRIKES.size)
    fair = black_price(np.full(42, SPOT), strike, np.full(42, SIGMA * np.sqrt(tau)), np.ones(42), is_call > 0)
    columns = {
        "series_index": np.zeros(42), "strike": strike, "is_call": is_call, "bid": fair * 0.998, "ask": fair * 1.002,
        "open_interest": np.full(42, 100_000.0), "vendor_iv": np.full(42, np.nan),
    }  # fmt: skip
    return chain_of_columns(columns, series=series, spot=SPOT, as_of_ns=AS_OF)


def traded(whole: OptionChain, *, strike: float, is_call: bool, aggressor: int) -> TradeBatch:
    """Return one trade of a contract of the chain whose aggressor the venue tells."""
    table = ContractTable(
        series=whole.series, series_index=np.zeros(1, dtype=np.int32), strike=np.array([strike]),
        is_call=np.array([is_call]),
    )  # fmt: skip
    at = AS_OF + 1_000_000_000
    return TradeBatch(
        symbol=whole.symbol, ts_event_ns=at, cause_id="t", provenance=whole.provenance, contracts=table,
        contract=np.zeros(1, dtype=np.int32), ts_ns=np.array([at]), trade_id=np.ones(1, dtype=np.int64),
        price=np.array([100.0]), size=np.array([SIZE]), flags=np.zeros(1, dtype=np.uint8),
        venue=np.full(1, CONSOLIDATED, dtype=np.int16), aggressor=np.array([aggressor], dtype=np.int8),
    )  # fmt: skip


def after(*, strike: float = 5_000.0, is_call: bool = True, aggressor: int = 1) -> LiveField:
    """Return the field of dealers who began with nothing and filled one customer."""
    fields = FieldConfig(
        position_source=PositionSource.FLOW, impact_return_per_usd=1e-11, impact_source="assumed: test"
    )
    state, whole = SymbolState(LiveConfig(fields=fields)), chain()
    state.on_chain(whole)
    state.on_trades(traded(whole, strike=strike, is_call=is_call, aggressor=aggressor))
    return state.field()


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("aggressor", [1, -1])
def test_who_buys_from_dealers_makes_them_short_gamma(*, is_call: bool, aggressor: int) -> None:
    """A bought option: gamma below 0, A above 1, dealers buy a rise and sell a fall. A sold one: the reverse."""
    found = after(is_call=is_call, aggressor=aggressor)
    snapshot, dealer = found.snapshot, found.live.dealer
    assert dealer.net_flow_contracts == -aggressor * SIZE
    assert np.sign(snapshot.totals.gamma_usd_per_pct) == -aggressor
    assert np.sign(snapshot.regime.amplification - 1.0) == aggressor
    damping = snapshot.regime.feedback is Feedback.LONG_DAMPING
    assert damping == (aggressor < 0)
    flow, x = snapshot.hedge_flow.buy_for_spot_move_usd, snapshot.ladder.log_moneyness
    assert np.all(np.sign(flow[x > 1e-9]) == aggressor)
    assert np.all(np.sign(flow[x < -1e-9]) == -aggressor)


@pytest.mark.parametrize(
    ("is_call", "aggressor", "sign"), [(True, 1, -1), (True, -1, 1), (False, 1, 1), (False, -1, -1)]
)
def test_delta_has_the_sign_of_what_dealers_took(*, is_call: bool, aggressor: int, sign: int) -> None:
    """Short calls and long puts are short delta; the size is Black's."""
    totals = after(is_call=is_call, aggressor=aggressor).snapshot.totals
    assert np.sign(totals.dex_usd) == sign
    assert abs(totals.dex_usd) == pytest.approx((0.51 if is_call else 0.49) * SIZE * 100 * SPOT, rel=0.02)


def test_the_size_of_gamma_and_amplification_is_that_of_the_formula() -> None:
    """At the money: phi(d1) S / (sigma sqrt tau) x contracts x 100 / 100, and A = 1 / (1 + lambda G)."""
    snapshot = after().snapshot
    a = SIGMA * np.sqrt((chain().series[0].expiry_ns - AS_OF) / (365 * 86_400e9))
    gamma = -SIZE * SPOT * np.exp(-0.125 * a * a) / np.sqrt(2 * np.pi) / a
    assert snapshot.totals.gamma_usd_per_pct == pytest.approx(gamma, rel=1e-3)
    assert snapshot.regime.amplification == pytest.approx(1.0 / (1.0 + 1e-11 * 100.0 * gamma), rel=1e-3)


def test_vanna_and_charm_of_wings() -> None:
    """Dealers short a put below spot: a vol point makes them sell; as time passes they buy it back."""
    flow = after(strike=4_700.0, is_call=False).snapshot
    at = flow.ladder.log_moneyness.size // 2
    assert flow.totals.vanna_usd_per_volpt > 0.0
    assert flow.hedge_flow.buy_for_vol_point_usd[at] < 0.0
    assert flow.totals.charm_usd_per_min < 0.0
    assert flow.hedge_flow.buy_to_close_usd[at] > 0.0


def test_a_hybrid_book_moves_from_its_opening_by_the_trade_alone() -> None:
    """Opened as calls long and puts short, one bought call takes its gamma away."""
    fields = FieldConfig(position_source=PositionSource.HYBRID)
    whole = chain()
    quiet, busy = (SymbolState(LiveConfig(fields=fields, opening=OpeningMode.OI_NAIVE)) for _ in range(2))
    for state in (quiet, busy):
        state.on_chain(whole)
    busy.on_trades(traded(whole, strike=5_000.0, is_call=True, aggressor=1))
    change = busy.field().snapshot.totals.gamma_usd_per_pct - quiet.field().snapshot.totals.gamma_usd_per_pct
    assert change == pytest.approx(after().snapshot.totals.gamma_usd_per_pct, rel=1e-9)


@pytest.mark.parametrize("source", [PositionSource.HYBRID, PositionSource.FLOW])
def test_trades_move_a_book_that_a_user_opened(source: PositionSource) -> None:
    """What the user knew at the opening, less what a customer has bought since."""
    whole = chain()
    state = SymbolState(LiveConfig(fields=FieldConfig(position_source=source), opening=OpeningMode.USER))
    state.on_chain(whole, np.full(42, 1_000.0))
    before = state.field().snapshot.totals.gamma_usd_per_pct
    state.on_trades(traded(whole, strike=5_000.0, is_call=True, aggressor=1))
    found = state.field()
    assert found.live.dealer.net_flow_contracts == -SIZE
    assert found.snapshot.totals.gamma_usd_per_pct < before
