"""The most that a book can lose: bounds that no path of prices breaks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from market.calendars import expiry_series
from market.instruments import product_of
from market.tradables import Instrument, OptionContract, Share, option_contract
from risk.book_loss import max_loss_of_book

_DAYS = (date(2023, 6, 16), date(2023, 7, 21))
_SPY = Share(symbol="SPY")
_STRIKES = (90, 95, 100, 105, 110)
_PRICES = [Decimal(price) for price in (0, 90, 95, 100, 105, 110, 400)]


def _option(right: str, strike: int, month: int = 0) -> OptionContract:
    return option_contract(expiry_series(product_of("SPY"), _DAYS[month]), strike, is_call=right == "C")


_LEGS = st.tuples(
    st.sampled_from([_option(r, k, m) for r, k, m in product("CP", _STRIKES, (0, 1))]), st.integers(-3, 3)
)


def _settled(held: list[tuple[Instrument, Decimal]], first: Decimal, second: Decimal) -> Decimal:
    """Return what a book ends with where the two expirations settle at two prices; shares are kept to the second."""
    worth = Decimal(0)
    for item, quantity in held:
        if isinstance(item, OptionContract):
            at = first if item.series.expiration == _DAYS[0] else second
            worth += quantity * item.multiplier * item.intrinsic(at)
        else:
            worth += quantity * second
    return worth


@given(st.lists(_LEGS, min_size=1, max_size=6))
def test_no_pair_of_settlements_loses_more_than_the_bound(legs: list[tuple[OptionContract, int]]) -> None:
    """Expirations may settle at unlike prices, a later long leg counts at least nothing; the bound holds for each."""
    held: list[tuple[Instrument, Decimal]] = [(item, Decimal(units)) for item, units in legs if units]
    shorts_late = any(
        q < 0 and item.series.expiration == _DAYS[1] for item, q in held if isinstance(item, OptionContract)
    )
    bound = max_loss_of_book(held, Decimal(0))
    if bound.is_finite() and (shorts_late or not any(q < 0 for _, q in held)):
        worst = min(_settled(held, first, second) for first, second in product(_PRICES, repeat=2))
        assert -worst <= bound


def test_spreads_of_two_expirations_lose_at_prices_of_their_own() -> None:
    """A fall takes the put spread of June and a rise the call spread of July: both widths, not the larger one."""
    held: list[tuple[Instrument, Decimal]] = [
        (_option("P", 95, 0), Decimal(-1)),
        (_option("P", 90, 0), Decimal(1)),
        (_option("C", 105, 1), Decimal(-1)),
        (_option("C", 110, 1), Decimal(1)),
    ]
    assert max_loss_of_book(held, Decimal(-300)) == Decimal(700)


def test_a_calendar_loses_what_it_is_worth_and_the_other_way_round_without_end() -> None:
    """The later long call covers the earlier short one; the earlier long one covers nothing."""
    near, far = _option("C", 100, 0), _option("C", 100, 1)
    assert max_loss_of_book([(near, Decimal(-1)), (far, Decimal(1))], Decimal(200)) == 200
    assert max_loss_of_book([(near, Decimal(1)), (far, Decimal(-1))], Decimal(-200)) == Decimal("Infinity")


def test_shares_cover_calls_of_several_expirations() -> None:
    """Two short calls of two months are covered by 200 shares: what can be lost is what all of it is worth."""
    held: list[tuple[Instrument, Decimal]] = [
        (_SPY, Decimal(200)),
        (_option("C", 105, 0), Decimal(-1)),
        (_option("C", 110, 1), Decimal(-1)),
    ]
    assert max_loss_of_book(held, Decimal(19_500)) == Decimal(19_500)
    assert max_loss_of_book([(_SPY, Decimal(100)), *held[1:]], Decimal(9_500)) == Decimal("Infinity")


def test_an_unknown_worth_has_no_bound() -> None:
    """NaN stays NaN; nothing held can lose nothing."""
    assert max_loss_of_book([(_SPY, Decimal(1))], Decimal("NaN")).is_nan()
    assert max_loss_of_book([], Decimal(0)) == 0
