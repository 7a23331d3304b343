"""Early assignment: the dividend rule, deep options and the interest on a put's strike."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import exp, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.assignment import Evening, early_assignments
from execution.events import DividendNotice, SettlementKind
from execution.holdings import PackagePosition
from fields.greeks import greeks
from market.errors import DataError
from market.tradables import OptionContract
from strategies.views import Quote
from tests.execution.ledger_samples import SHARE, option

_DAY_NS = 86_400_000_000_000
_CALL, _PUT = option(340, "C"), option(340, "P")
_NOW_NS = _CALL.series.expiry_ns - 8 * _DAY_NS
_EVENING = Evening(
    underlying="SPY", now_ns=_NOW_NS, next_open_ns=_NOW_NS + 17 * 3_600_000_000_000, price=Decimal(350), rate=0.05
)


def _dividend(amount: str, *, ex_ns: int = _EVENING.next_open_ns, announced_ns: int = 0) -> DividendNotice:
    return DividendNotice(symbol="SPY", announced_ns=announced_ns, ex_ns=ex_ns, paid_ns=ex_ns, amount=Decimal(amount))


def _quote(bid: float, ask: float) -> Quote:
    return Quote(bid=bid, ask=ask, bid_size=1.0, ask_size=1.0, ts_ns=0)


def _reading(
    contract: OptionContract, evening: Evening, own: Quote | None, other: Quote | None, quantity: int = -3
) -> tuple[bool, bool]:
    """Return whether a short position is assigned, and whether it cannot be told."""
    held = (PackagePosition(package_id="p", strategy="s", instrument=contract, quantity=Decimal(quantity)),)
    reading = early_assignments(held, evening, lambda asked: own if asked is contract else other)
    for event in reading.settlements:
        assert event.kind is SettlementKind.ASSIGNED
        assert event.quantity == quantity
        assert (event.is_early, event.ts_event_ns) == (True, evening.now_ns)
        assert event.delivered == SHARE
    return bool(reading.settlements), bool(reading.untold)


@pytest.mark.parametrize(("amount", "assigned"), [("0.52", False), ("0.53", True)])
def test_a_call_is_exercised_for_a_dividend_above_put_and_interest(amount: str, *, assigned: bool) -> None:
    """With the put at 0.15 and interest of 0.372 the border is 0.522."""
    assert 0.15 + 340.0 * (1.0 - exp(-0.05 * 8 / 365)) == pytest.approx(0.522, abs=5e-4)
    evening = replace(_EVENING, dividends=(_dividend(amount),))
    assert _reading(_CALL, evening, _quote(10.1, 10.3), _quote(0.1, 0.2)) == (assigned, False)


@pytest.mark.parametrize(
    "notice",
    [
        _dividend("2", ex_ns=_EVENING.next_open_ns + 1),  # tomorrow evening is early enough
        _dividend("2", ex_ns=_EVENING.now_ns),  # today's is gone
        _dividend("2", announced_ns=_NOW_NS + 1),  # nobody knows it yet
        replace(_dividend("2"), symbol="QQQ"),
    ],
)
def test_only_the_known_dividend_of_tomorrow_counts(notice: DividendNotice) -> None:
    """A holder exercises on the last evening, and on what is known by then."""
    evening = replace(_EVENING, dividends=(notice,))
    assert _reading(_CALL, evening, _quote(10.1, 10.3), _quote(0.1, 0.2)) == (False, False)


@pytest.mark.parametrize(("ask", "assigned"), [(0.50, True), (0.52, True), (0.80, False)])
def test_a_put_is_exercised_for_the_interest_on_its_strike(ask: float, *, assigned: bool) -> None:
    """Deep in the money, the interest of 0.372 is held against the call's mid."""
    evening = replace(_EVENING, price=Decimal(300))
    assert _reading(_PUT, evening, _quote(40.1, 40.5), _quote(0.2, ask)) == (assigned, False)


def test_a_dividend_ahead_keeps_a_put() -> None:
    """Who exercises the put gives up the dividends until expiry."""
    own, other = _quote(40.1, 40.5), _quote(0.0, 0.02)
    evening = replace(_EVENING, price=Decimal(300))
    assert _reading(_PUT, evening, own, other) == (True, False)
    paying = replace(evening, dividends=(_dividend("0.40", ex_ns=_NOW_NS + 3 * _DAY_NS),))
    assert _reading(_PUT, paying, own, other) == (False, False)


@pytest.mark.parametrize(
    ("bid", "ask", "assigned"), [(9.9, 10.1, True), (9.8, 10.4, False), (10.0, 10.0, True), (10.05, 10.1, False)]
)
def test_a_market_that_pays_no_more_than_exercise_assigns(bid: float, ask: float, *, assigned: bool) -> None:
    """Bid and mid at or below the intrinsic value of 10."""
    assert _reading(_CALL, replace(_EVENING, rate=0.0), _quote(bid, ask), None) == (assigned, False)


@pytest.mark.parametrize(
    ("contract", "price", "quantity"),
    [
        (_CALL, "340", -1),  # at the money
        (_CALL, "350", 1),  # ours
        (option(340, "C", "XSP"), "350", -1),  # European
    ],
)
def test_only_short_american_options_in_the_money_are_looked_at(
    contract: OptionContract, price: str, quantity: int
) -> None:
    """All others cannot be assigned tonight, whatever is quoted."""
    evening = replace(_EVENING, price=Decimal(price), underlying=contract.underlying, dividends=(_dividend("9"),))
    assert _reading(contract, evening, _quote(0.0, 0.0), _quote(0.0, 0.0), quantity) == (False, False)


def test_expiry_itself_is_no_early_assignment() -> None:
    """On the last evening settlement decides."""
    evening = replace(_EVENING, now_ns=_CALL.series.expiry_ns)
    assert _reading(_CALL, evening, _quote(0.0, 0.0), None) == (False, False)


@pytest.mark.parametrize("other", [None, _quote(nan, 0.2)])
def test_without_quotes_it_is_told_that_it_cannot_be_told(other: Quote | None) -> None:
    """A missing price assigns nobody and stands in the list; no spot is an error."""
    evening = replace(_EVENING, dividends=(_dividend("2"),))
    assert _reading(_CALL, evening, _quote(10.1, 10.3), other) == (False, True)
    assert _reading(_CALL, replace(_EVENING, rate=0.0), _quote(nan, 10.3), None) == (False, True)
    with pytest.raises(DataError, match="closing price"):
        _reading(_CALL, replace(_EVENING, price=Decimal("NaN")), None, None)


def test_old_quotes_are_none_and_bids_are_held_against_their_own_price() -> None:
    """A share that rose after the last quotes of its options does not make them cheap."""
    own = replace(_quote(10.1, 10.3), ts_ns=_NOW_NS - 900)
    risen = replace(_EVENING, price=Decimal(352), rate=0.0)
    assert _reading(_CALL, risen, own, None) == (True, False)
    assert _reading(_CALL, replace(risen, quoted_price=350.0), own, None) == (False, False)
    assert _reading(_CALL, replace(risen, quotes_from_ns=_NOW_NS - 899), own, None) == (False, True)


@given(
    spot=st.floats(345.0, 420.0), volatility=st.floats(0.05, 0.8), amount=st.floats(0.05, 6.0), rate=st.floats(0.0, 0.1)
)
def test_the_dividend_rule_is_that_of_the_price_after_the_dividend(
    spot: float, volatility: float, amount: float, rate: float
) -> None:
    """By parity: exercise tonight beats holding where S - K exceeds the call on the share that will have paid."""
    years = 8.0 / 365.0
    after = spot - amount
    values = greeks(np.full(2, after), 340.0, years, rate, 0.0, volatility, np.array([True, False])).price
    call, put = float(values[0]), float(values[1])
    gain = (spot - 340.0) - call
    if abs(gain) < 1e-6:
        return
    evening = replace(
        _EVENING,
        price=Decimal(repr(spot)),
        rate=rate,
        dividends=(replace(_dividend("1"), amount=Decimal(repr(amount))),),
    )
    assigned, _ = _reading(_CALL, evening, _quote(spot, spot), _quote(put, put))
    assert assigned is (gain > 0.0)
