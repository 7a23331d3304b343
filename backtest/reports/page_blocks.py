"""Blocks of a report as HTML: lines that stretch with the page, words that do not."""

from __future__ import annotations

import json
import math
from html import escape
from typing import Final

import numpy as np

from backtest.reports.blocks import Bars, Block, Curve, Facts, Grid, Line, Months, Note, Role, Shares
from backtest.reports.scales import places_kept, time_ticks, value_ticks
from backtest.reports.wording import GLUE, MONTHS, percent, signed
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = ["block_as_html"]

_LONG_CELL: Final = 40
_MOST_POINTS: Final = 800
_SIZE: Final = 1_000.0
_NS_PER_S: Final = 1_000_000_000
_N_COLOURS: Final = 7
_FULL_COLOUR: Final = 0.10  # a month of 10 % has the strongest colour


def block_as_html(block: Block) -> str:  # noqa: PLR0911  # one line per kind
    """Return a block as HTML; every word of a user or of a file is escaped."""
    match block:
        case Facts():
            return _facts(block)
        case Grid():
            return _grid(block)
        case Curve():
            return _curve(block)
        case Bars():
            return _bars(block)
        case Months():
            return _months(block)
        case Shares():
            return _shares(block)
        case Note():
            return f'<p class="{"warn" if block.role is Role.WARN else "soft"}">{escape(block.text)}</p>'


def _facts(block: Facts) -> str:
    cells = (
        f'<div><dt>{escape(item.name)}</dt><dd><div class="v {item.role}">{escape(item.text.replace(GLUE, " "))}</div>'
        f'<div class="s">{escape(item.note)}</div></dd></div>'
        for item in block.items
    )
    return f'<dl class="facts">{"".join(cells)}</dl>'


def _title(words: str) -> str:
    return f"<h3>{escape(words)}</h3>" if words else ""


def _grid(block: Grid) -> str:
    if not block.rows:
        return f'<div>{_title(block.title)}<p class="soft">{escape(block.empty)}</p></div>'
    right = [' class="r"' if head.endswith(">") else "" for head in block.heads]
    for place, side in enumerate(right):  # words of a narrow column would stand one below the other
        if not side and any(len(row[place]) > _LONG_CELL for row in block.rows):
            right[place] = ' class="l"'
    heads = "".join(
        f"<th{side}>{escape(head.rstrip('>!'))}</th>" for head, side in zip(block.heads, right, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(f"<td{side}>{escape(cell)}</td>" for cell, side in zip(row, right, strict=True)) + "</tr>"
        for row in block.rows
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div>{_title(block.title)}<div class="wide" tabindex="0">{table}</div></div>'


def _curve(block: Curve) -> str:
    lines = [line for line in block.lines if np.isfinite(line.values).any()]
    if block.ts_ns.size < 2 or not lines:
        return f'<div>{_title(block.title)}<p class="soft">too few marks for a curve</p></div>'
    kept = _union_of_places(lines)
    ts = block.ts_ns[kept]
    drawn = [(line, line.values[kept]) for line in lines]
    known = np.concatenate([values[np.isfinite(values)] for _, values in drawn])
    if any(line.is_filled for line in lines):
        known = np.append(known, 0.0)
    ticks = value_ticks(float(known.min()), float(known.max()), most=5 if block.is_tall else 4)
    low, high = float(ticks[0]), float(ticks[-1])
    x = (ts - ts[0]) / float(ts[-1] - ts[0]) * _SIZE
    paths = [f'<path class="g" d="{"".join(f"M0 {_y(v, low, high)}H1000" for v in ticks.tolist())}"/>']
    for line, values in drawn:
        y = (high - values) / (high - low) * _SIZE
        if line.is_filled:
            paths.append(f'<path class="f {line.role}" d="{_area(x, y, (high - 0.0) / (high - low) * _SIZE)}"/>')
        paths.append(f'<path class="{line.role}" d="{_path(x, y)}"/>')
    words = "".join(
        f'<span class="y" style="bottom:{(v - low) / (high - low):.2%}">{escape(block.shown(v))}</span>'
        for v in ticks.tolist()
    )
    words += "".join(
        f'<span class="x{" odd" if place % 2 else ""}" style="left:{(at - ts[0]) / (ts[-1] - ts[0]):.2%}">'
        f"{escape(text)}</span>"
        for place, (at, text) in enumerate(time_ticks(int(ts[0]), int(ts[-1])))
    )
    keys = "".join(f'<span><i class="k-{line.role}"></i>{escape(line.name)}</span>' for line in lines)
    picture = (
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label="{escape(block.title)}">'
        f"{''.join(paths)}</svg>"
    )
    return (
        f'<figure>{_title(block.title)}<div class="keys">{keys}</div>'
        f'<div class="plot{" tall" if block.is_tall else ""}"{_told(block, ts, drawn)}>{picture}{words}</div></figure>'
    )


def _y(value: float, low: float, high: float) -> str:
    return f"{(high - value) / (high - low) * _SIZE:.1f}"


def _union_of_places(lines: list[Line]) -> Int64Array:
    found = [places_kept(line.values, _MOST_POINTS) for line in lines]
    return np.unique(np.concatenate(found))


def _told(block: Curve, ts: Int64Array, drawn: list[tuple[Line, FloatArray]]) -> str:
    """Return what the pointer reads, as attributes."""
    values = [[block.shown(value) for value in column.tolist()] for _, column in drawn]
    told = {"t": (ts // _NS_PER_S).tolist(), "v": values, "n": [line.name for line, _ in drawn]}
    return "".join(
        f' data-{name}="{escape(json.dumps(value, ensure_ascii=False, separators=(",", ":")))}"'
        for name, value in told.items()
    )


def _path(x: FloatArray, y: FloatArray) -> str:
    parts, pen_up = [], True
    for at, height in zip(x.tolist(), y.tolist(), strict=True):
        if math.isnan(height):
            pen_up = True
            continue
        parts.append(f"{'M' if pen_up else 'L'}{at:.1f} {height:.1f}")
        pen_up = False
    return "".join(parts)


def _area(x: FloatArray, y: FloatArray, zero: float) -> str:
    known = np.isfinite(y)
    if not known.any():
        return ""
    ends = x[known]
    return f"M{ends[0]:.1f} {zero:.1f}L{_path(ends, y[known])[1:]}L{ends[-1]:.1f} {zero:.1f}Z"


def _bars(block: Bars) -> str:
    known = [amount for _, amount in block.items if math.isfinite(amount)]
    low, high = min([0.0, *known]), max([0.0, *known])
    span = (high - low) or 1.0
    rows = []
    for name, amount in block.items:
        bar = ""
        if math.isfinite(amount):
            left, width = (min(amount, 0.0) - low) / span, abs(amount) / span
            bar = f'<div class="b{" neg" if amount < 0 else ""}" style="left:{left:.2%};width:{width:.2%}"></div>'
        rows.append(f'<div>{escape(name)}</div><div class="t">{bar}</div><div class="n">{block.shown(amount)}</div>')
    zero = f"--o:{-low / span:.2%}"
    return f'<div>{_title(block.title)}<div class="bars" style="{zero}">{"".join(rows)}</div></div>'


def _months(block: Months) -> str:
    heads = "".join(f"<th>{name}</th>" for name in ("", *MONTHS, "year"))
    rows = []
    for year, row in zip(block.years, block.returns.tolist(), strict=True):
        cells = "".join(_month_cell(value) for value in row[:12])
        rows.append(f'<tr><td>{year}</td>{cells}<td class="yr">{signed(100.0 * row[12], 1)}</td></tr>')
    table = f'<table class="months"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="wide" tabindex="0">{table}</div>'


def _month_cell(value: float) -> str:
    if math.isnan(value):
        return "<td></td>"
    strength = min(abs(value) / _FULL_COLOUR, 1.0) ** 0.5 * 0.6
    side = "up" if value >= 0.0 else "down"
    return f'<td style="background:rgba(var(--{side}),{strength:.2f})">{signed(100.0 * value, 1)}</td>'


def _shares(block: Shares) -> str:
    parts = []
    for name, shares in block.rows:
        bars = "".join(
            f'<span class="c{place % _N_COLOURS}" style="flex:{share:.5f}" title="{escape(state)} {percent(share, 1)}">'
            "</span>"
            for place, (state, share) in enumerate(shares)
        )
        keys = "".join(
            f'<span><i class="c{place % _N_COLOURS}"></i>{escape(state)} {percent(share, 1)}</span>'
            for place, (state, share) in enumerate(shares)
        )
        parts.append(f'<div>{_title(name)}<div class="share">{bars}</div><div class="legend">{keys}</div></div>')
    return f"<div>{_title(block.title)}{''.join(parts)}</div>"
