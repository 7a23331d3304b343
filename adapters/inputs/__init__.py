"""Inputs beyond prices, each told at the instant from which it was known: calendars, news, rates, bars, funding."""

from __future__ import annotations

from adapters.inputs.feed import ContextFactory, ContextFeed
from adapters.inputs.files import read_inputs
from adapters.inputs.fomc import announced_meetings
from adapters.inputs.news import read_news
from adapters.inputs.stored import StoredInputs
from adapters.inputs.timeline import Timeline, ToldRows

__all__ = [
    "ContextFactory",
    "ContextFeed",
    "StoredInputs",
    "Timeline",
    "ToldRows",
    "announced_meetings",
    "read_inputs",
    "read_news",
]
