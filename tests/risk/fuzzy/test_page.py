"""The page of fuzzy sizing against the code that it is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from risk.fuzzy.config import FuzzyConfig
from risk.fuzzy.score import FuzzyInputs
from risk.fuzzy.sensitivity import volatility_channels
from risk.fuzzy.tables import channel_table, factor_table, setting_table
from tests.risk.fuzzy.inputs import CALM

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "risk" / "fuzzy.md").read_text(encoding="utf-8")


def _rising(level: float) -> FuzzyInputs:
    """Return the market of the page: from VIX 10 to 40 rank and percentile rise from 0 to 1, the rest in a line."""
    part = (level - 10.0) / 30.0
    return replace(
        CALM,
        vix=level,
        iv_rank=part,
        vol_percentile=part,
        change_probability=0.5 * part,
        adx=15.0 + 20.0 * part,
        band_width=0.01 + 0.05 * part,
    )


def _told(config: FuzzyConfig) -> str:
    return channel_table(
        volatility_channels(config, [(v, _rising(v)) for v in (11.0, 14.0, 18.0, 22.0, 27.0, 33.0, 39.0)])
    )


def test_the_page_tells_the_defaults_that_the_code_has() -> None:
    """Both tables are printed from the configuration; paste what this test shows where it fails."""
    assert factor_table(FuzzyConfig()) in _PAGE
    assert setting_table(FuzzyConfig()) in _PAGE


def test_the_page_tells_what_volatility_does() -> None:
    """The grid of VIX with and without the guard."""
    assert _told(FuzzyConfig()) in _PAGE
    assert _told(FuzzyConfig(volatility_guard=True)) in _PAGE
