"""The regimes of one symbol: inputs and an instant in, one reading per axis out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import final

from fields.regime.axes import (
    Axis,
    AxisReading,
    AxisState,
    Funding,
    GexEnvironment,
    Ltv,
    Market,
    RegimeInputs,
    TermStructure,
)
from fields.regime.config import RegimeConfig
from fields.regime.history import DayHistory, TrailingDays
from fields.regime.hysteresis import AxisMachine, AxisMemory, Candidate
from fields.regime.rules import (
    feedback_rule,
    funding_rule,
    gex_rule,
    ltv_rule,
    market_rule,
    quintile_cuts,
    term_structure_rule,
)
from fields.snapshot import Feedback

__all__ = ["RegimeCheckpoint", "RegimeState", "SavedAxis"]

_RULES = "1"
_UNKNOWN: dict[Axis, AxisState] = {
    Axis.FEEDBACK: Feedback.UNKNOWN,
    Axis.MARKET: Market.UNKNOWN,
    Axis.TERM_STRUCTURE: TermStructure.UNKNOWN,
    Axis.GEX: GexEnvironment.UNKNOWN,
    Axis.FUNDING: Funding.UNKNOWN,
    Axis.LTV: Ltv.UNKNOWN,
}
_LTV_RANK = tuple(Ltv)
_FEEDBACK_RANK = (Feedback.LONG_DAMPING, Feedback.SHORT_STABLE, Feedback.CRITICAL, Feedback.UNSTABLE)


def _is_urgent(old: AxisState, new: AxisState) -> bool:
    """Return whether a new state is taken at once: what endangers the book is never delayed by dwell."""
    if isinstance(new, Ltv) and isinstance(old, Ltv):
        return _LTV_RANK.index(new) > _LTV_RANK.index(old)
    if new is Feedback.CRITICAL or new is Feedback.UNSTABLE:
        return isinstance(old, Feedback) and _FEEDBACK_RANK.index(new) > _FEEDBACK_RANK.index(old)
    return new is Market.CRASH


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedAxis:
    """What one axis remembers, with its states as texts.

    Parameters
    ----------
    axis : Axis
        Which.
    state, known : str or None
        Published last, and the last one that was not UNKNOWN.
    since_ns, known_since_ns : int
        See `fields.regime.hysteresis.AxisMemory`.
    """

    axis: Axis
    state: str | None
    since_ns: int
    known: str | None
    known_since_ns: int


def _saved(axis: Axis, memory: AxisMemory) -> SavedAxis:
    return SavedAxis(
        axis=axis,
        state=memory.state,
        since_ns=memory.since_ns,
        known=memory.known,
        known_since_ns=memory.known_since_ns,
    )


def _revived(saved: SavedAxis) -> AxisMemory:
    kind = type(_UNKNOWN[saved.axis])
    return AxisMemory(
        state=None if saved.state is None else kind(saved.state),
        since_ns=saved.since_ns,
        known=None if saved.known is None else kind(saved.known),
        known_since_ns=saved.known_since_ns,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeCheckpoint:
    """All that a `RegimeState` knows.

    Parameters
    ----------
    axes : tuple of SavedAxis
        What each axis remembers.
    gamma_by_day : DayHistory
        Dealer gamma of past sessions.
    """

    axes: tuple[SavedAxis, ...]
    gamma_by_day: DayHistory


@final
class RegimeState:
    """Six axes with their memory; one writer, bounded memory, no clock of its own.

    Parameters
    ----------
    config : RegimeConfig, optional
        Borders, bands and dwell.
    checkpoint : RegimeCheckpoint, optional
        To go on from.
    """

    def __init__(self, config: RegimeConfig | None = None, checkpoint: RegimeCheckpoint | None = None) -> None:
        self.config = config or RegimeConfig()
        memory = {saved.axis: _revived(saved) for saved in checkpoint.axes} if checkpoint else {}
        self._machines = {
            axis: AxisMachine(self.config.dwell_of(axis), _is_urgent, _UNKNOWN[axis], memory.get(axis))
            for axis in self.config.axes
        }
        self._gamma = TrailingDays(self.config.gex_days, checkpoint.gamma_by_day if checkpoint else None)
        self._cut()
        self.version = f"{_RULES}:{sha256(repr(self.config).encode()).hexdigest()[:12]}"

    def close_session(self, day: date, gamma_usd_per_pct: float) -> bool:
        """Take the dealer gamma of a closed session into the quintiles of the sessions after it.

        Parameters
        ----------
        day : datetime.date
            The session; the newest again replaces its value.
        gamma_usd_per_pct : float
            Net dealer gamma at its end, USD per 1 %.

        Returns
        -------
        bool
            False where it was not taken: NaN, or a session before the newest.
        """
        is_taken = self._gamma.close_session(day, gamma_usd_per_pct)
        if is_taken:
            self._cut()
        return is_taken

    def _cut(self) -> None:
        trailing = self._gamma.before()
        self._quintiles, self._n_sessions = quintile_cuts(trailing), int(trailing.shape[0])

    def _candidate(self, axis: Axis, inputs: RegimeInputs) -> Candidate:
        known = self._machines[axis].memory.known
        match axis:
            case Axis.FEEDBACK:
                return feedback_rule(inputs, self.config, known)
            case Axis.MARKET:
                return market_rule(inputs, self.config, known)
            case Axis.TERM_STRUCTURE:
                return term_structure_rule(inputs, self.config, known)
            case Axis.GEX:
                return gex_rule(inputs, self.config, known, self._quintiles, self._n_sessions)
            case Axis.FUNDING:
                return funding_rule(inputs, self.config, known)
            case Axis.LTV:
                return ltv_rule(inputs, self.config, known)

    def update(self, inputs: RegimeInputs, ts_ns: int) -> tuple[AxisReading, ...]:
        """Read every axis of the settings at an instant.

        Parameters
        ----------
        inputs : RegimeInputs
            What is known; an axis with a missing input is UNKNOWN at once.
        ts_ns : int
            As-of instant, ns UTC.

        Returns
        -------
        tuple of AxisReading
            In the order of the settings.
        """
        return tuple(self._read(axis, inputs, ts_ns) for axis in self.config.axes)

    def _read(self, axis: Axis, inputs: RegimeInputs, ts_ns: int) -> AxisReading:
        candidate = self._candidate(axis, inputs)
        memory = self._machines[axis].step(candidate.state, ts_ns)
        state = memory.state if memory.state is not None else candidate.state
        by_dwell = state is not candidate.state
        by_band = candidate.state is not candidate.unheld
        reason = candidate.reason
        if by_dwell or by_band:
            reason = f"{candidate.unheld.value} held by {'dwell' if by_dwell else 'its band'}"
        return AxisReading(
            axis=axis,
            state=state,
            unheld_state=candidate.unheld,
            since_ns=memory.since_ns,
            ts_event_ns=ts_ns,
            margin=candidate.held_margin if by_dwell else candidate.margin,
            margin_input=candidate.margin_input,
            margin_to=candidate.state if by_dwell else candidate.margin_to,
            probability=candidate.probability,
            is_held=by_dwell or by_band,
            inputs=candidate.inputs,
            version=self.version,
            cause_id=inputs.cause_id,
            reason=reason,
        )

    def checkpoint(self) -> RegimeCheckpoint:
        """Return all that the state knows."""
        return RegimeCheckpoint(
            axes=tuple(_saved(axis, machine.memory) for axis, machine in self._machines.items()),
            gamma_by_day=self._gamma.checkpoint(),
        )
