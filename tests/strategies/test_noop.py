"""The strategy that never trades."""

from __future__ import annotations

from strategies.decisions import HOLD
from strategies.noop import Noop
from tests.strategies.scene import Scene, quote


def test_it_holds_whatever_it_sees() -> None:
    """No view makes it propose or cancel anything."""
    assert Noop().decide(Scene()) is HOLD
    assert Noop().decide(Scene(quotes={"SPY": quote(400.0, 400.02)})) is HOLD
