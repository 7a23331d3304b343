"""The page: one view per browser tab, written in place from the board."""

from __future__ import annotations

from typing import final
from urllib.parse import urlencode

from fastapi import FastAPI
from nicegui import ui

from actors.messages import Publication
from market.clock import iso_of_ns
from serve.board import Entry, SnapshotBoard
from serve.page_charts import FigureCache, tagged
from serve.page_sections import SECTIONS, Sections
from serve.page_style import FAVICON, STYLE
from serve.page_symbols import SymbolRows
from serve.page_text import age_text, confidence_text, price_text, tiles

__all__ = ["PageView", "mount_page"]

_TICK_S = 0.2  # numbers: at most five times a second
_LIST_TICKS = 5
_RECORDED_AFTER_NS = 3600 * 1_000_000_000  # delayed quotes are minutes old; what is older is a recording


def mount_page(app: FastAPI, board: SnapshotBoard) -> None:
    """Serve the page at ``/`` of an application.

    Parameters
    ----------
    app : FastAPI
        The application; NiceGUI is mounted into it below all its routes.
    board : SnapshotBoard
        What the page shows.
    """
    cache = FigureCache()

    @ui.page("/", title="Hedgefield")
    def show(symbol: str = "", section: str = "") -> None:
        PageView(board, cache, symbol, section)

    ui.run_with(
        app,
        title="Hedgefield",
        favicon=FAVICON,
        dark=None,
        language="en-US",
        reconnect_timeout=30.0,
        tailwind=False,
        gzip_middleware_factory=None,  # it would compress five megabytes of script on the loop that answers requests
        show_welcome_message=False,
    )


@final
class PageView:
    """What one browser tab sees.

    Parameters
    ----------
    board : SnapshotBoard
        Where the fields are.
    cache : FigureCache
        Figures shared by all tabs.
    symbol : str
        What to show first; the first symbol of the board where it is unknown.
    section : str, optional
        Section to open; the first one where it is unknown.
    """

    def __init__(self, board: SnapshotBoard, cache: FigureCache, symbol: str, section: str = "") -> None:
        self._board = board
        self._selected = symbol
        self._chosen = board.get(symbol) is not None
        self._sequence = -1
        self._ticks = 0
        self._list_due = 0
        ui.add_css(STYLE)
        self._build_top()
        with ui.element("div").classes("hf-shell"):
            self._rows = SymbolRows(board, self._select)
            with ui.element("main"):
                self._empty = ui.label("").classes("hf-empty").props("role=status data-testid=empty")
                with ui.element("div").classes("hf-main") as self._content:
                    self._build_head()
                    self._sections = Sections(cache, section, self._open)
        self._tick()
        ui.timer(_TICK_S, self._tick)

    def _build_top(self) -> None:
        dark = ui.dark_mode(value=None)
        with ui.element("header").classes("hf-top"):
            ui.label("Hedgefield").classes("hf-brand")
            self._simulated = ui.label("SIMULATED").classes("hf-mark").props('title="The market data is simulated."')
            self._state = ui.label("").classes("hf-badge").props("role=status data-testid=state")
            ui.element("span").classes("hf-space")
            self._age = ui.label("").classes("hf-age").props("data-testid=age")
            theme = ui.element("button").classes("hf-plain").props('type=button aria-label="Switch light and dark"')
            with theme:
                ui.label("◐")
            theme.on("click", lambda: dark.set_value(not dark.value))
        self._note = ui.label("").classes("hf-note").props("role=alert data-testid=note")

    def _build_head(self) -> None:
        with ui.element("div").classes("hf-head"):
            self._title = tagged("h1", "")
            self._spot = ui.label("").classes("spot").props("data-testid=spot")
            self._how = ui.label("").classes("how")
            self._confidence = ui.label("").classes("how").props("data-testid=confidence")
        with ui.element("section").classes("hf-tiles").props('aria-label="Key numbers"'):
            self._tiles = [_TileView() for _ in range(8)]

    def _select(self, symbol: str) -> None:
        self._selected = symbol
        self._chosen = True
        self._sequence = -1
        self._list_due = self._ticks
        self._sections.wake()
        self._remember()
        self._tick()

    def _open(self, _section: str) -> None:
        self._remember()
        self._tick()

    def _remember(self) -> None:
        shown = {"symbol": self._selected}
        if self._sections.chosen != next(iter(SECTIONS)):
            shown["section"] = self._sections.chosen
        ui.navigate.history.replace(f"/?{urlencode(shown)}")

    def _current(self) -> Entry | None:
        entry = self._board.get(self._selected)
        if entry is not None and (self._chosen or entry.publication is not None):
            return entry
        known = [found for found in map(self._board.get, self._board.symbols) if found is not None]
        entry = next((found for found in known if found.publication is not None), known[0] if known else None)
        self._selected = entry.symbol if entry is not None else ""
        return entry

    def _tick(self) -> None:
        entry = self._current()
        # Everything that has rested long enough moves with a new field at once, so that no two parts disagree.
        fresh = entry is not None and entry.sequence != self._sequence
        if fresh or self._ticks >= self._list_due:
            self._list_due = self._ticks + _LIST_TICKS
            self._rows.show(self._selected)
            self._show_age(entry)
        if entry is not None and entry.snapshot is not None:
            self._show_field(entry)
        self._show_empty(entry)
        self._ticks += 1

    def _show_field(self, entry: Entry) -> None:
        publication = entry.publication
        if publication is None:
            return
        self._sections.show(publication, self._ticks)
        if entry.sequence == self._sequence:
            return
        self._sequence = entry.sequence
        snapshot = publication.snapshot
        self._title.set_text(snapshot.symbol)
        self._spot.set_text(price_text(snapshot.spot))
        source = snapshot.provenance.source
        self._how.set_text(f"as of {iso_of_ns(snapshot.ts_event_ns)} · {snapshot.spot_source} · from {source}")
        self._confidence.set_text(confidence_text(publication.live))
        self._simulated.set_visibility(snapshot.provenance.simulated)
        for view, tile in zip(self._tiles, tiles(snapshot), strict=True):
            view.show(tile.name, tile.value, tile.note, tile.side)

    def _show_age(self, entry: Entry | None) -> None:
        if entry is None or entry.publication is None:
            self._age.set_text("")
            self._state.set_visibility(False)
            self._note.set_visibility(False)
            self._simulated.set_visibility(False)
            return
        age = age_text(self._board.age_s(entry))
        reason = self._board.stale_reason(entry)
        self._age.set_text(f"{age} old")
        self._state.set_visibility(True)
        catching_up = self._board.is_catching_up(entry)
        flowing = "RECORDED" if _is_recorded(entry.publication) else "LIVE"
        self._state.set_text("CATCHING UP" if catching_up else "STALE" if reason else flowing)
        self._state.classes(remove="hf-live") if reason else self._state.classes(add="hf-live")
        self._note.set_visibility(reason is not None)
        self._note.set_text(f"{entry.symbol} is {age} old: {reason}" if reason else "")

    def _show_empty(self, entry: Entry | None) -> None:
        waiting = entry is None or entry.publication is None
        self._empty.set_visibility(waiting)
        self._content.set_visibility(not waiting)
        if not waiting:
            return
        known = len(self._board.symbols)
        there = known - len(self._board.missing)
        what = f"the first field of {entry.symbol}" if entry is not None else "the feed"
        self._empty.set_text(f"Waiting for {what}. {there} of {known} symbols are there.")


def _is_recorded(publication: Publication) -> bool:
    lag_ns = publication.published_ns - publication.snapshot.ts_event_ns
    return not publication.snapshot.provenance.simulated and lag_ns > _RECORDED_AFTER_NS


@final
class _TileView:
    def __init__(self) -> None:
        with ui.element("div").classes("hf-tile"):
            self._name = ui.label("").classes("n")
            self._value = ui.label("").classes("v")
            self._note = ui.label("").classes("s")

    def show(self, name: str, value: str, note: str, side: str) -> None:
        self._name.set_text(name)
        self._value.set_text(value)
        testid = name.partition(",")[0].replace(" ", "-")
        self._value.classes(replace=f"v {side}").props(f'data-testid="{testid}"')
        self._note.set_text(note)
