"""The strategy that never trades: what is left is the account itself, which earns exactly its interest."""

from __future__ import annotations

from dataclasses import dataclass

from strategies.decisions import HOLD, Decision
from strategies.views import View

__all__ = ["Noop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noop:
    """Hold, always.

    Parameters
    ----------
    name : str, optional
        Tells strategies of one account apart.
    """

    name: str = "noop"

    def decide(self, view: View) -> Decision:  # noqa: ARG002  # nothing that it sees matters
        """Return a plain hold."""
        return HOLD
