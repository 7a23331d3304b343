"""When instruments trade: sessions with early closes, last trading instants, halts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from backtest.history import Halt
from backtest.sessions import TradingHours
from market.calendars import session_on
from market.errors import ConfigError
from market.tradables import Future, Perpetual, Share
from tests.backtest.option_recordings import contract
from tests.backtest.recordings import MINUTE_NS

SHARE = Share(symbol="SPY")
COIN = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))
HOUR_NS = 60 * MINUTE_NS


def _close(day: date) -> int:
    session = session_on("NYSE", day)
    assert session is not None
    return session.close_ns


EARLY = _close(date(2023, 11, 24))  # 13:00, the day after Thanksgiving
FRIDAY = _close(date(2023, 6, 2))


def test_a_share_trades_until_its_close_also_an_early_one() -> None:
    """The closing print trades; a moment later nothing does."""
    hours = TradingHours({})
    assert hours.is_open(SHARE, EARLY)
    assert not hours.is_open(SHARE, EARLY + 1)
    assert not hours.is_open(SHARE, EARLY + HOUR_NS)


def test_late_snapshots_trade_where_the_run_says_so() -> None:
    """Until the stated time after the close."""
    hours = TradingHours({}, (), 30 * MINUTE_NS)
    assert hours.is_open(SHARE, FRIDAY + 30 * MINUTE_NS)
    assert not hours.is_open(SHARE, FRIDAY + 31 * MINUTE_NS)


def test_an_option_stops_at_its_last_trade_and_the_others_of_its_index_go_on() -> None:
    """Index options trade for another quarter of an hour, an expiring series does not."""
    hours = TradingHours({})
    assert hours.is_open(contract(4000.0, "C", day=date(2023, 6, 9)), FRIDAY + MINUTE_NS)
    assert not hours.is_open(contract(4000.0, "C"), FRIDAY + MINUTE_NS)


def test_a_halt_stops_the_underlying_and_its_options() -> None:
    """From its first instant up to, but not at, its end."""
    hours = TradingHours({}, (Halt(symbol="SPY", start_ns=FRIDAY - HOUR_NS, end_ns=FRIDAY - MINUTE_NS),))
    option = contract(400.0, "C", "SPY")
    for instrument in (SHARE, option):
        found = [hours.is_open(instrument, FRIDAY - at) for at in (HOUR_NS + 1, HOUR_NS, MINUTE_NS + 1, MINUTE_NS)]
        assert found == [True, False, False, True]


def test_a_day_order_ends_with_its_session_and_one_after_the_close_with_the_next() -> None:
    """Friday's close, and from then on Monday's."""
    hours = TradingHours({})
    assert hours.day_ends_ns(SHARE, FRIDAY - MINUTE_NS) == FRIDAY
    assert hours.day_ends_ns(SHARE, FRIDAY) == _close(date(2023, 6, 5))
    assert hours.next_close_ns(SHARE, FRIDAY) == FRIDAY
    assert hours.next_close_ns(SHARE, FRIDAY + 1) == _close(date(2023, 6, 5))


def test_a_coin_never_closes() -> None:
    """Not at any hour."""
    hours = TradingHours({})
    assert hours.is_open(COIN, FRIDAY + 30 * HOUR_NS)
    assert hours.close_after_ns(COIN, FRIDAY) == -1


def test_a_future_needs_its_calendar() -> None:
    """Nobody guesses when it trades."""
    future = Future(
        symbol="ESM3",
        underlying="ES",
        multiplier=Decimal(50),
        tick=Decimal("0.25"),
        expiration=date(2023, 6, 16),
        expiry_ns=FRIDAY,
    )
    with pytest.raises(ConfigError, match="sessions are not known"):
        TradingHours({}).is_open(future, FRIDAY)
    assert TradingHours({"ESM3": "24/7"}).is_open(future, FRIDAY + HOUR_NS)
