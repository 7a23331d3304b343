"""Liquidation over spans of prices: on the ledger itself, isolated and shared, with orders withdrawn first."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from math import isnan

import pytest

from backtest.history import History
from backtest.liquidator import Liquidator
from backtest.results import FillQuote, RunResult
from execution.events import CashKind, CashMovement, LedgerEvent
from execution.ledger import Ledger
from execution.package_book import PackageBook
from market.errors import ConfigError, DataError
from market.fills import Fill, Liquidity
from market.orders import Leg, PositionEffect
from market.tradables import Perpetual
from risk.margin.perpetual import MarginTier, PerpetualTerms
from strategies.decisions import Decision, Proposal
from tests.backtest.recordings import Scripted, bars, run

_TERMS = PerpetualTerms(
    tiers=(MarginTier(up_to=Decimal("Infinity"), initial_rate=Decimal("0.01"), maintenance_rate=Decimal("0.005")),),
    fee_rate=Decimal("0.0005"),
)


def _perpetual(symbol: str) -> Perpetual:
    return Perpetual(symbol=symbol, underlying=symbol, tick=Decimal("0.01"), lot=Decimal("0.001"), currency="USDT")


class _Books:
    """A desk that has a real ledger and notes what was withdrawn."""

    def __init__(self, cash: str) -> None:
        self.ledger, self.packages = Ledger("USDT"), PackageBook()
        self.counts: Counter[str] = Counter()
        self.told: list[str] = []
        self.ledger.book(CashMovement(event_id="deposit", ts_event_ns=0, kind=CashKind.DEPOSIT, amount=Decimal(cash)))

    def book(self, event: LedgerEvent) -> None:
        self.ledger.book(event)
        self.told.append(type(event).__name__)

    def book_fill(self, fill: Fill, judged: FillQuote) -> None:
        assert judged.fill_id == fill.fill_id
        self.book(fill)

    def withdraw(self, symbol: str, now_ns: int, reason: str) -> None:
        self.told.append(f"withdraw {symbol} at {now_ns}: {reason}")

    def trade(self, symbol: str, quantity: str, price: str, package: str = "p") -> None:
        self.ledger.book(
            Fill(
                fill_id=f"{symbol} {package}",
                order_id="o",
                cause_id="c",
                package_id=package,
                strategy="s",
                ts_event_ns=1,
                instrument=_perpetual(symbol),
                quantity=Decimal(quantity),
                price=Decimal(price),
                costs=(),
                liquidity=Liquidity.TAKER,
                simulated=True,
            )
        )


def test_an_isolated_position_loses_its_collateral_and_no_more() -> None:
    """A long of 1,000 at ten times dies at a low of 90 and takes 100 and its fee out of 5,000."""
    books = _Books("5000")
    books.trade("BTC", "10", "100")
    liquidator = Liquidator(books, {"BTC": _TERMS}, leverage=Decimal(10))
    assert liquidator.span("BTC", 2, 100.0, 91.0, 101.0) == ()
    (found,) = liquidator.span("BTC", 3, 100.0, 90.0, 101.0)
    assert found.price == 90
    assert books.ledger.cash == Decimal(5_000) - 100 - Decimal("0.45")
    assert not books.ledger.holdings
    assert books.told == ["withdraw BTC at 3: liquidated_isolated", "CashMovement", "Fill"]
    assert books.counts["liquidations"] == 1
    books.ledger.check()


def test_a_shared_wallet_bears_what_an_isolated_position_does_not() -> None:
    """The same fall leaves a wallet of 5,000 alone; a wallet of 105 is closed near its ruin."""
    rich, poor = _Books("5000"), _Books("105")
    for books in (rich, poor):
        books.trade("BTC", "10", "100")
    assert Liquidator(rich, {"BTC": _TERMS}).span("BTC", 2, 100.0, 90.0, 100.0) == ()
    (found,) = Liquidator(poor, {"BTC": _TERMS}).span("BTC", 2, 100.0, 89.9, 100.0)
    assert found.price == Decimal("89.5")
    assert poor.ledger.equity == -found.fee
    poor.ledger.check()


def test_other_positions_count_at_their_newest_mark() -> None:
    """A short that has earned keeps the wallet alive; once its profit is gone, the long falls."""
    books = _Books("105")
    books.trade("BTC", "10", "100")
    books.trade("ETH", "-10", "50")
    books.ledger.mark("ETH", Decimal(40), 2)
    liquidator = Liquidator(books, {"BTC": _TERMS, "ETH": _TERMS})
    assert liquidator.span("BTC", 3, 100.0, 90.0, 100.0) == ()
    books.ledger.mark("ETH", Decimal(50), 4)
    assert liquidator.span("BTC", 5, 100.0, 90.0, 100.0)[0].symbol == "BTC"


def test_packages_of_both_sides_are_all_closed() -> None:
    """The venue knows the sum: a long and a smaller short package end together at one price."""
    books = _Books("50")
    books.trade("BTC", "10", "100", "long")
    books.trade("BTC", "-4", "100", "short")
    assert Liquidator(books, {"BTC": _TERMS}).span("BTC", 2, 100.0, 80.0, 100.0)
    assert not books.ledger.positions()


def test_what_is_not_held_or_not_watched_lives() -> None:
    """No position, or no terms: nothing happens, and prices do not matter."""
    books = _Books("1")
    books.trade("BTC", "10", "100")
    assert Liquidator(books, {}).span("BTC", 2, 1.0, 1.0, 1.0) == ()
    liquidator = Liquidator(books, {"ETH": _TERMS})
    assert liquidator.span("ETH", 2, float("nan"), 1.0, 1.0) == ()
    assert liquidator.watched == {"ETH"}


def test_a_missing_price_of_a_held_perpetual_is_an_error() -> None:
    """Nobody can tell whether it lives; and a leverage below 1 is none."""
    books = _Books("1000")
    books.trade("BTC", "1", "100")
    with pytest.raises(DataError):
        Liquidator(books, {"BTC": _TERMS}).span("BTC", 2, float("nan"), 90.0, 100.0)
    with pytest.raises(ConfigError):
        Liquidator(books, {"BTC": _TERMS}, leverage=Decimal("0.5"))


def _perpetual_run(leverage: str | None, lows: list[float], cash: str = "5000") -> RunResult:
    """Ten coins bought at the second bar's open of 100."""
    proposal = Proposal(
        structure="long",
        legs=(Leg(instrument=_perpetual("BTC"), ratio=1),),
        quantity=Decimal(10),
        limit_price=Decimal(101),
        effect=PositionEffect.OPEN,
    )
    batch = bars([100.0] * len(lows), lows=lows, symbol="BTC")
    history = History(sources=(), instruments=(_perpetual("BTC"),), bars=(batch,))
    return run(
        history,
        Scripted([Decision(reason="test", proposals=(proposal,))]),
        initial_cash=Decimal(cash),
        currency="USDT",
        calendars={"BTC": "24/7"},
        perpetuals={"BTC": _TERMS},
        leverage=None if leverage is None else Decimal(leverage),
    )


def test_the_engine_liquidates_on_the_wick_of_a_bar() -> None:
    """At ten times a low of 89 ends the position at its ruin of 90; the trade says why and bears the fee."""
    result = _perpetual_run("10", [100.0, 99.0, 89.0, 100.0])
    assert result.stopped == ""
    (trade,) = result.trades
    assert trade.exit_reason == "liquidated_isolated"
    assert trade.net_pnl == Decimal(-100) - Decimal("0.45")
    assert [fill.quantity for fill in result.fills] == [10, -10]
    assert result.fills[-1].price == 90
    assert [quote.fill_id for quote in result.fill_quotes] == [fill.fill_id for fill in result.fills]
    assert isnan(result.fill_quotes[-1].bid)
    assert result.curve.equity.tolist()[-1] == pytest.approx(5_000 - 100.45)


def test_the_engine_lets_a_wallet_bear_the_same_wick() -> None:
    """Shared by 5,000 of cash the position lives, and so it does at ten times while the low stays above."""
    assert not _perpetual_run(None, [100.0, 99.0, 89.0, 100.0]).trades
    assert not _perpetual_run("10", [100.0, 92.0, 91.0, 100.0]).trades


def test_what_a_bar_did_before_the_position_was_opened_does_not_count() -> None:
    """A low of the bar in which the decision falls, before its fill at the next open, is not the position's past."""
    assert not _perpetual_run("10", [50.0, 99.0, 99.0]).trades


def test_the_chosen_leverage_bounds_what_may_be_opened() -> None:
    """Ten coins at 100 need 1,000 at one time: an account of 500 is denied them there, and has them at ten times."""
    assert not _perpetual_run("1", [100.0, 99.0], cash="500").fills
    assert len(_perpetual_run("10", [100.0, 99.0], cash="500").fills) == 1
