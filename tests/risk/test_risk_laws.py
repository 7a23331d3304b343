"""Laws of the risk table: nothing added to it permits more, and what it allows in an emergency exposes no more."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from math import gcd, nan

from hypothesis import given
from hypothesis import strategies as st

from market.orders import OrderIntent, PositionEffect
from risk.book import PortfolioGreeks
from risk.book_loss import least_value
from risk.limits.facts import OrderFacts, Stake
from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES, RiskRules
from risk.service import RiskService
from risk.state import RiskState
from risk.trading_state import TradingState
from tests.risk.contracts import NOON_NS, option, order

_LIMITS = replace(HEDGEFIELD_LIMITS, collar_fraction=None, most_input_age_s=None)
_BOUNDS = [
    item.name
    for item in fields(RiskRules)
    if item.name.startswith(("trade_", "book_", "risk_", "strategy_", "symbol_", "daily_", "drawdown", "most_"))
]
_FIELDS = [item.name for item in fields(PortfolioGreeks) if item.name != "reason"]
_NUMBERS = st.floats(-600, 600) | st.just(nan)
_GREEKS = st.builds(PortfolioGreeks, **dict.fromkeys(_FIELDS, _NUMBERS), reason=st.just(""))
_STAKES = st.builds(
    Stake,
    strategy_at_risk=st.floats(0, 3_000) | st.just(nan),
    symbol_at_risk=st.floats(0, 3_000),
    strategy_packages=st.integers(-1, 3),
    order=_GREEKS | st.none(),
    book=_GREEKS | st.none(),
    working=st.lists(_GREEKS, max_size=2).map(tuple),
    volatility=st.floats(5, 60) | st.just(nan),
)
_STATE = RiskState(
    ts_ns=NOON_NS,
    day_start_equity=Decimal(25_000),
    equity=Decimal(24_900),
    deposits=Decimal(25_000),
    high_water=Decimal(26_000),
)


def _facts(stake: Stake) -> OrderFacts:
    return OrderFacts(
        now_ns=NOON_NS,
        state=TradingState.ACTIVE,
        leg_prices=(3.0, 1.0),
        open_packages=0,
        buying_power=1e6,
        buying_power_effect=0.0,
        session_close_ns=NOON_NS + 3_600_000_000_000 * 4,
        stake=stake,
    )


def _spread(quantity: int) -> OrderIntent:
    return order((-1, option("P", 390)), (1, option("P", 380)), limit="-9", quantity=str(quantity))


def _breaches(rules: RiskRules, stake: Stake, quantity: int = 1) -> set[str]:
    service = RiskService(_LIMITS, rules)
    verdict = service.check(_spread(quantity), _facts(stake), service.started(_STATE, NOON_NS))
    return {breach.limit for breach in verdict.breaches}


@given(stake=_STAKES, name=st.sampled_from(_BOUNDS), part=st.floats(0, 1), quantity=st.integers(1, 6))
def test_tightening_or_adding_a_bound_never_lets_more_through(
    stake: Stake, name: str, part: float, quantity: int
) -> None:
    """Whatever a bound denies, a smaller one denies too; and a table without the row denies no more."""
    value = getattr(HEDGEFIELD_RULES, name)
    tighter = replace(HEDGEFIELD_RULES, **{name: type(value)(value * part)})
    without = replace(HEDGEFIELD_RULES, **{name: None})  # type: ignore[arg-type]  # a bound of its own type
    assert _breaches(HEDGEFIELD_RULES, stake, quantity) <= _breaches(tighter, stake, quantity)
    assert _breaches(without, stake, quantity) <= _breaches(HEDGEFIELD_RULES, stake, quantity)


@given(
    stake=_STAKES,
    name=st.sampled_from(["strategy_at_risk", "symbol_at_risk", "strategy_packages", "order", "book", "volatility"]),
)
def test_worse_data_never_let_more_through(stake: Stake, name: str) -> None:
    """What is taken away of what is known denies at least what was denied before."""
    missing = {"strategy_packages": -1, "order": None, "book": None}.get(name, nan)
    worse = replace(stake, **{name: missing})  # type: ignore[arg-type]  # of the field's own type
    assert _breaches(HEDGEFIELD_RULES, stake) <= _breaches(HEDGEFIELD_RULES, worse)
    assert _breaches(HEDGEFIELD_RULES, worse)


@given(low=st.floats(8, 60), high=st.floats(8, 60), quantity=st.integers(1, 6))
def test_a_higher_volatility_never_lets_more_through(low: float, high: float, quantity: int) -> None:
    """From 8 points on, what a level denies, every higher one denies."""
    low, high = sorted((low, high))
    calm, wild = (Stake(strategy_at_risk=0.0, symbol_at_risk=0.0, volatility=level) for level in (low, high))
    assert _breaches(HEDGEFIELD_RULES, calm, quantity) <= _breaches(HEDGEFIELD_RULES, wild, quantity)


def _scaled(greeks: PortfolioGreeks | None, factor: float) -> PortfolioGreeks | None:
    if greeks is None:
        return None
    return PortfolioGreeks(**{name: getattr(greeks, name) * factor for name in _FIELDS})


@given(stake=_STAKES, asked=st.integers(1, 12))
def test_the_largest_quantity_is_that_of_a_search_through_all(stake: Stake, asked: int) -> None:
    """Q22: no quantity up to the one asked passes that is larger, and the one told passes; 0 where none does."""
    rules = replace(HEDGEFIELD_RULES, trade_delta=300.0, trade_vega=300.0)
    service = RiskService(_LIMITS, rules)
    state = service.started(_STATE, NOON_NS)

    def facts_of(intent: OrderIntent) -> OrderFacts:
        return _facts(replace(stake, order=_scaled(stake.order, float(intent.quantity) / asked)))

    sizes = [_spread(quantity) for quantity in range(1, asked + 1)]
    passing = [each.quantity for each in sizes if service.check(each, facts_of(each), state).is_allowed]
    assert service.largest(_spread(asked), facts_of, state) == max(passing, default=Decimal(0))


_CONTRACTS = [option(right, strike) for right in "CP" for strike in (390, 400, 410)]
_DELTAS = dict(zip([each.symbol for each in _CONTRACTS], (0.7, 0.5, 0.3, -0.3, -0.5, -0.7), strict=True))
_UNITS = st.lists(st.integers(-3, 3), min_size=len(_CONTRACTS), max_size=len(_CONTRACTS)).filter(any)


def _delta(units: list[int]) -> float:
    return abs(sum(_DELTAS[each.symbol] * count for each, count in zip(_CONTRACTS, units, strict=True)))


def _obligation(units: list[int]) -> Decimal:
    """Return what the package may owe at expiry."""
    parts = [(each, Decimal(count)) for each, count in zip(_CONTRACTS, units, strict=True) if count]
    return max(-least_value(parts), Decimal(0))


def _closing(traded: list[int]) -> OrderIntent:
    divisor = gcd(*traded)
    parts = [(count // divisor, each) for each, count in zip(_CONTRACTS, traded, strict=True) if count]
    return order(*parts, quantity=str(divisor), effect=PositionEffect.CLOSE)


@given(held=_UNITS, share=st.sampled_from([1, 2, 3]), other=_UNITS, state=st.sampled_from(list(TradingState)[1:]))
def test_what_passes_in_an_emergency_exposes_no_more(
    held: list[int], share: int, other: list[int], state: TradingState
) -> None:
    """Whatever passes while the account may only reduce raises neither what a package owes nor its delta."""
    service = RiskService(PretradeLimits(collar_fraction=None))
    back = [max(-count, 0) for count in held]
    for traded in ([-count // share for count in held], back, [min(count, 1) for count in back], other):
        if not any(traded):
            continue
        after = [count + change for count, change in zip(held, traded, strict=True)]
        intent = _closing(traded)
        facts = OrderFacts(
            now_ns=NOON_NS,
            state=state,
            leg_prices=(nan,) * len(intent.legs),
            package={each.symbol: Decimal(count) for each, count in zip(_CONTRACTS, held, strict=True)},
            stake=Stake(package_delta=(_delta(held), _delta(after))),
        )
        if service.check(intent, facts, RiskState()).is_allowed:
            assert _obligation(after) <= _obligation(held)
            assert _delta(after) <= _delta(held) + 1e-6


def test_a_whole_close_passes_an_emergency_with_nothing_known() -> None:
    """Also where no delta, price or money is known, what is held may be closed."""
    held = [0, -2, 2, 0, 0, 0]
    package = {each.symbol: Decimal(count) for each, count in zip(_CONTRACTS, held, strict=True)}
    facts = OrderFacts(now_ns=NOON_NS, state=TradingState.HALTED, leg_prices=(nan, nan), package=package)
    assert (
        RiskService(HEDGEFIELD_LIMITS, HEDGEFIELD_RULES)
        .check(_closing([0, 2, -2, 0, 0, 0]), facts, RiskState())
        .is_reduction
    )


def test_buying_back_the_short_leg_of_a_deep_spread_is_no_reduction() -> None:
    """Alone it would leave the long leg with all its delta; while the account is ACTIVE it is the strategy's choice."""
    package = {_CONTRACTS[0].symbol: Decimal(-1), _CONTRACTS[1].symbol: Decimal(1)}
    known = Stake(package_delta=(0.2, 0.5))
    for state, allowed in ((TradingState.ACTIVE, True), (TradingState.REDUCING, False)):
        facts = OrderFacts(now_ns=NOON_NS, state=state, leg_prices=(nan,), package=package, stake=known)
        verdict = RiskService(HEDGEFIELD_LIMITS).check(_closing([1, 0, 0, 0, 0, 0]), facts, RiskState())
        assert verdict.is_reduction is allowed
