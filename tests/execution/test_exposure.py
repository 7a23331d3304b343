"""What an account has at stake: worst losses of what is open and on its way, and who owns them."""

from __future__ import annotations

from decimal import Decimal
from math import inf

import pytest

from execution.exposure import Exposure, loss_of_intent, loss_of_positions
from execution.holdings import PackagePosition
from execution.ledger import Ledger
from execution.order_book import OrderBook
from execution.order_events import Sent
from market.orders import PositionEffect
from market.tradables import Instrument, Share
from strategies.market_state import MarketState
from tests.execution.ledger_samples import SHARE, fill, funded
from tests.risk.contracts import FAR, NOON_NS, option, order


def _position(instrument: Instrument, units: str, cost: str) -> PackagePosition:
    return PackagePosition(
        package_id="p", strategy="s", instrument=instrument, quantity=Decimal(units), cost=Decimal(cost)
    )


@pytest.mark.parametrize(
    ("positions", "loss"),
    [
        # two spreads ten wide for a credit of 3: width less credit
        ([(option("P", 390), "-2", "-800"), (option("P", 380), "2", "200")], 1_400.0),
        # what is left of a condor whose put side was closed
        ([(option("C", 410), "-1", "-300"), (option("C", 420), "1", "100")], 800.0),
        ([(Share(symbol="SPY"), "5", "2000")], 2_000.0),
        ([(option("C", 400), "-1", "-300")], inf),
        # a calendar may lose what it cost; turned around it is naked
        ([(option("C", 400), "-1", "-200"), (option("C", 400, day=FAR), "1", "500")], 300.0),
        ([(option("C", 400), "1", "200"), (option("C", 400, day=FAR), "-1", "-500")], inf),
        # shares that cover a call: what they cost less what was received
        ([(Share(symbol="SPY"), "100", "40000"), (option("C", 410), "-1", "-300")], 39_700.0),
    ],
)
def test_a_package_loses_at_most_what_its_pay_off_says(
    positions: list[tuple[Instrument, str, str]], loss: float
) -> None:
    """Against what its open lots cost, at the worst price at expiry."""
    assert float(loss_of_positions(_position(*each) for each in positions)) == loss


def test_a_cost_that_nobody_told_leaves_the_loss_unknown() -> None:
    """Missing is not nothing."""
    told = PackagePosition(package_id="p", strategy="s", instrument=SHARE, quantity=Decimal(1))
    assert loss_of_positions([told]).is_nan()


def test_an_order_loses_at_most_what_its_limit_allows() -> None:
    """By the quantity that is still open."""
    spread = order((-1, option("P", 390)), (1, option("P", 380)), limit="-3", quantity="5")
    assert loss_of_intent(spread, Decimal(2)) == 1_400


def _exposure(ledger: Ledger, orders: OrderBook) -> Exposure:
    return Exposure(ledger, orders, MarketState())


def test_capital_at_risk_adds_what_is_held_and_what_is_on_its_way() -> None:
    """By strategy and by underlying; an order that closes adds nothing, and one that has ended neither."""
    ledger, orders = funded("100000"), OrderBook()
    ledger.book(fill(SHARE, "10", "400"))
    opening = order((-1, option("P", 390)), (1, option("P", 380)), limit="-3", intent_id="open")
    closing = order((-1, option("P", 380)), limit="-1", effect=PositionEffect.CLOSE, intent_id="close")
    for name, intent in (("a", opening), ("b", closing)):
        orders.admit(name, intent)
        orders.apply(Sent(order_id=name, ts_event_ns=NOON_NS))
    exposure = _exposure(ledger, orders)
    (held,) = exposure.losses().values()
    assert (float(held.loss), held.underlyings) == (4_000.0, frozenset({SHARE.symbol}))
    assert exposure.capital_at_risk() == 4_700.0
    assert exposure.capital_at_risk("test") == 700.0
    assert exposure.capital_at_risk(held.strategy) == 4_000.0
    assert exposure.capital_at_risk("nobody") == 0.0
    assert exposure.capital_at_risk(underlying="SPY") == (4_700.0 if SHARE.symbol == "SPY" else 700.0)


def test_what_is_read_once_is_read_anew_after_a_booking() -> None:
    """The sums follow the ledger, and the book of one instant is one object until then."""
    ledger = funded("100000")
    ledger.book(fill(SHARE, "10", "400"))
    exposure = _exposure(ledger, OrderBook())
    book = exposure.book(NOON_NS)
    assert exposure.book(NOON_NS) is book
    ledger.book(fill(SHARE, "-4", "400"))
    assert exposure.capital_at_risk() == 2_400.0
    assert exposure.greeks(NOON_NS).delta_shares == 6.0
    assert exposure.greeks(NOON_NS, "nobody").delta_shares == 0.0
