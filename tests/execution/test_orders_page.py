"""The page about orders against the tables of the code."""

from __future__ import annotations

from pathlib import Path

from execution.legging import LeggingState
from execution.lifecycle import TRANSITIONS, Step
from execution.orders import OrderStatus

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "backtest" / "orders.md"


def _rows(first: str) -> list[list[str]]:
    """Return the cells of the table whose head begins with a word, without head and rule."""
    lines = iter(_PAGE.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            break
    found: list[list[str]] = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def _cell(status: OrderStatus, step: Step) -> str:
    after = TRANSITIONS.get((status, step))
    return "-" if after is None else "=" if after is status else after.value.replace("_", " ")


def test_the_page_shows_the_table_of_the_code() -> None:
    """Row by row and cell by cell, in the same order: a change of the code changes the page."""
    assert _rows("step") == [[step.value, *(_cell(status, step) for status in OrderStatus)] for step in Step]


def test_the_page_shows_every_state_of_linked_orders() -> None:
    """A state that a user can meet has its line, and leads only to states that exist."""
    rows = _rows("state")
    states = {state.value for state in LeggingState}
    assert [row[0] for row in rows] == [state.value for state in LeggingState]
    for row in rows:
        named = [word.strip().split(" (")[0] for word in row[2].removesuffix(", by a late fill").split(",")]
        assert set(named) <= states | {"-"}
