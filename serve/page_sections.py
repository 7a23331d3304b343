"""The sections below the key numbers: all are laid out, one is seen, and only that one is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from nicegui import ui

from actors.messages import Publication
from cluster.pictures.figures import fig_gamma, fig_heatmap, fig_potential
from cluster.pictures.figures_surface import fig_hedge_flow
from serve import page_live, page_text
from serve.page_charts import Chart, FigureCache, tagged
from serve.page_figures import fig_book, fig_smiles, fig_term

__all__ = ["SECTIONS", "Sections"]

SECTIONS = {
    "field": "Field",
    "hedging": "Hedging",
    "book": "Book",
    "surface": "Surface",
    "flow": "Flow",
    "regimes": "Regimes",
    "sources": "Sources",
}
"""Names in addresses, and titles."""
_CHART_TICKS = 3
_REST_TICKS = 5  # heat map and tables


@dataclass(slots=True)
class _Part:
    """A chart or a table with the instant from which it may be written again."""

    write: Callable[[Publication], None]
    rest_ticks: int
    shown: Publication | None = None
    due: int = 0


@dataclass(slots=True)
class _Section:
    button: ui.element
    panel: ui.element
    parts: list[_Part] = field(default_factory=list)


@final
class Sections:
    """The navigation, and below it one panel per section.

    Parameters
    ----------
    cache : FigureCache
        Figures shared by all tabs.
    chosen : str
        Name of the section that is seen first.
    on_choose : callable
        Called with the name of a section that is chosen.
    """

    def __init__(self, cache: FigureCache, chosen: str, on_choose: Callable[[str], None]) -> None:
        self._on_choose = on_choose
        self.chosen = chosen if chosen in SECTIONS else next(iter(SECTIONS))
        self._sections: dict[str, _Section] = {}
        with ui.element("nav").classes("hf-tabs").props('aria-label="Sections"'):
            buttons = {name: self._button(name, title) for name, title in SECTIONS.items()}
        with ui.element("div").classes("hf-panels"):
            for name, button in buttons.items():
                panel = ui.element("div").classes("hf-panel").props(f"data-testid=section-{name}")
                self._sections[name] = section = _Section(button, panel)
                with panel:
                    section.parts = _BUILD[name](cache)
        self._mark()

    def show(self, publication: Publication, tick: int) -> None:
        """Write the parts of the chosen section that are old and have rested."""
        for part in self._sections[self.chosen].parts:
            if part.shown is not publication and tick >= part.due:
                part.write(publication)
                part.shown, part.due = publication, tick + part.rest_ticks

    def wake(self) -> None:
        """Let every part be written at the next call, as after a change of symbol."""
        for section in self._sections.values():
            for part in section.parts:
                part.due = 0

    def _button(self, name: str, title: str) -> ui.element:
        with ui.element("button").props(f"type=button data-testid=open-{name}") as button:
            ui.label(title)
        button.on("click", lambda: self._choose(name))
        return button

    def _choose(self, name: str) -> None:
        self.chosen = name
        self._mark()
        self._on_choose(name)

    def _mark(self) -> None:
        for name, section in self._sections.items():
            seen = name == self.chosen
            section.button.props(f"aria-current={'true' if seen else 'false'}")
            section.panel.classes(remove="away") if seen else section.panel.classes(add="away")


def _table(title: str, make: Callable[[Publication], str], note: str = "") -> _Part:
    with ui.element("section").classes("hf-card") as card:
        tagged("h2", title)
        if note:
            ui.label(note).classes("c")
        place = ui.html("", sanitize=False)

    def write(publication: Publication) -> None:
        content = make(publication)
        place.set_content(content)
        card.set_visibility(bool(content))

    return _Part(write, _REST_TICKS)


def _chart(chart: Chart, rest_ticks: int = _CHART_TICKS) -> _Part:
    return _Part(lambda publication: chart.show(publication.snapshot), rest_ticks)


def _field(cache: FigureCache) -> list[_Part]:
    explained = "Dealer gamma revalued at each price (above) and by strike at today's spot (below)."
    parts = [_chart(Chart("Gamma profile", explained, fig_gamma, cache, tall=True, legend=True))]
    with ui.element("div").classes("hf-two"):
        explained = "Hedging pressure of the shock-weighted exposures, smoothed by liquidity."
        parts.append(_chart(Chart("Potential and gradient", explained, fig_potential, cache)))
        explained = "Net dealer gamma per 1 % by expiration; colour follows the square root."
        parts.append(_chart(Chart("Strike × expiry", explained, fig_heatmap, cache), _REST_TICKS))
    parts.append(_table("Zero-gamma levels", lambda p: page_text.roots_table(p.snapshot)))
    return parts


def _hedging(cache: FigureCache) -> list[_Part]:
    explained = "What dealers trade to stay hedged, along spot. Above zero they buy, below they sell."
    parts = [_chart(Chart("Expected hedge flow", explained, fig_hedge_flow, cache, tall=True))]
    with ui.element("div").classes("hf-two top"):
        parts.append(_table("At spot", page_live.hedge_table))
        parts.append(_table("Impact and amplification", page_live.impact_table))
    return parts


def _book(cache: FigureCache) -> list[_Part]:
    explained = "With the standard error of the dealers' positions; above zero they are long."
    parts = [_chart(Chart("Dealer gamma by strike", explained, fig_book, cache))]
    with ui.element("div").classes("hf-two top"):
        parts.append(_table("Totals and their errors", page_live.totals_table))
        parts.append(_table("Dealers' book", page_live.book_table, "Contracts: above zero, dealers are long."))
    return parts


def _surface(cache: FigureCache) -> list[_Part]:
    with ui.element("div").classes("hf-two"):
        smiles = Chart("Smiles", "Fitted volatility within the quotes of each expiration.", fig_smiles, cache)
        term = Chart("Term structure and residuals", "Against the mid volatilities near the money.", fig_term, cache)
    return [
        _chart(smiles, _REST_TICKS),
        _chart(term, _REST_TICKS),
        _table("Confidence", page_live.surface_table),
        _table("Fit by expiration", page_live.slices_table, "Skew: slope of volatility over log-moneyness."),
    ]


def _flow(_cache: FigureCache) -> list[_Part]:
    note = "Signed flow: above zero, customers buy; a gamma or delta flow above zero makes dealers longer."
    return [_table("Flow of the last minute", page_live.flow_table, note)]


def _regimes(_cache: FigureCache) -> list[_Part]:
    return [
        _table("Regimes", page_live.regimes_table, "Margin: distance to the nearest border, above zero inside."),
        _table("Signals", page_live.signals_table, "Strength in standard deviations of the reading's own past."),
        _table("Inputs from other markets", page_live.inputs_table, "As known at the instant of the field."),
    ]


def _sources(_cache: FigureCache) -> list[_Part]:
    with ui.element("div").classes("hf-two top"):
        return [
            _table("Contracts", lambda p: page_text.contracts_table(p.snapshot)),
            _table("Conventions and sources", lambda p: page_text.settings_table(p.snapshot)),
            _table("Messages since the start", page_live.stream_table),
            _table("Notes and missing values", lambda p: page_text.reasons_table(p.snapshot)),
        ]


_BUILD: dict[str, Callable[[FigureCache], list[_Part]]] = {
    "field": _field,
    "hedging": _hedging,
    "book": _book,
    "surface": _surface,
    "flow": _flow,
    "regimes": _regimes,
    "sources": _sources,
}
