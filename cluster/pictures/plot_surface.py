"""Panels of a picture that show the volatility surface, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from cluster.pictures.smiles import Smile, term_structure
from market.clock import datetime_of_ns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fields.surface.message import VolSurface
    from market.chains import FloatArray

__all__ = ["SMILE_COLOURS", "draw_smiles", "draw_term_structure"]

SMILE_COLOURS: Final = ("#2b8cd6", "#2a8f6b", "#c99a1e", "#b5478f")
_TICK_GAP: Final = 0.08  # of the axis: names of two ticks do not run into each other
_DAYS: Final = (1, 7, 30, 91, 182, 365, 730, 1825)


def draw_smiles(axes: Axes, below: Axes, smiles: Sequence[Smile]) -> None:
    """Draw bid to ask of the quotes and the surface through them; below, what the surface misses."""
    axes.set_title("Surface (lines) and quotes out of the money (bid to ask)", fontsize=10, loc="left")
    below.set_xlabel("ln(strike / forward), standard deviations", fontsize=9)
    if not smiles:
        axes.text(0.5, 0.5, "no quotes of this instant, or no fit", ha="center", transform=axes.transAxes)
        return
    for smile, colour in zip(smiles, SMILE_COLOURS, strict=False):
        x, curve_x = smile.log_moneyness / smile.deviation, smile.curve_log_moneyness / smile.deviation
        label = f"{datetime_of_ns(smile.expiry_ns):%d %b %y}: RMSE {100 * smile.rmse_vol:.2f}"
        label += f", inside {smile.inside_share:.0%}" if np.isfinite(smile.inside_share) else ""
        axes.vlines(x, 100 * smile.bid_vol, 100 * smile.ask_vol, color=colour, linewidth=0.8, alpha=0.45)
        axes.plot(curve_x, 100 * smile.curve_vol, color=colour, linewidth=1.3, label=label)
        below.plot(x, 100 * smile.residual_vol, ".", color=colour, markersize=2.5)
    low, high = _bounds(np.concatenate([100 * smile.mid_vol for smile in smiles]))
    axes.set_ylim(low, high)
    below.set_ylim(*_bounds(np.concatenate([100 * smile.residual_vol for smile in smiles])))
    axes.set_xlim(-3.6, 3.6)
    below.set_xlim(-3.6, 3.6)
    axes.tick_params(labelbottom=False)
    axes.legend(fontsize=8, title="vol points; share of quotes near the money", title_fontsize=7)
    axes.set_ylabel("volatility, %")
    below.axhline(0.0, color="grey", linewidth=0.5)
    below.set_ylabel("mid − surface,\nvol points", fontsize=8)


def _bounds(values: FloatArray) -> tuple[float, float]:
    low, high = np.percentile(values, (0.5, 99.5))
    pad = max(0.12 * float(high - low), 0.05)
    return float(low) - pad, float(high) + pad


def draw_term_structure(axes: Axes, surface: VolSurface) -> None:
    """Draw the volatility at the forward by time to expiry."""
    axes.set_title("Volatility at the forward", fontsize=10, loc="left")
    found = term_structure(surface)
    if not found.tau.size:
        axes.text(0.5, 0.5, "no expiration is fitted", ha="center", transform=axes.transAxes)
        return
    root, vol = np.sqrt(found.tau), 100 * found.atm_vol
    axes.plot(root, vol, color="#2b8cd6", linewidth=1.2)
    axes.plot(root[found.fitted], vol[found.fitted], "o", color="#2b8cd6", markersize=4, label="fitted to its quotes")
    if not found.fitted.all():
        rest = ~found.fitted
        axes.plot(
            root[rest], vol[rest], "o", color="#2b8cd6", mfc="white", markersize=4, label="between its neighbours"
        )
    last = float(root[-1])
    ticks: list[int] = []
    for days in _DAYS:
        before = np.sqrt(ticks[-1] / 365.0) if ticks else -1.0
        if np.sqrt(days / 365.0) <= 1.05 * last and np.sqrt(days / 365.0) - before > _TICK_GAP * last:
            ticks.append(days)
    axes.set_xticks([float(np.sqrt(days / 365.0)) for days in ticks], [f"{days} d" for days in ticks], fontsize=8)
    axes.legend(fontsize=8)
    axes.set_xlabel("time to expiry (square root)", fontsize=9)
    axes.set_ylabel("volatility, %")
