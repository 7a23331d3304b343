"""Pictures of a field as files: PNG by matplotlib, which needs no browser, or a self-contained HTML page by Plotly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.figures import LONG_COLOUR, SHORT_COLOUR, fig_gamma, fig_heatmap, fig_potential, marks_of, standalone
from market.clock import datetime_of_ns, iso_of_ns
from market.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fields.snapshot import FieldSnapshot

__all__ = ["draw_field", "write_picture"]


def write_picture(snapshot: FieldSnapshot, path: Path) -> None:
    """Write a field as a picture.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field; simulated data is marked in the picture.
    path : pathlib.Path
        ``.png`` or ``.html``.
    """
    try:
        if path.suffix.lower() == ".html":
            path.write_text(_page(snapshot), encoding="utf-8")
        else:
            draw_field(snapshot).savefig(path, dpi=110)
    except OSError as error:
        raise DataError("the picture cannot be written", path=str(path), found=str(error)) from error


def _title(snapshot: FieldSnapshot) -> str:
    mark = "SIMULATED  ·  " if snapshot.provenance.simulated else ""
    return f"{mark}{snapshot.symbol}  ·  {iso_of_ns(snapshot.ts_event_ns)}  ·  {snapshot.position_source.value}"


def _page(snapshot: FieldSnapshot) -> str:
    figures = (fig_gamma(snapshot), fig_potential(snapshot), fig_heatmap(snapshot))
    # The library stands in the page once: it opens without a network.
    parts = [
        standalone(figure).to_html(full_html=False, include_plotlyjs=place == 0) for place, figure in enumerate(figures)
    ]
    head = f"<meta charset='utf-8'><title>{_title(snapshot)}</title>"
    style = "<style>body{font:15px system-ui;max-width:960px;margin:1rem auto;padding:0 1rem}</style>"
    body = "".join(parts)
    return f"<!doctype html><html><head>{head}{style}</head><body><h1>{_title(snapshot)}</h1>{body}</body></html>"


def draw_field(snapshot: FieldSnapshot) -> Figure:
    """Draw gamma along the ladder, the potential, gamma by strike and the heat map.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels; the caller saves it.
    """
    # The object interface alone: pyplot would keep state and look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_title(snapshot), fontweight="bold")
    panels: Any = figure.subplots(2, 2)
    _gamma(panels[0, 0], snapshot)
    _potential(panels[0, 1], snapshot)
    _strikes(panels[1, 0], snapshot)
    _heatmap(figure, panels[1, 1], snapshot)
    if snapshot.provenance.simulated:
        figure.text(0.5, 0.5, "SIMULATED", fontsize=64, color="grey", alpha=0.15, ha="center", va="center", rotation=25)
    return figure


def _mark(axes: Axes, snapshot: FieldSnapshot) -> None:
    low, high = axes.get_xlim()
    for mark in marks_of(snapshot):
        if low <= mark.price <= high:
            axes.axvline(mark.price, color=mark.colour, linewidth=1.0, linestyle="--")
            axes.annotate(
                f"{mark.text} {mark.price:,.6g}",
                (mark.price, 1.0),
                xycoords=("data", "axes fraction"),
                rotation=90,
                va="top",
                ha="right",
                fontsize=7,
                color=mark.colour,
            )


def _curve(axes: Axes, snapshot: FieldSnapshot, values: Any, label: str) -> None:
    price = snapshot.ladder.price
    axes.plot(price, values, color="black", linewidth=1.2)
    axes.fill_between(price, np.maximum(values, 0.0), color=LONG_COLOUR, alpha=0.35)
    axes.fill_between(price, np.minimum(values, 0.0), color=SHORT_COLOUR, alpha=0.35)
    axes.set_ylabel(label)
    axes.set_xlim(float(price[0]), float(price[-1]))
    axes.axhline(0.0, color="grey", linewidth=0.5)


def _gamma(axes: Axes, snapshot: FieldSnapshot) -> None:
    _curve(axes, snapshot, snapshot.ladder.gamma_usd_per_pct / 1e6, "dealer gamma, million USD per 1 %")
    _mark(axes, snapshot)
    axes.set_title("Gamma along the spot ladder", fontsize=10)


def _potential(axes: Axes, snapshot: FieldSnapshot) -> None:
    _curve(axes, snapshot, snapshot.ladder.potential_usd / 1e6, "potential, million USD")
    twin = axes.twinx()
    gradient = snapshot.ladder.potential_gradient_usd / 1e6
    twin.plot(snapshot.ladder.price, gradient, color="grey", linewidth=0.8, linestyle=":")
    twin.set_ylabel("gradient (dotted), million USD per log price")
    axes.set_title("Potential and its gradient", fontsize=10)


def _strikes(axes: Axes, snapshot: FieldSnapshot) -> None:
    profile, ladder = snapshot.profile, snapshot.ladder
    near = (profile.strike >= ladder.price[0]) & (profile.strike <= ladder.price[-1])
    strike = profile.strike[near]
    width = 0.8 * float(np.min(np.diff(strike))) if strike.size > 1 else 1.0
    axes.bar(strike, profile.call_gamma_usd_per_pct[near] / 1e6, width=width, color=LONG_COLOUR, label="calls")
    axes.bar(strike, profile.put_gamma_usd_per_pct[near] / 1e6, width=width, color=SHORT_COLOUR, label="puts")
    axes.set_xlim(float(ladder.price[0]), float(ladder.price[-1]))
    axes.set_ylabel("gamma, million USD per 1 %")
    axes.legend(fontsize=7)
    axes.set_title("Gamma by strike", fontsize=10)


def _heatmap(figure: Figure, axes: Axes, snapshot: FieldSnapshot) -> None:
    heatmap = snapshot.heatmap
    axes.set_title("Gamma by strike and expiry", fontsize=10)
    if heatmap.gamma_usd_per_pct.size == 0:
        axes.text(0.5, 0.5, "no contracts", ha="center", transform=axes.transAxes)
        return
    values = heatmap.gamma_usd_per_pct / 1e6
    limit = float(np.nanmax(np.abs(values))) or 1.0
    extent = (float(heatmap.price[0]), float(heatmap.price[-1]), values.shape[0] - 0.5, -0.5)
    image = axes.imshow(values, aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit, extent=extent)
    labels = [f"{datetime_of_ns(int(instant)):%d %b %y}" for instant in heatmap.expiry_ns]
    axes.set_yticks(range(len(labels)), labels, fontsize=6)
    figure.colorbar(image, ax=axes, label="million USD per 1 %")
