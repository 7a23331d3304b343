"""The page of the strategies against the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

from strategies.catalogue import CATALOGUE, parameters_of

_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backtest" / "strategies.md").read_text(encoding="utf-8")
_FIRST_CELLS = {
    name for cell in re.findall(r"^\| (`[^|]+) \|", _PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
}


def test_the_page_lists_every_strategy_and_parameter_and_no_other() -> None:
    """What is added, renamed or removed without its line is found."""
    parameters = {parameter.name for name in CATALOGUE for parameter in parameters_of(name)}
    assert parameters | set(CATALOGUE) == _FIRST_CELLS
