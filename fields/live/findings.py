"""Inputs while they are being read: a value that is missing or too old is left out with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, Final, final

from fields.live.market import CrossReading, MarketInputs

__all__ = ["NOTHING_TOLD", "Findings", "inputs_without", "stale"]

_NS_PER_S: Final = 1e9
_NS_PER_MINUTE: Final = 6e10
_NS_PER_H: Final = 3.6e12
_OF_NO_FEED: Final = {
    "ltv": "no loan is told",
    "liquidation_ltv": "no loan is told",
    "expected_vol_change_pts": "no forecast is told",
}


def inputs_without(reason: str) -> MarketInputs:
    """Return inputs of which every one is missing for the same reason."""
    return MarketInputs(reasons=dict.fromkeys(MarketInputs().numbers(), reason) | _OF_NO_FEED)


NOTHING_TOLD: Final = inputs_without("nothing was told of other markets")
"""Inputs before the first message."""


def stale(oldest_ns: int) -> str:
    """Return the reason of a value that is older than it may be."""
    return f"stale: older than {oldest_ns / _NS_PER_H:g} h"


@final
class Findings:
    """Inputs of one symbol at one instant, one by one.

    Parameters
    ----------
    now_ns : int
        The instant, ns since the epoch, UTC.
    """

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        """The instant, ns since the epoch, UTC."""
        self._values: dict[str, Any] = {}
        self._ages_s: dict[str, float] = {}
        self._reasons = dict(_OF_NO_FEED)

    def put(self, name: str, value: float, event_ns: int, oldest_ns: int, missing: str) -> None:
        """Note a value.

        Parameters
        ----------
        name : str
            Input.
        value : float
            NaN where it is missing.
        event_ns : int
            Instant that it speaks of, ns since the epoch, UTC.
        oldest_ns : int
            Longest time since then for which it counts, ns.
        missing : str
            Why it is missing where it is.
        """
        age_ns = self.now_ns - event_ns
        if not isfinite(value):
            self._reasons[name] = missing
        elif age_ns > oldest_ns:
            self._reasons[name] = stale(oldest_ns)
        else:
            self._values[name] = value
            self._ages_s[name] = age_ns / _NS_PER_S

    def put_ahead(self, name: str, event_ns: int | None, unit_ns: int) -> None:
        """Note the time to an event that lies ahead, or that none is announced."""
        if event_ns is None:
            self._reasons[name] = "none is announced"
        else:
            self._values[name] = (event_ns - self.now_ns) / unit_ns

    def put_since(self, name: str, event_ns: int | None, oldest_ns: int, missing: str) -> None:
        """Note the minutes since an event, with why there is none, or that it is further back than it may be."""
        if event_ns is None:
            self._reasons[name] = missing
        elif self.now_ns - event_ns > oldest_ns:
            self._reasons[name] = stale(oldest_ns)
        else:
            self._values[name] = (self.now_ns - event_ns) / _NS_PER_MINUTE

    def put_count(self, name: str, count: int) -> None:
        """Note a count, which has no age."""
        self._values[name] = float(count)

    def miss(self, names: Iterable[str], reason: str) -> None:
        """Note that inputs are missing, and why."""
        self._reasons |= dict.fromkeys(names, reason)

    def inputs(self, cross: tuple[CrossReading, ...], *, simulated: bool) -> MarketInputs:
        """Return all that was noted."""
        return MarketInputs(
            **self._values, cross=cross, ages_s=self._ages_s, reasons=self._reasons, simulated=simulated
        )
