"""What a scenario found: each criterion with its value and its bound."""

from __future__ import annotations

from dataclasses import dataclass

from backtest.history import DataSource

__all__ = ["Finding", "ScenarioVerdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One criterion, measured.

    Parameters
    ----------
    criterion : str
        Name, such as ``loss_within_maximum``.
    statement : str
        What must hold, with its comparison.
    value, bound : float
        What was found, and what it is held against.
    passed : bool
        Whether it holds; a criterion that could not be measured has not passed.
    detail : str
        Where, or why it could not be measured; may be empty.
    """

    criterion: str
    statement: str
    value: float
    bound: float
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioVerdict:
    """A scenario that was run.

    Parameters
    ----------
    name : str
        Which.
    findings : tuple of Finding
        In the order of the definition.
    facts : tuple of (str, float)
        Figures that are told and bind nothing, such as the largest loss.
    sources : tuple of DataSource
        What it stands on.
    simulated : bool
        Whether any of it is simulated.
    """

    name: str
    findings: tuple[Finding, ...]
    facts: tuple[tuple[str, float], ...]
    sources: tuple[DataSource, ...]
    simulated: bool

    @property
    def passed(self) -> bool:
        """Whether there is a criterion, and every one holds."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)
