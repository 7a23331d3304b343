"""Recorded snapshots, played again."""

from __future__ import annotations

from adapters.replay.feed import ReplayFactory, ReplayFeed
from adapters.replay.stored import StoreFactory, StoreFeed, StoreSelection

__all__ = ["ReplayFactory", "ReplayFeed", "StoreFactory", "StoreFeed", "StoreSelection"]
