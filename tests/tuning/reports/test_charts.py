"""Pictures over any axis."""

from __future__ import annotations

from math import nan

import numpy as np

from backtest.reports.blocks import Role
from tuning.reports.charts import Band, Chart, Dots, Steps, Strokes, Uprights, chart_as_html

_X = np.array([0.0, 0.5, 1.0])


def _html(*layers: Dots | Strokes | Band | Steps | Uprights, title: str = "t") -> str:
    return chart_as_html(Chart(title=title, layers=layers, x_ticks=((0.5, "<half>"),), y_shown=str))


def test_every_word_is_escaped() -> None:
    """Names of a user's parameters cannot write into the page."""
    found = _html(Dots(x=_X, y=_X, role=Role.MAIN, name="<script>"), title="a & b")
    assert "&lt;script&gt;" in found
    assert "a &amp; b" in found
    assert "&lt;half&gt;" in found
    assert "<script>" not in found


def test_missing_places_are_not_drawn() -> None:
    """NaN has no place: a line is broken there, and a point is left out."""
    y = np.array([1.0, nan, 2.0])
    assert _html(Dots(x=_X, y=y, role=Role.MAIN)).count("h0") == 2
    line = _html(Strokes(x=_X, y=y, role=Role.MAIN)).split('class="main"')[1].split("/>")[0]
    assert line.count("M") == 2
    assert "nan" not in _html(Band(x=_X, low=y - 1.0, high=y), Uprights(x=np.array([nan]), role=Role.GOOD))


def test_nothing_known_is_said() -> None:
    """A chart of nothing says so."""
    empty = np.zeros(0)
    assert "nothing to draw" in _html(Dots(x=empty, y=empty, role=Role.MAIN))
    assert "nothing to draw" in _html()


def test_bars_of_a_histogram_stand_on_zero() -> None:
    """Each bar is closed at the line of 0, and one value alone still has a span."""
    found = _html(Steps(edges=np.array([0.0, 1.0, 2.0]), heights=np.array([0.5, 1.0]), role=Role.LOSS, name="n"))
    assert found.count("Z") == 2
    assert "1000" in _html(Dots(x=np.ones(1), y=np.ones(1), role=Role.MAIN))
