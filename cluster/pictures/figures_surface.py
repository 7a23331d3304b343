"""Hedge flow and the volatility surface as Plotly figures, in the manner of `cluster.pictures.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from cluster.pictures.figures import LONG_COLOUR, Figure, corner_label, live_layout, marks_of, plain_layout, value_axis
from cluster.pictures.smiles import Smile, TermStructure
from fields.snapshot import FieldSnapshot
from market.chains import FloatArray
from market.clock import datetime_of_ns

__all__ = ["curve", "fig_hedge_flow", "fig_smiles", "fig_term_structure", "spot_lines"]

_COLOURS: Final = ("#2b8cd6", "#2a8f6b", "#c99a1e", "#b5478f")
_VOL: Final = "#b07cd8"
_CLOSE: Final = "#2a8f6b"


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
        ("if volatility rises by one point, $", flow.buy_for_vol_point_usd, _VOL, (0.37, 0.63)),
        ("from now to the close, $", flow.buy_to_close_usd, _CLOSE, (0.0, 0.26)),
    )
    layout = live_layout(snapshot, 34)
    layout["xaxis"] |= {"range": [float(flow.price[0]), float(flow.price[-1])], "anchor": "y3", "tickformat": ",~f"}
    layout["shapes"] = spot_lines(snapshot)
    traces = []
    for place, (name, usd, colour, domain) in enumerate(panels):
        axis = f"y{place + 1}" if place else "y"
        text = name
        if not np.isfinite(usd).any():
            text = f"{name}: {flow.to_close_reason or 'unknown'}"
        layout["annotations"].append(corner_label(_wrapped(text), domain[1]))
        layout[axis.replace("y", "yaxis")] = value_axis() | {"domain": list(domain), "nticks": 4}
        traces.append(curve(flow.price, usd, colour) | {"yaxis": axis, "fill": "tozeroy", "fillcolor": _faint(colour)})
    return {"data": traces, "layout": layout}


def curve(x: FloatArray, y: FloatArray, colour: str) -> Figure:
    """Return the trace of a curve over price.

    Parameters
    ----------
    x, y : ndarray, shape (n_points,)
        Where, and USD.
    colour : str
        Of the line.

    Returns
    -------
    dict
        A Plotly trace.
    """
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": np.ascontiguousarray(y),
        "line": {"width": 1.6, "color": colour},
        "hovertemplate": "%{x:,.2f}<br>%{y:$,.4s}<extra></extra>",
    }


def spot_lines(snapshot: FieldSnapshot) -> list[Figure]:
    """Return the mark of spot as the shapes of a layout.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    list of dict
        One Plotly line.
    """
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


def _wrapped(text: str, width: int = 46) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "<br>".join([*lines, line])


def fig_smiles(smiles: Sequence[Smile]) -> Figure:
    """Draw quotes and surface of a few expirations, and what the surface misses.

    Parameters
    ----------
    smiles : sequence of Smile
        By rising expiry.

    Returns
    -------
    dict
        A Plotly figure; volatilities in per cent over ln(strike / forward) in standard deviations.
    """
    traces: list[Figure] = []
    for smile, colour in zip(smiles, _COLOURS, strict=False):
        name = f"{datetime_of_ns(smile.expiry_ns):%d %b %y}"
        x = smile.log_moneyness / smile.deviation
        traces += [
            _quotes(smile, x, name, colour),
            {
                "type": "scatter",
                "mode": "lines",
                "x": smile.curve_log_moneyness / smile.deviation,
                "y": 100.0 * smile.curve_vol,
                "name": f"{name}, RMSE {100.0 * smile.rmse_vol:.2f} vol points",
                "line": {"width": 1.6, "color": colour},
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": x,
                "y": 100.0 * smile.residual_vol,
                "yaxis": "y2",
                "name": f"{name}, mid − surface",
                "marker": {"size": 3, "color": colour},
                "showlegend": False,
            },
        ]
    layout = plain_layout("ln(strike / forward), standard deviations")
    layout["yaxis"] = {"title": {"text": "volatility, %"}, "domain": [0.34, 1.0], "automargin": True}
    layout["yaxis2"] = {"title": {"text": "mid − surface, vol points"}, "domain": [0.0, 0.26], "automargin": True}
    layout["xaxis"] |= {"anchor": "y2", "range": [-3.6, 3.6]}
    return {"data": traces, "layout": layout}


def _quotes(smile: Smile, x: object, name: str, colour: str) -> Figure:
    mid = 100.0 * smile.mid_vol
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": mid,
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(100.0 * smile.ask_vol - mid),
            "arrayminus": np.nan_to_num(mid - 100.0 * smile.bid_vol),
            "thickness": 0.8,
            "width": 0,
            "color": colour,
        },
        "name": f"{name}, bid to ask",
        "marker": {"size": 3, "color": colour},
        "showlegend": False,
    }


def fig_term_structure(term: TermStructure) -> Figure:
    """Draw the volatility at the forward by time to expiry.

    Parameters
    ----------
    term : TermStructure
        What the surface says.

    Returns
    -------
    dict
        A Plotly figure; per cent over days.
    """
    days = 365.0 * term.tau
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": days,
        "y": 100.0 * term.atm_vol,
        "marker": {"size": 6, "symbol": ["circle" if own else "circle-open" for own in term.fitted.tolist()]},
        "line": {"width": 1.4, "color": _COLOURS[0]},
        "hovertemplate": "%{x:.1f} days<br>%{y:.2f} %<extra></extra>",
    }
    layout = plain_layout("days to expiry; open circles lie between their neighbours")
    layout["yaxis"] = {"title": {"text": "volatility, %"}, "automargin": True}
    layout["xaxis"] |= {"type": "log"}
    layout["showlegend"] = False
    return {"data": [trace], "layout": layout}
