"""The page of the selector against the data that decide."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from strategies.selector.table import SelectorConfig, shown_table

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "backtest" / "selector.md").read_text(encoding="utf-8")


def test_the_page_shows_the_table_that_decides() -> None:
    """Line by line; after a change take the lines from `shown_table`."""
    assert shown_table() in _PAGE


def test_the_page_shows_every_setting_with_its_default() -> None:
    """One line each, none too many."""
    for item in fields(SelectorConfig):
        default = str(item.default).lower() if isinstance(item.default, bool) else f"{item.default}"
        assert f"| `{item.name}` | {default} |" in _PAGE
