"""Marks of packages whose legs are not all quoted: what the same instant implies, and what is carried together."""

from __future__ import annotations

from decimal import Decimal
from math import erf, exp, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.implied_quotes import bounds_quote, parity_quote
from backtest.results import RunResult
from risk.limits.pretrade import PretradeLimits
from strategies.chain_lookup import ChainLookup
from strategies.views import ChainView
from tests.backtest.option_recordings import Board, chains, contract, of_chains, order
from tests.backtest.recordings import Scripted, run

SPREAD = [(contract(4300, "C"), -1), (contract(4310, "C"), 1)]
FIRST: Board = {(4300.0, "C"): (4.0, 4.2), (4310.0, "C"): (1.0, 1.2)}
MINUTE_NS = 60_000_000_000


def _forward_call(forward: float, strike: float, deviation: float) -> float:
    """Return Bachelier's price of a call: convex in the strike, and simple."""
    d = (forward - strike) / deviation
    density = exp(-0.5 * d * d) / sqrt(2.0 * np.pi)
    return (forward - strike) * 0.5 * (1.0 + erf(d / sqrt(2.0))) + deviation * density


def board(
    forward: float, *, deviation: float = 15.0, half: float = 0.1
) -> dict[tuple[float, str], tuple[float, float]]:
    """Return quotes around fair prices of 31 strikes, without interest."""
    found = {}
    for strike in np.arange(4225.0, 4380.0, 5.0).tolist():
        call = _forward_call(forward, strike, deviation)
        for right, price in (("C", call), ("P", call - forward + strike)):
            found[strike, right] = (max(price - half, 0.0), price + half)
    return found


def without(quotes: Board, *keys: tuple[float, str]) -> Board:
    """Return a board without some contracts."""
    return {key: quote for key, quote in quotes.items() if key not in keys}


def view_of(quotes: Board) -> ChainView:
    """Return the view of one chain."""
    return ChainLookup().view(chains([quotes]).chain(0))


def held(*boards: Board) -> RunResult:
    """Return a run that sells the spread at the first chain, filled at the second, and keeps it."""
    table = chains(boards, step_ns=MINUTE_NS)
    return run(of_chains(table), Scripted([order(SPREAD, "-1.0")]), limits=PretradeLimits(collar_fraction=None))


@given(forward=st.floats(4280.0, 4320.0), strike=st.sampled_from([4280.0, 4300.0, 4315.0]), right=st.sampled_from("CP"))
def test_parity_gives_back_the_price_that_is_missing(forward: float, strike: float, right: str) -> None:
    """With fair mids and no interest the twin and the forward of the other pairs say what the contract is worth."""
    quotes = board(forward)
    bid, ask = quotes[strike, right]
    found = parity_quote(view_of(without(quotes, (strike, right))), contract(strike, right))
    assert found is not None
    assert 0.5 * (found.bid + found.ask) == pytest.approx(0.5 * (max(bid, 0.0) + ask), abs=0.15)


@given(forward=st.floats(4280.0, 4320.0), strike=st.sampled_from([4280.0, 4300.0, 4315.0]), right=st.sampled_from("CP"))
def test_bounds_hold_the_price_that_is_missing(forward: float, strike: float, right: str) -> None:
    """Whatever the quotes are made of, monotone and convex prices lie within; the middle is as sure as a quote."""
    quotes = board(forward, half=0.4)
    call = _forward_call(forward, strike, 15.0)
    price = call if right == "C" else call - forward + strike
    found = bounds_quote(view_of(without(quotes, (strike, "C"), (strike, "P"))), contract(strike, right))
    assert found is not None
    assert found.bid - 1e-9 <= price <= found.ask + 1e-9


def test_bounds_that_leave_more_room_than_quotes_imply_nothing() -> None:
    """Neighbours fifty points away say little; quotes that contradict one another say nothing."""
    wide = {key: quote for key, quote in board(4300.0).items() if abs(key[0] - 4300.0) >= 50.0}
    assert bounds_quote(view_of(wide), contract(4300, "C")) is None
    crossed: Board = {(4295.0, "C"): (1.0, 1.1), (4305.0, "C"): (3.0, 3.1)}
    assert bounds_quote(view_of(crossed), contract(4300, "C")) is None


def test_a_leg_without_a_quote_is_marked_by_its_twin() -> None:
    """The spread moves with both of its legs, and the trade says what marked it."""
    later = board(4320.0)
    full, lacking = (
        held(board(4300.0), board(4300.0), later),
        held(board(4300.0), board(4300.0), without(later, (4300.0, "C"))),
    )
    assert lacking.counts["marks_parity"] == 1
    assert lacking.counts.get("marks_carried", 0) == 0
    assert lacking.curve.equity[-1] == pytest.approx(full.curve.equity[-1], abs=5.0)


def test_a_package_with_a_leg_that_nothing_implies_is_carried_whole() -> None:
    """The long leg alone would have made a profit that never was: it rises by 9 while nobody quotes the short one."""
    result = held(
        FIRST, FIRST, {(4310.0, "C"): (10.0, 10.2)}, {(4300.0, "C"): (13.0, 13.2), (4310.0, "C"): (10.0, 10.2)}
    )
    equity = result.curve.equity
    assert equity[2] == equity[1]
    assert equity[3] == pytest.approx(100_000.0 + 280.0 - 300.0)
    assert (result.counts["marks_carried"], result.counts["marks_carried_with_package"]) == (1, 1)


def test_a_carried_package_is_worth_no_more_than_its_quotes_allow() -> None:
    """A short call without a quote is marked at its bound where keeping the package's value would break it.

    With 0.4 by 0.6 above it and 3.0 by 3.2 below it is worth at most 1.9, the middle of their offers. The wing was 1.1
    and is 0.5: for the package to be worth as much as before, the short call would have to be 3.5.
    """
    fell: Board = {(4290.0, "C"): (3.0, 3.2), (4310.0, "C"): (0.4, 0.6)}
    result = held(FIRST, FIRST, fell)
    assert result.counts["marks_at_bound"] == 1
    assert result.curve.equity[-1] == pytest.approx(100_000.0 + 280.0 - 100.0 * (1.9 - 0.5))
    # And where the bounds leave it open, the value stays.
    open_to_it: Board = {(4290.0, "C"): (9.0, 9.2), (4310.0, "C"): (1.4, 1.6)}
    result = held(FIRST, FIRST, open_to_it)
    assert result.curve.equity[-1] == result.curve.equity[-2]


def test_packages_that_share_a_contract_are_carried_together() -> None:
    """Account and packages agree: what one of them cannot mark, the other does not mark either."""
    other = [(contract(4310, "C"), 1), (contract(4320, "C"), -1)]
    first: Board = {**FIRST, (4320.0, "C"): (0.4, 0.5)}
    later: Board = {(4310.0, "C"): (10.0, 10.2), (4320.0, "C"): (5.0, 5.2)}
    table = chains([first, first, first, later], step_ns=MINUTE_NS)
    script = Scripted([order(SPREAD, "-1.0"), order(other, "1.0")])
    result = run(of_chains(table), script, limits=PretradeLimits(collar_fraction=None))
    assert len(result.fills) == 4
    assert result.curve.equity[3] == result.curve.equity[2]
    assert result.counts["marks_carried_with_package"] == 2
    assert result.curve.cash[-1] == pytest.approx(float(Decimal(100_000) + 280 - 80))
