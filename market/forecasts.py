"""What models say of the near future, and what a policy would do: messages that strategies read, made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import isfinite, nan

from market.errors import DataError

__all__ = ["Forecast", "PolicyAction", "PolicyReading"]

_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Where a model expects a symbol to go (Q74).

    Parameters
    ----------
    symbol : str
        Underlying.
    ts_event_ns : int
        Instant of the newest input, ns since the epoch, UTC.
    cause_id : str
        Id of the message that it was made of.
    model : str
        Name and content hash of the model.
    horizon_ns : int
        How far it looks, ns, > 0.
    prob_bull, prob_bear, prob_neutral : float
        Probabilities, 0 to 1, of sum 1; all NaN where the model could not tell.
    confidence : float
        Calibrated probability that the likeliest outcome comes true, 0 to 1; NaN where no calibration was fitted: an
        uncalibrated number is no probability (EX5).
    reason : str
        Why it is missing; empty where it is not.
    simulated : bool
        Whether any input was simulated.

    Raises
    ------
    DataError
        Probabilities do not sum to 1, or a number lies outside 0 to 1.
    """

    symbol: str
    ts_event_ns: int
    cause_id: str
    model: str
    horizon_ns: int
    prob_bull: float
    prob_bear: float
    prob_neutral: float
    confidence: float = nan
    reason: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        chances = (self.prob_bull, self.prob_bear, self.prob_neutral)
        if any(isfinite(each) for each in chances):
            _require_chances("a forecast", chances)
        if isfinite(self.confidence) and not 0.0 <= self.confidence <= 1.0:
            raise DataError("a confidence is a probability", found=f"{self.confidence}", expected="0 to 1")

    @property
    def direction(self) -> float:
        """Expected direction, ``prob_bull - prob_bear``, -1 to 1; NaN where it is missing."""
        return self.prob_bull - self.prob_bear


class PolicyAction(IntEnum):
    """What a policy can choose (L27)."""

    HOLD = 0
    BUY_CALL = 1
    BUY_PUT = 2
    CLOSE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReading:
    """What a policy head says on top of a frozen encoder (L26 to L29).

    Parameters
    ----------
    symbol : str
        Underlying.
    ts_event_ns : int
        Instant of the newest input, ns since the epoch, UTC.
    cause_id : str
        Id of the message that it was made of.
    model : str
        Name and content hash of the model.
    probabilities : tuple of float
        Of the actions in the order of `PolicyAction`, of sum 1; all NaN where the model could not tell.
    value : float
        Expected return of the state after costs (critic), a fraction; NaN where the model has no such head.
    size : float
        Share of the size that is otherwise allowed, 0 to 1; NaN where the model has no such head, and then it is no
        ceiling. It can never lift one.
    reason : str
        Why it is missing; empty where it is not.
    simulated : bool
        Whether any input was simulated.

    Raises
    ------
    DataError
        Probabilities do not sum to 1, are not one for each action, or a number lies outside its range.
    """

    symbol: str
    ts_event_ns: int
    cause_id: str
    model: str
    probabilities: tuple[float, float, float, float]
    value: float = nan
    size: float = nan
    reason: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        if len(self.probabilities) != len(PolicyAction):
            raise DataError(
                "a policy has one probability for each action", found=str(len(self.probabilities)), expected="4"
            )
        if any(isfinite(each) for each in self.probabilities):
            _require_chances("a policy", self.probabilities)
        if isfinite(self.size) and not 0.0 <= self.size <= 1.0:
            raise DataError("a size head gives a share", found=f"{self.size}", expected="0 to 1")

    @property
    def action(self) -> PolicyAction | None:
        """The likeliest action, of two the more passive one; None where the model could not tell."""
        if not all(isfinite(each) for each in self.probabilities):
            return None
        best = max(self.probabilities)
        order = (PolicyAction.HOLD, PolicyAction.CLOSE, PolicyAction.BUY_CALL, PolicyAction.BUY_PUT)
        return next(action for action in order if self.probabilities[action] == best)


def _require_chances(what: str, chances: tuple[float, ...]) -> None:
    inside = all(0.0 <= each <= 1.0 for each in chances)
    if not (inside and abs(sum(chances) - 1.0) <= _SUM_TOLERANCE):
        raise DataError(
            f"probabilities of {what} do not add up",
            found=", ".join(f"{each:g}" for each in chances),
            expected="each 0 to 1, of sum 1; or all of them NaN",
        )
