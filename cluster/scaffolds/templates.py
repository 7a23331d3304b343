"""What a new strategy can start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["TEMPLATES", "Template"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Files to start from, and what differs between them.

    Parameters
    ----------
    about : str
        What the strategy does, one clause.
    strategy, config : str
        Files of this folder.
    needs : str
        Parameter that must be given: ``instrument`` or ``underlying``.
    parameters : tuple of (str, str)
        Written into the configuration beside it, as TOML.
    impossible : tuple of (str, object)
        Parameters and values that its tests expect to be refused.
    n_days : int
        Calendar days of the configuration in which it trades, for its tests.
    step_min : int
        Time between two chains, and width of the bars, minutes.
    """

    about: str
    strategy: str
    config: str
    needs: str
    impossible: tuple[tuple[str, object], ...]
    parameters: tuple[tuple[str, str], ...] = ()
    n_days: int = 1
    step_min: int = 5


TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType(
    {
        "momentum": Template(
            about="long a share while its return is high, by features of closed bars",
            strategy="momentum.py.txt",
            config="share.toml.txt",
            needs="instrument",
            impossible=(("window", 1), ("risk_share", 0.5), ("enter_sigma", -1.0)),
            n_days=2,
        ),
        "mean_reversion": Template(
            about="a share bought beyond its bands and sold in their middle, with a longest time",
            strategy="mean_reversion.py.txt",
            config="share.toml.txt",
            needs="instrument",
            impossible=(("window", 2), ("outside", 1.5), ("share", 0.0)),
            n_days=2,
        ),
        "structure": Template(
            about="option legs of one's own as data, with the gates, sizes and exits of every structure",
            strategy="structure.py.txt",
            config="option.toml.txt",
            needs="underlying",
            impossible=(("delta", 0.5), ("put_width", 0.0), ("risk_share", 2.0)),
        ),
        "field": Template(
            about="a share while the dealer-hedging field of its options says so",
            strategy="field.py.txt",
            config="share.toml.txt",
            needs="instrument",
            impossible=(("window", 1), ("share", 1.5), ("most", 0)),
            step_min=15,
        ),
    }
)
"""The templates by name."""
