"""A uniform grid of log price: what the deposit, the spot ladder and the heatmap share."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import final

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError

__all__ = ["LogGrid"]


@final
@dataclass(frozen=True, slots=True)
class LogGrid:
    """Uniform nodes of log price relative to spot: ``x_j = centre + (j - middle) * spacing``.

    Parameters
    ----------
    centre : float
        ln(price / spot) of the middle, exactly 0 for a ladder about spot.
    spacing : float
        Distance of neighbours, > 0.
    n_nodes : int
        Number of nodes, at least 2.
    """

    centre: float
    spacing: float
    n_nodes: int

    def __post_init__(self) -> None:
        if not (isfinite(self.centre) and isfinite(self.spacing) and self.spacing > 0.0 and self.n_nodes >= 2):
            found = f"centre {self.centre}, spacing {self.spacing}, {self.n_nodes} nodes"
            raise ConfigError("log grid is not rising", found=found, expected="spacing > 0 and 2 nodes or more")

    @classmethod
    def about_spot(cls, half_width: float, n_nodes: int) -> LogGrid:
        """Return the grid from -half_width to +half_width; with an odd number of nodes spot is one of them.

        Parameters
        ----------
        half_width : float
            Log price.
        n_nodes : int
            Number of nodes.

        Returns
        -------
        LogGrid
            The grid.
        """
        return cls(centre=0.0, spacing=2.0 * half_width / (n_nodes - 1), n_nodes=n_nodes)

    @property
    def start(self) -> float:
        """First node, ln(price / spot)."""
        return self.centre - (self.n_nodes - 1) / 2.0 * self.spacing

    @property
    def nodes(self) -> FloatArray:
        """Nodes, ln(price / spot), shape (n_nodes,)."""
        middle = (self.n_nodes - 1) / 2.0
        return self.centre + (np.arange(self.n_nodes, dtype=np.float64) - middle) * self.spacing
