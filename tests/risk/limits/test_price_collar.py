"""The collar of prices: normal orders pass, slipped digits and signs never do."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market.orders import OrderIntent
from risk.limits.orders import OrderFacts, TradingState
from risk.limits.pretrade import PretradeGate, PretradeLimits
from strategies.package_prices import package_limit
from tests.risk.contracts import NOON_NS, legs, option, order

CONDOR = (
    (1, option("P", 4000, root="SPXW")),
    (-1, option("P", 4010, root="SPXW")),
    (-1, option("C", 4100, root="SPXW")),
    (1, option("C", 4110, root="SPXW")),
)
NICKEL = Decimal("0.05")
quotes = st.tuples(st.integers(0, 100), st.integers(1, 20))  # bid and spread, nickels
boards = st.lists(quotes, min_size=4, max_size=4)


def denied(intent: OrderIntent, board: Sequence[tuple[int, int]]) -> list[str]:
    """Return the limits that deny an order at quotes in nickels."""
    facts = OrderFacts(
        now_ns=NOON_NS,
        state=TradingState.ACTIVE,
        leg_prices=tuple(0.05 * (bid + spread / 2) for bid, spread in board),
        leg_half_spreads=tuple(0.05 * spread / 2 for _, spread in board),
        buying_power=1e6,
        buying_power_effect=1.0,
    )
    return [breach.limit for breach in PretradeGate(PretradeLimits()).check(intent, facts).breaches]


def far_sides(board: Sequence[tuple[int, int]]) -> int:
    """Return what the condor executes at, nickels."""
    pairs = zip(CONDOR, board, strict=True)
    return sum(bid + spread if ratio > 0 else -bid for (ratio, _), (bid, spread) in pairs)


def sent(nickels: int) -> OrderIntent:
    """Return the condor at a limit."""
    return order(*CONDOR, limit=str(nickels * NICKEL))


@given(board=boards, worse=st.integers(0, 3))
def test_a_slipped_digit_is_always_denied(board: list[tuple[int, int]], worse: int) -> None:
    """Ten times the debit, or a tenth of the credit, whatever is quoted, however cheap or wide the package is."""
    limit = far_sides(board) + worse
    assume(limit > 0 or (far_sides(board) < 0 and limit < 0 and limit % 10 == 0))
    assert denied(sent(limit * 10 if limit > 0 else limit // 10), board) == ["price_collar"]


@given(board=boards)
def test_a_slipped_sign_of_a_credit_is_always_denied(board: list[tuple[int, int]]) -> None:
    """What was to be received is paid."""
    assume(far_sides(board) < -1)
    assert denied(sent(-far_sides(board)), board) == ["price_collar"]


@given(board=boards, allowance=st.sampled_from([0.0, 0.1, 0.5]))
def test_an_order_at_the_far_sides_with_a_usual_allowance_passes(
    board: list[tuple[int, int]], allowance: float
) -> None:
    """Quoted no wider than their own mids, packages of any price go, also those that are worth next to nothing."""
    assume(all(spread <= bid for bid, spread in board))
    natural = float(far_sides(board) * NICKEL)
    limit = package_limit(legs(*CONDOR), natural, allowance)
    assert denied(order(*CONDOR, limit=str(limit)), board) == []


def test_a_stub_offer_is_no_price() -> None:
    """At 0.05 by 20 the spread counts as far as the mid is worth: to 15, and twice the half of it beyond."""
    call = option("C", 4100, root="SPXW")
    board = [(1, 399)]
    assert denied(order((1, call), limit="19"), board) == []
    assert denied(order((1, call), limit="26"), board) == ["price_collar"]


@pytest.mark.parametrize("limit", ["-0.10", "-0.05", "0"])
def test_a_package_for_a_nickel_passes(limit: str) -> None:
    """Its far sides receive one tick; one tick beyond them goes, where a share of the price would be less."""
    assert denied(order(*CONDOR, limit=limit), [(0, 1), (1, 1), (2, 1), (0, 1)]) == []
