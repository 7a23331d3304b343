"""Trades worked out by hand: every structure, and every way in which it can end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from execution.events import CashKind, LedgerEvent
from execution.ledger import Ledger
from execution.package_book import PackageBook
from execution.settlement import due_settlements, settle_expiring
from execution.trades import Trade
from market.orders import Leg
from market.tradables import Instrument
from tests.execution.golden_trades import GOLDEN, GoldenTrade, load, worked_out
from tests.execution.ledger_samples import FUTURE, PERPETUAL, cash, fill, funded, opening

_ENDINGS = {"cash_pm", "cash_am", "physical", "pinned", "early", "closed"}
_STRUCTURES = {
    *("long_call", "covered_call", "vertical", "iron_condor", "iron_butterfly", "butterfly", "broken_wing"),
    *("calendar", "diagonal", "straddle", "strangle", "short_put"),
}
_FILES = {path.stem: load(path.name) for path in sorted(GOLDEN.glob("*.json"))}
_CASES = [
    pytest.param(name, case, id=f"{name}-{case['ending']}-{place}")
    for name, golden in _FILES.items()
    for place, case in enumerate(golden["cases"])
    if "ending" in case
]


def test_every_structure_has_every_ending_or_says_why_not() -> None:
    """No structure and no way to end is left out in silence, and each file is small and says where it comes from."""
    assert set(_FILES) == _STRUCTURES | {"perpetual"}
    for name in _STRUCTURES:
        golden = _FILES[name]
        endings = {case["ending"] for case in golden["cases"]}
        missing = (
            _ENDINGS - endings - set(golden["not_applicable"]) - ({"physical"} if "worthless" in endings else set())
        )
        assert not missing, (name, missing)
    for path in GOLDEN.glob("*.json"):
        assert path.stat().st_size <= 20_000
        assert _FILES[path.stem]["origin"]
        assert _FILES[path.stem]["how"]


@pytest.mark.parametrize(("name", "case"), _CASES)
def test_a_structure_earns_what_was_worked_out_by_hand(name: str, case: dict[str, Any]) -> None:
    """Profit, costs, prices, flags and reason of the trade are those on paper, and equity is the rest."""
    golden = _FILES[name]
    trade = GoldenTrade(golden, case["ending"])
    (package,) = trade.book.packages
    assert package.is_whole
    assert package.quantity == Decimal(golden["packages"])
    assert package.entry_price == pytest.approx(golden["entry_price"], abs=1e-12)
    for what, *values in case["steps"]:
        trade.do(what, *values)
    (done,) = trade.trades
    gross, costs = worked_out(case["gross"]), worked_out(case["costs"])
    assert (done.gross_pnl, done.costs, done.net_pnl) == (gross, costs, gross - costs)
    assert done.flags == set(case["flags"])
    assert done.exit_reason == case["reason"]
    assert trade.ledger.equity == trade.ledger.cash == 100_000 + gross - costs
    assert trade.ledger.realised == gross
    assert not trade.ledger.holdings
    per_unit = done.entry_price + done.exit_price
    assert per_unit == pytest.approx(-float(gross) / float(done.quantity) / 100.0, abs=1e-9)


@pytest.mark.parametrize("case", _FILES["perpetual"]["cases"], ids=lambda case: case["name"])
def test_a_linear_contract_earns_what_was_worked_out_by_hand(case: dict[str, Any]) -> None:
    """Profit moves to cash when lots close, first in first out; until then it is value."""
    instrument = PERPETUAL if case["instrument"] == "perpetual" else FUTURE
    ledger, book, trades = funded(), PackageBook(), list[Trade]()
    book.announce(opening((Leg(instrument=instrument, ratio=1 if case["steps"][0][1][0] != "-" else -1),)))
    for place, (what, *values) in enumerate(case["steps"]):
        if what == "mark":
            ledger.mark(instrument.symbol, Decimal(values[0]), place)
            _assert_sums(ledger, values[1])
            continue
        for event in _events(ledger, instrument, what, values, place):
            assert ledger.book(event)
            trades += book.book(event)
    ledger.check()
    gross, costs = worked_out(case["gross"]), worked_out(case["costs"])
    assert sum((trade.gross_pnl for trade in trades), Decimal(0)) == ledger.realised == gross
    assert sum((trade.costs for trade in trades), Decimal(0)) == costs
    assert ledger.equity == ledger.cash == 100_000 + gross - costs


def _events(
    ledger: Ledger, instrument: Instrument, what: str, values: list[str], place: int
) -> tuple[LedgerEvent, ...]:
    if what == "fill":
        return (fill(instrument, values[0], values[1], cost=values[2], ts_ns=place),)
    if what == "cash":
        return (cash(CashKind(values[0]), values[1], f"cash {place}", "package", instrument.symbol),)
    (due,) = due_settlements(ledger.positions(), FUTURE.expiry_ns)
    return settle_expiring(due, Decimal(values[0]))


def _assert_sums(ledger: Ledger, expected: dict[str, str]) -> None:
    found = {name: getattr(ledger, name) for name in expected}
    assert found == {name: worked_out(text) for name, text in expected.items()}
