"""The ledger: exact money, one booking each, two sides, one chain."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from decimal import ROUND_UP, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.events import Bust, CashKind, Settlement, SettlementKind, Split
from execution.ledger import Ledger, LedgerError
from market.errors import DataError
from market.fills import Fill
from tests.execution.ledger_samples import FUTURE, PERPETUAL, SHARE, a_day, cash, fill, funded, mark

_ROOT = Path(__file__).resolve().parents[2]
_DIGEST_SCRIPT = """
from tests.execution.ledger_samples import a_day
print(a_day().digest)
"""


def test_each_kind_of_cash_goes_to_its_own_sum() -> None:
    """Deposits are no income, fees are costs, and every movement changes cash by its amount."""
    ledger = funded("1000")
    for kind, amount in (
        (CashKind.WITHDRAWAL, "-200"),
        (CashKind.INTEREST, "3.5"),
        (CashKind.DIVIDEND, "-1.25"),
        (CashKind.BORROW, "-0.75"),
        (CashKind.FUNDING, "2"),
        (CashKind.FEE, "-5"),
    ):
        ledger.book(cash(kind, amount))
    assert [ledger.deposits, ledger.income, ledger.costs] == [800, Decimal("3.5"), 5]
    assert ledger.cash == ledger.equity == Decimal("798.5")


def test_premium_moves_cash_and_variation_does_not() -> None:
    """A share is paid for; a perpetual costs its fee until lots of it are closed."""
    ledger = funded("100000")
    ledger.book(fill(SHARE, "10", "400", cost="1"))
    ledger.book(fill(PERPETUAL, "2", "20000", cost="8"))
    assert ledger.cash == 100_000 - 4_000 - 1 - 8
    ledger.mark_all([mark(SHARE, "410"), mark(PERPETUAL, "19900")])
    assert ledger.unrealised == 100 - 200
    assert ledger.equity == 100_000 - 9 - 100
    ledger.book(fill(PERPETUAL, "-1", "19900"))
    assert [ledger.cash, ledger.realised, ledger.equity] == [95_891, -100, 99_891]


def test_the_oldest_lots_are_closed_first_and_say_what_they_earned() -> None:
    """Profit stands by the fill that opened and the fill that closed; what is open stands by the fill that opened."""
    ledger = funded()
    for name, quantity, price in (("a", "100", "10"), ("b", "100", "12"), ("c", "-150", "13")):
        ledger.book(fill(SHARE, quantity, price, fill_id=name))
    found = [(each.opened_by, each.closed_by, each.quantity, each.realised) for each in ledger.closings]
    assert found == [("a", "c", Decimal(100), Decimal(300)), ("b", "c", Decimal(50), Decimal(50))]
    ledger.mark("SPY", Decimal(15), 1)
    assert ledger.unrealised_by_fill() == {"b": 150}
    assert ledger.holdings["SPY"].average_price == 12


def test_packages_keep_their_own_lots_of_one_symbol() -> None:
    """What one package sells does not close another's lots; the account holds the sum."""
    ledger = funded()
    ledger.book(fill(SHARE, "100", "10", package_id="long"))
    ledger.book(fill(SHARE, "-100", "11", package_id="short"))
    assert {each.package_id: each.quantity for each in ledger.positions()} == {"long": 100, "short": -100}
    assert ledger.holdings == {}
    assert [ledger.realised, ledger.unrealised, ledger.equity] == [0, 100, 100_100]
    ledger.book(fill(SHARE, "-100", "12", package_id="long"))
    ledger.book(fill(SHARE, "100", "12", package_id="short"))
    assert [ledger.realised, ledger.unrealised] == [100, 0]


def test_a_booking_told_again_is_passed_over_and_a_forged_one_is_refused() -> None:
    """Idempotent by id and content; however a number is written, it is the same number."""
    ledger = funded()
    first = fill(SHARE, "10", "400.10", fill_id="venue 1")
    assert ledger.book(first)
    digest = ledger.digest
    assert not ledger.book(replace(first, price=Decimal("400.100")))
    with pytest.raises(DataError, match=r"share an id.*another content"):
        ledger.book(replace(first, price=Decimal("400.11")))
    assert ledger.digest == digest
    assert len(ledger.events) == 2
    assert ledger.book(cash(CashKind.INTEREST, "1", "venue 1")), "venues number activities on their own"


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (fill(replace(SHARE, symbol="DTE", currency="EUR"), "1", "20"), "one currency"),
        (cash(CashKind.DEPOSIT, "-1"), "movement of cash"),
        (cash(CashKind.WITHDRAWAL, "1"), "movement of cash"),
        (cash(CashKind.INTEREST, "NaN"), "movement of cash"),
        (fill(replace(SHARE, tick=Decimal("0.05")), "1", "20"), "two instruments"),
        (Split(event_id="s", ts_event_ns=1, symbol="SPY", numerator=0, denominator=1), "split"),
        (Split(event_id="s", ts_event_ns=1, symbol="SPY", numerator=1, denominator=3), "fraction"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_the_ledger_as_it_was(event: Fill, what: str) -> None:
    """An error says what was found; nothing is booked, and the next booking goes on."""
    ledger = funded()
    ledger.book(fill(SHARE, "10", "400"))
    before = ledger.state()
    with pytest.raises(DataError, match=what):
        ledger.book(event)
    assert ledger.state() == before
    assert ledger.book(fill(SHARE, "-10", "401"))


@pytest.mark.parametrize("price", ["NaN", "Infinity", "sNaN"])
def test_a_position_is_marked_at_numbers_only(price: str) -> None:
    """A missing price marks nothing, also among others."""
    ledger = funded()
    ledger.book(fill(SHARE, "10", "400"))
    ledger.book(fill(FUTURE, "1", "4000"))
    with pytest.raises(DataError, match="cannot be marked"):
        ledger.mark("SPY", Decimal(price), 1)
    with pytest.raises(DataError, match="cannot be marked"):
        ledger.mark_all([mark(FUTURE, "4100"), mark(SHARE, price)])
    assert ledger.equity == 100_000
    ledger.check()


def test_money_is_never_rounded_in_silence() -> None:
    """The thread's context rounds nothing; a sum of more than sixty digits is an error, and the ledger stops."""
    ledger = funded()
    with localcontext(prec=5, rounding=ROUND_UP):
        ledger.book(fill(SHARE, "123456.789", "98765.4321"))
    assert ledger.cash == Decimal(100_000) - Decimal("123456.789") * Decimal("98765.4321")
    with pytest.raises(LedgerError, match="exactly"):
        ledger.book(fill(SHARE, "1", "1E+40", cost="1E-40"))
    with pytest.raises(LedgerError, match="exactly"):
        ledger.book(cash(CashKind.DEPOSIT, "1"))


@pytest.mark.parametrize("damage", ["cash", "size", "lots"])
def test_a_broken_identity_stops_the_ledger(damage: str) -> None:
    """Where money, quantity or lots are lost, the next comparison says both sides, and nothing more is booked."""
    ledger = funded()
    ledger.book(fill(SHARE, "10", "400"))
    position = ledger._account.positions["SPY"]
    if damage == "cash":
        ledger._account.cash += 1
    elif damage == "size":
        position.size += 1
    else:
        position.packages.clear()
    with pytest.raises(LedgerError, match=r"two sides.*found.*expected"):
        ledger.check()
    with pytest.raises(LedgerError, match="two sides"):
        ledger.book(cash(CashKind.DEPOSIT, "1"))


def test_a_mark_notices_a_lost_quantity() -> None:
    """Both sides are compared at each mark."""
    ledger = funded()
    ledger.book(fill(SHARE, "10", "400"))
    ledger._account.positions["SPY"].size += 1
    with pytest.raises(LedgerError, match="two sides"):
        ledger.mark("SPY", Decimal(401), 1)


def test_a_ledger_goes_on_from_its_state() -> None:
    """State, pickle and resume give the same chain, and ids from before are known."""
    whole, ledger = a_day(), a_day()
    resumed = Ledger.resumed(pickle.loads(pickle.dumps(ledger.state())))  # noqa: S301  # made here
    copied = pickle.loads(pickle.dumps(ledger))  # noqa: S301
    last = fill(SHARE, "-150", "209", fill_id="last")
    for each in (whole, resumed, copied):
        assert not each.book(fill(SHARE, "100", "415.20", cost="1.00"))
        assert each.book(last)
        each.check()
    assert whole.digest == resumed.digest == copied.digest
    assert whole.state() == resumed.state() == copied.state()
    assert resumed.events == (last,)


def test_the_chain_depends_on_every_booking_and_its_order() -> None:
    """Another number, another order or another currency is another digest."""
    one, two = cash(CashKind.DEPOSIT, "1", "a"), cash(CashKind.DEPOSIT, "1", "b")
    digests = set()
    for events in ((), (one,), (one, two), (two, one), (one, replace(two, amount=Decimal("1.01")))):
        ledger = Ledger("USD")
        for event in events:
            ledger.book(event)
        digests.add(ledger.digest)
    assert len(digests | {Ledger("EUR").digest}) == 6


def test_another_process_gives_the_same_digest() -> None:
    """Hashes of strings are salted by process; the chain is not."""
    done = subprocess.run(
        [sys.executable, "-c", _DIGEST_SCRIPT],
        cwd=_ROOT,
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == a_day().digest


@given(
    trades=st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 10**9)), min_size=1, max_size=30),
    price=st.integers(1, 10**9),
)
def test_shares_and_perpetuals_earn_the_same(trades: list[tuple[int, int]], price: int) -> None:
    """Whether premium is paid or profit varies, the same trades at the same marks end in the same equity."""
    ledgers = []
    for instrument in (SHARE, PERPETUAL):
        ledger = funded()
        for place, (quantity, ticks) in enumerate(trades):
            ledger.book(fill(instrument, Decimal(quantity), Decimal(ticks).scaleb(-5), ts_ns=place))
        ledger.mark(instrument.symbol, Decimal(price).scaleb(-5), 99)
        ledger.check()
        ledgers.append(ledger)
    share, perpetual = ledgers
    assert (share.equity, share.realised, share.unrealised) == (
        perpetual.equity,
        perpetual.realised,
        perpetual.unrealised,
    )


def test_a_busted_execution_leaves_the_lots_as_if_it_had_never_been() -> None:
    """Of three purchases the first is void: what was sold came from the second, at its price; the chain keeps all."""
    ledger, plain = funded(), funded()
    first, second, third = (fill(SHARE, "10", price, cost="1.00", fill_id=price) for price in ("100", "101", "102"))
    sale = fill(SHARE, "-5", "110", fill_id="sale")
    for each in (first, second, third, sale):
        ledger.book(each)
    for each in (second, third, sale):
        plain.book(each)
    ledger.mark("SPY", Decimal(105), 9)
    plain.mark("SPY", Decimal(105), 9)
    digest = ledger.digest
    bust = Bust(event_id="bust", ts_event_ns=7, fill=first)
    assert ledger.book(bust)
    assert not ledger.book(bust)
    assert ledger.state().account == plain.state().account
    assert ledger.realised == Decimal(45)
    assert ledger.closings == plain.closings
    assert (ledger.events[-1], ledger.digest != digest) == (bust, True)
    assert not ledger.book(first), "a void execution that is told again is not booked again"
    ledger.check()


def test_a_bust_on_which_a_later_booking_stands_is_refused() -> None:
    """What was split and paid in cash cannot lose its shares; nor is there anything to take back of what is unknown."""
    ledger = funded()
    only = fill(SHARE, "3", "100")
    ledger.book(only)
    ledger.book(_ended(ledger))
    digest = ledger.digest
    for event, words in ((only, "later booking"), (replace(only, fill_id="unknown"), "not among the bookings")):
        with pytest.raises(DataError, match=words):
            ledger.book(Bust(event_id=words, ts_event_ns=9, fill=event))
    resumed = Ledger.resumed(ledger.state())
    with pytest.raises(DataError, match="not among the bookings"):
        resumed.book(Bust(event_id="late", ts_event_ns=9, fill=only))
    assert (ledger.digest, resumed.digest) == (digest, digest)


def _ended(ledger: Ledger) -> Settlement:
    """Return a settlement of all shares, as of a fraction that a split pays in cash."""
    (position,) = ledger.positions()
    return Settlement(
        event_id="paid",
        ts_event_ns=5,
        kind=SettlementKind.CASH,
        instrument=position.instrument,
        quantity=position.quantity,
        price=Decimal(99),
        settlement_price=Decimal(99),
        package_id=position.package_id,
        strategy=position.strategy,
    )
