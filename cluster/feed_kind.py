"""Kinds of feeds; a module of its own, so that the command line can name them without importing the settings."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["FeedKind"]


class FeedKind(StrEnum):
    """Where the chains come from."""

    SIMULATED = "simulated"
    REPLAY = "replay"
    STORE = "store"
    VENUE = "venue"
