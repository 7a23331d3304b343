"""The page of fuzzy sizing against the code that it is made of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fuzzy_picture import COMMAND, PICTURE, channels_along, told_numbers
from benchmarks.picture_file import NUMBERS_KEY
from risk.fuzzy.config import FuzzyConfig
from risk.fuzzy.tables import channel_table, factor_table, setting_table

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "risk" / "fuzzy.md").read_text(encoding="utf-8")
_LEVELS = (11.0, 14.0, 18.0, 22.0, 27.0, 33.0, 39.0)


def test_the_page_tells_the_defaults_that_the_code_has() -> None:
    """Both tables are printed from the configuration; paste what this test shows where it fails."""
    assert factor_table(FuzzyConfig()) in _PAGE
    assert setting_table(FuzzyConfig()) in _PAGE


def test_the_page_tells_what_volatility_does() -> None:
    """The grid of VIX with and without the guard."""
    for config in (FuzzyConfig(), FuzzyConfig(volatility_guard=True)):
        assert channel_table(channels_along(config, _LEVELS)) in _PAGE


def test_the_picture_beside_the_tables_carries_what_the_code_draws() -> None:
    """Fonts and renderers may differ; the lines may not."""
    with Image.open(PICTURE) as picture:
        drawn = json.loads(str(picture.info[NUMBERS_KEY]))
    told = told_numbers()
    assert PICTURE.name in _PAGE
    assert drawn.keys() == told.keys()
    for line, numbers in told.items():
        np.testing.assert_allclose(drawn[line], numbers, rtol=1e-4, atol=1e-6, err_msg=f"run {COMMAND}")
