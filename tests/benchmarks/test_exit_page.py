"""The page of the exits against the code."""

from __future__ import annotations

from benchmarks.exit_page import PAGE, with_tables
from strategies.plan.exits import EXIT_TABLE


def test_the_page_holds_the_tables_of_the_code() -> None:
    """A row, a default or a meaning that changed is found; ``python -m benchmarks.exit_page`` writes them anew."""
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text) == text
    assert all(f"| `{row.reason}` |" in text for row in EXIT_TABLE)
