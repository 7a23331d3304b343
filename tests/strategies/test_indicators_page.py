"""The page of the indicators against the classes."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import strategies.features as door
from strategies.features import Bar, BarFeature, SeriesFeature, column_of
from tests.strategies.features.scenes import WHOLE

_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backtest" / "indicators.md").read_text(encoding="utf-8")
_ROWS = {
    name: (parameters, first)
    for name, parameters, first in re.findall(r"^\| `(\w+)` \| (`[^|]*|) \| ([^|]*)\|", _PAGE, re.MULTILINE)
}
_CLASSES: dict[str, Any] = {
    name: each for name in door.__all__ if is_dataclass(each := getattr(door, name)) and each is not Bar
}


def _told(kind: Any) -> str:
    """Return the parameters as the page writes them."""
    words = []
    for item in fields(kind):
        if item.name in {"name", "symbol"}:
            continue
        default = item.default.value if isinstance(item.default, Enum) else item.default
        words.append(f"`{item.name}`" if item.default is MISSING else f"`{item.name}={default}`")
    return ", ".join(words)


def test_the_page_lists_every_feature_with_its_parameters_and_no_other() -> None:
    """What is added, renamed, removed or given another default without its line is found."""
    assert {name: _told(kind) for name, kind in _CLASSES.items()} == {name: row[0] for name, row in _ROWS.items()}


@pytest.mark.parametrize("name", [name for name, row in _ROWS.items() if row[1].strip().isdigit()])
def test_the_first_value_is_where_the_page_says(name: str) -> None:
    """Of those whose windows have defaults, on minutes from an open on."""
    changed = {"bar_minutes": 1} if name == "IntradayVolatility" else {}
    feature: BarFeature = _CLASSES[name](name="x", symbol="S", **changed)
    regular = (WHOLE.end_ns > WHOLE.end_ns[59]) & (WHOLE.end_ns <= WHOLE.end_ns[449])
    session = type(WHOLE)(**{key: getattr(WHOLE, key)[regular] for key in WHOLE.__dataclass_fields__})
    found = column_of(feature, session)
    assert int(np.flatnonzero(np.isfinite(found))[0]) == int(_ROWS[name][1])
    assert feature.lookback - 1 == int(_ROWS[name][1])


def test_every_class_of_the_door_is_a_feature() -> None:
    """Of bars or of days, by the methods that the market asks for."""
    for name, kind in _CLASSES.items():
        wanted = "value_of" if name.startswith("Iv") else "column"
        assert callable(getattr(kind, wanted))
    assert isinstance(_CLASSES["IvRank"](name="r"), SeriesFeature)
