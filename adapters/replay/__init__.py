"""Recorded snapshots, played again."""

from __future__ import annotations

from adapters.replay.feed import ReplayFactory, ReplayFeed

__all__ = ["ReplayFactory", "ReplayFeed"]
