"""A live field as one JSON object: what the command prints."""

from __future__ import annotations

import json

from fields.live.readings import LiveReadings
from fields.live.summary import describe_live
from fields.snapshot import FieldSnapshot
from fields.summary import describe, summarize

__all__ = ["field_json", "field_summary"]


def field_summary(snapshot: FieldSnapshot, live: LiveReadings, *, full: bool = False) -> dict[str, object]:
    """Return the summary of a field with what history adds to it.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.
    live : LiveReadings
        Dealers' book, flow, impact, regimes, signals and confidence.
    full : bool, optional
        With every array: ladder, profile, hedge-flow curves, slices of the surface and heat map.

    Returns
    -------
    dict
        JSON-able; NaN is None with a reason beside it.
    """
    described = describe(snapshot) if full else summarize(snapshot)
    return {**described, "live": describe_live(live)}


def field_json(snapshot: FieldSnapshot, live: LiveReadings, *, full: bool = False) -> str:
    """Return `field_summary` as one line of JSON."""
    return json.dumps(field_summary(snapshot, live, full=full), allow_nan=False)
