"""Draw how volatility moves the fuzzy size, way by way: ``python -m benchmarks.fuzzy_picture``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from backtest.reports.drawing import INK, SOFT
from benchmarks.picture_file import picture_file, rounded
from risk.fuzzy.config import FuzzyConfig
from risk.fuzzy.score import FuzzyInputs
from risk.fuzzy.sensitivity import VolatilityChannels, volatility_channels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["COMMAND", "PICTURE", "channels_along", "told_numbers"]

COMMAND: Final = "python -m benchmarks.fuzzy_picture"
"""What draws the picture."""
PICTURE: Final = Path(__file__).resolve().parents[1] / "docs" / "risk" / "fuzzy-volatility.png"
"""Where it stands."""

_CALM: Final = FuzzyInputs(
    consensus=0.1,
    rsi=52.0,
    band_position=0.55,
    stochastic=45.0,
    volume_ratio=1.2,
    sma_distance=0.004,
    sar_clearance=0.4,
    realised_vol=0.15,
    confidence=0.6,
)
_LOW, _HIGH = 10.0, 40.0
_LEVELS: Final = tuple(np.arange(_LOW, _HIGH + 0.25, 0.5).tolist())
_GRID: Final = "#e6eaef"
_SETS: Final = {"as it is": FuzzyConfig(), "with volatility_guard": FuzzyConfig(volatility_guard=True)}
_WAYS: Final = {
    "IV rank": ("iv_rank", "#17704f", 1.6),
    "regime stability": ("regime_stability", "#5b9bd5", 1.6),
    "trend and width": ("trend_and_width", "#8a5a00", 1.6),
    "sigma*": ("sigma_star", "#e0672c", 1.6),
    "net": ("net", INK, 2.2),
}


def channels_along(config: FuzzyConfig, levels: Sequence[float]) -> tuple[VolatilityChannels, ...]:
    """Return the ways of volatility along the path of the page.

    Parameters
    ----------
    config : FuzzyConfig
        The table.
    levels : sequence of float
        Levels of VIX, rising, index points.

    Returns
    -------
    tuple of VolatilityChannels
        One for each level. From VIX 10 to 40 rank and percentile rise in a line from 0 to 1, the doubt of the regime
        to 0.5, ADX from 15 to 35 and the width of the bands from 0.01 to 0.06; the rest stands.
    """
    return volatility_channels(config, [(level, _market(level)) for level in levels])


def told_numbers() -> dict[str, list[float]]:
    """Return what the picture draws: by line, thousandths of the base size per index point, and the share."""
    told = {"VIX": rounded(_LEVELS)}
    for title, config in _SETS.items():
        found = channels_along(config, _LEVELS)
        told[f"g, {title}"] = rounded([each.g for each in found])
        told |= {f"{way}, {title}": rounded(_slopes(found, name)) for way, (name, _, _) in _WAYS.items()}
    return told


def _market(level: float) -> FuzzyInputs:
    part = (level - _LOW) / (_HIGH - _LOW)
    return replace(
        _CALM,
        vix=level,
        iv_rank=part,
        vol_percentile=part,
        change_probability=0.5 * part,
        adx=15.0 + 20.0 * part,
        band_width=0.01 + 0.05 * part,
    )


def _slopes(found: Sequence[VolatilityChannels], name: str) -> list[float]:
    return [1e3 * float(getattr(each, name)) for each in found]


def _draw() -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.2), facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3, gridspec_kw={"width_ratios": (1.0, 1.0, 0.8)})
    figure.subplots_adjust(left=0.055, right=0.985, top=0.89, bottom=0.13, wspace=0.22)
    told = told_numbers()
    for axes, title in zip(panels, _SETS, strict=False):
        _bare(axes, f"Slope of g, {title}")
        axes.set_ylabel("thousandths per index point", fontsize=8, color=SOFT)
        for way, (_, colour, width) in _WAYS.items():
            axes.plot(told["VIX"], told[f"{way}, {title}"], color=colour, linewidth=width, label=way)
        axes.set_ylim(-38.0, 14.0)
    panels[1].legend(fontsize=8, frameon=False, loc="upper right", ncols=2, labelcolor=SOFT)
    _bare(panels[2], "g, share of the base size")
    for title, style in zip(_SETS, ("-", (0, (4, 2))), strict=True):
        panels[2].plot(told["VIX"], told[f"g, {title}"], color=INK, linewidth=1.8, linestyle=style, label=title)
    panels[2].legend(fontsize=8, frameon=False, loc="upper right", labelcolor=SOFT)
    figure.text(0.985, 0.015, "a stated path, not a market", fontsize=7, color=SOFT, ha="right")
    return picture_file(figure, told)


def _bare(axes: Axes, title: str) -> None:
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, labelcolor=SOFT)
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold", color=INK)
    axes.axhline(0.0, color=SOFT, linewidth=0.9)
    axes.set_xlabel("VIX", fontsize=8, color=SOFT)


if __name__ == "__main__":
    PICTURE.write_bytes(_draw())
    print(PICTURE)
