"""Blocks of a report drawn by matplotlib, for the PDF and the picture; the colours are those of the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from backtest.reports.blocks import Bars, Curve, Months, Role, Shares
from backtest.reports.scales import places_kept, time_ticks
from backtest.reports.wording import MONTHS, percent, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["INK", "SOFT", "TITLE_LEFT", "WARNING", "draw_bars", "draw_curve", "draw_months", "draw_shares"]

INK: Final = "#18212c"
"""Colour of words."""
SOFT: Final = "#566270"
"""Colour of words beside the point."""
TITLE_LEFT: Final = 0.7
"""Where titles begin, inches from the left edge."""
WARNING: Final = "#8a5a00"
"""Colour of what a reader must not miss."""

_LINE: Final = "#dfe4ea"
_ROLES: Final = {
    Role.MAIN: "#1f66a8",
    Role.OTHER: "#7d8794",
    Role.LOSS: "#c4480e",
    Role.GOOD: "#17704f",
    Role.WARN: WARNING,
    Role.PLAIN: SOFT,
}
_PARTS: Final = ("#2b8cd6", "#e0672c", "#7d8794", "#2a8f6b", "#b07cd8", "#c9a227", "#5b6b7d")
_MOST_POINTS: Final = 3_000


def _bare(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)
    axes.tick_params(length=0, labelsize=8, labelcolor=SOFT)


def _title(axes: Axes, text: str) -> None:
    """Write a title that begins where the words of the axis begin."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101  # the axes were made by one
    style: dict[str, Any] = {"xycoords": ("figure fraction", "axes fraction"), "textcoords": "offset points"}
    axes.annotate(
        text,
        (TITLE_LEFT / figure.get_figwidth(), 1.0),
        xytext=(0, 6),
        fontsize=9,
        fontweight="bold",
        color=INK,
        **style,
    )


def draw_curve(axes: Axes, block: Curve) -> None:
    """Draw series over time; their key stands above."""
    _bare(axes)
    axes.grid(axis="y", color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    for line in block.lines:
        kept = places_kept(line.values, _MOST_POINTS)
        ts, values = block.ts_ns[kept].astype(np.float64), line.values[kept]
        colour = _ROLES[line.role]
        axes.plot(ts, values, color=colour, linewidth=1.1, label=line.name)
        if line.is_filled:
            axes.fill_between(ts, values, 0.0, color=colour, alpha=0.16, linewidth=0.0)
    axes.yaxis.set_major_formatter(lambda value, _place: block.shown(value))
    if block.ts_ns.size:
        first, last = int(block.ts_ns[0]), int(block.ts_ns[-1])
        ticks = time_ticks(first, last)
        axes.set_xticks([at for at, _ in ticks], [words for _, words in ticks])
        if last > first:
            axes.set_xlim(first, last)
    _title(axes, block.title)
    if len(block.lines) > 1:
        key: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.985), "ncols": len(block.lines)}
        axes.legend(fontsize=7.5, frameon=False, labelcolor=SOFT, handlelength=1.2, columnspacing=1.2, **key)


def draw_bars(axes: Axes, block: Bars) -> None:
    """Draw amounts as bars from a zero, each with its words."""
    _bare(axes)
    axes.spines["bottom"].set_visible(False)
    amounts = np.array([0.0 if math.isnan(amount) else amount for _, amount in block.items])
    places = np.arange(amounts.size)
    axes.barh(places, amounts, color=[_ROLES[Role.LOSS if a < 0.0 else Role.MAIN] for a in amounts], height=0.62)
    axes.set_yticks(places, [name for name, _ in block.items])
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.axvline(0.0, color=SOFT, linewidth=0.7)
    span = float(np.ptp(np.append(amounts, 0.0))) or 1.0
    for place, (_, amount) in enumerate(block.items):
        end = 0.0 if math.isnan(amount) else amount
        side = -1.0 if end < 0.0 else 1.0
        where: dict[str, Any] = {"ha": "right" if side < 0.0 else "left", "va": "center", "fontsize": 8}
        axes.text(end + 0.012 * side * span, place, block.shown(amount), color=INK, **where)
    axes.set_xlim(min(0.0, float(amounts.min())) - 0.3 * span, max(0.0, float(amounts.max())) + 0.3 * span)
    _title(axes, block.title)


def draw_months(axes: Axes, block: Months) -> None:
    """Draw returns by year and month as a table whose cells are coloured."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("returns", ["#e0672c", "#ffffff", "#2b8cd6"])
    shown = np.sign(block.returns) * np.sqrt(np.abs(block.returns) / 0.10)
    axes.imshow(shown, cmap=colours, vmin=-1.6, vmax=1.6, aspect="auto")
    axes.set_xticks(range(13), (*MONTHS, "year"))
    axes.set_yticks(range(len(block.years)), [str(year) for year in block.years])
    axes.tick_params(length=0, labelsize=8, labelcolor=SOFT, labelbottom=False, labeltop=True)
    for side in axes.spines.values():
        side.set_visible(False)
    for (row, column), value in np.ndenumerate(block.returns):
        if math.isfinite(value):
            weight = "bold" if column == 12 else "normal"
            text = signed(100.0 * value, 1)
            axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=INK, fontweight=weight)


def draw_shares(axes: Axes, block: Shares) -> None:
    """Draw how each whole is divided, with the words below each bar."""
    axes.set_axis_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(block.rows), 0.0)
    _title(axes, block.title)
    for place, (name, shares) in enumerate(block.rows):
        left = 0.0
        for part, (_, share) in enumerate(shares):
            axes.barh(place + 0.5, share, left=left, height=0.28, color=_PARTS[part % len(_PARTS)])
            left += share
        axes.text(0.0, place + 0.26, name, fontsize=8, color=INK, fontweight="bold", va="bottom")
        words = "   ".join(f"{state} {percent(share, 1)}" for state, share in shares)
        axes.text(0.0, place + 0.78, words, fontsize=7.5, color=SOFT, va="center")
