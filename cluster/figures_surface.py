"""Pictures of hedge flow and of the volatility surface as Plotly figures, in the manner of `cluster.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from cluster.figures import Figure, plain_layout, signed_area, two_panels
from cluster.smiles import Smile, TermStructure
from fields.snapshot import FieldSnapshot
from market.clock import datetime_of_ns

__all__ = ["fig_hedge_flow", "fig_smiles", "fig_term_structure"]

_COLOURS: Final = ("#2b8cd6", "#2a8f6b", "#c99a1e", "#b5478f")
_VOL: Final = "#b07cd8"
_CLOSE: Final = "#2a8f6b"


def fig_hedge_flow(snapshot: FieldSnapshot) -> Figure:
    """Draw what dealers must trade: for a move of spot above; for a vol point and to the close below.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        A Plotly figure; USD, positive where dealers buy.
    """
    flow = snapshot.hedge_flow
    lower = [
        _line(flow.price, flow.buy_for_vol_point_usd, "volatility + 1 point", _VOL, "solid"),
        _line(flow.price, flow.buy_to_close_usd, "to the close", _CLOSE, "dash"),
    ]
    layout = two_panels(snapshot, "if spot moves here at once, $", "vol + 1 point (line), to the close (dashed), $")
    return {"data": [*signed_area(flow.price, flow.buy_for_spot_move_usd, "y"), *lower], "layout": layout}


def _line(x: object, y: object, name: str, colour: str, dash: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "yaxis": "y2",
        "name": name,
        "line": {"width": 1.6, "color": colour, "dash": dash},
        "hovertemplate": "%{x:,.2f}<br>" + name + " %{y:$,.4s}<extra></extra>",
    }


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
