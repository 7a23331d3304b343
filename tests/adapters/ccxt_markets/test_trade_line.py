"""Stream and history of one market put together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ccxt_markets.trade_line import TradeLine


def _row(number: int) -> dict[str, Any]:
    return {"id": str(number), "timestamp": 1000 + number, "price": 1.0, "amount": 1.0, "side": "buy"}


def _opened(line: TradeLine, first: int) -> list[Any]:
    line.put([_row(first)])
    missed = line.missed(waited=False)
    assert missed is not None
    return line.fill(missed, [_row(first)], reaches=True)


@pytest.mark.parametrize("is_numbered", [True, False])
@given(events=st.lists(st.sampled_from(["stream", "lost", "double", "swap", "fill"]), max_size=40))
def test_every_trade_is_delivered_once_and_in_order_whatever_the_stream_does(
    is_numbered: bool,  # noqa: FBT001  # a case of the test
    events: list[str],
) -> None:
    """Frames lost with their connection, told twice or in the wrong order: history completes them."""
    line = TradeLine(start_ms=0, is_numbered=is_numbered)
    found, newest = _opened(line, 1), 1
    for event in events:
        if event in {"stream", "double", "swap"}:
            rows = [_row(newest + 1), _row(newest + 2)]
            newest += 2
            told = {"stream": rows, "double": rows * 2, "swap": rows[::-1]}[event]
            found += line.put(told)
        elif event == "lost":
            newest += 3
            line.lose()
        elif (missed := line.missed(waited=True)) is not None:
            found += line.fill(missed, [_row(n) for n in range(missed.number, newest + 1)], reaches=True)
    missed = line.missed(waited=True)
    if missed is not None:
        found += line.fill(missed, [_row(n) for n in range(missed.number, newest + 1)], reaches=True)
    assert [int(row["id"]) for row in found] == list(range(1, newest + 1))
    assert line.counts["lost_stretches"] == 0


def test_a_hole_in_the_numbers_is_a_gap_without_any_lost_connection() -> None:
    """A frame that the exchange never sent shows by its numbers, and is filled from history."""
    line = TradeLine(start_ms=0, is_numbered=True)
    _opened(line, 1)
    assert line.put([_row(5)]) == []
    missed = line.missed(waited=False)
    assert missed is not None
    assert missed.number == 1
    found = line.fill(missed, [_row(n) for n in range(1, 6)], reaches=True)
    assert [row["id"] for row in found] == ["2", "3", "4", "5"]


def test_history_that_does_not_reach_back_is_a_counted_loss() -> None:
    """What is left is delivered, and the count says that something is missing."""
    line = TradeLine(start_ms=0, is_numbered=False)
    _opened(line, 1)
    line.lose()
    line.put([_row(50)])
    missed = line.missed(waited=False)
    assert missed is not None
    assert [row["id"] for row in line.fill(missed, [_row(49), _row(50)], reaches=False)] == ["49", "50"]
    assert line.counts["lost_stretches"] == 1


def test_history_that_lags_behind_the_stream_is_asked_again() -> None:
    """An answer without the newest trade of the stream may lack others before it."""
    line = TradeLine(start_ms=0, is_numbered=False)
    _opened(line, 1)
    line.lose()
    line.put([_row(9)])
    missed = line.missed(waited=False)
    assert missed is not None
    assert line.fill(missed, [_row(1), _row(2)], reaches=True) == []
    assert [row["id"] for row in line.fill(missed, [_row(n) for n in range(1, 10)], reaches=True)][-1] == "9"
    assert line.missed(waited=True) is None


def test_a_connection_lost_while_history_is_asked_keeps_the_gap_open() -> None:
    """The answer to the older question is kept, and the newer stretch is asked for too."""
    line = TradeLine(start_ms=0, is_numbered=False)
    _opened(line, 1)
    line.lose()
    line.put([_row(4)])
    missed = line.missed(waited=False)
    assert missed is not None
    line.lose()
    assert line.fill(missed, [_row(n) for n in range(1, 5)], reaches=True) == []
    again = line.missed(waited=True)
    assert again is not None
    found = line.fill(again, [_row(n) for n in range(1, 7)], reaches=True)
    assert [row["id"] for row in found] == ["2", "3", "4", "5", "6"]
