"""Panels of a picture that share the price axis, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cluster.pictures.figures import LONG_COLOUR, SHORT_COLOUR, marks_of, short_usd
from market.clock import datetime_of_ns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fields.snapshot import FieldSnapshot
    from market.chains import FloatArray

__all__ = [
    "draw_gamma",
    "draw_heatmap",
    "draw_other_flow",
    "draw_potential",
    "draw_spot_flow",
    "draw_strikes",
    "price_panel",
]

_LABEL_PT: Final = 11
_LABEL_ROWS: Final = 4
_DASHES: Final = {"solid": "-", "dash": "--", "dot": ":"}


def price_panel(axes: Axes, snapshot: FieldSnapshot, title: str) -> None:
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


def draw_gamma(axes: Axes, snapshot: FieldSnapshot) -> None:
    """Draw dealer gamma along the spot ladder."""
    _curve(axes, snapshot, snapshot.ladder.gamma_usd_per_pct, "USD per 1 %")
    price_panel(axes, snapshot, "Dealer gamma if spot were here (+ damps, − amplifies)")


def draw_potential(axes: Axes, snapshot: FieldSnapshot) -> None:
    """Draw the potential and its gradient."""
    _curve(axes, snapshot, snapshot.ladder.potential_usd, "potential, USD")
    price_panel(axes, snapshot, "Potential of the shock-weighted exposures, and its gradient (dotted)")
    twin = axes.twinx()
    twin.plot(snapshot.ladder.price, snapshot.ladder.potential_gradient_usd, color="grey", linewidth=1.0, linestyle=":")
    _usd_axis(twin, "gradient, USD per unit of log price")


def draw_strikes(axes: Axes, snapshot: FieldSnapshot) -> None:
    """Draw dealer gamma by strike, with the standard error of each strike's net."""
    profile, ladder = snapshot.profile, snapshot.ladder
    near = (profile.strike >= ladder.price[0]) & (profile.strike <= ladder.price[-1])
    strike, error = profile.strike[near], profile.gamma_error_usd_per_pct[near]
    calls, puts = profile.call_gamma_usd_per_pct[near], profile.put_gamma_usd_per_pct[near]
    width = 0.8 * float(np.min(np.diff(strike))) if strike.size > 1 else 1.0
    axes.bar(strike, calls, width=width, color=LONG_COLOUR, alpha=0.75, label="calls")
    axes.bar(strike, puts, width=width, color=SHORT_COLOUR, alpha=0.75, label="puts")
    known = np.isfinite(error)
    if known.any():
        style: dict[str, Any] = {
            "fmt": "o",
            "markersize": 1.8,
            "color": "black",
            "ecolor": "#555555",
            "elinewidth": 0.6,
        }
        net = (calls + puts)[known]
        axes.errorbar(strike[known], net, yerr=error[known], label="net ± standard error", **style)
    axes.axhline(0.0, color="grey", linewidth=0.5)
    axes.legend(fontsize=8)
    _usd_axis(axes, "USD per 1 %")
    price_panel(axes, snapshot, "Dealer gamma by strike, at today's spot")


def draw_spot_flow(axes: Axes, snapshot: FieldSnapshot) -> None:
    """Draw what dealers must trade if spot moves at once."""
    _curve(axes, snapshot, snapshot.hedge_flow.buy_for_spot_move_usd, "USD, + dealers buy")
    price_panel(axes, snapshot, "Dealers' trade if spot moves here at once")


def draw_other_flow(axes: Axes, snapshot: FieldSnapshot) -> None:
    """Draw what dealers must trade for a vol point, and to the close, if spot stood elsewhere."""
    flow = snapshot.hedge_flow
    axes.axhline(0.0, color="grey", linewidth=0.5)
    axes.plot(flow.price, flow.buy_for_vol_point_usd, color="#b07cd8", linewidth=1.4, label="volatility + 1 point")
    if np.isfinite(flow.buy_to_close_usd).any():
        label = f"{flow.minutes_to_close:,.0f} minutes to the close"
        axes.plot(flow.price, flow.buy_to_close_usd, color="#2a8f6b", linewidth=1.4, linestyle="--", label=label)
    else:
        axes.plot([], [], " ", label=f"to the close: {flow.to_close_reason}")
    axes.legend(fontsize=8)
    _usd_axis(axes, "USD, + dealers buy")
    price_panel(axes, snapshot, "Dealers' trade for volatility and time, if spot were here")


def draw_heatmap(figure: Figure, axes: Axes, snapshot: FieldSnapshot) -> None:
    """Draw dealer gamma by expiration and price."""
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
    price_panel(axes, snapshot, "Dealer gamma by strike and expiration; colour follows the square root")
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
