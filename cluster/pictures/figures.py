"""Pictures of a field as Plotly figures: pure functions of a snapshot, shared by the page and by ``--plot``.

A figure is a plain dict of Plotly's own JSON form with NumPy arrays in it: building one takes a fraction of a
millisecond, where the validated object takes thirty, and the page builds them while it answers requests. `standalone`
validates.

Blue stands for dealers long gamma (they damp moves), vermilion for short (they amplify); both are told apart with any
colour vision and on light and dark ground. Backgrounds are transparent and text is mid grey, so that a page can restyle
them. No figure loads anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fields.snapshot import FieldSnapshot
from market.chains import BoolArray, FloatArray
from market.clock import datetime_of_ns

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "LONG_COLOUR",
    "SHORT_COLOUR",
    "Figure",
    "Mark",
    "base_layout",
    "corner_label",
    "fig_gamma",
    "fig_heatmap",
    "fig_potential",
    "live_layout",
    "marks_of",
    "plain_layout",
    "short_usd",
    "standalone",
    "value_axis",
]

Figure = dict[str, Any]

LONG_COLOUR = "#2b8cd6"
SHORT_COLOUR = "#e0672c"
_NEUTRAL = "#7d8794"
_ZERO_GAMMA = "#b07cd8"
_LONG_FILL = "rgba(43,140,214,0.28)"
_SHORT_FILL = "rgba(224,103,44,0.28)"
_GRID = "rgba(125,135,148,0.22)"
# Named ends and a transparent middle: the zero is the ground itself, light or dark.
_DIVERGING = [
    [0.0, "rgba(196,72,14,1)"],
    [0.25, "rgba(224,103,44,0.75)"],
    [0.5, "rgba(125,135,148,0.06)"],
    [0.75, "rgba(43,140,214,0.75)"],
    [1.0, "rgba(8,98,176,1)"],
]
_NS_PER_DAY = 86_400 * 1_000_000_000
_LABEL_PX = 15
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_CENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A price that is marked on every price axis.

    Parameters
    ----------
    price : float
        Where it stands, units of the underlying's price.
    text : str
        Its name, without the price.
    colour : str
        CSS colour.
    dash : str
        Plotly dash style.
    row : int
        Line above the chart on which its name stands, 0 the lowest; -1 for no name. Each kind of mark has its own, so
        that neighbours cannot overlap.
    """

    price: float
    text: str
    colour: str
    dash: str
    row: int


def marks_of(snapshot: FieldSnapshot) -> tuple[Mark, ...]:
    """Return spot, zero-gamma levels and walls of a snapshot, by rising price.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    tuple of Mark
        Only those that exist: a wall without a strike and a missing root are left out.
    """
    walls = snapshot.walls
    spot = Mark(price=snapshot.spot, text="spot", colour=_NEUTRAL, dash="solid", row=2)
    marks = [spot] if np.isfinite(spot.price) else []
    marks += [
        Mark(price=root.level, text="zero γ", colour=_ZERO_GAMMA, dash="dash", row=1 if place == 0 else -1)
        for place, root in enumerate(snapshot.zero_gamma)
        if np.isfinite(root.level)
    ]
    if np.isfinite(walls.call.strike):
        marks.append(Mark(price=walls.call.strike, text="call wall", colour=LONG_COLOUR, dash="dot", row=3))
    if np.isfinite(walls.put.strike):
        marks.append(Mark(price=walls.put.strike, text="put wall", colour=SHORT_COLOUR, dash="dot", row=0))
    return tuple(sorted(marks, key=lambda mark: mark.price))


def fig_gamma(snapshot: FieldSnapshot) -> Figure:
    """Draw dealer gamma: re-evaluated along spot above, by strike at today's spot below.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure: three traces on the ladder (long part, short part, outline), two of bars by strike and, where
        the dealers' positions have a standard error, one of their sum with it; all in USD per 1 %.
    """
    ladder, profile = snapshot.ladder, snapshot.profile
    inside = (profile.strike >= ladder.price[0]) & (profile.strike <= ladder.price[-1])
    strikes = np.ascontiguousarray(profile.strike[inside])
    bars = [
        {
            "type": "bar",
            "yaxis": "y2",
            "x": strikes,
            "y": np.ascontiguousarray(gamma[inside]),
            "name": name,
            "marker": {"color": colour, "line": {"width": 0}},
            "hovertemplate": "%{x:,.2f}<br>" + name + " %{y:$,.3s}<extra></extra>",
        }
        for name, gamma, colour in (
            ("calls", profile.call_gamma_usd_per_pct, LONG_COLOUR),
            ("puts", profile.put_gamma_usd_per_pct, SHORT_COLOUR),
        )
    ]
    layout = _two_panels(snapshot, "if spot were here, $ per 1 %", "by strike, $ per 1 %")
    layout |= {"barmode": "relative", "bargap": 0.15}
    net = _net_with_error(snapshot, inside)
    return {"data": [*_signed_area(ladder.price, ladder.gamma_usd_per_pct, "y"), *bars, *net], "layout": layout}


def _net_with_error(snapshot: FieldSnapshot, inside: BoolArray) -> list[Figure]:
    profile = snapshot.profile
    inside = inside & np.isfinite(profile.gamma_error_usd_per_pct)
    if not inside.any():
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "yaxis": "y2",
            "x": np.ascontiguousarray(profile.strike[inside]),
            "y": (profile.call_gamma_usd_per_pct + profile.put_gamma_usd_per_pct)[inside],
            "error_y": {
                "type": "data",
                "array": np.ascontiguousarray(profile.gamma_error_usd_per_pct[inside]),
                "thickness": 0.8,
                "width": 0,
                "color": _NEUTRAL,
            },
            "name": "net ± standard error",
            "marker": {"size": 3, "color": _NEUTRAL},
            "hovertemplate": "%{x:,.2f}<br>net %{y:$,.3s} ± %{error_y.array:$,.3s}<extra></extra>",
        }
    ]


def fig_potential(snapshot: FieldSnapshot) -> Figure:
    """Draw the potential of the shock-weighted exposures, and its gradient, along the ladder.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure: potential (USD) above, gradient (USD per unit of log price) below.
    """
    ladder = snapshot.ladder
    upper = _signed_area(ladder.price, ladder.potential_usd, "y")
    lower = _signed_area(ladder.price, ladder.potential_gradient_usd, "y2")
    layout = _two_panels(snapshot, "potential, $", "gradient, $ per unit of log price")
    return {"data": [*upper, *lower], "layout": layout}


def fig_heatmap(snapshot: FieldSnapshot) -> Figure:
    """Draw net dealer gamma by expiration and price, on a diverging scale centred at zero.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure with one heat map. Colour follows the signed square root, so that far expirations stay visible
        beside the nearest; the colour bar and the hover text give USD per 1 %.
    """
    heatmap = snapshot.heatmap
    gamma = heatmap.gamma_usd_per_pct
    root = np.sign(gamma) * np.sqrt(np.abs(gamma))
    top = float(np.max(np.abs(root), initial=0.0, where=np.isfinite(root))) or 1.0
    ticks = np.array([-1.0, 0.0, 1.0]) * top
    trace = {
        "type": "heatmap",
        "x": heatmap.price,
        "y": _expiry_labels(heatmap.expiry_ns, snapshot.ts_event_ns),
        "z": root,
        "customdata": gamma,
        "zmin": -top,
        "zmax": top,
        "colorscale": _DIVERGING,
        "ygap": 1,
        "colorbar": {
            "orientation": "h",
            "x": 0.5,
            "y": -0.11,
            "yanchor": "top",
            "len": 0.9,
            "thickness": 8,
            "outlinewidth": 0,
            "tickvals": ticks.tolist(),
            "ticktext": [short_usd(float(np.sign(t) * t * t)) for t in ticks],
            "tickfont": {"size": 10},
            "tickangle": 0,
        },
        "hovertemplate": "%{y}<br>%{x:,.2f}<br>%{customdata:$,.3s} per 1 %<extra></extra>",
    }
    layout = _layout(snapshot)
    layout["yaxis"] = {"type": "category", "autorange": "reversed", "showgrid": False, "automargin": True}
    layout["xaxis"] |= {"range": [float(heatmap.price[0]), float(heatmap.price[-1])], "showgrid": False}
    return {"data": [trace], "layout": layout}


def standalone(figure: Figure) -> go.Figure:
    """Return a figure as a validated Plotly object, with the ground and the margins of a picture of its own."""
    import plotly.graph_objects as go

    picture = go.Figure(figure)
    picture.update_layout(paper_bgcolor="white", plot_bgcolor="white", font_color="#3a424d", margin_l=70, margin_b=60)
    return picture


def base_layout(top_px: int) -> Figure:
    """Return what every layout shares: transparent ground, quiet type and grid.

    Parameters
    ----------
    top_px : int
        Room above the panels, pixels.

    Returns
    -------
    dict
        A Plotly layout.
    """
    return {
        "margin": {"l": 8, "r": 8, "t": top_px, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 11, "color": _NEUTRAL},
        "hovermode": "closest",
        "xaxis": {"gridcolor": _GRID, "zeroline": False, "automargin": True},
    }


def live_layout(snapshot: FieldSnapshot, top_px: int) -> Figure:
    """Return the layout of a figure that is drawn anew with each field.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.
    top_px : int
        Room above the panels, pixels.

    Returns
    -------
    dict
        A Plotly layout; a viewer's zoom survives the next update.
    """
    layout = base_layout(top_px) | {"showlegend": False, "dragmode": False, "uirevision": snapshot.symbol}
    layout["annotations"] = []
    layout["xaxis"] |= {"nticks": 7}
    return layout


def value_axis() -> Figure:
    """Return a vertical axis with a line at zero."""
    return {
        "gridcolor": _GRID,
        "zeroline": True,
        "zerolinecolor": _NEUTRAL,
        "zerolinewidth": 1,
        "automargin": True,
        "nticks": 6,
        "exponentformat": "B",
    }


def corner_label(text: str, top: float) -> Figure:
    """Return a panel's title, flat above its left corner.

    Parameters
    ----------
    text : str
        The title.
    top : float
        Upper edge of the panel, share of the figure's height.

    Returns
    -------
    dict
        A Plotly annotation.
    """
    where = {"xref": "paper", "x": 0.0, "xanchor": "left", "yref": "paper", "y": top, "yshift": 3, "align": "left"}
    return _label(text, _NEUTRAL) | where


def _two_panels(snapshot: FieldSnapshot, upper: str, lower: str) -> Figure:
    """Return the layout of two panels over one price axis, with their titles and the marks."""
    layout = _layout(snapshot)
    layout["xaxis"] |= {"anchor": "y2"}
    layout["yaxis"] = value_axis() | {"domain": [0.46, 1.0]}
    layout["yaxis2"] = value_axis() | {"domain": [0.0, 0.36], "nticks": 4}
    # Titles lie flat above their panel: turned ones are cut off on a phone.
    corner = {"xref": "paper", "x": 0.0, "xanchor": "left", "yref": "paper"}
    layout["annotations"] += [
        _label(upper, _NEUTRAL) | corner | {"y": 1.0, "yshift": 2 + _LABEL_PX * 4},
        _label(lower, _NEUTRAL) | corner | {"y": 0.36, "yshift": 3},
    ]
    return layout


def _signed_area(x: FloatArray, y: FloatArray, axis: str) -> list[Figure]:
    """Return traces of a curve whose positive and negative parts are filled in their colours."""
    area = {"type": "scatter", "mode": "none", "fill": "tozeroy", "hoverinfo": "skip", "x": x, "yaxis": axis}
    outline = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "yaxis": axis,
        "line": {"width": 1.6, "color": _NEUTRAL},
        "hovertemplate": "%{x:,.2f}<br>%{y:$,.4s}<extra></extra>",
    }
    return [
        area | {"y": np.maximum(y, 0.0), "fillcolor": _LONG_FILL},
        area | {"y": np.minimum(y, 0.0), "fillcolor": _SHORT_FILL},
        outline,
    ]


def _layout(snapshot: FieldSnapshot) -> Figure:
    prices = snapshot.ladder.price
    marks, labels = _mark_shapes(snapshot)
    layout = live_layout(snapshot, 78) | {"shapes": marks, "annotations": labels}
    layout["xaxis"] |= {
        "range": [float(prices[0]), float(prices[-1])] if np.isfinite(prices).all() else None,
        "tickformat": ",~f",
    }
    return layout


def plain_layout(x_title: str) -> Figure:
    """Return the layout of a figure without a price axis.

    Parameters
    ----------
    x_title : str
        What runs along it.

    Returns
    -------
    dict
        A Plotly layout.
    """
    layout = base_layout(24) | {"legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"}}
    layout["xaxis"] |= {"title": {"text": x_title}}
    return layout


def _label(text: str, colour: str) -> Figure:
    return {"text": text, "showarrow": False, "yanchor": "bottom", "font": {"size": 11, "color": colour}}


def _mark_shapes(snapshot: FieldSnapshot) -> tuple[list[Figure], list[Figure]]:
    low, high = float(snapshot.ladder.price[0]), float(snapshot.ladder.price[-1])
    edge = 0.18 * (high - low)
    shapes: list[Figure] = []
    labels: list[Figure] = []
    for mark in marks_of(snapshot):
        if not low <= mark.price <= high:
            continue
        line = {"color": mark.colour, "width": 1.4, "dash": mark.dash}
        span = {"x0": mark.price, "x1": mark.price, "y0": 0, "y1": 1}
        shapes.append({"type": "line", "xref": "x", "yref": "paper", **span, "line": line})
        if mark.row < 0:
            continue
        anchor = "left" if mark.price < low + edge else "right" if mark.price > high - edge else "center"
        text = f"{mark.text} {mark.price:,.2f}"
        place = {"xref": "x", "x": mark.price, "yref": "paper", "y": 1.0, "yshift": 2 + _LABEL_PX * mark.row}
        labels.append(_label(text, mark.colour) | place | {"xanchor": anchor})
    return shapes, labels


def _expiry_labels(expiry_ns: object, now_ns: int) -> list[str]:
    labels: list[str] = []
    for instant in np.asarray(expiry_ns, dtype=np.int64).tolist():
        days = (instant - now_ns) / _NS_PER_DAY
        when = datetime_of_ns(instant)
        label = f"{when:%d %b %y} · {days:.0f} d" if days >= 1.0 else f"{when:%d %b %y} · {24.0 * days:.1f} h"
        # A morning and an afternoon series may end on the same day.
        labels.append(label if label not in labels else f"{label} {when:%H:%M}Z")
    return labels


def short_usd(value: float) -> str:
    """Return a dollar amount with three digits and a unit, such as ``−$4.2B``; a dash where missing, 0 below a cent."""
    if not np.isfinite(value):
        return "—"

    if abs(value) < _CENT:
        return "$0"
    sign = "−" if value < 0.0 else ""
    digits, _, exponent = f"{abs(value):.2e}".partition("e")  # rounded first, so that 999.9M becomes 1B
    rounded = float(f"{digits}e{exponent}")
    size, unit = next(((s, u) for s, u in _UNITS if rounded >= s), (1.0, ""))
    return f"{sign}${rounded / size:.12g}{unit}"
