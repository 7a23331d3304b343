"""A report as a PDF: A4, a section begins a page, and each page carries the assumptions and the mark."""

from __future__ import annotations

import textwrap
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, final

from backtest.reports.blocks import Bars, Block, Curve, Facts, Grid, Months, Note, Report, Role, Section, Shares
from backtest.reports.drawing import INK, SOFT, TITLE_LEFT, WARNING, draw_bars, draw_curve, draw_months, draw_shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["pages_of", "report_as_pdf", "report_as_picture"]

_WIDTH, _HEIGHT = 8.27, 11.69  # A4, inches
_MARGIN: Final = TITLE_LEFT
_BOTTOM: Final = 0.75
_ROW: Final = 0.175
_GAP: Final = 0.28
_MOST_ROWS: Final = 120
_COLUMNS: Final = 3
_FACT_ROW: Final = 0.58
_CELL: Final = 44
_WIDE_CELL: Final = 92  # of tables of a few columns
_HEADING: Final = 0.55
_TITLE_LETTERS: Final = 48


def report_as_pdf(report: Report) -> bytes:
    """Return a report as a PDF.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    bytes
        Same report, same bytes: no date is written into it.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages

    sink = BytesIO()
    metadata = {"Title": _title(report), "CreationDate": None, "Creator": "Hedgefield", "Producer": None}
    with mpl.rc_context({"pdf.fonttype": 42}), PdfPages(sink, metadata=metadata) as pages:
        for page in pages_of(report):
            pages.savefig(page)
    return sink.getvalue()


def pages_of(report: Report) -> tuple[Figure, ...]:
    """Return the pages of a report, drawn."""
    paper = _Paper(report)
    for section in report.sections:
        paper.add(section)
    return tuple(paper.pages)


def report_as_picture(report: Report) -> bytes:
    """Return the first curves of a report as a PNG of about 1300 by 800 pixels.

    Parameters
    ----------
    report : Report
        The report; its first tall curve is drawn large, and the curve after it below.

    Returns
    -------
    bytes
        PNG.
    """
    curves = [block for section in report.sections for block in section.blocks if isinstance(block, Curve)][:2]
    figure = _figure(11.8, 7.4)
    heights = (3.0, 1.2)[: max(len(curves), 1)]
    told = _wrapped(report.assumptions, 150)
    top = 0.885 - 0.021 * (told.count("\n") + 1)  # the head of the first curve stands below the last line
    grid: Any = figure.add_gridspec(
        len(heights), 1, height_ratios=heights, left=0.11, right=0.97, top=top, bottom=0.07, hspace=0.28
    )
    for place, curve in enumerate(curves):
        draw_curve(figure.add_subplot(grid[place]), curve)
    left = TITLE_LEFT / 11.8
    _words(figure, _title(report), left, 0.965, 14, INK, weight="bold")
    _words(figure, told, left, 0.925, 8, SOFT)
    sink = BytesIO()
    figure.savefig(sink, format="png", dpi=110, metadata={"Software": "Hedgefield"})
    return sink.getvalue()


def _title(report: Report) -> str:
    return f"{'SIMULATED  ·  ' if report.is_simulated else ''}{report.title}"


def _figure(width: float, height: float) -> Figure:
    # The object interface alone: pyplot would keep state and look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _words(figure: Figure, text: str, x: float, y: float, size: float, colour: str, *, weight: str = "normal") -> None:
    # No mathematics: a name with dollar signs would be typeset.
    figure.text(x, y, text, fontsize=size, color=colour, va="top", fontweight=weight, parse_math=False)


def _wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width) or [""])


@final
class _Paper:
    """Pages that are filled from the top."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.pages: list[Figure] = []
        self._left = 0.0  # room on the page, inches
        self._warned = False

    def add(self, section: Section) -> None:
        if self.pages and _height_of_section(section) + _HEADING <= self._left:
            self._head(section.title)
        else:
            self._turn(section.title)
        for block in section.blocks:
            if isinstance(block, Grid):
                self._grid(block, section.title)
            else:
                height = _height_of(block)
                if height > self._left:
                    self._turn(f"{section.title}, continued")
                _draw(self._room(height, block), block)

    def _head(self, title: str) -> None:
        """Begin a section below another one."""
        mark = "SIMULATED  ·  " if self._report.is_simulated else ""
        top = (_BOTTOM + self._left - 0.1) / _HEIGHT
        _words(self.pages[-1], f"{mark}{title}", _MARGIN / _WIDTH, top, 15, INK, weight="bold")
        self._left -= _HEADING

    def _turn(self, title: str) -> None:
        figure = _figure(_WIDTH, _HEIGHT)
        self.pages.append(figure)
        left, told = _MARGIN / _WIDTH, _wrapped(self._report.assumptions, 150)
        lower = 0.12 * told.count("\n")
        _words(figure, told, left, 1.0 - 0.32 / _HEIGHT, 6.3, SOFT)
        mark = "SIMULATED  ·  " if self._report.is_simulated else ""
        if len(self.pages) == 1:
            title = f"{_cut(self._report.title, _TITLE_LETTERS)}  ·  {title}"
        _words(figure, f"{mark}{title}", left, 1.0 - (0.62 + lower) / _HEIGHT, 15, INK, weight="bold")
        foot = f"{self._report.title}  ·  page {len(self.pages)}  ·  a backtest promises nothing"
        _words(figure, foot, left, 0.45 / _HEIGHT, 7.5, SOFT)
        self._left = _HEIGHT - 1.05 - lower - _BOTTOM
        if not self._warned:
            self._warned = True
            for text in self._report.warnings:
                block = Note(text=text, role=Role.WARN)
                _draw(self._room(_height_of(block), block), block)

    def _room(self, height: float, block: Block) -> Axes:
        top = (_BOTTOM + self._left) / _HEIGHT
        self._left -= height + _GAP
        inset = 0.55 if isinstance(block, Curve) else 0.95 if isinstance(block, Bars) else 0.0
        head = 0.22 if isinstance(block, Curve | Bars | Shares | Months) else 0.0
        foot = 0.18 if isinstance(block, Curve) else 0.0
        width = _WIDTH - 2.0 * _MARGIN - inset
        rect = (
            (_MARGIN + inset) / _WIDTH,
            top - (height - foot) / _HEIGHT,
            width / _WIDTH,
            (height - head - foot) / _HEIGHT,
        )
        return self.pages[-1].add_axes(rect)

    def _grid(self, block: Grid, title: str) -> None:
        rows = block.rows[:_MOST_ROWS]
        more = len(block.rows) - len(rows)
        first, heading = True, block.title
        while rows or first:
            if self._left < 5.0 * _ROW:
                self._turn(f"{title}, continued")
            fits = max(int(self._left / _ROW) - 3, 1)
            part, rows = rows[:fits], rows[fits:]
            height = (len(part) + 1 + bool(heading)) * _ROW
            shown = Grid(heads=block.heads, rows=part, empty=block.empty, title=heading)
            _draw_grid(self._room(height, block), shown, height)
            first = False
        if more:
            note = Note(text=f"and {more:,} more rows, which stand in the files")
            _draw(self._room(_height_of(note), note), note)


def _height_of_section(section: Section) -> float:
    return sum(_height_of(block) + _GAP for block in section.blocks)


def _height_of(block: Block) -> float:  # noqa: PLR0911  # one line per kind
    match block:
        case Facts():
            return _FACT_ROW * -(-len(block.items) // _COLUMNS)
        case Curve():
            return 2.7 if block.is_tall else 1.75
        case Bars():
            return 0.35 + 0.24 * len(block.items)
        case Months():
            return 0.45 + 0.28 * len(block.years)
        case Shares():
            return 0.3 + 0.62 * len(block.rows)
        case Note():
            return 0.17 * len(textwrap.wrap(block.text, 112))
        case Grid():
            return (len(block.rows) + 2) * _ROW


def _draw(axes: Axes, block: Block) -> None:
    match block:
        case Curve():
            draw_curve(axes, block)
        case Bars():
            draw_bars(axes, block)
        case Months():
            draw_months(axes, block)
        case Shares():
            draw_shares(axes, block)
        case Facts():
            _draw_facts(axes, block)
        case Note():
            axes.set_axis_off()
            colour = WARNING if block.role is Role.WARN else SOFT
            _text(axes, 0.0, 1.0, _wrapped(block.text, 112), 8.5, colour)
        case Grid():
            _draw_grid(axes, block, _height_of(block))


def _text(axes: Axes, x: float, y: float, text: str, size: float, colour: str, **more: Any) -> None:
    style: dict[str, Any] = {"va": "top", "transform": axes.transAxes, "parse_math": False} | more
    axes.text(x, y, text, fontsize=size, color=colour, **style)


def _draw_facts(axes: Axes, block: Facts) -> None:
    axes.set_axis_off()
    n_rows = -(-len(block.items) // _COLUMNS)
    for place, item in enumerate(block.items):
        x, row = (place % _COLUMNS) / _COLUMNS, place // _COLUMNS
        top = 1.0 - row / n_rows
        step = 1.0 / (n_rows * _FACT_ROW)
        _text(axes, x, top, item.name, 7.5, SOFT)
        _text(axes, x, top - 0.125 * step, item.text, 12.0 if len(item.text) < 22 else 9.5, INK, fontweight="bold")
        _text(axes, x, top - 0.33 * step, _wrapped(item.note, 40), 6.6, SOFT, linespacing=1.05)


def _draw_grid(axes: Axes, block: Grid, height: float) -> None:
    axes.set_axis_off()
    step = _ROW / height
    y = 1.0
    if block.title:
        _text(axes, 0.0, y, block.title, 9.0, INK, fontweight="bold")
        y -= step
    if not block.rows:
        _text(axes, 0.0, y, block.empty, 8.0, SOFT)
        return
    most = _CELL if len(block.heads) > 3 else _WIDE_CELL
    cells = [tuple(_cut(cell, most) for cell in row) for row in block.rows]
    heads = tuple(head.rstrip(">") for head in block.heads)
    widths = [max(len(row[place]) for row in (heads, *cells)) + 2 for place in range(len(heads))]
    total = float(sum(widths))
    size = min(8.0, 8.0 * 104.0 / total)
    for number, row in enumerate((heads, *cells)):
        left = 0.0
        for place, cell in enumerate(row):
            right = block.heads[place].endswith(">")
            x = (left + (widths[place] - 1 if right else 0)) / max(total, 104.0)
            _text(axes, x, y, cell, size, SOFT if number == 0 else INK, ha="right" if right else "left")
            left += widths[place]
        y -= step


def _cut(cell: str, most: int) -> str:
    return cell if len(cell) <= most else f"{cell[: most - 1]}…"
