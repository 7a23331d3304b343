"""The engine on chains: packages at their legs' quotes, marks, and every way in which a contract ends."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from backtest.history import History
from backtest.marking import MarkPolicy
from backtest.results import RunResult
from execution.events import DividendNotice, Settlement, SettlementKind
from market.bars import BarBatch
from market.fills import Liquidity
from market.tradables import Share
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import Decision
from strategies.views import View
from tests.backtest.option_recordings import HALF_HOUR_NS, Board, chains, contract, of_chains, order
from tests.backtest.recordings import START_NS, Scripted, bars
from tests.backtest.recordings import run as run_bare

CONDOR = [(contract(4270, "P"), 1), (contract(4280, "P"), -1), (contract(4300, "C"), -1), (contract(4310, "C"), 1)]
EARLY: Board = {
    (4270.0, "P"): (0.30, 0.40),
    (4280.0, "P"): (1.50, 1.70),
    (4300.0, "C"): (1.20, 1.30),
    (4310.0, "C"): (0.20, 0.30),
}
LATER: Board = {
    (4270.0, "P"): (0.10, 0.15),
    (4280.0, "P"): (1.00, 1.10),
    (4300.0, "C"): (0.80, 0.90),
    (4310.0, "C"): (0.05, 0.10),
}
CLOSE_NS = START_NS + 2 * HALF_HOUR_NS  # 16:00 New York


def run(history: History, strategy: Scripted, **changed: Any) -> RunResult:
    """Run without the collar: these quotes jump on purpose."""
    return run_bare(history, strategy, limits=PretradeLimits(collar_fraction=None), **changed)


def index_bars(*closes: float) -> BarBatch:
    """Return half-hourly bars of the index that end at 15:30 and 16:00."""
    return bars(list(closes), symbol="SPX", start_ns=START_NS, width_ns=HALF_HOUR_NS)


def test_a_condor_pays_every_spread_and_settles_on_the_closing_print() -> None:
    """Sold at 15:30 by far sides for 1.55; at 4303.5 the call side costs 3.50: (1.55 - 3.50) x 100."""
    history = of_chains(chains([EARLY, LATER]), bars=(index_bars(4290.0, 4303.5),))
    result = run(history, Scripted([order(CONDOR, "-1.40")]))
    assert result.stopped == ""
    assert [fill.price for fill in result.fills] == [Decimal(x) for x in ("0.15", "1.0", "0.8", "0.1")]
    assert {fill.ts_event_ns for fill in result.fills} == {START_NS + HALF_HOUR_NS}
    settled = [event for event in result.ledger if isinstance(event, Settlement)]
    assert {event.ts_event_ns for event in settled} == {CLOSE_NS}
    assert sorted(event.kind for event in settled) == [SettlementKind.CASH] + [SettlementKind.WORTHLESS] * 3
    assert result.curve.equity[-1] == pytest.approx(100_000.0 + 155.0 - 350.0)
    (trade,) = result.trades
    assert trade.net_pnl == Decimal("-195.00")


def test_a_package_is_marked_at_the_mids_or_at_the_side_that_closes_it() -> None:
    """At its own fill the mid gives back half of each spread; the closing side costs the other half too."""
    for policy, value in ((MarkPolicy.MID, -170.0), (MarkPolicy.CLOSING_SIDE, -185.0)):
        history = of_chains(chains([EARLY, LATER]))
        result = run(history, Scripted([order(CONDOR, "-1.40")]), marks=policy)
        assert result.curve.equity[-1] == pytest.approx(100_000.0 + 155.0 + value)


def test_a_contract_without_a_quote_keeps_its_mark_and_is_counted() -> None:
    """The last chain no longer lists the wings; what is short is carried with them."""
    last = {key: quote for key, quote in LATER.items() if key[0] in {4280.0, 4300.0}}
    result = run(of_chains(chains([EARLY, LATER, last], step_ns=60_000_000_000)), Scripted([order(CONDOR, "-1.40")]))
    assert (result.counts["marks_carried"], result.counts["marks_carried_with_package"]) == (2, 2)
    assert result.curve.equity[-1] == result.curve.equity[-2]


def test_displayed_sizes_bound_what_fills_and_the_rest_fills_at_its_limit() -> None:
    """Two packages are shown at each chain; what waits does not profit from better quotes later."""
    table = chains([EARLY, EARLY, LATER, EARLY], sizes=2.0, step_ns=60_000_000_000)
    result = run(of_chains(table), Scripted([order(CONDOR, "-1.40", quantity=3)]))
    assert [fill.quantity for fill in result.fills][:1] == [Decimal(2)]
    assert {fill.liquidity for fill in result.fills} == {Liquidity.TAKER, Liquidity.MAKER}
    rested = [fill for fill in result.fills if fill.liquidity is Liquidity.MAKER]
    net = sum((fill.price * fill.quantity for fill in rested), Decimal(0))
    assert net == Decimal("-1.40")


def test_a_settlement_without_a_print_stops_the_run_and_keeps_the_position() -> None:
    """No price is made up: the run says which contracts, and everything before stands."""
    later = chains([EARLY, LATER, LATER], step_ns=HALF_HOUR_NS + 60_000_000_000)
    result = run(of_chains(later), Scripted([order(CONDOR, "-1.40")]))
    assert "cannot settle" in result.stopped
    assert len(result.fills) == 4
    assert len(result.open_packages) == 1


@pytest.mark.parametrize("missing", [0.0, -1.0, np.nan])
def test_a_close_that_is_no_price_settles_nothing(missing: float) -> None:
    """Sources write 0 for what they lack: sold puts are not settled as if the index had gone to nothing."""
    history = of_chains(chains([EARLY, LATER]), bars=(index_bars(4290.0, missing),))
    result = run(history, Scripted([order(CONDOR, "-1.40")]))
    assert "cannot settle" in result.stopped
    assert not [event for event in result.ledger if isinstance(event, Settlement)]


def test_an_am_contract_settles_on_the_opening_print_and_not_before() -> None:
    """Sold the session before, it ends at the open of the third Friday, at the first print of that day."""
    day = date(2023, 6, 16)
    call = contract(4400.0, "C", "SPX", day)
    thursday_ns = START_NS + 13 * 86_400_000_000_000
    table = chains(
        [{(4400.0, "C"): (20.0, 21.0)}] * 2,
        root="SPX",
        day=day,
        spot=4400.0,
        start_ns=thursday_ns,
        step_ns=60_000_000_000,
    )
    open_ns = thursday_ns + (18 * 60 + 30) * 60_000_000_000
    opening = bars([4450.0], opens=[4440.25], symbol="SPX", start_ns=open_ns)
    result = run(of_chains(table, bars=(opening,)), Scripted([order([(call, -1)], "-19.5")]))
    (settled,) = [event for event in result.ledger if isinstance(event, Settlement)]
    assert (settled.settlement_price, settled.ts_event_ns) == (Decimal("4440.25"), open_ns)
    assert result.curve.equity[-1] == pytest.approx(100_000.0 + 2_000.0 - 4_025.0)


def test_a_physical_call_becomes_shares_that_are_marked_at_the_market() -> None:
    """A long call of a share in the money at the close is exercised: shares at the strike."""
    spy = Share(symbol="SPY")
    call = contract(427.0, "C", "SPY")
    table = chains([{(427.0, "C"): (1.0, 1.1)}] * 2, root="SPY", spot=428.0)
    prints = bars([428.0, 428.5], symbol="SPY", start_ns=START_NS, width_ns=HALF_HOUR_NS)
    result = run(of_chains(table, bars=(prints,), instruments=(spy,)), Scripted([order([(call, 1)], "1.20")]))
    (package,) = result.open_packages
    assert package.units == {"SPY": Decimal(100)}
    assert result.curve.equity[-1] == pytest.approx(100_000.0 - 110.0 + 150.0)


def test_a_package_is_closed_by_its_id_at_the_far_sides() -> None:
    """What a strategy sees of its package is enough to close it."""

    def close(view: View) -> Decision:
        (package,) = view.account.packages
        return order([(each, -ratio) for each, ratio in CONDOR], "3.00", package=package.package_id)

    table = chains([EARLY, LATER, EARLY], step_ns=60_000_000_000)
    result = run(of_chains(table), Scripted([order(CONDOR, "-1.40"), close]))
    assert not result.open_packages
    (trade,) = result.trades
    # Sold for 1.55; bought back at 1.70 + 1.30 - 0.30 - 0.20 = 2.50.
    assert trade.net_pnl == Decimal("-95.00")


def test_a_short_call_is_assigned_the_evening_before_a_dividend_that_exceeds_its_time_value() -> None:
    """A holder who would lose two dollars tomorrow for a put worth a few cents exercises tonight."""
    day = date(2023, 6, 9)
    call = contract(400.0, "C", "SPY", day)
    quotes = {(400.0, "C"): (28.3, 28.5), (400.0, "P"): (0.05, 0.07)}
    table = chains([quotes] * 3, root="SPY", day=day, spot=428.0)
    prints = bars([428.0, 428.0], symbol="SPY", start_ns=START_NS, width_ns=HALF_HOUR_NS)
    monday_ns = START_NS + 2 * 86_400_000_000_000 + 18 * 3_600_000_000_000 + HALF_HOUR_NS
    due = DividendNotice(symbol="SPY", announced_ns=0, ex_ns=monday_ns, paid_ns=monday_ns, amount=Decimal(2))
    history = of_chains(table, bars=(prints,), instruments=(Share(symbol="SPY"),), dividends=(due,))
    result = run(history, Scripted([order([(call, -1)], "-28.00")]))
    assert result.stopped == ""
    assert result.counts["assigned_early"] == 1
    assert result.open_packages[0].units == {"SPY": Decimal(-100)}


def test_the_terms_of_the_greeks_and_their_residual_add_up_to_what_the_trades_earned() -> None:
    """For the book at every step, and for every package from its fill to flat."""
    history = of_chains(
        chains([EARLY, LATER, EARLY, LATER], step_ns=600_000_000_000), bars=(index_bars(4290.0, 4303.5),)
    )
    result = run(history, Scripted([order(CONDOR, "-1.40")]))
    path = result.greeks
    assert path is not None
    names = ("delta", "gamma", "vega", "theta", "vanna", "volga", "charm", "rho", "residual")
    summed = sum(getattr(path, f"{name}_usd") for name in names)
    assert summed.tolist() == pytest.approx(path.total_usd.tolist(), abs=1e-9)
    assert path.total_usd.sum() == pytest.approx(float(result.trades[0].gross_pnl))
    (own,) = result.package_greeks.values()
    assert own.total_usd.tolist() == pytest.approx(path.total_usd.tolist())
    assert float(path.theta_usd.sum()) > 0.0


def test_delivered_shares_are_worth_the_printed_underlying_where_nothing_else_tells_it() -> None:
    """A history of chains alone: exercised at 427, the shares stand at the 428 that the last chain prints."""
    board: Board = {(427.0, "C"): (1.0, 1.1)}
    friday = chains([board] * 3, root="SPY", spot=428.0)
    result = run(of_chains(friday, instruments=()), Scripted([order([(contract(427.0, "C", "SPY"), 1)], "1.20")]))
    assert result.stopped == ""
    assert result.open_packages[0].units == {"SPY": Decimal(100)}
    assert result.curve.equity[-1] == pytest.approx(100_000.0 - 110.0 + 100.0)


def test_a_wing_that_nobody_bids_for_can_be_bought_and_sold_within_its_package() -> None:
    """Its bid is 0, for the gate as for marks and fills."""

    def close(view: View) -> Decision:
        (package,) = view.account.packages
        return order([(each, -ratio) for each, ratio in CONDOR], "3.00", package=package.package_id)

    worthless = {**LATER} | {(4270.0, "P"): (0.0, 0.05), (4310.0, "C"): (0.0, 0.05)}
    table = chains([worthless] * 3, step_ns=60_000_000_000)
    result = run(of_chains(table), Scripted([order(CONDOR, "-1.40"), close]))
    assert [fill.price for fill in result.fills[4:]] == [Decimal(x) for x in ("0", "1.1", "0.9", "0")]
    assert not result.open_packages
