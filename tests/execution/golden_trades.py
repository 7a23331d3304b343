"""Plays the golden trades: hand-made cases of every structure and every way in which one ends."""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from execution.assignment import Evening, early_assignments
from execution.corporate import dividend_movements
from execution.events import DividendNotice, LedgerEvent
from execution.package_book import PackageBook
from execution.settlement import due_settlements, settle_expiring
from execution.trades import Trade
from market.calendars import session_on
from market.orders import Leg, PositionEffect
from market.tradables import Instrument, OptionContract, Share
from strategies.views import Quote
from tests.execution.ledger_samples import EXPIRY, SHARE, fill, funded, opening, option

GOLDEN: Final = Path(__file__).parent / "golden"
_BACK: Final = date(2023, 6, 16)
_EVENING, _NEXT = date(2023, 5, 11), date(2023, 5, 12)
_ROOTS: Final = {"cash_pm": "XSP", "cash_am": "DJX"}
_RATE: Final = 0.05
_FEE: Final = Decimal("0.65")
_SIGNS: Final[dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def load(name: str) -> dict[str, Any]:
    """Return a golden file."""
    loaded: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return loaded


def worked_out(text: str) -> Decimal:
    """Return a sum that is written out, in exact decimals."""
    return _value(ast.parse(text, mode="eval").body, text)


def _value(node: ast.expr, text: str) -> Decimal:
    if isinstance(node, ast.BinOp):
        return _SIGNS[type(node.op)](_value(node.left, text), _value(node.right, text))
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, text)
    return Decimal(ast.get_source_segment(text, node) or "")


def _close_ns(day: date) -> int:
    session = session_on("NYSE", day)
    assert session is not None
    return session.close_ns


class GoldenTrade:
    """One package of a golden file in an account of 100,000."""

    def __init__(self, golden: dict[str, Any], ending: str) -> None:
        self.ledger, self.book = funded(), PackageBook()
        self.trades: list[Trade] = []
        root = _ROOTS.get(ending, "SPY")
        self.legs = tuple(Leg(instrument=_instrument(leg, root), ratio=leg[3]) for leg in golden["legs"])
        self.packages = Decimal(golden["packages"])
        self.book.announce(opening(self.legs, golden["packages"], structure=golden["structure"]))
        for leg, price in zip(self.legs, golden["entry"], strict=True):
            self._trade(leg.instrument, leg.ratio * self.packages, price)

    def do(self, what: str, *values: Any) -> None:
        """Do one step of a case."""
        getattr(self, f"_{what}")(*values)
        self.ledger.check()

    def _take(self, event: LedgerEvent) -> None:
        assert self.ledger.book(event)
        self.trades += self.book.book(event)

    def _trade(self, instrument: Instrument, quantity: Decimal, price: str) -> None:
        cost = _FEE * abs(quantity) if isinstance(instrument, OptionContract) else Decimal(0)
        self._take(fill(instrument, quantity, price, cost=cost, ts_ns=len(self.ledger.events)))

    def _print(self, price: str) -> None:
        front = min(leg.instrument.series.expiry_ns for leg in self.legs if isinstance(leg.instrument, OptionContract))
        assert not due_settlements(self.ledger.positions(), front - 1)
        (due,) = due_settlements(self.ledger.positions(), front)
        for event in settle_expiring(due, Decimal(price)):
            self._take(event)

    def _evening(self, price: str, dividend: str, quotes: dict[str, list[str]]) -> None:
        notices = (_notice(dividend),) if Decimal(dividend) else ()
        evening = Evening(
            underlying="SPY",
            now_ns=_close_ns(_EVENING),
            next_open_ns=_close_ns(_NEXT),
            price=Decimal(price),
            rate=_RATE,
            dividends=notices,
        )
        reading = early_assignments(self.ledger.positions(), evening, lambda contract: _quote(contract, quotes))
        for event in reading.settlements:
            self._take(event)

    def _dividend(self, amount: str) -> None:
        for event in dividend_movements(self.ledger.positions(), _notice(amount)):
            self._take(event)

    def _shares(self, price: str) -> None:
        (held,) = self.ledger.positions()
        assert isinstance(held.instrument, Share)
        self._announce_exit("shares")
        self._trade(held.instrument, -held.quantity, price)

    def _close(self, prices: list[str]) -> None:
        order = [leg.instrument.symbol for leg in self.legs]
        held = sorted(
            self.ledger.positions(),
            key=lambda each: order.index(each.instrument.symbol) if each.instrument.symbol in order else len(order),
        )
        self._announce_exit("target")
        for position, price in zip(held, prices, strict=True):
            self._trade(position.instrument, -position.quantity, price)

    def _announce_exit(self, reason: str) -> None:
        self.book.announce(opening(self.legs, effect=PositionEffect.CLOSE, reason=reason))


def _instrument(leg: list[Any], root: str) -> Instrument:
    right, strike, day, _ = leg
    return SHARE if right == "S" else option(Decimal(strike), right, root, EXPIRY if day == "front" else _BACK)


def _quote(contract: OptionContract, quotes: dict[str, list[str]]) -> Quote | None:
    found = quotes.get(f"{'C' if contract.is_call else 'P'}{contract.strike}")
    if found is None or contract.series.expiration != EXPIRY:
        return None
    bid, ask = (float(price) for price in found)
    return Quote(bid=bid, ask=ask, bid_size=1.0, ask_size=1.0, ts_ns=0)


def _notice(amount: str) -> DividendNotice:
    ex_ns = _close_ns(_NEXT) - 1
    return DividendNotice(symbol="SPY", announced_ns=0, ex_ns=ex_ns, paid_ns=ex_ns, amount=Decimal(amount))
