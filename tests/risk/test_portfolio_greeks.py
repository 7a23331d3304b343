"""Greeks of an account: units by differences of value, sums over parts, and what happens where something is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.greeks import greeks
from risk.book import PricedBook
from risk.portfolio_greeks import greeks_by_strategy, greeks_by_underlying, portfolio_greeks

_TS_NS = 1_686_931_200 * 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Part:
    """One leg: an option, or a share where it has no strike."""

    units: float
    strike: float = nan
    is_call: bool = True
    underlying: str = "SPY"
    strategy: str = "own"
    volatility: float = 0.2
    forward_ratio: float = 1.0
    discount: float = 1.0


def _book(
    parts: Sequence[Part], *, spots: dict[str, float] | None = None, betas: dict[str, float] | None = None
) -> PricedBook:
    """Return a book of thirty days whose benchmark is SPY at 400."""
    spots, betas = spots or {"SPY": 400.0}, betas or {"SPY": 1.0}
    names = tuple(spots)
    strike = np.array([part.strike for part in parts], dtype=np.float64)
    is_option = np.isfinite(strike)
    return PricedBook(
        ts_event_ns=_TS_NS,
        underlyings=names,
        spot=np.array([spots[name] for name in names]),
        beta=np.array([betas.get(name, nan) for name in names]),
        benchmark="SPY",
        benchmark_spot=400.0,
        package_ids=("p",) * len(parts),
        strategies=tuple(part.strategy for part in parts),
        symbols=tuple(f"leg{place}" for place, _ in enumerate(parts)),
        underlying=np.array([names.index(part.underlying) for part in parts], dtype=np.int64),
        units=np.array([part.units for part in parts], dtype=np.float64),
        multiplier=np.where(is_option, 100.0, 1.0),
        is_option=is_option,
        is_call=np.array([part.is_call for part in parts], dtype=np.bool_) & is_option,
        strike=strike,
        tau=np.where(is_option, 30.0 / 365.0, nan),
        volatility=np.where(is_option, [part.volatility for part in parts], nan),
        forward_ratio=np.where(is_option, [part.forward_ratio for part in parts], 1.0),
        discount=np.where(is_option, [part.discount for part in parts], 1.0),
        mark=np.ones(len(parts)),
        is_american=np.zeros(len(parts), dtype=np.bool_),
    )


_NAMES = ("delta_shares", "gamma_shares_per_usd", "vega_usd_per_volpt", "theta_usd_per_day", "delta_usd")
_CONDOR = [
    Part(units=-2.0, strike=380.0, is_call=False, volatility=0.24),
    Part(units=2.0, strike=370.0, is_call=False, volatility=0.26),
    Part(units=-2.0, strike=420.0, volatility=0.18, discount=0.995, forward_ratio=1.003),
    Part(units=2.0, strike=430.0, volatility=0.17, discount=0.995, forward_ratio=1.003),
    Part(units=30.0),
]


def _value(book: PricedBook) -> float:
    """Worth of the options by the formula of `PricedBook`."""
    where = np.flatnonzero(book.is_option)
    spot = book.spot[book.underlying][where]
    rate = -np.log(book.discount[where]) / book.tau[where]
    yields = rate - np.log(book.forward_ratio[where]) / book.tau[where]
    price = greeks(
        spot, book.strike[where], book.tau[where], rate, yields, book.volatility[where], book.is_call[where]
    ).price
    linear = book.units[~book.is_option] @ book.spot[book.underlying][~book.is_option]
    return float((book.units * book.multiplier)[where] @ price + linear)


def test_each_greek_is_the_change_of_value_in_its_unit() -> None:
    """Dollars per dollar of price, per vol point and per calendar day come out of differences of the book's value."""
    book = _book(_CONDOR)
    found = portfolio_greeks(book)
    up, down = (replace(book, spot=book.spot + step) for step in (0.01, -0.01))
    assert found.delta_shares == pytest.approx((_value(up) - _value(down)) / 0.02, rel=1e-6)
    assert found.gamma_shares_per_usd == pytest.approx(
        (portfolio_greeks(up).delta_shares - portfolio_greeks(down).delta_shares) / 0.02, rel=1e-5
    )
    more, less = (replace(book, volatility=book.volatility + step) for step in (1e-4, -1e-4))
    assert found.vega_usd_per_volpt == pytest.approx((_value(more) - _value(less)) / 0.02, rel=1e-6)
    assert found.delta_usd == pytest.approx(found.delta_shares * 400.0)


def test_theta_is_per_calendar_day() -> None:
    """Without carry, a thousandth of a day later the value has changed by theta times a thousandth."""
    book = _book([Part(units=1.0, strike=400.0), Part(units=-1.0, strike=420.0)])
    late, early = (replace(book, tau=book.tau + sign * 0.001 / 365.0) for sign in (-1.0, 1.0))
    assert portfolio_greeks(book).theta_usd_per_day == pytest.approx((_value(late) - _value(early)) / 0.002, rel=1e-5)


def test_beta_makes_unlike_underlyings_comparable() -> None:
    """100 shares at 200 with beta 1.5 move as 75 shares of a benchmark at 400; short 50 of it leave 25."""
    parts = [Part(units=100.0, underlying="QQQ"), Part(units=-50.0)]
    book = _book(parts, spots={"QQQ": 200.0, "SPY": 400.0}, betas={"QQQ": 1.5, "SPY": 1.0})
    found = portfolio_greeks(book)
    assert (found.delta_shares, found.delta_usd, found.beta_delta_shares) == (50.0, 0.0, 25.0)
    assert not found.reason
    unknown = portfolio_greeks(replace(book, beta=np.array([nan, 1.0])))
    assert isnan(unknown.beta_delta_shares)
    assert unknown.delta_shares == 50.0
    assert unknown.reason == "leg0: no beta"


@pytest.mark.parametrize("name", ["volatility", "forward_ratio", "discount"])
def test_a_leg_that_cannot_be_valued_makes_its_sums_unknown_and_is_named(name: str) -> None:
    """What lacks a volatility, a forward or a discount is not left out of the sum."""
    book = _book(_CONDOR)
    column = getattr(book, name).copy()
    column[1] = nan
    found = portfolio_greeks(replace(book, **{name: column}))
    assert all(isnan(getattr(found, each)) for each in _NAMES)
    assert found.reason == f"leg1: no {name.removesuffix('_ratio')}"


def test_shares_need_no_price_for_their_delta() -> None:
    """Delta in shares is known without a price; dollars are not."""
    found = portfolio_greeks(_book([Part(units=7.0)], spots={"SPY": nan}))
    assert (found.delta_shares, found.gamma_shares_per_usd, found.vega_usd_per_volpt) == (7.0, 0.0, 0.0)
    assert isnan(found.delta_usd)


def test_an_empty_book_has_no_greeks() -> None:
    """Nothing held is 0, not unknown."""
    found = portfolio_greeks(_book([]))
    assert [getattr(found, name) for name in _NAMES] == [0.0] * len(_NAMES)
    assert (found.beta_delta_shares, found.reason) == (0.0, "")


@given(
    st.lists(
        st.builds(
            Part,
            units=st.floats(-50, 50),
            strike=st.floats(200, 800),
            is_call=st.booleans(),
            strategy=st.sampled_from(["a", "b"]),
            underlying=st.sampled_from(["SPY", "QQQ"]),
            volatility=st.floats(0.05, 1.5),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_parts_add_up_to_the_whole(parts: list[Part]) -> None:
    """Strategies, and underlyings, sum to the book in every number."""
    book = _book(parts, spots={"SPY": 400.0, "QQQ": 300.0}, betas={"SPY": 1.0, "QQQ": 1.2})
    whole = portfolio_greeks(book)
    for slices in (greeks_by_strategy(book), greeks_by_underlying(book)):
        for name in (*_NAMES, "beta_delta_shares"):
            total = sum(getattr(each, name) for each in slices.values())
            assert total == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-6)
