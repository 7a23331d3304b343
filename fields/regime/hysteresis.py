"""One machine for every axis: bands around borders, a shortest stay, and UNKNOWN at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import erfc, inf, isfinite, nan, sqrt
from typing import final

from fields.regime.axes import AxisInput, AxisState

__all__ = ["AxisMachine", "AxisMemory", "Candidate", "Edge", "Placement", "is_above", "place_on_line"]

Urgency = Callable[[AxisState, AxisState], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A border on a line with its band.

    Parameters
    ----------
    level : float
        The border.
    rise : float
        From below, it is passed at ``level + rise``.
    fall : float
        From above, it is passed at ``level - fall``.
    is_upper_owner : bool
        Whether a value on the (shifted) border belongs to the upper side.
    """

    level: float
    rise: float = 0.0
    fall: float = 0.0
    is_upper_owner: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a value stands among borders.

    Parameters
    ----------
    position : int
        Number of borders below it, bands counted.
    unbanded : int
        The same without bands.
    margin : float
        Distance to the nearest border of `position`, bands counted; never negative.
    neighbour : int
        Position beyond that border; -1 where there is no border.
    """

    position: int
    unbanded: int
    margin: float
    neighbour: int


def is_above(edge: Edge, value: float, was_above: bool | None) -> bool:  # noqa: FBT001  # a state, not a switch
    """Return whether a value stands above a border, given where it stood; None where nothing is remembered."""
    shift = 0.0 if was_above is None else (-edge.fall if was_above else edge.rise)
    border = edge.level + shift
    return value >= border if edge.is_upper_owner else value > border


def distances(edges: Sequence[Edge], value: float, position: int) -> tuple[float, float]:
    """Return the signed distance inside the lower and the upper border of a position; infinite where there is none."""
    lower = value - (edges[position - 1].level - edges[position - 1].fall) if position else inf
    upper = edges[position].level + edges[position].rise - value if position < len(edges) else inf
    return lower, upper


def place_on_line(edges: Sequence[Edge], value: float, previous: int | None) -> Placement:
    """Place a value among rising borders.

    Parameters
    ----------
    edges : sequence of Edge
        With levels, levels less falls and levels plus rises that do not fall.
    value : float
        Finite.
    previous : int or None
        Position whose bands hold; None where nothing is remembered.

    Returns
    -------
    Placement
        Where it stands.
    """
    places = range(len(edges))
    position = sum(is_above(edges[k], value, None if previous is None else previous > k) for k in places)
    lower, upper = distances(edges, value, position)
    neighbour = -1 if not edges else (position - 1 if lower <= upper else position + 1)
    return Placement(
        position=position,
        unbanded=sum(is_above(edge, value, None) for edge in edges),
        margin=max(min(lower, upper), 0.0),
        neighbour=neighbour,
    )


def interval_probability(edges: Sequence[Edge], value: float, error: float, position: int) -> float:
    """Return the probability that a normal value lies between the borders of a position; NaN without an error."""
    if not (isfinite(error) and error >= 0.0):
        return nan
    if error == 0.0:
        return 1.0
    # Half of erfc is the normal tail; SciPy's would load SciPy into processes that only pass readings on.
    unit = error * sqrt(2.0)
    above = 0.5 * erfc((value - edges[position].level) / unit) if position < len(edges) else 1.0
    below = 0.5 * erfc((value - edges[position - 1].level) / unit) if position else 0.0
    return above - below


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What an axis's rule says at one instant, before dwell.

    Parameters
    ----------
    state : StrEnum
        With bands; UNKNOWN where an input is missing.
    unheld : StrEnum
        Without bands.
    margin : float
        As in `AxisReading`, for `state`.
    margin_input : AxisInput or None
        Its unit.
    margin_to : StrEnum or None
        State beyond the border.
    held_margin : float
        The margin of the state that stood before, should dwell hold it: negative, the distance past its border.
    probability : float
        That of `unheld`.
    inputs : tuple of (str, float)
        Names and values.
    reason : str
        Why UNKNOWN.
    """

    state: AxisState
    unheld: AxisState
    margin: float
    margin_input: AxisInput | None
    margin_to: AxisState | None
    held_margin: float
    probability: float
    inputs: tuple[tuple[str, float], ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisMemory:
    """What a machine remembers.

    Parameters
    ----------
    state : StrEnum or None
        Published last; None before the first reading.
    since_ns : int
        Instant of its first reading.
    known : StrEnum or None
        The last state that was not UNKNOWN: its bands and its dwell still hold when the inputs come back.
    known_since_ns : int
        Instant from which its dwell counts.
    """

    state: AxisState | None = None
    since_ns: int = 0
    known: AxisState | None = None
    known_since_ns: int = 0


@final
class AxisMachine:
    """Dwell and UNKNOWN of one axis; which state it is decides the rule.

    Parameters
    ----------
    dwell_ns : int
        Shortest stay.
    urgent : callable
        ``urgent(old, new)`` is True where the new state is taken at once.
    unknown : StrEnum
        The axis's UNKNOWN.
    memory : AxisMemory, optional
        To go on from.
    """

    def __init__(self, dwell_ns: int, urgent: Urgency, unknown: AxisState, memory: AxisMemory | None = None) -> None:
        self._dwell_ns, self._urgent, self._unknown = dwell_ns, urgent, unknown
        self.memory = memory or AxisMemory()

    def step(self, state: AxisState, ts_ns: int) -> AxisMemory:
        """Take what the rule says and return what stands.

        Parameters
        ----------
        state : StrEnum
            Of the rule.
        ts_ns : int
            Instant. Where it lies before the present state's first instant, the clock was set back: the stay counts
            from the new instant, so that dwell is never negative and never longer than it should be.

        Returns
        -------
        AxisMemory
            The new memory. A gap of missing inputs does not shorten the dwell of the state before it.
        """
        old = self.memory
        known, known_since = old.known, min(old.known_since_ns, ts_ns)
        stands = state
        if state is not self._unknown:
            free = known is None or state is known or self._urgent(known, state)
            if not free and ts_ns - known_since < self._dwell_ns and known is not None:
                stands = known
            known_since = known_since if stands is known else ts_ns
            known = stands
        self.memory = AxisMemory(
            state=stands,
            since_ns=min(old.since_ns, ts_ns) if stands is old.state else ts_ns,
            known=known,
            known_since_ns=known_since,
        )
        return self.memory
