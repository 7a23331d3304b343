"""Working orders: taken in once, ended in time, handed out and forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.order_book import NEVER_NS, OrderBook, deadline_ns
from execution.order_events import Accepted, Cancelled, Executed, Found, Sent
from execution.orders import OrderStatus
from market.errors import DataError
from market.orders import OrderIntent, PositionEffect, TimeInForce
from tests.execution.order_samples import NOW_NS, condor, intent_for

_DAY_NS = 86_400 * 1_000_000_000


def _intent(number: int, age_ns: int = 0, **changes: str | PositionEffect) -> OrderIntent:
    plain = intent_for(intent_id=f"intent {number}", package_id=f"package {number % 2}")
    return replace(plain, ts_event_ns=NOW_NS - age_ns, **changes)  # type: ignore[arg-type]  # fields by name


def _with(book: OrderBook, *numbers: int, deadline: int = NEVER_NS) -> OrderBook:
    for number in numbers:
        book.admit(str(number), _intent(number), deadline_ns=deadline)
        book.apply(Sent(order_id=str(number), ts_event_ns=NOW_NS))
    return book


def _filled(number: int, units: str, fill_id: str = "f", at_ns: int = NOW_NS + 1) -> Executed:
    return Executed(order_id=str(number), ts_event_ns=at_ns, fill_id=fill_id, leg=0, quantity=Decimal(units))


def _cancelled(number: int, at_ns: int = NOW_NS + 2) -> Cancelled:
    return Cancelled(order_id=str(number), ts_event_ns=at_ns)


@pytest.mark.parametrize(
    ("time_in_force", "good_until_ns", "expected"),
    [
        (TimeInForce.DAY, 0, 50),
        (TimeInForce.DAY, 30, 30),
        (TimeInForce.DAY, 70, 50),
        (TimeInForce.IOC, 70, 10),
        (TimeInForce.GTC, 0, NEVER_NS),
        (TimeInForce.GTC, 70, 70),
    ],
)
def test_the_earlier_rule_ends_an_order(time_in_force: TimeInForce, good_until_ns: int, expected: int) -> None:
    """Session, first instant or good-until: whichever comes first."""
    intent = intent_for(time_in_force=time_in_force, good_until_ns=good_until_ns)
    assert deadline_ns(intent, arrival_ns=10, session_end_ns=50) == expected


def test_an_order_enters_once_and_never_under_the_id_of_another() -> None:
    """A second intake of the same intent is nothing to send; the same id for another intent is an error."""
    book = OrderBook()
    assert book.admit("1", _intent(1)) is not None
    assert book.admit("1", _intent(1)) is None
    with pytest.raises(DataError, match="stands for two orders"):
        book.admit("1", _intent(2))
    assert len(book) == 1


def test_strategies_see_what_may_still_be_filled_oldest_first() -> None:
    """Parts count, ends vanish, and the view is the same object until something changes."""
    book = _with(OrderBook(), 1, 2, 3)
    book.apply(_filled(1, "4"))
    book.apply(_cancelled(2))
    seen = book.working()
    assert [(each.order_id, each.remaining) for each in seen] == [("1", Decimal(6)), ("3", Decimal(10))]
    assert book.working() is seen
    book.apply(_filled(3, "10"))
    assert [each.order_id for each in book.working()] == ["1"]


def test_what_is_being_closed_is_told_by_package_and_unit() -> None:
    """Open parts of closing orders count; those about to be withdrawn, and opening ones, do not."""
    book = OrderBook()
    close = replace(_intent(1, effect=PositionEffect.CLOSE), legs=condor(), quantity=Decimal(2))
    book.admit("1", close)
    book.admit("2", _intent(3))
    book.apply(Executed(order_id="1", ts_event_ns=NOW_NS, fill_id="f", leg=1, quantity=Decimal(-1)))
    symbols = [leg.instrument.symbol for leg in condor()]
    assert book.closing_units() == {"package 1": dict(zip(symbols, map(Decimal, (2, -1, -2, 2)), strict=True))}
    assert not book.closing_units(without=("1",))


def test_deadlines_are_told_once_in_their_order_and_not_for_ended_orders() -> None:
    """The next deadline is always that of an order that still works."""
    book = OrderBook()
    for number, deadline in ((1, 30), (2, 10), (3, 20)):
        _with(book, number, deadline=deadline)
    book.apply(_cancelled(2))
    assert book.next_deadline_ns == 20
    assert not book.due(19)
    assert [order.order_id for order in book.due(30)] == ["3", "1"]
    assert (book.due(NEVER_NS - 1), book.next_deadline_ns) == ((), NEVER_NS)


def test_an_ended_order_stays_for_late_fills_and_is_then_handed_out_once() -> None:
    """A late fill within the keeping time is counted in the order that is handed out."""
    book = _with(OrderBook(keep_ns=100), 1)
    book.apply(_cancelled(1, NOW_NS + 10))
    assert not book.take_ended(NOW_NS + 50)
    book.apply(_filled(1, "4", at_ns=NOW_NS + 60))
    assert not book.take_ended(NOW_NS + 110)
    (order,) = book.take_ended(NOW_NS + 160)
    assert (order.status, order.filled) == (OrderStatus.CANCELLED, (Decimal(4),))
    assert (len(book), book.take_ended(NOW_NS + 999)) == (0, ())


def test_a_fill_after_the_order_was_handed_out_asks_for_the_order_first() -> None:
    """Nothing is lost in silence: the event is refused, the order restored, and the event applied."""
    book = _with(OrderBook(), 1)
    book.apply(_cancelled(1))
    (order,) = book.take_ended(NOW_NS + 2)
    with pytest.raises(DataError, match="restore it from the ledger"):
        book.apply(_filled(1, "4"))
    book.restore(order)
    assert book.apply(_filled(1, "4")).filled == (Decimal(4),)
    assert len(book.take_ended(NOW_NS + 9)) == 1
    with pytest.raises(DataError, match="stands for two orders"):
        _with(OrderBook(), 2).restore(replace(order, order_id="2"))


def test_an_end_that_a_query_takes_back_is_handed_out_at_its_next_end() -> None:
    """An ended order whose fills are missing works again until a query finds them; then it is handed out once."""
    book = _with(OrderBook(), 1)
    book.apply(_cancelled(1))
    short = Found(order_id="1", ts_event_ns=NOW_NS + 3, status=OrderStatus.FILLED, filled=(Decimal(10),))
    assert book.apply(short).status is OrderStatus.UNKNOWN
    assert len(book.working()) == 1
    book.apply(replace(short, executions=(_filled(1, "10"),)))
    assert [order.status for order in book.take_ended(NOW_NS + 9)] == [OrderStatus.FILLED]


def test_an_id_that_was_handed_out_never_enters_again_however_little_is_remembered() -> None:
    """Within its memory the book knows the id; beyond, it refuses the intent because it is too old to tell."""
    book = _with(OrderBook(memory_ns=_DAY_NS), 1)
    book.apply(_cancelled(1))
    book.take_ended(NOW_NS + 9)
    assert book.admit("1", _intent(1)) is None
    book.take_ended(NOW_NS + 2 * _DAY_NS)
    with pytest.raises(DataError, match="older than the orders that the book remembers"):
        book.admit("1", _intent(1))
    later = replace(_intent(1), ts_event_ns=NOW_NS + 2 * _DAY_NS)
    assert book.admit("3", later) is not None


_STEPS: dict[str, Callable[[int], Accepted | Cancelled | Executed]] = {
    "accept": lambda number: Accepted(order_id=str(number), ts_event_ns=NOW_NS),
    "part": lambda number: _filled(number, "4"),
    "rest": lambda number: _filled(number, "6", "g"),
    "cancel": _cancelled,
}


@given(st.lists(st.tuples(st.sampled_from([*_STEPS, "admit", "take"]), st.integers(1, 4)), max_size=30))
def test_every_order_is_working_or_waiting_or_handed_out_exactly_once(steps: list[tuple[str, int]]) -> None:
    """Whatever happens, no order is lost, none is handed out twice, and none enters twice."""
    book, entered, out = OrderBook(), [], []
    for name, number in steps:
        if name == "admit":
            entered += [number] if book.admit(str(number), _intent(number)) is not None else []
        elif name == "take":
            out += [int(order.order_id) for order in book.take_ended(NOW_NS + 10)]
        elif number in entered and number not in out:
            book.apply(_STEPS[name](number))
    inside = set(entered) - set(out)
    assert len(entered) == len(set(entered))
    assert [book.order(str(number)).order_id for number in inside] == [str(number) for number in inside]
    assert len(book) == len(inside) == len(entered) - len(out)
    assert {int(each.order_id) for each in book.working()} <= inside
