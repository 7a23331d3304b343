"""Figures of the page beyond those of the command: the book's errors, smiles and residuals."""

from __future__ import annotations

import numpy as np

from cluster.pictures.figures import LONG_COLOUR, SHORT_COLOUR, Figure, corner_label, live_layout, value_axis
from cluster.pictures.figures_surface import curve, spot_lines
from fields.snapshot import FieldSnapshot
from fields.surface.message import SliceSource
from market.clock import datetime_of_ns

__all__ = ["fig_book", "fig_smiles", "fig_term"]

_NEUTRAL = "#7d8794"
_VIOLET = "#b07cd8"
_MOST_SMILES = 6
_SMILE_POINTS = 41
_DAYS_A_YEAR = 365.0
_DAYS = [0.25, 1, 7, 30, 90, 365, 1095]
_DAY_NAMES = ["6 h", "1 d", "7 d", "30 d", "90 d", "1 y", "3 y"]


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
    layout = live_layout(snapshot, 34)
    layout["xaxis"] |= {"range": [low, high], "tickformat": ",~f"}
    layout["yaxis"] = value_axis()
    layout["shapes"] = spot_lines(snapshot)
    layout["annotations"] = [corner_label("net of calls and puts, $ per 1 %", 1.0)]
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
            curve(k, vol, _ramp(place / max(len(chosen) - 1, 1))) | {"name": name, "hovertemplate": _HOVER_VOL}
        )
    layout = live_layout(snapshot, 34) | {
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.12, "font": {"size": 10}},
    }
    layout["xaxis"] |= {"tickformat": ".2f"}
    layout["yaxis"] = value_axis() | {"ticksuffix": " %", "zeroline": False}
    layout["annotations"] = [corner_label("volatility over ln(strike / forward)", 1.0)]
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
        curve(days, atm, LONG_COLOUR) | dots | {"hovertemplate": "%{x:.1f} d<br>%{y:.2f} %<extra></extra>"},
        curve(days, 100.0 * surface.rmse_vol[known], _VIOLET) | dots | {"yaxis": "y2", "hovertemplate": _HOVER_RMSE},
        curve(days, 100.0 * surface.max_vol[known], SHORT_COLOUR) | dots | {"yaxis": "y2", "hovertemplate": _HOVER_MAX},
    ]
    layout = live_layout(snapshot, 34)
    layout["xaxis"] |= {"type": "log", "anchor": "y2", "tickvals": _DAYS, "ticktext": _DAY_NAMES, "tickangle": 0}
    layout["yaxis"] = value_axis() | {"domain": [0.5, 1.0], "ticksuffix": " %", "zeroline": False}
    layout["yaxis2"] = value_axis() | {"domain": [0.0, 0.36], "nticks": 4, "rangemode": "tozero"}
    layout["annotations"] = [
        corner_label("at-the-money volatility", 1.0),
        corner_label("residuals, vol points: RMSE violet, largest orange", 0.36),
    ]
    return {"data": traces, "layout": layout}


_HOVER_VOL = "%{x:.3f}<br>%{y:.2f} %"
_HOVER_RMSE = "%{x:.1f} d<br>RMSE %{y:.3f} points<extra></extra>"
_HOVER_MAX = "%{x:.1f} d<br>largest %{y:.3f} points<extra></extra>"


def _ramp(share: float) -> str:
    near, far = (224, 103, 44), (43, 140, 214)
    mixed = (round(a + share * (b - a)) for a, b in zip(near, far, strict=True))
    return f"rgb({','.join(map(str, mixed))})"
