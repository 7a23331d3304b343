"""The page of the field signals against the terms that decide."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from strategies.field_signals.terms import OptionTerms, SignalTerms

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "backtest" / "field-signals.md").read_text(encoding="utf-8")


def _shown(default: object) -> str:
    if isinstance(default, OptionTerms):
        return ", ".join(f"{item.name} {getattr(default, item.name):g}" for item in fields(default))
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_the_page_shows_every_term_with_its_default() -> None:
    """One line each."""
    for item in fields(SignalTerms):
        assert f"| `{item.name}` | {_shown(item.default)} |" in _PAGE
