"""What the pictures of a field show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cluster.pictures.figures import fig_gamma, fig_heatmap, fig_potential, marks_of, short_usd, standalone
from tests.serve.samples import snapshot_of, without_roots


@pytest.mark.parametrize("draw", [fig_gamma, fig_potential, fig_heatmap])
def test_plotly_accepts_every_figure(draw: Any) -> None:
    """Plotly's own validation knows each attribute that we write."""
    assert standalone(draw(snapshot_of())).data


def test_gamma_picture_holds_the_ladder_of_the_snapshot() -> None:
    """The outline is the re-evaluated gamma, point by point."""
    snapshot = snapshot_of()
    outline = fig_gamma(snapshot)["data"][2]
    np.testing.assert_array_equal(outline["x"], snapshot.ladder.price)
    np.testing.assert_array_equal(outline["y"], snapshot.ladder.gamma_usd_per_pct)


def test_potential_picture_states_both_units() -> None:
    """Potential is in dollars, its gradient in dollars per unit of log price."""
    texts = [label["text"] for label in fig_potential(snapshot_of())["layout"]["annotations"]]
    assert "potential, $" in texts
    assert "gradient, $ per unit of log price" in texts


def test_heat_map_scale_is_centred_at_zero_and_hover_keeps_dollars() -> None:
    """The colour range is symmetric, and the number shown is the snapshot's own."""
    snapshot = snapshot_of()
    trace = fig_heatmap(snapshot)["data"][0]
    assert trace["zmin"] == -trace["zmax"]
    np.testing.assert_array_equal(trace["customdata"], snapshot.heatmap.gamma_usd_per_pct)


def test_marks_name_spot_roots_and_walls_by_rising_price() -> None:
    """Every level that the snapshot has is marked once."""
    marks = marks_of(snapshot_of())
    assert [m.text for m in marks] == ["put wall", "zero γ", "spot", "call wall"]
    assert [m.price for m in marks] == sorted(m.price for m in marks)


def test_missing_roots_leave_no_mark() -> None:
    """A field without a zero-gamma level draws none."""
    assert "zero γ" not in [m.text for m in marks_of(without_roots(snapshot_of()))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.5e9, "$3.5B"),
        (-4.2e8, "−$420M"),
        (950.0, "$950"),
        (1.95e12, "$1.95T"),
        (9.999e8, "$1B"),
        (0.0, "$0"),
        (-6.97e-07, "$0"),
        (0.25, "$0.25"),
        (float("nan"), "—"),
    ],
)
def test_dollars_are_short_and_signed(value: Any, text: Any) -> None:
    """Three digits, a unit, a real minus, and a dash where the value is missing."""
    assert short_usd(value) == text
