"""Pictures over any axis: lines and points that stretch with the page; curves over time stand in backtest.reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from backtest.reports.blocks import Role
from backtest.reports.scales import Ticks, value_ticks
from market.chains import FloatArray

__all__ = ["Band", "Chart", "Dots", "Layer", "Steps", "Strokes", "Uprights", "chart_as_html"]

_SIZE: Final = 1_000.0
_MOST_DOTS: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """Points.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Places; those with NaN are not drawn.
    role : Role
        How they are coloured.
    name : str
        For the key; empty for none.
    size : float
        Diameter, pixels.
    """

    x: FloatArray
    y: FloatArray
    role: Role
    name: str = ""
    size: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strokes:
    """A line, broken where a place is NaN.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Places in order.
    role : Role
        How it is coloured.
    name : str
        For the key; empty for none.
    opacity : float
        Of the line.
    """

    x: FloatArray
    y: FloatArray
    role: Role
    name: str = ""
    opacity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The space between two lines.

    Parameters
    ----------
    x, low, high : ndarray, shape (n,)
        Places in order; those with NaN are left out.
    name : str
        For the key; empty for none.
    """

    x: FloatArray
    low: FloatArray
    high: FloatArray
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Bars of a histogram.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        Rising.
    heights : ndarray, shape (n,)
        From 0.
    role : Role
        How they are coloured.
    name : str
        For the key; empty for none.
    """

    edges: FloatArray
    heights: FloatArray
    role: Role
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uprights:
    """Lines from bottom to top.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Places; NaN is not drawn.
    role : Role
        How they are coloured.
    name : str
        For the key; empty for none.
    opacity : float
        Of each.
    """

    x: FloatArray
    role: Role
    name: str = ""
    opacity: float = 1.0


Layer = Dots | Strokes | Band | Steps | Uprights
"""Part of a picture; later ones lie above earlier ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture.

    Parameters
    ----------
    title : str
        What is drawn.
    layers : tuple of Layer
        In order.
    x_ticks : tuple of (float, str)
        Places and words below.
    y_shown : callable
        Writes a value of the upright axis.
    x_range, y_range : tuple of float, optional
        Least span of the axes.
    is_tall : bool
        Whether it is the main picture of its section.
    """

    title: str
    layers: tuple[Layer, ...]
    x_ticks: Ticks
    y_shown: Callable[[float], str]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    is_tall: bool = False


def chart_as_html(chart: Chart) -> str:
    """Return a picture as HTML; every word is escaped."""
    heading = f"<h3>{escape(chart.title)}</h3>" if chart.title else ""
    known_x, known_y = _known(chart.layers, "x", chart.x_range), _known(chart.layers, "y", chart.y_range)
    if not known_x.size or not known_y.size:
        return f'<div>{heading}<p class="soft">nothing to draw</p></div>'
    ticks = value_ticks(float(known_y.min()), float(known_y.max()), most=5 if chart.is_tall else 4)
    axes = _Axes(*_span(known_x), float(ticks[0]), float(ticks[-1]))
    grid = "".join(f"M0 {y:.1f}H1000" for y in axes.y(ticks).tolist())
    paths = f'<path class="g" d="{grid}"/>' + "".join(_drawn(layer, axes) for layer in chart.layers)
    words = "".join(
        f'<span class="y" style="bottom:{1.0 - y / _SIZE:.2%}">{escape(chart.y_shown(value))}</span>'
        for value, y in zip(ticks.tolist(), axes.y(ticks).tolist(), strict=True)
    )
    words += "".join(
        f'<span class="x{" odd" if place % 2 else ""}" style="left:{float(axes.x(np.array(at))) / _SIZE:.2%}">'
        f"{escape(text)}</span>"
        for place, (at, text) in enumerate(chart.x_ticks)
    )
    keys = "".join(
        f'<span><i class="k-{_role(layer)}"></i>{escape(layer.name)}</span>' for layer in chart.layers if layer.name
    )
    picture = (
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label="{escape(chart.title)}">'
        f"{paths}</svg>"
    )
    tall = " tall" if chart.is_tall else ""
    return f'<figure>{heading}<div class="keys">{keys}</div><div class="plot{tall}">{picture}{words}</div></figure>'


@dataclass(frozen=True, slots=True)
class _Axes:
    left: float
    right: float
    low: float
    high: float

    def x(self, values: FloatArray) -> FloatArray:
        return (values - self.left) / (self.right - self.left) * _SIZE

    def y(self, values: FloatArray) -> FloatArray:
        return (self.high - values) / (self.high - self.low) * _SIZE


def _role(layer: Layer) -> Role:
    return Role.MAIN if isinstance(layer, Band) else layer.role


def _known(layers: Sequence[Layer], axis: str, told: tuple[float, float] | None) -> FloatArray:
    found = [np.array(told or (), dtype=np.float64)]
    for layer in layers:
        match layer:
            case Dots() | Strokes():
                found.append(layer.x if axis == "x" else layer.y)
            case Band():
                found += [layer.x] if axis == "x" else [layer.low, layer.high]
            case Steps():
                found += [layer.edges] if axis == "x" else [layer.heights, np.zeros(1)]
            case Uprights():
                found += [layer.x] if axis == "x" else []
    every = np.concatenate(found)
    return every[np.isfinite(every)]


def _span(known: FloatArray) -> tuple[float, float]:
    low, high = float(known.min()), float(known.max())
    room = 0.02 * (high - low) or max(abs(low), 1.0) * 0.05
    return low - room, high + room


def _drawn(layer: Layer, axes: _Axes) -> str:
    match layer:
        case Dots():
            return _dots(layer, axes)
        case Strokes():
            path = _path(axes.x(layer.x), axes.y(layer.y))
            return f'<path class="{layer.role}" style="stroke-opacity:{layer.opacity:g}" d="{path}"/>'
        case Band():
            return _band(layer, axes)
        case Steps():
            return _steps(layer, axes)
        case Uprights():
            places = axes.x(layer.x[np.isfinite(layer.x)]).tolist()
            path = "".join(f"M{x:.1f} 0V1000" for x in places)
            return f'<path class="{layer.role}" style="stroke-opacity:{layer.opacity:g}" d="{path}"/>'


def _dots(layer: Dots, axes: _Axes) -> str:
    known = np.flatnonzero(np.isfinite(layer.x) & np.isfinite(layer.y))
    if known.size > _MOST_DOTS:
        known = known[np.linspace(0, known.size - 1, _MOST_DOTS).astype(np.int64)]
    # A line without length and with a round end is a point that does not stretch with the page.
    places = zip(axes.x(layer.x[known]).tolist(), axes.y(layer.y[known]).tolist(), strict=True)
    path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
    style = f"stroke-width:{layer.size:g};stroke-linecap:round;stroke-opacity:.75"
    return f'<path class="{layer.role}" style="{style}" d="{path}"/>'


def _band(layer: Band, axes: _Axes) -> str:
    known = np.isfinite(layer.low) & np.isfinite(layer.high)
    if not known.any():
        return ""
    x, low, high = axes.x(layer.x[known]), axes.y(layer.low[known]), axes.y(layer.high[known])
    edge = _path(np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]]))
    return f'<path class="f main" d="{edge}Z"/>'


def _steps(layer: Steps, axes: _Axes) -> str:
    x, y, zero = axes.x(layer.edges), axes.y(layer.heights), float(axes.y(np.zeros(1))[0])
    bars = "".join(
        f"M{left:.1f} {zero:.1f}V{top:.1f}H{right:.1f}V{zero:.1f}Z"
        for left, right, top in zip(x[:-1].tolist(), x[1:].tolist(), y.tolist(), strict=True)
    )
    return f'<path class="{layer.role}" style="fill:var(--{layer.role});fill-opacity:.35" d="{bars}"/>'


def _path(x: FloatArray, y: FloatArray) -> str:
    parts, is_up = [], True
    for at, height in zip(x.tolist(), y.tolist(), strict=True):
        if at != at or height != height:  # noqa: PLR0124  # NaN
            is_up = True
            continue
        parts.append(f"{'M' if is_up else 'L'}{at:.1f} {height:.1f}")
        is_up = False
    return "".join(parts)
