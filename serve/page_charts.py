"""The charts of the page: drawn once per field and shared by everybody who looks at the symbol."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, final

import numpy as np
from nicegui import ui

from cluster.pictures.figures import Figure
from fields.snapshot import FieldSnapshot
from serve.page_text import conventions, keys

__all__ = ["Chart", "FigureCache", "tagged", "typed_arrays"]

_CONFIG = {"responsive": True, "displayModeBar": False, "displaylogo": False, "doubleClick": False, "showTips": False}
_EMPTY_LAYOUT = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "xaxis": {"visible": False},
    "yaxis": {"visible": False},
    "annotations": [{"text": "waiting for the first field", "showarrow": False, "font": {"size": 13}}],
}


def typed_arrays(part: Any) -> Any:
    """Return a figure with each NumPy array as Plotly's typed array: half the bytes of decimal text, and no parsing."""
    if isinstance(part, np.ndarray):
        block = base64.b64encode(np.ascontiguousarray(part).tobytes()).decode("ascii")
        shape = {"shape": ", ".join(map(str, part.shape))} if part.ndim > 1 else {}
        return {"dtype": part.dtype.str[1:], "bdata": block, **shape}
    if isinstance(part, dict):
        return {name: typed_arrays(value) for name, value in part.items()}
    return [typed_arrays(value) for value in part] if isinstance(part, list) else part


def tagged(tag: str, text: str) -> ui.label:
    """Return a label with another HTML tag, such as a heading."""
    label = ui.label(text)
    label.tag = tag
    return label


@final
class FigureCache:
    """The newest figures of each symbol, in the form that goes to browsers."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[FieldSnapshot, Figure]] = {}

    def figure(self, draw: Callable[[FieldSnapshot], Figure], snapshot: FieldSnapshot) -> Figure:
        """Return a figure of a snapshot, drawn at most once for all viewers."""
        key = (snapshot.symbol, draw.__name__)
        held = self._held.get(key)
        if held is None or held[0] is not snapshot:
            held = (snapshot, typed_arrays(draw(snapshot)) | {"config": _CONFIG})
            self._held[key] = held
        return held[1]


@final
class Chart:
    """One card with a chart that is updated in place.

    Parameters
    ----------
    title : str
        Heading.
    explanation : str
        What the chart shows, in a sentence.
    draw : callable
        Draws a snapshot.
    cache : FigureCache
        Shared figures.
    tall : bool, optional
        Whether it gets more height.
    legend : bool, optional
        Whether it explains the two colours.
    """

    def __init__(
        self,
        title: str,
        explanation: str,
        draw: Callable[[FieldSnapshot], Figure],
        cache: FigureCache,
        *,
        tall: bool = False,
        legend: bool = False,
    ) -> None:
        self._draw, self._cache = draw, cache
        self._shown: FieldSnapshot | None = None
        with ui.element("section").classes("hf-card"):
            tagged("h2", title)
            ui.label(explanation).classes("c")
            self._conventions = ui.label("").classes("c")
            if legend:
                ui.html(keys(), sanitize=False).classes("hf-keys")
            self._plot = ui.plotly({"data": [], "layout": _EMPTY_LAYOUT, "config": _CONFIG})
            self._plot.classes("hf-plot tall" if tall else "hf-plot").props(f'role=img aria-label="{title}"')

    def shows(self, snapshot: FieldSnapshot) -> bool:
        """Return whether a snapshot is the one that is drawn."""
        return self._shown is snapshot

    def show(self, snapshot: FieldSnapshot) -> None:
        """Draw a snapshot, unless it is the one that is drawn."""
        if self.shows(snapshot):
            return
        self._shown = snapshot
        self._conventions.set_text(conventions(snapshot))
        self._plot.update_figure(self._cache.figure(self._draw, snapshot))
