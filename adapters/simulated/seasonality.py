"""The day's shape: variance, trading and spreads that are high at the open and at the close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.errors import ConfigError

__all__ = ["DayShape", "Seasonality"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayShape:
    """A weight over the session, ``1 + opening exp(-x / fade) + closing exp(-(1 - x) / rise)``, scaled to mean 1.

    Parameters
    ----------
    opening, closing : float
        Excess at the open and at the close over the middle of the day, > -1.
    fade, rise : float
        Shares of the session in which the opening's excess falls, and the closing's rises, by a factor of e, > 0.
    """

    opening: float = 0.0
    closing: float = 0.0
    fade: float = 0.1
    rise: float = 0.1

    def __post_init__(self) -> None:
        if not (min(self.opening, self.closing) > -1.0 and self.fade > 0.0 and self.rise > 0.0):
            raise ConfigError(
                "no shape of a day",
                found=f"opening {self.opening}, closing {self.closing}, fade {self.fade}, rise {self.rise}",
                expected="opening and closing > -1, fade and rise > 0",
            )

    def passed(self, x: float) -> float:
        """Return the weight of the session up to a point.

        Parameters
        ----------
        x : float
            Share of the session that has passed, 0 to 1.

        Returns
        -------
        float
            0 at the open, rising to 1 at the close.
        """
        return self._sum(x) / self._sum(1.0)

    def weight(self, x: float) -> float:
        """Return the weight at a point of the session; its mean over the session is 1."""
        height = 1.0 + self.opening * np.exp(-x / self.fade) + self.closing * np.exp(-(1.0 - x) / self.rise)
        return float(height) / self._sum(1.0)

    def _sum(self, x: float) -> float:
        opening = -self.opening * self.fade * np.expm1(-x / self.fade)
        closing = self.closing * self.rise * (np.exp(-(1.0 - x) / self.rise) - np.exp(-1.0 / self.rise))
        return float(x + opening + closing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasonality:
    """How variance, trading and spreads run over a session.

    Parameters
    ----------
    variance : DayShape
        Variance of the price per time; options know it, so that their last hours decay at its pace.
    trading : DayShape
        Trades of customers and prints of the underlying per time.
    spread : DayShape
        Multiplies the spreads of options.

    Notes
    -----
    The defaults follow recorded minutes, in quarters of an hour: variance of the SPX (35 sessions of 2025, 24 of 2026),
    2.3 to 2.6 times the mean after the open, 0.5 to 0.7 at its lowest, 1.2 to 1.5 before the close; volume of option
    prints on an equity, 2.4, 0.6 and 1.5; relative spreads of SPX options of January 2021, 1.2, 0.85 and 1.5.
    """

    variance: DayShape = DayShape(opening=3.4, closing=1.6, fade=0.12, rise=0.05)
    trading: DayShape = DayShape(opening=2.2, closing=1.4, fade=0.05, rise=0.07)
    spread: DayShape = DayShape(opening=0.5, closing=0.7, fade=0.03, rise=0.08)
