"""Pictures of the structures: pay-off at several horizons and Greeks over the price; each carries its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from backtest.reports.drawing import INK, SOFT
from benchmarks.picture_file import picture_file, rounded
from benchmarks.structure_example import HORIZONS, Example, Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["picture_of", "told_numbers"]

_GRID: Final = "#e6eaef"
# One hue from light to dark as time goes by; the first expiry is what a reader looks for.
_TIMES: Final = ("#9cc3e6", "#5b9bd5", "#2a6cae", INK)
_NOW, _HALF = "#1f66a8", "#e0672c"
_SPOT: Final = "#8a5a00"
_GREEK_TITLES: Final = (
    "Delta, shares",
    "Gamma, shares per USD",
    "Vega, USD per vol point",
    "Theta, USD per day",
)
_KEPT: Final = 8


def told_numbers(profile: Profile) -> dict[str, list[float]]:
    """Return every eighth number of what a picture draws.

    Parameters
    ----------
    profile : Profile
        Lines.

    Returns
    -------
    dict of str to list of float
        By line, in the units of the axes.
    """
    told = {"price": profile.price, "greek price": profile.greek_price}
    told |= {name: line for (name, _), line in zip(HORIZONS, profile.profit, strict=True)}
    for when, lines in zip(("now", "half the time"), profile.greeks, strict=True):
        told |= {f"{title}, {when}": line for title, line in zip(_GREEK_TITLES, lines, strict=True)}
    return {name: rounded(line[::_KEPT].tolist()) for name, line in told.items()}


def picture_of(example: Example, profile: Profile) -> bytes:
    """Return the picture of a structure.

    Parameters
    ----------
    example : Example
        Structure, for its break-evens and its name.
    profile : Profile
        Lines.

    Returns
    -------
    bytes
        A PNG file that carries `told_numbers`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.9), facecolor="white")
    FigureCanvasAgg(figure)
    grid: Any = figure.add_gridspec(
        2, 3, width_ratios=(2.3, 1.0, 1.0), left=0.075, right=0.985, top=0.9, bottom=0.1, wspace=0.3, hspace=0.42
    )
    _payoff(figure.add_subplot(grid[:, 0]), example, profile)
    for place, title in enumerate(_GREEK_TITLES):
        axes = figure.add_subplot(grid[place // 2, 1 + place % 2])
        _greek(axes, example, profile, place, title)
    lines, names = figure.axes[1].get_legend_handles_labels()
    figure.legend(lines[::-1], names[::-1], fontsize=8, frameon=False, ncols=2, loc="upper right", labelcolor=SOFT)
    figure.text(0.985, 0.015, "example: a synthetic chain, not a market", fontsize=7, color=SOFT, ha="right")
    return picture_file(figure, told_numbers(profile))


def _bare(axes: Axes, example: Example, title: str) -> None:
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, labelcolor=SOFT)
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold", color=INK)
    axes.axhline(0.0, color=SOFT, linewidth=0.9)
    axes.axvline(float(example.measures.book.spot[0]), color=_SPOT, linewidth=0.9, linestyle=(0, (4, 3)))


def _whole(value: float, _place: float) -> str:
    return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")


def _payoff(axes: Axes, example: Example, profile: Profile) -> None:
    _bare(axes, example, "Profit of one package, USD")
    for (name, _), line, colour in zip(HORIZONS, profile.profit, _TIMES, strict=True):
        axes.plot(profile.price, line, color=colour, linewidth=2.0 if colour == INK else 1.3, label=name)
    last = profile.profit[-1]
    axes.fill_between(profile.price, last, 0.0, where=(last > 0.0).tolist(), color="#17704f", alpha=0.10, linewidth=0.0)
    axes.fill_between(profile.price, last, 0.0, where=(last < 0.0).tolist(), color="#c4480e", alpha=0.10, linewidth=0.0)
    low, high = float(profile.price[0]), float(profile.price[-1])
    inside = [root for root in example.measures.break_evens if low < root < high]
    axes.plot(inside, [0.0] * len(inside), "o", color=INK, markersize=4.5, label="break-even")
    axes.set_xlim(low, high)
    axes.yaxis.set_major_formatter(_whole)
    axes.xaxis.set_major_formatter(_whole)
    axes.legend(fontsize=8, frameon=False, loc="best", labelcolor=SOFT)
    axes.set_xlabel("price of the underlying; dashed: now", fontsize=8, color=SOFT)


def _greek(axes: Axes, example: Example, profile: Profile, place: int, title: str) -> None:
    _bare(axes, example, title)
    now, half = profile.greeks[:, place]
    axes.plot(profile.greek_price, half, color=_HALF, linewidth=1.2, label="half the time")
    axes.plot(profile.greek_price, now, color=_NOW, linewidth=1.5, label="now")
    axes.set_xlim(float(profile.price[0]), float(profile.price[-1]))
    axes.xaxis.set_major_formatter(_whole)
    axes.locator_params(axis="x", nbins=4)
    if np.abs(profile.greeks[:, place]).max() > 0.0:
        axes.locator_params(axis="y", nbins=5)
