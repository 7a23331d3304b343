"""The most that a book can lose: bounds that no path of prices breaks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from math import exp

from hypothesis import given, settings
from hypothesis import strategies as st

from market.calendars import expiry_series
from market.instruments import ExerciseStyle, product_of
from market.tradables import Instrument, OptionContract, Share, option_contract
from risk.book_loss import least_value, max_loss_of_book
from risk.limits.orders import order_loss
from tests.risk.contracts import order

_DAYS = (date(2023, 6, 16), date(2023, 7, 21), date(2023, 8, 18))
_SPY = Share(symbol="SPY")
_STRIKES = (90, 95, 100, 105, 110)
_YEAR_NS = 365 * 86_400_000_000_000


def _option(right: str, strike: int, month: int = 0, root: str = "SPY") -> OptionContract:
    return option_contract(expiry_series(product_of(root), _DAYS[month]), strike, is_call=right == "C")


_BOOKS = st.lists(
    st.tuples(
        st.builds(_option, st.sampled_from("CP"), st.sampled_from(_STRIKES), st.integers(0, 2)), st.integers(-3, 3)
    ),
    min_size=1,
    max_size=6,
)
_PRICES = st.sampled_from([0.01, 80, 90, 92, 95, 97, 100, 103, 105, 107, 110, 120, 150, 400, 3_000]) | st.floats(1, 400)


def _sold_for(contract: OptionContract, end_ns: int, price: float, rate: float, dividends: float) -> float:
    """Return the least that an option is sold for at an end: by arbitrage, with dividends in cash beyond 150."""
    years = (contract.series.expiry_ns - end_ns) / _YEAR_NS
    strike, sign = float(contract.strike), 1.0 if contract.is_call else -1.0
    worth = max(sign * (price - strike), 0.0)
    if contract.series.product.exercise is ExerciseStyle.EUROPEAN:
        paid = dividends * years * min(price, 1.5 * strike)
        worth = max(sign * (price - paid - strike * exp(-rate * years)), 0.0)
    return worth


@settings(deadline=None)  # calendars are read at the first contract
@given(
    book=_BOOKS,
    root=st.sampled_from(["SPY", "SPX", "SPXW"]),
    path=st.tuples(_PRICES, _PRICES, _PRICES),
    rate=st.floats(0, 0.08),
    dividends=st.floats(0, 0.04),
)
def test_no_path_of_prices_loses_more_than_the_bound(
    book: list[tuple[OptionContract, int]], root: str, path: tuple[float, float, float], rate: float, dividends: float
) -> None:
    """Each short option settles at the price of its own day, and what covers it is sold that day at its least."""
    months = [_DAYS.index(item.series.expiration) for item, _ in book]
    held = [
        (_option("C" if i.is_call else "P", int(i.strike), m, root), Decimal(q))
        for (i, q), m in zip(book, months, strict=True)
    ]
    ends = sorted({item.series.expiry_ns for item, q in held if q < 0})
    worth = 0.0
    for item, q in held:
        day = item.series.expiry_ns
        if q > 0 and not ends:
            end = day
        elif q > 0 and day < ends[0]:
            continue  # it may end worthless
        else:
            end = max((each for each in ends if each <= day), default=day)
        price = path[[_option("C", 100, m, root).series.expiry_ns for m in range(3)].index(end)]
        worth += float(q) * 100.0 * _sold_for(item, end, price, rate, dividends)
    assert -worth <= float(max_loss_of_book(held, Decimal(0))) + 1e-6


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


def test_a_fall_and_then_a_rise_take_both_spreads_also_from_an_order() -> None:
    """What is asked of one order before it goes is the same bound."""
    parts = [(-1, _option("P", 95, 0)), (1, _option("P", 90, 0)), (-1, _option("C", 105, 1)), (1, _option("C", 110, 1))]
    assert order_loss(order(*parts, limit="-3")) == 700.0
    assert least_value((item, Decimal(ratio)) for ratio, item in parts) == -1_000


def test_a_european_put_covers_less_than_its_strike_before_it_ends() -> None:
    """A calendar in puts of an index loses more than its debit where the price falls to nothing, of a fund no more."""
    for root, least in (("SPY", 0), ("SPX", -77)):
        held = [(_option("P", 100, 0, root), Decimal(-1)), (_option("P", 100, 1, root), Decimal(1))]
        assert least_value(held) == least


def test_long_options_of_two_expirations_do_not_end_at_one_price() -> None:
    """A call in the money and a put in the money are worth 20 where they end together, and may both end worthless."""
    together = [(_option("C", 90, 0), Decimal(1)), (_option("P", 110, 0), Decimal(1))]
    apart = [(_option("C", 90, 0), Decimal(1)), (_option("P", 110, 1), Decimal(1))]
    assert least_value(together) == 2_000
    assert least_value(apart) == 0


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
