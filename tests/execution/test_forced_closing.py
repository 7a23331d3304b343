"""What a broker closes: never more than is held, never at a larger requirement, until the maintenance holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.forced_closing import Closing, closings
from execution.holdings import PackagePosition
from execution.margin_call import CalledAccount, MarginCallRules, is_kept, standing
from market.errors import ConfigError
from market.tradables import Instrument, OptionContract, Share
from risk.margin.reg_t import AccountKind, MarginStage, RegTRules
from strategies.views import Quote
from tests.risk.contracts import FAR, NEAR, option

_SPY, _QQQ = Share(symbol="SPY"), Share(symbol="QQQ")
_KEEP = RegTRules(stage=MarginStage.MAINTENANCE)
_SPOT = Decimal(100)
_RULES = MarginCallRules()
_ZERO = Decimal(0)
Package = Sequence[tuple[Instrument, int]]


def _mark(instrument: Instrument) -> Decimal:
    """Return a mark within the bounds of arbitrage; a later expiry is worth more."""
    if not isinstance(instrument, OptionContract):
        return _SPOT
    time = Decimal(2) if instrument.series.expiration == NEAR else Decimal(4)
    return instrument.intrinsic(_SPOT) + max(time - abs(instrument.strike - _SPOT) / 10, Decimal("0.10"))


def _account(packages: Sequence[Package], equity: str, **changed: RegTRules) -> CalledAccount:
    positions = [
        PackagePosition(package_id=f"package {place}", strategy="s", instrument=each, quantity=Decimal(count))
        for place, package in enumerate(packages)
        for each, count in package
        if count
    ]
    prices = {each.instrument.symbol: _mark(each.instrument) for each in positions}
    prices |= {each.instrument.underlying: _SPOT for each in positions}
    return CalledAccount(
        equity=Decimal(equity), positions=tuple(positions), prices=prices, rules=changed.get("rules", _KEEP)
    )


def _quotes(half: str) -> Callable[[Instrument], Quote]:
    """Return a market of one half spread around the marks."""

    def quote(instrument: Instrument) -> Quote:
        mark, away = float(_mark(instrument)), float(half)
        return Quote(bid=max(mark - away, 0.0), ask=mark + away, bid_size=nan, ask_size=nan, ts_ns=0)

    return quote


def _free(*_: object) -> Decimal:
    return _ZERO


def _dear(_: Instrument, units: Decimal, __: Decimal) -> Decimal:
    return abs(units) * Decimal("0.65")


def _net(account: CalledAccount) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    for each in account.positions:
        found[each.instrument.symbol] = found.get(each.instrument.symbol, _ZERO) + each.quantity
    return found


def _traded(account: CalledAccount, closing: Closing, quantity: Decimal, half: Decimal) -> CalledAccount:
    """Return the account after a part of a closing at the far sides, told by its own rules and not the planner's."""
    units = {(closing.package_id, leg.instrument.symbol): leg.ratio * quantity for leg in closing.legs}
    positions, lost = [], _ZERO
    for each in account.positions:
        moved = units.get((each.package_id, each.instrument.symbol), _ZERO)
        lost += abs(moved) * each.instrument.multiplier * half
        if each.quantity + moved:
            positions.append(replace(each, quantity=each.quantity + moved))
    return replace(account, equity=account.equity - lost, positions=tuple(positions))


_CONTRACTS = [option(right, strike, day=day) for right in "CP" for strike in (90, 100, 110) for day in (NEAR, FAR)]
_HELD: list[Instrument] = [*_CONTRACTS, _SPY, _QQQ]
_LEGS = st.tuples(st.sampled_from(_HELD), st.sampled_from([-3, -2, -1, 1, 2, 3]))
_PACKAGES = st.lists(
    st.lists(_LEGS, min_size=1, max_size=4, unique_by=lambda leg: leg[0].symbol), min_size=1, max_size=3
)


@settings(max_examples=15, deadline=None)
@given(
    packages=_PACKAGES,
    equity=st.integers(-5_000, 20_000),
    half=st.sampled_from(["0", "0.02", "0.50"]),
    share=st.sampled_from([1, 2, 3]),
    attempt=st.integers(1, 3),
)
def test_no_order_enlarges_a_position_or_the_requirement(
    packages: list[Package], equity: int, half: str, share: int, attempt: int
) -> None:
    """Whatever part of whatever subset of the orders trades; and the account ends where nothing helps."""
    account = _account(packages, str(equity))
    for _ in range(200):
        plan = closings(account, _quotes(half), _free, _RULES, attempt=attempt)
        if not plan.closings:
            break
        assert standing(account).excess < 0.0
        for closing in plan.closings[::share]:
            before, required = _net(account), standing(account).requirement
            part = max((closing.quantity / share).to_integral_value(), Decimal(1))
            account = _traded(account, closing, part, Decimal(half))
            after = _net(account)
            assert all(abs(after.get(symbol, _ZERO)) <= abs(units) for symbol, units in before.items())
            assert all(after.get(symbol, _ZERO) * units >= 0 for symbol, units in before.items())
            assert standing(account).requirement <= required
    assert not closings(account, _quotes(half), _free, _RULES).closings


@settings(max_examples=15, deadline=None)
@given(packages=_PACKAGES, equity=st.integers(1, 20_000))
def test_an_account_with_equity_that_closes_for_nothing_ends_secured_or_flat(
    packages: list[Package], equity: int
) -> None:
    """Where trading costs nothing, only an account that owes more than it has is left unsecured."""
    account = _account(packages, str(equity))
    for _ in range(200):
        plan = closings(account, _quotes("0"), _free, _RULES)
        if not plan.closings:
            break
        assert not is_kept(account)
        for closing in plan.closings:
            account = _traded(account, closing, closing.quantity, _ZERO)
    assert standing(account).excess >= 0.0 or not account.positions


def test_the_package_that_frees_most_per_cost_goes_first_and_no_more_of_it_than_is_needed() -> None:
    """A naked put frees more for its one charge than a call spread for its two; the last contract is what holds it."""
    put, near, wing = option("P", 95), option("C", 110), option("C", 120)
    account = _account([[(put, -4)], [(near, -10), (wing, 10)]], "10000")
    assert standing(account).excess < 0.0
    (first,) = closings(account, _quotes("0.02"), _dear, _RULES).closings
    assert (first.package_id, [leg.ratio for leg in first.legs]) == ("package 0", [1])
    less = replace(first, quantity=first.quantity - 1)
    assert standing(_traded(account, first, first.quantity, Decimal("0.02"))).excess >= 0.0
    assert standing(_traded(account, less, less.quantity, Decimal("0.02"))).excess < 0.0
    assert first.cost == first.quantity * Decimal("2.65")


def test_a_limit_lies_beyond_the_closing_side_and_moves_away_at_each_attempt() -> None:
    """Bought back at an ask of 1.55 by up to five cents more, then ten; sold at a bid no lower than a tick."""
    account = _account([[(option("P", 95), -1)], [(_QQQ, 100)]], "100")
    for attempt, limits in ((1, ["1.60", "-97.95"]), (2, ["1.65", "-95.95"])):
        plan = closings(account, _quotes("0.05"), _free, _RULES, attempt=attempt)
        assert sorted(str(each.limit_price) for each in plan.closings) == sorted(limits)


def test_a_long_leg_that_covers_another_package_stays_until_that_is_closed() -> None:
    """A bought call alone could be sold; the short call that it covers, in another package, has to go first."""
    account = _account([[(option("C", 110), 1)], [(option("C", 100), -1)]], "10")
    (closing,) = closings(account, _quotes("0.01"), _free, _RULES).closings
    assert closing.package_id == "package 1"


def test_without_quotes_nothing_is_sent_and_the_packages_are_named() -> None:
    """The broker waits; an account whose margin cannot be told, or that keeps it, is left alone."""
    account = _account([[(option("P", 95), -1)]], "10")

    def nothing(_: Instrument) -> Quote:
        return Quote(bid=nan, ask=nan, bid_size=nan, ask_size=nan, ts_ns=-1)

    plan = closings(account, nothing, _free, _RULES)
    assert (plan.closings, plan.unquoted) == ((), ("package 0",))
    assert not closings(replace(account, equity=Decimal(10_000)), _quotes("0"), _free, _RULES).closings
    assert not closings(replace(account, prices={}), _quotes("0"), _free, _RULES).closings


def test_a_cash_account_buys_back_what_it_may_not_be_short() -> None:
    """Shares that an assignment sold short have no requirement that money could meet."""
    rules = RegTRules(account=AccountKind.CASH, stage=MarginStage.MAINTENANCE)
    account = _account([[(_SPY, -100)], [(_QQQ, 100)]], "100000", rules=rules)
    assert standing(account).required == inf
    (closing,) = closings(account, _quotes("0.01"), _free, _RULES).closings
    assert [(leg.instrument, leg.ratio) for leg in closing.legs] == [(_SPY, 1)]
    assert closing.quantity == 100


def test_distances_below_zero_are_refused() -> None:
    """A limit inside the market would not trade."""
    with pytest.raises(ConfigError):
        MarginCallRules(beyond=Decimal(-1))
