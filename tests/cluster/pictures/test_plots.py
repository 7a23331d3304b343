"""Pictures as files: units on the axes, conventions in words, and the simulated mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.pictures.plots import draw_field, write_picture
from market.errors import DataError
from tests.serve.samples import snapshot_of, without_roots


def _words(simulated: bool) -> str:  # noqa: FBT001  # the one thing that differs
    from matplotlib.text import Text

    figure = draw_field(snapshot_of(simulated=simulated))
    figure.canvas.draw()
    return "\n".join(item.get_text() for item in figure.findobj(Text))


def test_a_picture_states_units_conventions_and_marks() -> None:
    """Whoever gets the picture alone can read it."""
    words = _words(simulated=False)
    for part in ("USD per 1 %", "positions oi_naive", "sticky strike", "calendar clock", "impact assumed", "call wall"):
        assert part in words
    assert "$1B" in words
    assert "SIMULATED" not in words


def test_a_picture_of_simulated_data_says_so() -> None:
    """In the title and twice across the panels."""
    assert _words(simulated=True).count("SIMULATED") == 3


def test_names_of_marks_stand_on_lines_of_their_own() -> None:
    """Spot, zero gamma and walls that lie together stay readable."""
    from matplotlib.text import Annotation

    axes = draw_field(snapshot_of()).axes[0]
    marks = [item for item in axes.texts if isinstance(item, Annotation)]
    assert len({mark.xyann[1] for mark in marks}) == len(marks) == 4


@pytest.mark.parametrize("name", ["field.png", "field.html"])
def test_a_field_without_roots_is_drawn(tmp_path: Path, name: str) -> None:
    """A missing level leaves out its mark, not the picture."""
    write_picture(without_roots(snapshot_of()), tmp_path / name)
    assert (tmp_path / name).stat().st_size > 10_000


def test_a_picture_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    """A folder that is missing is named."""
    with pytest.raises(DataError, match="cannot be written"):
        write_picture(snapshot_of(), tmp_path / "nowhere" / "field.png")
