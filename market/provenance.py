"""Where a value comes from, and whether it is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

__all__ = ["AsOfSource", "Provenance"]


class AsOfSource(StrEnum):
    """How the as-of instant of a recorded snapshot was found."""

    STAMPED = "stamped"  # the source prints the instant
    SESSION_CLOSE = "session_close"  # the source prints a date only: the close of that session
    RECEIVED = "received"  # the instant of receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Origin of a message; it travels with everything that is computed from it.

    Parameters
    ----------
    source : str
        Vendor or generator and format, such as ``cboe-quote-table``.
    origin : str
        File name, address or scenario; never a secret.
    simulated : bool
        True where any input is simulated.
    as_of_source : AsOfSource
        How the as-of instant was found.
    quality : float, optional
        Share of the data that can be trusted, 0 to 1, as the quality checks found it; None where nobody looked.
    quality_reason : str
        What costs most of it; empty at 1 and where nobody looked.
    """

    source: str
    origin: str
    simulated: bool
    as_of_source: AsOfSource
    quality: float | None = None  # None and not NaN: provenances are compared, and NaN equals nothing
    quality_reason: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        # Every message carries one, most often that of the message before.
        told = (self.source, self.origin, self.simulated, self.quality, self.quality_reason)
        return _told, (self.as_of_source.value, *told)


@lru_cache(maxsize=4096, typed=True)
def _told(as_of_source: str, *told: Any) -> Provenance:
    source, origin, simulated, quality, reason = told
    return Provenance(
        source=source,
        origin=origin,
        simulated=simulated,
        as_of_source=AsOfSource(as_of_source),
        quality=quality,
        quality_reason=reason,
    )
