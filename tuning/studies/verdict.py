"""Whether a study's choice may be used: every check with what it found, and a refusal where a figure is missing."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Final

from backtest.metrics.figures import Figure, figure, missing
from tuning.configuration.settings import SelectionSettings

__all__ = ["Check", "Evidence", "Verdict", "verdict_of"]

LEAST_DAYS: Final = 40
"""Days of the outer estimate below which no interval is believed: two months of sessions."""

LEAST_TRIALS: Final = 2
"""Complete trials below which there is nothing that a choice could be made among."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition of acceptance.

    Parameters
    ----------
    name : str
        What is asked.
    found : float
        Figure; NaN where it is missing.
    bound : float
        What it is held against; NaN where the condition has no number.
    sense : str
        ``<=``, ``>=`` or ``>``: how found must lie to bound.
    passed : bool
        Whether it holds; never where the figure is missing.
    reason : str
        Why the figure is missing; empty where it is not.
    """

    name: str
    found: float
    bound: float
    sense: str
    passed: bool
    reason: str = ""

    @property
    def words(self) -> str:
        """The condition and what was found, as one phrase."""
        if self.reason:
            return f"{self.name}: not known ({self.reason})"
        return f"{self.name}: {self.found:.4g}, asked for {self.sense} {self.bound:.4g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Accepted, or refused with reasons; where it is refused, the defaults stand.

    Parameters
    ----------
    checks : tuple of Check
        All of them, also those that hold.
    """

    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        """Whether every check holds; without any nothing is accepted."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is refused, one phrase per check; empty where it is accepted."""
        return tuple(check.words for check in self.checks if not check.passed)

    @property
    def word(self) -> str:
        """``accepted`` or ``refused``."""
        return "accepted" if self.accepted else "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a verdict stands on.

    Parameters
    ----------
    choice_distance : Figure
        Share of the dimensions in which the choice is unlike the defaults; missing without a choice.
    assumptions : tuple of str
        Dimensions of the space that no trader chooses, such as the fill model.
    constraints : tuple of (str, Figure, float, bool)
        Name, figure of the choice on all blocks, bound, and whether the bound is the largest (else the smallest).
    n_trials : int
        Complete trials.
    n_days : int
        Of the outer estimate.
    n_unchosen : int
        Outer splits in which the rule chose nothing; on their days the defaults ran, which says nothing of a choice.
    overfitting : Figure
        Probability of backtest overfitting.
    deflated : Figure
        Deflated Sharpe probability of the choice, for all trials ever counted on the data.
    superiority : Figure
        p of superior ability over the defaults, consistent.
    outer_low : Figure
        Lower end of the outer interval of what is better when larger.
    outer_name : str
        What that interval is of.
    """

    choice_distance: Figure
    assumptions: tuple[str, ...]
    constraints: tuple[tuple[str, Figure, float, bool], ...]
    n_trials: int
    n_days: int
    n_unchosen: int
    overfitting: Figure
    deflated: Figure
    superiority: Figure
    outer_low: Figure
    outer_name: str


def verdict_of(evidence: Evidence, selection: SelectionSettings) -> Verdict:
    """Judge a study.

    Parameters
    ----------
    evidence : Evidence
        Its figures.
    selection : SelectionSettings
        Bounds.

    Returns
    -------
    Verdict
        A missing figure fails its check: what is not known speaks for nobody.
    """
    return Verdict(
        checks=(
            _check("dimensions in which the choice differs from the defaults", evidence.choice_distance, ">", 0.0),
            _check(_assumed(evidence.assumptions), figure(len(evidence.assumptions)), "<=", 0.0),
            *(
                _check(f"constraint {name}", found, "<=" if is_largest else ">=", bound)
                for name, found, bound, is_largest in evidence.constraints
            ),
            _check("complete trials", figure(evidence.n_trials), ">=", LEAST_TRIALS),
            _check("days of the outer estimate", figure(evidence.n_days), ">=", LEAST_DAYS),
            _check("outer splits without a choice", figure(evidence.n_unchosen), "<=", 0.0),
            _check("probability of backtest overfitting", evidence.overfitting, "<=", selection.most_pbo),
            _check("deflated Sharpe probability", evidence.deflated, ">=", selection.least_dsr),
            _check("p of superior ability over the defaults", evidence.superiority, "<=", selection.most_spa),
            _check(f"lower end of the outer {evidence.outer_name}", evidence.outer_low, ">", 0.0),
        )
    )


def _assumed(names: tuple[str, ...]) -> str:
    which = f" ({', '.join(names)})" if names else ""
    return f"dimensions that are assumptions and no choice{which}"


def _check(name: str, found: Figure, sense: str, bound: float) -> Check:
    value = found if found.reason or isfinite(found.value) else missing("it is not finite")
    holds = {"<=": value.value <= bound, ">=": value.value >= bound, ">": value.value > bound}[sense]
    return Check(
        name=name,
        found=value.value,
        bound=float(bound),
        sense=sense,
        passed=not value.reason and bool(holds),
        reason=value.reason,
    )
