"""Readings written by hand around a real field of a small chain."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import nan
from typing import Any

from fields.amplification import feedback_uncertainty
from fields.compute import compute_field
from fields.config import FieldConfig
from fields.live.interpretation import Interpretation
from fields.regime.history import ImpliedVolRank
from fields.signals import Direction, Signal, SignalKind
from fields.snapshot import FieldSnapshot
from strategies.chain_lookup import ChainLookup
from tests.strategies.chains import chain_at
from tests.strategies.scene import NOW_NS, Scene, quote


@lru_cache(maxsize=1)
def field() -> FieldSnapshot:
    """Return the field of a chain of flat volatility."""
    return compute_field(chain_at(), FieldConfig())


def signal(kind: SignalKind, direction: int, z: float = 4.0, *, confidence: float = nan, ts_ns: int = NOW_NS) -> Signal:
    """Return one signal; a confidence makes it calibrated."""
    known = confidence == confidence  # NaN is none
    return Signal(
        kind=kind,
        direction=Direction(direction),
        strength_z=z,
        confidence=confidence,
        is_calibrated=known,
        calibration_n=200 if known else 0,
        calibration_brier=0.24 if known else nan,
        reason="as written",
        inputs=(),
        ts_event_ns=ts_ns,
        cause_id="hand",
    )


def readings(*signals: Signal, volatility: float = 0.2) -> Interpretation:
    """Return readings with some signals."""
    return Interpretation(
        feedback=feedback_uncertainty(nan, nan),
        regimes=(),
        signals=signals,
        implied_vol_30d=volatility,
        implied_vol_rank=ImpliedVolRank(rank=nan, percentile=nan, n_days=0, reason="by hand"),
    )


def scene(*signals: Signal, volatility: float = 0.2, **parts: Any) -> Scene:
    """Return SPY at 400 beside the chain, field and signals of SPX at 4000."""
    base = Scene(
        quotes={"SPY": quote(399.99, 400.01)},
        chains={"SPX": ChainLookup().view(chain_at())},
        fields={"SPX": field()},
        read={"SPX": readings(*signals, volatility=volatility)},
    )
    return replace(base, **parts)
