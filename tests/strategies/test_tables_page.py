"""The page of the tables within parameters against the classes that they are made of."""

from __future__ import annotations

from pathlib import Path

from strategies.legs.liquidity import Liquidity
from strategies.legs.strikes import SkewPenalty
from strategies.plain_values import parameter_rows, parameters_of_class
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.filling import BarRules, OrderRules
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.schedules import DaysOut, FrontBack
from strategies.plan.sizing import SizeRules

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "backtest" / "strategy-tables.md"
_TABLES: tuple[tuple[str, type], ...] = (
    ("fuzzy", FuzzyRules),
    ("score", EntryScoreRules),
    ("layers", LayerRules),
    ("entry", EntryRules),
    ("size", SizeRules),
    ("exits", ExitRules),
    ("orders", OrderRules),
    ("bars", BarRules),
    ("liquidity", Liquidity),
    ("hedge", HedgeRules),
    ("penalty", SkewPenalty),
    ("schedule", DaysOut),
    ("schedule", FrontBack),
)


def test_the_page_tells_every_table_as_its_class_is() -> None:
    """Every number by its path with its kind and default, and no other; what is deeper stands on its own page."""
    made = [row for name, kind in _TABLES for row in parameter_rows(parameters_of_class(kind), path=name)]
    found = [line for line in _PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert found == made
