"""Figures of the page beyond those of the command: hedge flow, the book's errors, smiles and residuals."""

from __future__ import annotations

from typing import Any

import numpy as np

from cluster.figures import LONG_COLOUR, SHORT_COLOUR, Figure, marks_of
from fields.snapshot import FieldSnapshot
from fields.surface.message import SliceSource
from market.chains import FloatArray
from market.clock import datetime_of_ns

__all__ = ["fig_book", "fig_hedge_flow", "fig_smiles", "fig_term"]

_NEUTRAL = "#7d8794"
_VIOLET = "#b07cd8"
_GREEN = "#3a9a78"
_GRID = "rgba(125,135,148,0.22)"
_MOST_SMILES = 6
_SMILE_POINTS = 41
_DAYS_A_YEAR = 365.0
_DAYS = [0.25, 1, 7, 30, 90, 365, 1095]
_DAY_NAMES = ["6 h", "1 d", "7 d", "30 d", "90 d", "1 y", "3 y"]


def fig_hedge_flow(snapshot: FieldSnapshot) -> Figure:
    """Draw what dealers are expected to buy along spot: for the move, for one vol point, and until the close.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure of three panels over one price axis; USD, above zero dealers buy.
    """
    flow = snapshot.hedge_flow
    panels = (
        ("if spot moves here at once, $", flow.buy_for_spot_move_usd, LONG_COLOUR, (0.74, 1.0)),
        ("if volatility rises by one point, $", flow.buy_for_vol_point_usd, _VIOLET, (0.37, 0.63)),
        ("from now to the close, $", flow.buy_to_close_usd, _GREEN, (0.0, 0.26)),
    )
    layout = _layout(snapshot)
    layout["xaxis"] |= {"range": [float(flow.price[0]), float(flow.price[-1])], "anchor": "y3", "tickformat": ",~f"}
    layout["shapes"] = _spot_lines(snapshot)
    traces = []
    for place, (name, curve, colour, domain) in enumerate(panels):
        axis = f"y{place + 1}" if place else "y"
        text = name
        if not np.isfinite(curve).any():
            text = f"{name}: {flow.to_close_reason or 'unknown'}"
        layout["annotations"].append(_corner(_wrapped(text), domain[1]))
        layout[axis.replace("y", "yaxis")] = _value_axis() | {"domain": list(domain), "nticks": 4}
        traces.append(
            _line(flow.price, curve, colour) | {"yaxis": axis, "fill": "tozeroy", "fillcolor": _faint(colour)}
        )
    return {"data": traces, "layout": layout}


def fig_book(snapshot: FieldSnapshot) -> Figure:
    """Draw dealer gamma by strike with the standard error of each bar.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure; USD per 1 %, above zero dealers are long.
    """
    profile = snapshot.profile
    low, high = 0.94 * snapshot.spot, 1.06 * snapshot.spot
    inside = (profile.strike >= low) & (profile.strike <= high)
    net = (profile.call_gamma_usd_per_pct + profile.put_gamma_usd_per_pct)[inside]
    bars = {
        "type": "bar",
        "x": np.ascontiguousarray(profile.strike[inside]),
        "y": net,
        "marker": {"color": [LONG_COLOUR if value >= 0.0 else SHORT_COLOUR for value in net.tolist()]},
        "error_y": {
            "type": "data",
            "array": np.ascontiguousarray(profile.gamma_error_usd_per_pct[inside]),
            "color": _NEUTRAL,
            "thickness": 1,
            "width": 2,
        },
        "hovertemplate": "%{x:,.2f}<br>%{y:$,.3s} ± %{error_y.array:$,.2s}<extra></extra>",
    }
    layout = _layout(snapshot)
    layout["xaxis"] |= {"range": [low, high], "tickformat": ",~f"}
    layout["yaxis"] = _value_axis()
    layout["shapes"] = _spot_lines(snapshot)
    layout["annotations"] = [_corner("net of calls and puts, $ per 1 %", 1.0)]
    return {"data": [bars], "layout": layout}


def fig_smiles(snapshot: FieldSnapshot) -> Figure:
    """Draw the fitted smiles of up to six expirations inside their quotes.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure; volatility in per cent over log-moneyness.
    """
    surface = snapshot.surface
    known = np.flatnonzero(surface.source == SliceSource.FITTED)
    chosen = known[np.unique(np.linspace(0, known.size - 1, _MOST_SMILES).round().astype(int))] if known.size else known
    traces = []
    for place, one in enumerate(chosen.tolist()):
        k = np.linspace(surface.moneyness_low[one], surface.moneyness_high[one], _SMILE_POINTS)
        vol = 100.0 * surface.implied_vol(np.full(k.shape, one), k)
        name = f"{datetime_of_ns(int(surface.expiry_ns[one])):%d %b %y}"
        traces.append(
            _line(k, vol, _ramp(place / max(len(chosen) - 1, 1))) | {"name": name, "hovertemplate": _HOVER_VOL}
        )
    layout = _layout(snapshot) | {"showlegend": True, "legend": {"orientation": "h", "y": -0.12, "font": {"size": 10}}}
    layout["xaxis"] |= {"tickformat": ".2f"}
    layout["yaxis"] = _value_axis() | {"ticksuffix": " %", "zeroline": False}
    layout["annotations"] = [_corner("volatility over ln(strike / forward)", 1.0)]
    return {"data": traces, "layout": layout}


def fig_term(snapshot: FieldSnapshot) -> Figure:
    """Draw at-the-money volatility by time to expiry above, and the fit's residuals below.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure; volatility in per cent, residuals in vol points, days on a logarithmic axis.
    """
    surface = snapshot.surface
    known = np.flatnonzero(surface.source > 0)
    days = _DAYS_A_YEAR * surface.tau[known]
    atm = 100.0 * (surface.atm_vol[known] if known.size else np.empty(0))
    dots = {"mode": "lines+markers", "marker": {"size": 5}}
    traces = [
        _line(days, atm, LONG_COLOUR) | dots | {"hovertemplate": "%{x:.1f} d<br>%{y:.2f} %<extra></extra>"},
        _line(days, 100.0 * surface.rmse_vol[known], _VIOLET) | dots | {"yaxis": "y2", "hovertemplate": _HOVER_RMSE},
        _line(days, 100.0 * surface.max_vol[known], SHORT_COLOUR) | dots | {"yaxis": "y2", "hovertemplate": _HOVER_MAX},
    ]
    layout = _layout(snapshot)
    layout["xaxis"] |= {"type": "log", "anchor": "y2", "tickvals": _DAYS, "ticktext": _DAY_NAMES, "tickangle": 0}
    layout["yaxis"] = _value_axis() | {"domain": [0.5, 1.0], "ticksuffix": " %", "zeroline": False}
    layout["yaxis2"] = _value_axis() | {"domain": [0.0, 0.36], "nticks": 4, "rangemode": "tozero"}
    layout["annotations"] = [
        _corner("at-the-money volatility", 1.0),
        _corner("residuals, vol points: RMSE violet, largest orange", 0.36),
    ]
    return {"data": traces, "layout": layout}


_HOVER_VOL = "%{x:.3f}<br>%{y:.2f} %"
_HOVER_RMSE = "%{x:.1f} d<br>RMSE %{y:.3f} points<extra></extra>"
_HOVER_MAX = "%{x:.1f} d<br>largest %{y:.3f} points<extra></extra>"


def _line(x: FloatArray, y: FloatArray, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": np.ascontiguousarray(y),
        "line": {"width": 1.6, "color": colour},
        "hovertemplate": "%{x:,.2f}<br>%{y:$,.4s}<extra></extra>",
    }


def _layout(snapshot: FieldSnapshot) -> Figure:
    return {
        "margin": {"l": 8, "r": 8, "t": 34, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 11, "color": _NEUTRAL},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "uirevision": snapshot.symbol,  # a viewer's zoom survives the next update
        "annotations": [],
        "xaxis": {"gridcolor": _GRID, "zeroline": False, "nticks": 7, "automargin": True},
    }


def _value_axis() -> dict[str, Any]:
    return {
        "gridcolor": _GRID,
        "zeroline": True,
        "zerolinecolor": _NEUTRAL,
        "zerolinewidth": 1,
        "automargin": True,
        "nticks": 6,
        "exponentformat": "B",
    }


def _corner(text: str, top: float) -> Figure:
    where = {"xref": "paper", "x": 0.0, "xanchor": "left", "yref": "paper", "y": top, "yanchor": "bottom", "yshift": 3}
    return {"text": text, "showarrow": False, "align": "left", "font": {"size": 11, "color": _NEUTRAL}} | where


def _spot_lines(snapshot: FieldSnapshot) -> list[Figure]:
    return [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": mark.price,
            "x1": mark.price,
            "y0": 0,
            "y1": 1,
            "line": {"color": mark.colour, "width": 1.2, "dash": mark.dash},
        }
        for mark in marks_of(snapshot)
        if mark.text == "spot"
    ]


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"


def _ramp(share: float) -> str:
    near, far = (224, 103, 44), (43, 140, 214)
    mixed = (round(a + share * (b - a)) for a, b in zip(near, far, strict=True))
    return f"rgb({','.join(map(str, mixed))})"


def _wrapped(text: str, width: int = 46) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "<br>".join([*lines, line])
