"""Pictures of a field as files: PNG by matplotlib, which needs no browser, or a self-contained HTML page by Plotly."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cluster.figures import (
    LONG_COLOUR,
    SHORT_COLOUR,
    fig_gamma,
    fig_heatmap,
    fig_potential,
    marks_of,
    short_usd,
    standalone,
)
from market.clock import datetime_of_ns, iso_of_ns
from market.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fields.snapshot import FieldSnapshot
    from market.chains import FloatArray

__all__ = ["draw_field", "write_picture"]

_LABEL_PT: Final = 11
_LABEL_ROWS: Final = 4
_DASHES: Final = {"solid": "-", "dash": "--", "dot": ":"}


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


def _page(snapshot: FieldSnapshot) -> str:
    panels = (
        ("Dealer gamma along the spot ladder, and by strike", fig_gamma(snapshot)),
        ("Potential of the shock-weighted exposures, and its gradient", fig_potential(snapshot)),
        ("Dealer gamma by strike and expiration, USD per 1 %", fig_heatmap(snapshot)),
    )
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


def draw_field(snapshot: FieldSnapshot) -> Figure:
    """Draw gamma along the ladder, the potential, gamma by strike and the heat map.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels, amounts in USD; the caller saves it.
    """
    # The object interface alone: pyplot would keep state and look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(13, 10.5), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12))
    FigureCanvasAgg(figure)
    figure.suptitle(_title(snapshot), fontweight="bold")
    figure.supxlabel(_conventions(snapshot), fontsize=9)
    panels: Any = figure.subplots(2, 2)
    _gamma(panels[0, 0], snapshot)
    _potential(panels[0, 1], snapshot)
    _strikes(panels[1, 0], snapshot)
    _heatmap(figure, panels[1, 1], snapshot)
    if snapshot.provenance.simulated:
        figure.text(0.5, 0.5, "SIMULATED", fontsize=64, color="grey", alpha=0.15, ha="center", va="center", rotation=25)
    return figure


def _price_panel(axes: Axes, snapshot: FieldSnapshot, title: str) -> None:
    """Set the price axis, the title and the marks; each kind of mark has its own line between title and panel."""
    low, high = float(snapshot.ladder.price[0]), float(snapshot.ladder.price[-1])
    if low < high:  # NaN without a spot
        axes.set_xlim(low, high)
    axes.xaxis.set_major_formatter("{x:,.6g}")
    axes.set_title(title, fontsize=10, loc="left", pad=6 + _LABEL_PT * _LABEL_ROWS)
    for mark in marks_of(snapshot):
        if not low <= mark.price <= high:
            continue
        axes.axvline(mark.price, color=mark.colour, linewidth=1.1, linestyle=_DASHES[mark.dash])
        if mark.row >= 0:
            place = (mark.price - low) / (high - low)
            axes.annotate(
                f"{mark.text} {mark.price:,.2f}",
                (mark.price, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 4 + _LABEL_PT * mark.row),
                textcoords="offset points",
                ha="left" if place < 0.15 else "right" if place > 0.85 else "center",
                fontsize=8,
                color=mark.colour,
                annotation_clip=False,
            )


def _curve(axes: Axes, snapshot: FieldSnapshot, values: FloatArray, label: str) -> None:
    price = snapshot.ladder.price
    axes.plot(price, values, color="black", linewidth=1.2)
    axes.fill_between(price, np.maximum(values, 0.0), color=LONG_COLOUR, alpha=0.35)
    axes.fill_between(price, np.minimum(values, 0.0), color=SHORT_COLOUR, alpha=0.35)
    axes.axhline(0.0, color="grey", linewidth=0.5)
    _usd_axis(axes, label)


def _usd_axis(axes: Axes, label: str) -> None:
    axes.set_ylabel(label)
    axes.yaxis.set_major_formatter(lambda value, _place: short_usd(value))


def _gamma(axes: Axes, snapshot: FieldSnapshot) -> None:
    _curve(axes, snapshot, snapshot.ladder.gamma_usd_per_pct, "USD per 1 %")
    _price_panel(axes, snapshot, "Dealer gamma if spot were here (+ damps, − amplifies)")


def _potential(axes: Axes, snapshot: FieldSnapshot) -> None:
    _curve(axes, snapshot, snapshot.ladder.potential_usd, "potential, USD")
    _price_panel(axes, snapshot, "Potential of the shock-weighted exposures, and its gradient (dotted)")
    twin = axes.twinx()
    twin.plot(snapshot.ladder.price, snapshot.ladder.potential_gradient_usd, color="grey", linewidth=1.0, linestyle=":")
    _usd_axis(twin, "gradient, USD per unit of log price")


def _strikes(axes: Axes, snapshot: FieldSnapshot) -> None:
    profile, ladder = snapshot.profile, snapshot.ladder
    near = (profile.strike >= ladder.price[0]) & (profile.strike <= ladder.price[-1])
    strike = profile.strike[near]
    width = 0.8 * float(np.min(np.diff(strike))) if strike.size > 1 else 1.0
    axes.bar(strike, profile.call_gamma_usd_per_pct[near], width=width, color=LONG_COLOUR, label="calls")
    axes.bar(strike, profile.put_gamma_usd_per_pct[near], width=width, color=SHORT_COLOUR, label="puts")
    axes.legend(fontsize=8)
    _usd_axis(axes, "USD per 1 %")
    _price_panel(axes, snapshot, "Dealer gamma by strike, at today's spot")


def _heatmap(figure: Figure, axes: Axes, snapshot: FieldSnapshot) -> None:
    heatmap = snapshot.heatmap
    values = heatmap.gamma_usd_per_pct
    if values.size == 0 or not np.isfinite(values).any():
        axes.set_title("Dealer gamma by strike and expiration", fontsize=10, loc="left")
        axes.text(0.5, 0.5, "no contracts", ha="center", transform=axes.transAxes)
        return
    limit = float(np.nanmax(np.abs(values))) or 1.0
    extent = (float(heatmap.price[0]), float(heatmap.price[-1]), values.shape[0] - 0.5, -0.5)
    colours = {"cmap": _diverging(), "norm": _square_root(limit)}
    image = axes.imshow(values, aspect="auto", extent=extent, interpolation="nearest", **colours)
    labels = [f"{datetime_of_ns(int(instant)):%d %b %y}" for instant in heatmap.expiry_ns]
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    _price_panel(axes, snapshot, "Dealer gamma by strike and expiration; colour follows the square root")
    axes.set_xlim(extent[0], extent[1])
    bar = figure.colorbar(image, ax=axes, label="USD per 1 %", ticks=[-limit, -limit / 4, 0.0, limit / 4, limit])
    bar.ax.yaxis.set_major_formatter(lambda value, _place: short_usd(value))


def _diverging() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "long and short gamma", ["#c4480e", SHORT_COLOUR, "#f4f5f6", LONG_COLOUR, "#0862b0"]
    )


def _square_root(limit: float) -> Any:
    from matplotlib.colors import FuncNorm

    # As on the page: far expirations stay visible beside the nearest.
    functions = (lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda y: np.sign(y) * y * y)
    return FuncNorm(functions, vmin=-limit, vmax=limit)
