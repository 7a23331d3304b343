"""Pictures of a field as files: PNG by matplotlib, which needs no browser, or a self-contained HTML page by Plotly."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.pictures.figures import fig_gamma, fig_heatmap, fig_potential, standalone
from cluster.pictures.figures_surface import fig_hedge_flow, fig_smiles, fig_term_structure
from cluster.pictures.plot_panels import (
    draw_gamma,
    draw_heatmap,
    draw_other_flow,
    draw_potential,
    draw_spot_flow,
    draw_strikes,
)
from cluster.pictures.plot_surface import draw_smiles, draw_term_structure
from cluster.pictures.smiles import Smile, term_structure
from market.clock import iso_of_ns
from market.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fields.snapshot import FieldSnapshot

__all__ = ["draw_field", "write_picture"]


def write_picture(snapshot: FieldSnapshot, path: Path, smiles: Sequence[Smile] = ()) -> None:
    """Write a field as a picture.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field; simulated data is marked in the picture.
    path : pathlib.Path
        ``.png`` or ``.html``.
    smiles : sequence of Smile, optional
        Quotes of a few expirations beside the surface.
    """
    try:
        if path.suffix.lower() == ".html":
            path.write_text(_page(snapshot, smiles), encoding="utf-8")
        else:
            draw_field(snapshot, smiles).savefig(path, dpi=110)
    except OSError as error:
        raise DataError("the picture cannot be written", path=str(path), found=str(error)) from error


def _title(snapshot: FieldSnapshot) -> str:
    mark = "SIMULATED  ·  " if snapshot.provenance.simulated else ""
    return f"{mark}{snapshot.symbol}  ·  {iso_of_ns(snapshot.ts_event_ns)}  ·  spot {snapshot.spot:,.2f}"


def _conventions(snapshot: FieldSnapshot) -> str:
    parts = (
        f"positions {snapshot.position_source.value}",
        snapshot.dynamics.value.replace("_", " "),
        f"{snapshot.time_basis.value} clock",
        f"impact {snapshot.regime.impact_source.partition(':')[0] or 'unknown'}",
        f"{snapshot.counts.used:,} of {snapshot.counts.read:,} contracts",
    )
    return "  ·  ".join(parts)


def _page(snapshot: FieldSnapshot, smiles: Sequence[Smile]) -> str:
    panels = [
        ("Dealer gamma along the spot ladder, and by strike with its standard error", fig_gamma(snapshot)),
        ("Potential of the shock-weighted exposures, and its gradient", fig_potential(snapshot)),
        ("Dealer gamma by strike and expiration, USD per 1 %", fig_heatmap(snapshot)),
        (
            "What dealers must trade (+ buy): for a move of spot, for a vol point, to the close",
            fig_hedge_flow(snapshot),
        ),
    ]
    if smiles:
        panels.append(("Volatility surface beside the quotes, and what it misses", fig_smiles(smiles)))
    panels.append(("Volatility at the forward by time to expiry", fig_term_structure(term_structure(snapshot.surface))))
    # The library stands in the page once: it opens without a network.
    parts = [
        f"<h2>{name}</h2>" + standalone(figure).to_html(full_html=False, include_plotlyjs=place == 0)
        for place, (name, figure) in enumerate(panels)
    ]
    title, words = escape(_title(snapshot)), escape(_conventions(snapshot))
    style = (
        "<style>body{font:15px system-ui;color:#3a424d;max-width:960px;margin:1rem auto;padding:0 1rem}"
        "h1{font-size:1.3rem}h2{font-size:1rem;margin-top:2rem}</style>"
    )
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{title}</title>{style}"
    return f"<!doctype html><html><head>{head}</head><body><h1>{title}</h1><p>{words}</p>{''.join(parts)}</body></html>"


def draw_field(snapshot: FieldSnapshot, smiles: Sequence[Smile] = ()) -> Figure:
    """Draw gamma, potential, heat map, hedge flow and the volatility surface.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.
    smiles : sequence of Smile, optional
        Quotes of a few expirations beside the surface.

    Returns
    -------
    matplotlib.figure.Figure
        Amounts in USD, volatilities in per cent; the caller saves it.
    """
    # The object interface alone: pyplot would keep state and look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(13, 20), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12))
    FigureCanvasAgg(figure)
    figure.suptitle(_title(snapshot), fontweight="bold")
    figure.supxlabel(_conventions(snapshot), fontsize=9)
    grid: Any = figure.add_gridspec(4, 2)
    draw_gamma(figure.add_subplot(grid[0, 0]), snapshot)
    draw_potential(figure.add_subplot(grid[0, 1]), snapshot)
    draw_strikes(figure.add_subplot(grid[1, 0]), snapshot)
    draw_heatmap(figure, figure.add_subplot(grid[1, 1]), snapshot)
    draw_spot_flow(figure.add_subplot(grid[2, 0]), snapshot)
    draw_other_flow(figure.add_subplot(grid[2, 1]), snapshot)
    inner = grid[3, 0].subgridspec(2, 1, height_ratios=(3, 1))
    draw_smiles(figure.add_subplot(inner[0]), figure.add_subplot(inner[1]), smiles)
    draw_term_structure(figure.add_subplot(grid[3, 1]), snapshot.surface)
    if snapshot.provenance.simulated:
        for height in (0.25, 0.75):
            style: dict[str, Any] = {
                "fontsize": 64,
                "color": "grey",
                "alpha": 0.15,
                "ha": "center",
                "va": "center",
                "rotation": 25,
            }
            figure.text(0.5, height, "SIMULATED", **style)
    return figure
