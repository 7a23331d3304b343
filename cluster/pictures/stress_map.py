"""The map of a book over moves of price and shifts of volatility, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cluster.pictures.figures import Figure, plain_layout, short_usd, standalone
from market.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from risk.stress.results import SpotVolGrid

__all__ = ["draw_stress_map", "fig_stress_map", "write_stress_map"]

_LOSS_TO_GAIN: Final = [[0.0, "#c4480e"], [0.5, "#f4f5f7"], [1.0, "#0862b0"]]


def write_stress_map(grid: SpotVolGrid, title: str, path: Path) -> None:
    """Write a map as a picture.

    Parameters
    ----------
    grid : SpotVolGrid
        The map.
    title : str
        Of the picture; simulated data must be marked in it.
    path : pathlib.Path
        ``.png`` or ``.html``.

    Raises
    ------
    DataError
        The picture cannot be written.
    """
    try:
        if path.suffix.lower() == ".html":
            standalone(fig_stress_map(grid, title)).write_html(path, include_plotlyjs=True)
        else:
            draw_stress_map(grid, title).savefig(path, dpi=110)
    except OSError as error:
        raise DataError("the picture cannot be written", path=str(path), found=str(error)) from error


def fig_stress_map(grid: SpotVolGrid, title: str) -> Figure:
    """Return the map as a Plotly figure in its plain form; 0 lies in the middle of the colours."""
    bound = _bound(grid)
    layout = plain_layout("move of the benchmark")
    layout |= {"title": {"text": title}, "margin": {"l": 8, "r": 8, "t": 48, "b": 8}}
    layout["xaxis"] |= {"type": "category"}
    layout["yaxis"] = {"title": {"text": "shift of volatility, vol points"}, "type": "category"}
    heat = {
        "type": "heatmap",
        "x": [f"{move:+.0%}" for move in grid.spot_return],
        "y": [f"{100.0 * shift:+.0f}" for shift in grid.vol_points],
        "z": grid.pnl,
        "text": [[_told(value) for value in row] for row in grid.pnl.tolist()],
        "texttemplate": "%{text}",
        "hovertemplate": "%{x}, %{y} points: %{z:,.0f}<extra></extra>",
        "zmin": -bound,
        "zmax": bound,
        "colorscale": _LOSS_TO_GAIN,
        "colorbar": {"title": {"text": "profit"}},
    }
    return {"data": [heat], "layout": layout}


def draw_stress_map(grid: SpotVolGrid, title: str) -> Drawing:
    """Return the map as a Matplotlib figure with every number in its cell."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure as Drawing

    figure = Drawing(figsize=(10.0, 4.6), layout="constrained")
    axes, bound = figure.add_subplot(), _bound(grid)
    colours = LinearSegmentedColormap.from_list("loss_to_gain", [colour for _, colour in _LOSS_TO_GAIN])  # type: ignore[arg-type]  # pairs of share and colour
    image = axes.imshow(grid.pnl, cmap=colours, vmin=-bound, vmax=bound, origin="lower", aspect="auto")
    axes.set_xticks(range(grid.spot_return.size), [f"{move:+.0%}" for move in grid.spot_return])
    axes.set_yticks(range(grid.vol_points.size), [f"{100.0 * shift:+.0f}" for shift in grid.vol_points])
    for (row, column), value in np.ndenumerate(grid.pnl):
        dark = abs(value) > 0.6 * bound
        axes.text(column, row, _told(value), ha="center", va="center", fontsize=8, color="white" if dark else "#3a424d")
    axes.set_xlabel("move of the benchmark")
    axes.set_ylabel("shift of volatility, vol points")
    axes.set_title(title, fontsize=10, loc="left")
    figure.colorbar(image, ax=axes, label="profit, account currency")
    return figure


def _bound(grid: SpotVolGrid) -> float:
    known = np.abs(grid.pnl[np.isfinite(grid.pnl)])
    return float(known.max()) if known.size and known.max() > 0.0 else 1.0


def _told(value: float) -> str:
    return "?" if np.isnan(value) else short_usd(value)
