"""The list of symbols: a fixed pool of rows that are written in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from nicegui import ui

from cluster.pictures.figures import short_usd
from serve.board import Entry, SnapshotBoard
from serve.page_text import age_text, price_text

__all__ = ["SymbolRows"]

_MOST_ROWS = 60


@dataclass(slots=True)
class _Row:
    button: ui.element
    name: ui.label
    spot: ui.label
    gamma: ui.label
    age: ui.label
    symbol: str = ""


@final
class SymbolRows:
    """The rows, a search field above them and a line that says how many are not shown.

    Parameters
    ----------
    board : SnapshotBoard
        What is listed.
    on_select : callable
        Called with the symbol of a row that is chosen.
    """

    def __init__(self, board: SnapshotBoard, on_select: Callable[[str], None]) -> None:
        self._board, self._on_select = board, on_select
        self._search = ""
        self._rows: list[_Row] = []
        with ui.element("nav").classes("hf-side").props('aria-label="Symbols"'):
            box = ui.element("input").classes("hf-search")
            box.props('type=search placeholder="Find a symbol" aria-label="Find a symbol"')
            box.on("input", lambda event: self._filter(event.args), js_handler="(e) => emit(e.target.value)")
            self._place = ui.element("div").classes("hf-rows")
            self._more = ui.label("").classes("hf-age")
        box.set_visibility(len(board.symbols) > 1)
        self._box = box

    def show(self, selected: str) -> None:
        """Write the rows as the board has them now."""
        found = [symbol for symbol in self._board.symbols if self._search in symbol.casefold()]
        self._box.set_visibility(len(self._board.symbols) > 1)
        while len(self._rows) < min(len(found), _MOST_ROWS):
            self._rows.append(self._new_row())
        for place, row in enumerate(self._rows):
            row.button.set_visibility(place < len(found))
            entry = self._board.get(found[place]) if place < len(found) else None
            if entry is not None:
                self._write(row, entry, selected)
        hidden = len(found) - _MOST_ROWS
        self._more.set_text(f"and {hidden} more: search for one" if hidden > 0 else "" if found else "no such symbol")

    def _write(self, row: _Row, entry: Entry, selected: str) -> None:
        row.symbol = entry.symbol
        row.name.set_text(entry.symbol)
        row.button.props(f"aria-current={'true' if entry.symbol == selected else 'false'}")
        stale = entry.publication is not None and self._board.is_stale(entry)
        row.button.classes(add="old") if stale else row.button.classes(remove="old")
        row.age.set_text(age_text(self._board.age_s(entry)))
        snapshot = entry.snapshot
        row.spot.set_text(price_text(snapshot.spot) if snapshot is not None else "no field yet")
        row.gamma.set_text(f"γ {short_usd(snapshot.totals.gamma_usd_per_pct)}" if snapshot is not None else "")

    def _new_row(self) -> _Row:
        with self._place, ui.element("button").classes("hf-row").props("type=button") as button:
            name = ui.label("").props("role=none")
            name.tag = "b"
            spot = ui.label("").classes("r")
            gamma = ui.label("")
            gamma.tag = "small"
            age = ui.label("").classes("r")
            age.tag = "small"
        row = _Row(button, name, spot, gamma, age)
        button.on("click", lambda: self._on_select(row.symbol))
        return row

    def _filter(self, text: object) -> None:
        self._search = str(text).strip().casefold()
